package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A world is where a test has hosts: a process with network, mount and PID
// namespaces of its own, in which the test runs again. Each host is a network
// namespace of the world's with a name and an address, and a bridge joins them.
// The world ends with its first process, which ends with the test, however that
// ends: with it go the hosts and all that runs on them. Of the machine it has the
// processors and the files, but for those in /tmp.

// worldRole tells what a test binary is to a world: its first process, or the
// test in it. Outside of worlds it is not set.
const (
	worldRole   = "SWEETSPOT_TEST_WORLD"
	worldFirst  = "first"
	worldInside = "inside"
)

// worldMain does the job of the first process of a world; in any other process
// it returns at once.
func worldMain() {
	if os.Getenv(worldRole) != worldFirst {
		return
	}
	code, err := beWorld()
	if err != nil {
		fmt.Fprintln(os.Stderr, "world:", err)
		code = 1
	}
	os.Exit(code)
}

// beWorld sets the world up, runs the test, and reaps what loses its parent.
func beWorld() (code int, err error) {
	if err := mountWorld(); err != nil {
		return 0, err
	}
	if err := errors.Join(os.Setenv(worldRole, worldInside), os.Setenv("TMPDIR", "/tmp")); err != nil {
		return 0, err
	}
	test, err := os.StartProcess(worldBinary, os.Args, &os.ProcAttr{Env: os.Environ(), Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return 0, err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait for the test: %w", err)
		case pid == test.Pid && status.Signaled():
			return 0, fmt.Errorf("the test ended by %v", status.Signal())
		case pid == test.Pid:
			return status.ExitStatus(), nil
		}
	}
}

// worldBinary is the test binary in a world, where the folder that it was made in
// may be out of sight.
const worldBinary = "/run/sweetspot.test"

// mountWorld gives the world a /proc of its own processes, and places of its own
// where names of processes are kept: to those of the machine they would mean
// nothing, or others.
func mountWorld() error {
	type mount struct {
		source, at, kind string
		flags            uintptr
	}
	all := []mount{
		{"none", "/", "", unix.MS_REC | unix.MS_PRIVATE}, // what is mounted here is mounted nowhere else
		{"proc", "/proc", "proc", 0},
		{"tmpfs", "/run", "tmpfs", 0}, // where ip keeps the names of namespaces
		{"/proc/self/exe", worldBinary, "", unix.MS_BIND},
		{"tmpfs", "/tmp", "tmpfs", 0},
	}
	if _, err := os.Stat("/sys/fs/cgroup"); err == nil {
		all = append(all, mount{"tmpfs", "/sys/fs/cgroup", "tmpfs", 0})
	}
	for _, m := range all {
		if m.at == worldBinary {
			if err := os.WriteFile(m.at, nil, 0o755); err != nil {
				return err
			}
		}
		if err := unix.Mount(m.source, m.at, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	return nil
}

// inWorld returns true to a test that runs in a world. Elsewhere it runs the test
// in one, beside others, reports what came of it and returns false; it skips the
// test where no world can be made.
func inWorld(t *testing.T) bool {
	t.Helper()
	if os.Getenv(worldRole) == worldInside {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("hosts are network namespaces, which take root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces are made by ip: install iproute2")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Parallel()
	runtime.LockOSThread() // the world ends with the thread that began it
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v=true", "-test.count=1")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, worldRole+"=") }), worldRole+"="+worldFirst)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("no namespaces can be made here: %v", err)
	}
	t.Logf("in a world of its own:\n%s", out)
	if err != nil {
		t.Error(err)
	}
	return false
}

// onHost is the command "onhost NAME PROGRAM ARGUMENTS…": it becomes the program
// on a host of the world.
func onHost() {
	err := func() error {
		runtime.LockOSThread()
		name, argv := os.Args[1], os.Args[2:]
		path, err := exec.LookPath(argv[0])
		if err != nil {
			return err
		}
		net, err := os.Open("/run/netns/" + name)
		if err != nil {
			return err
		}
		if err := unix.Setns(int(net.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter the network of %s: %w", name, err)
		}
		if err := unix.Unshare(unix.CLONE_NEWUTS); err != nil {
			return fmt.Errorf("have a name of its own: %w", err)
		}
		if err := unix.Sethostname([]byte(name)); err != nil {
			return fmt.Errorf("take the name %s: %w", name, err)
		}
		if err := idle(name); err != nil {
			return fmt.Errorf("have processors of its own: %w", err)
		}
		return unix.Exec(path, argv, os.Environ())
	}()
	fmt.Fprintln(os.Stderr, "onhost:", err)
	os.Exit(1)
}

// idle makes the host one on which nothing else runs, as far as /proc/stat tells:
// the other hosts of the world, which have the same processors, would make every
// trial void.
func idle(name string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return err
	}
	file := "/run/stat-" + name
	if err := os.WriteFile(file, b, 0o644); err != nil {
		return err
	}
	return unix.Mount(file, "/proc/stat", "", unix.MS_BIND, "")
}

// lan joins the hosts of a world.
type lan struct {
	t     *testing.T
	hosts int
}

const bridge = "lan"

func newLAN(t *testing.T) *lan {
	t.Helper()
	l := &lan{t: t}
	l.ip("link", "set", "lo", "up")
	l.ip("link", "add", bridge, "type", "bridge")
	l.ip("link", "set", bridge, "up")
	return l
}

// ip runs iproute2's command in the world.
func (l *lan) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.CommandContext(l.t.Context(), "ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// host is one host of a world.
type host struct {
	lan     *lan
	name    string // of the machine, and of its network namespace
	address netip.Addr
}

// host adds a host with a name of at most ten letters.
func (l *lan) host(name string) *host {
	l.t.Helper()
	l.hosts++
	h := &host{l, name, netip.AddrFrom4([4]byte{10, 99, 0, byte(l.hosts)})}
	l.ip("netns", "add", name)
	l.ip("link", "add", h.port(), "type", "veth", "peer", "name", "eth0", "netns", name)
	l.ip("link", "set", h.port(), "master", bridge, "up")
	l.ip("-n", name, "addr", "add", h.address.String()+"/24", "dev", "eth0")
	l.ip("-n", name, "link", "set", "eth0", "up")
	l.ip("-n", name, "link", "set", "lo", "up")
	return h
}

// port is the host's end of the lan.
func (h *host) port() string { return "to-" + h.name }

// cut takes the host off the lan: nothing comes through, and nobody is told.
func (h *host) cut() { h.lan.t.Helper(); h.lan.ip("link", "set", h.port(), "down") }

// join puts it back.
func (h *host) join() { h.lan.t.Helper(); h.lan.ip("link", "set", h.port(), "up") }

// run starts sweetspot on the host, in a folder and with more in its environment.
func (h *host) run(dir string, env []string, args ...string) *program {
	h.lan.t.Helper()
	return h.start(dir, env, append([]string{"sweetspot"}, args...)...)
}

// program is what runs on a host.
type program struct {
	*testing.T
	host        *host
	argv        []string
	cmd         *exec.Cmd
	out, errors said
}

// said is what a program has written. It may be read while that runs.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// start starts a program on the host.
func (h *host) start(dir string, env []string, argv ...string) *program {
	t := h.lan.t
	t.Helper()
	p := &program{T: t, host: h, argv: argv, cmd: exec.Command("onhost", append([]string{h.name}, argv...)...)}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errors
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait() // the error is that of the kill
		}
		if t.Failed() {
			t.Logf("%s: %s: %v\n%s%s", h.name, strings.Join(argv, " "), p.cmd.ProcessState, lastOf(p.out.String()), lastOf(p.errors.String()))
		}
	})
	return p
}

