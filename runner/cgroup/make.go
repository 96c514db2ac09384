package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// period is that of Kubernetes and Docker, µs.
const period = 100_000

// quota is how many µs of CPU time a period has.
func quota(cores float64) string { return strconv.Itoa(max(1000, int(cores*period+0.5))) }

func (g *Group) make(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("%w; %s", err, Remedy)
	}
	g.dirs = append(g.dirs, dir)
	return nil
}

// makeFirst makes and limits a group of version 1 in every hierarchy.
func (g *Group) makeFirst(homes []string, name string) error {
	for _, home := range homes {
		if err := g.make(filepath.Join(home, prefix+name)); err != nil {
			return err
		}
	}
	limit, cores := strconv.FormatInt(g.Memory, 10), quota(g.CPU)
	for _, s := range []struct {
		file, value string
		wanted      bool
	}{
		{"cpu.cfs_period_us", strconv.Itoa(period), g.CPU > 0},
		{"cpu.cfs_quota_us", cores, g.CPU > 0},
		{"memory.limit_in_bytes", limit, g.Memory > 0},
		{"memory.memsw.limit_in_bytes", limit, g.Memory > 0},
	} {
		for _, dir := range g.dirs {
			if s.wanted && has(dir, s.file) {
				if err := write(dir, s.file, s.value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// makeSecond makes and limits a group of version 2: below our own, or below the
// nearest above it that can. It does not leave a group that is limited itself.
func (g *Group) makeSecond(h home, name string) error {
	var first error
	for dir := h.own; ; dir = filepath.Dir(dir) {
		err := enable(dir, g.controllers())
		if err == nil {
			if err = g.make(filepath.Join(dir, prefix+name)); err == nil {
				return g.limitSecond()
			}
		}
		if first == nil {
			first = err
		}
		if dir == h.top || limited(dir) {
			return first
		}
	}
}

func (g *Group) limitSecond() error {
	dir := g.dirs[0]
	if g.CPU > 0 {
		if err := write(dir, "cpu.max", quota(g.CPU)+" "+strconv.Itoa(period)); err != nil {
			return err
		}
	}
	if g.Memory == 0 {
		return nil
	}
	if err := write(dir, "memory.max", strconv.FormatInt(g.Memory, 10)); err != nil || !has(dir, "memory.swap.max") {
		return err
	}
	return write(dir, "memory.swap.max", "0")
}

// enable has the children of a group of version 2 get the controllers.
func enable(dir string, controllers []string) error {
	there, err := words(dir, "cgroup.controllers")
	if err != nil {
		return err
	}
	on, err := words(dir, "cgroup.subtree_control")
	if err != nil {
		return err
	}
	for _, c := range controllers {
		if !slices.Contains(there, c) {
			return fmt.Errorf("%s has no %s controller; %s", dir, c, Remedy)
		}
		if slices.Contains(on, c) {
			continue
		}
		if err := write(dir, "cgroup.subtree_control", "+"+c); err != nil {
			return fmt.Errorf("%w: a group with processes of its own cannot hand controllers on; %s", err, Remedy)
		}
	}
	return nil
}

// limited says whether a group of version 2 has a limit of its own.
func limited(dir string) bool {
	return slices.ContainsFunc([]string{"cpu.max", "memory.max"}, func(name string) bool {
		limit, err := words(dir, name)
		return err == nil && len(limit) > 0 && limit[0] != "max"
	})
}

// words returns the words of a file; none when there is no such file.
func words(dir, file string) ([]string, error) {
	b, err := os.ReadFile(filepath.Join(dir, file))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(b)), err
}

// counter returns the number behind a key of a file; 0 when the file lacks it.
func counter(path, key string) (uint64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, key+" "); ok {
			return strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		}
	}
	return 0, nil
}

func has(dir, file string) bool {
	_, err := os.Stat(filepath.Join(dir, file))
	return err == nil
}

func write(dir, file, value string) error {
	return os.WriteFile(filepath.Join(dir, file), []byte(value), 0o644)
}
