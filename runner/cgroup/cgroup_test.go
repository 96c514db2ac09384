package cgroup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// machine is a root with our own process in some groups. A file named with a
// slash at its end is a folder, which nobody can write into as into a file.
func machine(t *testing.T, cgroup, mounts string, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	all := map[string]string{"proc/10/cgroup": cgroup, "proc/10/mountinfo": mounts, "proc/10/stat": ""}
	for name, text := range files {
		all["sys/fs/cgroup/"+name] = text
	}
	for name, text := range all {
		path := filepath.Join(root, name)
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
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
	own := map[string]string{"scope/cgroup.controllers": "cpuset cpu memory\n", "scope/cgroup.subtree_control": ""}
	// A session's own group holds processes, so that the one above has to do.
	session := map[string]string{
		"user/cgroup.controllers": "cpu memory\n", "user/cgroup.subtree_control": "memory\n",
		"user/scope/cgroup.controllers": "cpu memory\n", "user/scope/cpu.max": "max 100000\n", "user/scope/memory.max": "max\n",
	}
	for _, tt := range []struct {
		name, cgroup string
		files        map[string]string
		want         string // folder
	}{
		{"below our own", "0::/scope\n", own, "scope"},
		{"below the one above", "0::/user/scope\n", session, "user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := machine(t, tt.cgroup, mountsV2, tt.files)
			if tt.want == "user" {
				busy(t, filepath.Join(root, "sys/fs/cgroup/user/scope"))
			}
			g, err := newGroup(root, "x", Limits{CPU: 1.5, Memory: 512 << 20})
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(root, "sys/fs/cgroup", tt.want, "sweetspot-x")
			if got := g.Directories(); !slices.Equal(got, []string{dir}) {
				t.Fatalf("directories %q, want %q", got, dir)
			}
			for file, want := range map[string]string{"cpu.max": "150000 100000", "memory.max": "536870912"} {
				if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != want {
					t.Errorf("%s holds %q, %v; want %q", file, got, err, want)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "memory.events"), []byte("oom 3\noom_kill 2\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if n, err := g.OutOfMemory(); n != 2 || err != nil {
				t.Errorf("killed %d, %v; want 2", n, err)
			}
		})
	}
}

// busy makes a group one that cannot hand controllers on: its subtree_control
// reads as empty and cannot be written.
func busy(t *testing.T, dir string) {
	t.Helper()
	if err := os.Symlink("/proc/self/no such file", filepath.Join(dir, "cgroup.subtree_control")); err != nil {
		t.Fatal(err)
	}
}

// Of version 1 every hierarchy gets a folder, with the limits of its controller.
func TestVersion1(t *testing.T) {
	root := machine(t, "2:memory:/a/b\n1:cpu:/\n", mountsV1, map[string]string{"cpu/tasks": "", "memory/a/b/tasks": ""})
	g, err := newGroup(root, "x", Limits{CPU: 0.5, Memory: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, dir := range []string{"cpu", "memory/a/b"} {
		want = append(want, filepath.Join(root, "sys/fs/cgroup", dir, "sweetspot-x"))
	}
	if got := g.Directories(); !slices.Equal(got, want) {
		t.Errorf("directories %q, want %q", got, want)
	}
	if err := os.WriteFile(filepath.Join(want[1], "memory.oom_control"), []byte("under_oom 0\noom_kill 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := g.OutOfMemory(); n != 1 || err != nil {
		t.Errorf("killed %d, %v; want 1", n, err)
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
		{"no escape from a limit of our own", "0::/scope\n", mountsV2, map[string]string{
			"cgroup.controllers": "cpu\n", "scope/cgroup.controllers": "cpu\n", "scope/cpu.max": "50000 100000\n", "scope/cgroup.subtree_control/": "",
		}, Limits{CPU: 1}, "scope/cgroup.subtree_control"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, err := newGroup(machine(t, tt.cgroup, tt.mounts, tt.files), "x", tt.limits)
			if g != nil || !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("group %v, error %v, want %v with %q", g, err, ErrRefused, tt.want)
			}
		})
	}
}

// here makes a group of that name on this machine, where it lets us.
func here(t *testing.T, name string, l Limits) *Group {
	t.Helper()
	g, err := New(name, l)
	if errors.Is(err, ErrRefused) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		for _, dir := range g.Directories() {
			if has(dir, "") {
				t.Errorf("%s is left", dir)
			}
		}
	})
	return g
}

// start has a thread of its own start a command in a group.
func start(t *testing.T, g *Group, argv ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		started <- g.Start(cmd)
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // what it started is left to Close
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// A command is in the group, with what it starts, and nobody else is. A group is
// closed whatever runs in it.
func TestHere(t *testing.T) {
	g := here(t, "test-here", Limits{CPU: 0.5, Memory: 256 << 20})
	cmd := start(t, g, "/bin/sh", "-c", "sleep 600 & setsid sleep 601 & wait")
	for _, dir := range g.Directories() {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(pollEvery) {
			pids, err := words(dir, "cgroup.procs")
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("%s holds %v, %v; want three processes", dir, pids, err)
			}
			if len(pids) == 3 && slices.Contains(pids, fmt.Sprint(cmd.Process.Pid)) {
				break
			}
		}
	}
}

// What asks for more memory than the group has is killed, and counted.
func TestOutOfMemoryHere(t *testing.T) {
	g := here(t, "test-memory", Limits{Memory: 16 << 20})
	cmd := start(t, g, "/bin/sh", "-c", "x=x; while :; do x=$x$x; done")
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("it ended with %v, want a kill", err)
	}
	if n, err := g.OutOfMemory(); n != 1 || err != nil {
		t.Errorf("killed %d, %v; want 1", n, err)
	}
}

// Version 2 takes a process at its start. The group has no limits here: this
// machine's controllers may be elsewhere.
func TestVersion2Here(t *testing.T) {
	h, err := find("/")
	if err != nil || h.second.own == "" {
		t.Skipf("no version 2 here: %v", err)
	}
	g := &Group{second: true}
	if err := g.make(filepath.Join(h.second.own, prefix+"test-second")); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	cmd := start(t, g, "/bin/sleep", "600")
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", cmd.Process.Pid))
	if err != nil || !strings.Contains(string(b), prefix+"test-second\n") {
		t.Errorf("it is in %s, %v; want the group", b, err)
	}
}

// Sweep removes the groups that match.
func TestSweepHere(t *testing.T) {
	dead, other := here(t, "test-dead", Limits{CPU: 1}), here(t, "test-other", Limits{CPU: 1})
	if err := Sweep(func(name string) bool { return name == "test-dead" }); err != nil {
		t.Error(err)
	}
	if has(dead.Directories()[0], "") {
		t.Errorf("%s is left", dead.Directories()[0])
	}
	if !has(other.Directories()[0], "") {
		t.Errorf("%s is gone, which has another name", other.Directories()[0])
	}
}