// lastOf is the end of a text.
func lastOf(s string) string { return s[max(0, len(s)-4000):] }

// end waits for the program and returns its exit code; -1 for a signal.
func (p *program) end() int {
	p.Helper()
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		p.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// kill ends the program as a crash does.
func (p *program) kill() {
	p.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.Fatal(err)
	}
	p.end()
}

// stop ends the program in good order, and returns its exit code.
func (p *program) stop() int {
	p.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
	return p.end()
}

// processes are the ids of what runs on the host.
func (h *host) processes() (pids []int) {
	h.lan.t.Helper()
	var own unix.Stat_t
	if err := unix.Stat("/run/netns/"+h.name, &own); err != nil {
		h.lan.t.Fatal(err)
	}
	for _, pid := range worldProcesses(h.lan.t) {
		var of unix.Stat_t
		if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &of); err == nil && of.Ino == own.Ino {
			pids = append(pids, pid)
		}
	}
	return pids
}

// worldProcesses are the ids of all live processes of the world.
func worldProcesses(t *testing.T) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if i := bytes.LastIndexByte(b, ')'); err == nil && i > 0 && !bytes.HasPrefix(b[i:], []byte(") Z")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// deserted waits until nothing runs on the host: what it was is a host that
// crashed, or whose programs ended in good order.
func (h *host) deserted() {
	h.lan.t.Helper()
	eventually(h.lan.t, "nothing runs on "+h.name, func() bool { return len(h.processes()) == 0 })
}

// eventually waits for a condition. That it holds in the end is all that is
// asserted: how long it takes is the machine's.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for this to hold: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A world has the hosts that it says, cut hosts are reached by nobody, and
// nothing of it is left.
func TestWorld(t *testing.T) {
	if !inWorld(t) {
		return
	}
	l := newLAN(t)
	a, b := l.host("a"), l.host("b")
	said := filepath.Join(t.TempDir(), "said")
	answering := b.start("/", nil, "pinger", "serve", b.address.String(), said)
	ask := func() int { return a.start("/", nil, "pinger", "ask", b.address.String()).end() }
	eventually(t, "b answers a", func() bool { return ask() == 0 })
	if got, err := os.ReadFile(said); err != nil || string(got) != "b" {
		t.Errorf("the host calls itself %q (%v), want b", got, err)
	}
	b.cut()
	if ask() == 0 {
		t.Error("a host that was cut off answers")
	}
	b.join()
	eventually(t, "b answers again", func() bool { return ask() == 0 })
	if n := len(b.processes()); n != 1 {
		t.Errorf("%d processes on b, want the one that answers", n)
	}
	answering.kill()
	b.deserted()
	a.deserted()
}
