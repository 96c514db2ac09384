// Package cgroup makes control groups that hold programs to a CPU quota and a
// memory limit, as a container does: of version 1, of version 2, and where a
// machine mounts both, whichever has the controllers.
package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// Limits of a group. A zero field sets none.
type Limits struct {
	CPU    float64 // cores, of every period of 100 ms
	Memory int64   // bytes
}

// period is that of Kubernetes and Docker, µs.
const period = 100_000

// ErrRefused says that this machine does not let us make a group.
var ErrRefused = errors.New("no control group can be made here")

// Group is a control group of our own. Close it when nothing runs in it.
type Group struct {
	Limits
	dirs   []string // one for every controller of version 1; one of version 2
	second bool     // version 2
}

// prefix begins the name of every group that we make.
const prefix = "sweetspot-"

// New makes a group below our own one. Its name tells runs apart.
func New(name string, l Limits) (*Group, error) { return newGroup("/", name, l) }

func newGroup(root, name string, l Limits) (_ *Group, err error) {
	homes, err := find(root)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	g := &Group{Limits: l}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%w: %w", ErrRefused, err), g.Close())
		}
	}()
	controllers := l.controllers()
	first := slices.Compact(homes.first(controllers))
	switch {
	case len(controllers) == 0:
		return g, errors.New("a group without limits was asked for")
	case first != nil:
		for _, home := range first {
			if err := g.make(filepath.Join(home, prefix+name)); err != nil {
				return g, err
			}
		}
		return g, g.limitFirst()
	case homes.second != "":
		g.second = true
		if err := enable(homes.second, controllers); err != nil {
			return g, err
		}
		if err := g.make(filepath.Join(homes.second, prefix+name)); err != nil {
			return g, err
		}
		return g, g.limitSecond()
	}
	return g, fmt.Errorf("neither version 1 nor version 2 of cgroups has the controllers %s", strings.Join(controllers, " and "))
}

// controllers are those that the limits need.
func (l Limits) controllers() (out []string) {
	if l.CPU > 0 {
		out = append(out, "cpu")
	}
	if l.Memory > 0 {
		out = append(out, "memory")
	}
	return out
}

func (g *Group) make(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("%w; run as root, or in a scope of your own: systemd-run --user --scope -p Delegate=yes sweetspot …", err)
	}
	g.dirs = append(g.dirs, dir)
	return nil
}

func (g *Group) limitFirst() error {
	for _, dir := range g.dirs {
		if has(dir, "cpu.cfs_quota_us") && g.CPU > 0 {
			if err := errors.Join(write(dir, "cpu.cfs_period_us", strconv.Itoa(period)), write(dir, "cpu.cfs_quota_us", quota(g.CPU))); err != nil {
				return err
			}
		}
		if has(dir, "memory.limit_in_bytes") && g.Memory > 0 {
			if err := write(dir, "memory.limit_in_bytes", strconv.FormatInt(g.Memory, 10)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *Group) limitSecond() error {
	dir := g.dirs[0]
	if g.CPU > 0 {
		if err := write(dir, "cpu.max", quota(g.CPU)+" "+strconv.Itoa(period)); err != nil {
			return err
		}
	}
	if g.Memory > 0 {
		if err := write(dir, "memory.max", strconv.FormatInt(g.Memory, 10)); err != nil {
			return err
		}
	}
	return nil
}

// quota is how many µs of CPU time a period has.
func quota(cores float64) string { return strconv.Itoa(max(1000, int(cores*period+0.5))) }

// enable has the children of a group of version 2 get the controllers.
func enable(dir string, controllers []string) error {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, c := range controllers {
		if !slices.Contains(strings.Fields(string(b)), c) {
			return fmt.Errorf("%s has no %s controller; run in a scope of your own: systemd-run --user --scope -p Delegate=yes sweetspot …", dir, c)
		}
		if err := write(dir, "cgroup.subtree_control", "+"+c); err != nil {
			return fmt.Errorf("%w; a group with processes of its own cannot hand controllers on: run in a scope of your own, systemd-run --user --scope -p Delegate=yes sweetspot …", err)
		}
	}
	return nil
}

// Directories are the group's folders, to read its counters from.
func (g *Group) Directories() []string { return g.dirs }

// Adopt has the calling thread, and all that it starts from now on, be in a
// group of version 1. The thread should end soon. It does nothing for version
// 2, which takes processes at their start.
func (g *Group) Adopt() error {
	if g == nil || g.second {
		return nil
	}
	for _, dir := range g.dirs {
		if err := write(dir, "tasks", "0"); err != nil {
			return err
		}
	}
	return nil
}

// Open returns the folder of a group of version 2, for a process to be started
// in it; nil for version 1. Close it.
func (g *Group) Open() (*os.File, error) {
	if g == nil || !g.second {
		return nil, nil
	}
	return os.Open(g.dirs[0])
}

// Close removes the group. It fails while something runs in it.
func (g *Group) Close() (err error) {
	for _, dir := range g.dirs {
		if e := os.Remove(dir); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("remove control group: %w", e))
		}
	}
	return err
}

// Sweep removes the groups that dead runs left behind; those in use stay.
func Sweep() error { return sweep("/") }

func sweep(root string) error {
	homes, err := find(root)
	if err != nil {
		return nil // there is nothing to sweep
	}
	all := append(homes.first([]string{"cpu", "memory"}), homes.second)
	for _, home := range all {
		left, err := filepath.Glob(filepath.Join(home, prefix+"*"))
		if err != nil || home == "" {
			continue
		}
		for _, dir := range left {
			_ = os.Remove(dir) // fails for those in use
		}
	}
	return nil
}

// homes are the folders of our own groups.
type homes struct {
	byController map[string]string // of version 1
	second       string            // of version 2; empty: there is none
}

// first returns the folders of version 1 for all the controllers, or nil when
// it lacks one.
func (h homes) first(controllers []string) (out []string) {
	for _, c := range controllers {
		if h.byController[c] == "" {
			return nil
		}
		out = append(out, h.byController[c])
	}
	return out
}

// find reads which groups we are in, and where they are mounted.
func find(root string) (homes, error) {
	h := homes{byController: map[string]string{}}
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
				rel = "."
			}
			dir := filepath.Join(root, m.MountPoint, rel)
			if g.HierarchyID == 0 {
				if m.FSType == "cgroup2" && h.second == "" {
					h.second = dir
				}
				continue
			}
			for _, c := range g.Controllers {
				if _, has := m.SuperOptions[c]; has && m.FSType == "cgroup" && h.byController[c] == "" {
					h.byController[c] = dir
				}
			}
		}
	}
	return h, nil
}

func has(dir, file string) bool {
	_, err := os.Stat(filepath.Join(dir, file))
	return err == nil
}

func write(dir, file, value string) error {
	return os.WriteFile(filepath.Join(dir, file), []byte(value), 0o644)
}
