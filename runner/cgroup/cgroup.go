// Package cgroup makes control groups that hold programs to a CPU quota and a
// memory limit, as a container does: of version 1, of version 2, and where a
// machine mounts both, whichever has the controllers.
package cgroup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Limits of a group. A zero field sets none.
type Limits struct {
	CPU    float64 // cores, of every period of 100 ms
	Memory int64   // bytes; there is no swap beside it
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

// ErrRefused says that this machine does not let us make a group.
var ErrRefused = errors.New("no control group can be made here")

// Remedy is what to do where no group can be made. It ends such errors.
const Remedy = "run as root, or in a scope of your own: systemd-run --user --scope -p Delegate=yes sweetspot …"

// Group is a control group of our own, just below the one that we are in. Of
// version 2 it is below one above that where ours holds processes, for such a
// group cannot limit others below it. Close it when nothing should run in it
// any more. The nil Group is the one that we are in.
type Group struct {
	Limits
	dirs   []string // one for every hierarchy of version 1; one of version 2
	second bool     // version 2
}

// prefix begins the name of every group that we make.
const prefix = "sweetspot-"

// New makes a group. The name tells whose it is; Sweep gives it back.
func New(name string, l Limits) (*Group, error) { return newGroup("/", name, l) }

func newGroup(root, name string, l Limits) (made *Group, err error) {
	g := &Group{Limits: l}
	defer func() {
		if err != nil {
			made, err = nil, errors.Join(fmt.Errorf("%w: %w", ErrRefused, err), g.Close())
		}
	}()
	controllers := l.controllers()
	if len(controllers) == 0 {
		return nil, errors.New("a group without limits was asked for")
	}
	h, err := find(root)
	if err != nil {
		return nil, err
	}
	first := h.first(controllers)
	switch {
	case first != nil:
		return g, g.makeFirst(first, name)
	case h.second.own != "":
		g.second = true
		return g, g.makeSecond(h.second, name)
	}
	return nil, fmt.Errorf("neither version 1 nor version 2 of cgroups has the controllers %s; %s", strings.Join(controllers, " and "), Remedy)
}

// Permitted says why no group with those limits can be made here; nil when it
// can, or when they are none.
func Permitted(l Limits) error {
	if l == (Limits{}) {
		return nil
	}
	g, err := New(fmt.Sprintf("probe-%d", os.Getpid()), l)
	if err != nil {
		return err
	}
	return g.Close()
}

// Directories are the group's folders, to read its counters from.
func (g *Group) Directories() []string {
	if g == nil {
		return nil
	}
	return g.dirs
}

// Start starts a command whose first instruction is in the group already. The
// caller is locked to its thread, which is in a group of version 1 meanwhile.
func (g *Group) Start(cmd *exec.Cmd) error {
	switch {
	case g == nil:
		return cmd.Start()
	case g.second:
		dir, err := os.Open(g.dirs[0])
		if err != nil {
			return err
		}
		defer dir.Close()
		if cmd.SysProcAttr == nil {
			cmd.SysProcAttr = &syscall.SysProcAttr{}
		}
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
		return cmd.Start()
	}
	for _, dir := range g.dirs {
		if err := enter(dir); err != nil {
			return err
		}
		// The groups are just below our own. A thread that cannot go back ends
		// soon, as the caller's does.
		defer func() { _ = enter(filepath.Dir(dir)) }()
	}
	return cmd.Start()
}

// enter moves the calling thread.
func enter(dir string) error { return write(dir, "tasks", "0") }

// OutOfMemory returns how many processes of the group were killed because it
// was at its memory limit.
func (g *Group) OutOfMemory() (kills uint64, err error) {
	if g == nil || g.Memory == 0 {
		return 0, nil
	}
	name := "memory.oom_control"
	if g.second {
		name = "memory.events"
	}
	i := slices.IndexFunc(g.dirs, func(dir string) bool { return has(dir, name) })
	if i < 0 {
		return 0, nil
	}
	return counter(filepath.Join(g.dirs[i], name), "oom_kill")
}

// Close kills what still runs in the group, and removes it.
func (g *Group) Close() (err error) {
	if g == nil {
		return nil
	}
	for _, dir := range g.dirs {
		err = errors.Join(err, remove(dir, kill))
	}
	return err
}
