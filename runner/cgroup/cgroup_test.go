package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// machine is a root with our own process in some groups.
func machine(t *testing.T, cgroup, mounts string, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	all := map[string]string{"proc/10/cgroup": cgroup, "proc/10/mountinfo": mounts, "proc/10/stat": ""}
	for name, text := range files {
		all["sys/fs/cgroup/"+name] = text
	}
	for name, text := range all {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("10", filepath.Join(root, "proc/self")); err != nil {
		t.Fatal(err)
	}
	return root
}

const (
	mountsV2 = "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n"
	mountsV1 = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n" +
		"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
)

func TestVersion2(t *testing.T) {
	root := machine(t, "0::/scope\n", mountsV2, map[string]string{
		"scope/cgroup.controllers": "cpuset cpu memory\n", "scope/cgroup.subtree_control": "",
	})
	g, err := newGroup(root, "x", Limits{CPU: 1.5, Memory: 512 << 20})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "sys/fs/cgroup/scope/sweetspot-x")
	for file, want := range map[string]string{"cpu.max": "150000 100000", "memory.max": "536870912"} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v; want %q", file, got, err, want)
		}
	}
	if f, err := g.Open(); err != nil || f == nil {
		t.Errorf("folder %v, %v; want one", f, err)
	} else {
		f.Close()
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, cgroup, mounts string
		files                map[string]string
		limits               Limits
		want                 string
	}{
		{"no controllers", "0::/\n", mountsV2, map[string]string{"cgroup.controllers": "", "cgroup.subtree_control": ""}, Limits{CPU: 1}, "no cpu controller"},
		{"no cgroups", "", "", nil, Limits{CPU: 1}, "neither version"},
		{"version 1 without memory", "1:cpu:/\n", mountsV1, map[string]string{"cpu/tasks": ""}, Limits{Memory: 1}, "neither version"},
		{"no limits", "0::/\n", mountsV2, nil, Limits{}, "without limits"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newGroup(machine(t, tt.cgroup, tt.mounts, tt.files), "x", tt.limits)
			if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %v with %q", err, ErrRefused, tt.want)
			}
		})
	}
}

// On this machine, where it lets us: a thread is in the group, and what it
// leaves behind can be swept.
func TestHere(t *testing.T) {
	g, err := New("test", Limits{CPU: 0.5, Memory: 256 << 20})
	if errors.Is(err, ErrRefused) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	entered := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		entered <- g.Adopt()
	}()
	if err := <-entered; err != nil {
		t.Errorf("adopt: %v", err)
	}
	for _, dir := range g.Directories() {
		if !has(dir, "cgroup.procs") {
			t.Errorf("%s is no control group", dir)
		}
	}
	if err := g.Close(); err != nil {
		if err := Sweep(); err != nil {
			t.Error(err)
		}
	}
}
