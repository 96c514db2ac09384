package cgroup

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/procfs"
)

// home is the group that we are in, and the top of its hierarchy as far as it
// is mounted here.
type home struct{ own, top string }

// above returns the group and all above it.
func (h home) above() (dirs []string) {
	if h.own == "" {
		return nil
	}
	for dir := h.own; ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == h.top {
			return dirs
		}
	}
}

// homes are our own groups.
type homes struct {
	byController map[string]home // of version 1
	second       home            // of version 2; the zero value: there is none
}

// first returns the folders of version 1 for all the controllers, each once; nil
// when it lacks one.
func (h homes) first(controllers []string) (out []string) {
	for _, c := range controllers {
		own := h.byController[c].own
		if own == "" {
			return nil
		}
		if !slices.Contains(out, own) {
			out = append(out, own)
		}
	}
	return out
}

// find reads which groups we are in, and where they are mounted.
func find(root string) (homes, error) {
	h := homes{byController: map[string]home{}}
	proc, err := procfs.NewFS(filepath.Join(root, "proc"))
	if err != nil {
		return h, err
	}
	self, err := proc.Self()
	if err != nil {
		return h, err
	}
	groups, err := self.Cgroups()
	if err != nil {
		return h, err
	}
	mounts, err := proc.GetProcMounts(self.PID)
	if err != nil {
		return h, err
	}
	for _, g := range groups {
		for _, m := range mounts {
			rel, err := filepath.Rel(m.Root, g.Path)
			if err != nil || strings.HasPrefix(rel, "..") {
				rel = "." // the mount shows our part of the hierarchy only
			}
			at := home{top: filepath.Join(root, m.MountPoint)}
			at.own = filepath.Join(at.top, rel)
			if g.HierarchyID == 0 {
				if m.FSType == "cgroup2" && h.second.own == "" {
					h.second = at
				}
				continue
			}
			for _, c := range g.Controllers {
				if _, has := m.SuperOptions[c]; has && m.FSType == "cgroup" && h.byController[c].own == "" {
					h.byController[c] = at
				}
			}
		}
	}
	return h, nil
}
