package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sweetspot/runner/cgroup"
)

const ownerName = "TEST_OWNER" // folder of a test helper that owns processes and waits to be killed

func TestMain(m *testing.M) {
	Main()
	if dir := os.Getenv(ownerName); dir != "" {
		owner(dir, os.Getenv("TEST_WATCH") != "")
	}
	os.Exit(m.Run())
}

// owner starts a shell with two children as run "owned", prints "ready", and
// waits. One child has an empty environment, as a program that rewrites its
// title seems to have; a shell gives background children /dev/null to read, so
// it passes the marked standard input on by itself.
func owner(dir string, watch bool) {
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	if watch {
		_, err := Watch("owned")
		fail(err)
		runtime.GC() // must not close what the watchdog listens to
	}
	_, err := TempDir("owned")
	fail(err)
	control, err := NewControl("owned", cgroup.Limits{CPU: 1, Memory: 256 << 20})
	if !errors.Is(err, cgroup.ErrRefused) {
		fail(err)
	}
	p, err := Start(context.Background(), Spec{
		Role: "app", Control: control, Argv: []string{"/bin/sh", "-c", "exec 3<&0; /bin/sleep 600 & env -i /bin/sleep 601 <&3 3<&- & wait"},
		Dir: dir, Env: []string{Mark("owned")}, Log: filepath.Join(dir, "log"),
	})
	fail(err)
	for {
		if members, err := p.Members(); err != nil || len(members) == 3 {
			fail(err)
			break
		}
		time.Sleep(pollEvery)
	}
	fmt.Println("ready")
	select {}
}

func shell(t *testing.T, script string) Spec {
	t.Helper()
	dir := t.TempDir()
	return Spec{
		Role: "app", Argv: []string{"/bin/sh", "-c", script}, Dir: dir,
		Env: []string{"PATH=/usr/bin:/bin", Mark(t.Name())}, Log: filepath.Join(dir, "log"),
	}
}

func start(t *testing.T, spec Spec) *Process {
	t.Helper()
	p, err := Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if left, err := marked(func(m mark) bool { return m == ownMark(t.Name()) }); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return p
}

// eventually polls until cond holds; a minute is the guard against a hang, not
// a claim on speed.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(); time.Sleep(pollEvery) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func memberCount(t *testing.T, p *Process, want int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d members", want), func() bool {
		members, err := p.Members()
		if err != nil {
			t.Fatal(err)
		}
		return len(members) == want
	})
}

func TestStopEndsTheWholeGroup(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		members      int
		ended        string
	}{
		{"one process", "exec sleep 600", 1, "signal: terminated"},
		{"child of the shell", "sleep 600 & wait", 2, "signal: terminated"},
		{"grandchildren", "sh -c 'sleep 600 & sleep 601 & wait' & wait", 4, "signal: terminated"},
		{"term ignored", "trap '' TERM; sleep 600 & while :; do sleep 601; done", 3, "signal: killed"},
		{"term handled", "trap 'exit 7' TERM; sleep 600 & wait", 2, "exit status 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec := shell(t, tt.script)
			spec.Grace = 200 * time.Millisecond
			if tt.name == "term handled" {
				spec.Grace = time.Minute
			}
			p := start(t, spec)
			memberCount(t, p, tt.members)
			if err := p.Err(); err != nil {
				t.Errorf("Err while running = %v, want nil", err)
			}
			if err := p.Stop(); err != nil {
				t.Fatal(err)
			}
			memberCount(t, p, 0)
			if got := p.Err().Error(); !strings.HasSuffix(got, tt.ended) {
				t.Errorf("Err = %q, want it to end with %q", got, tt.ended)
			}
			if err := p.Stop(); err != nil {
				t.Errorf("second Stop: %v", err)
			}
		})
	}
}

func TestStopEndsWhatAnEndedMasterLeft(t *testing.T) {
	p := start(t, shell(t, "sleep 600 & sleep 601 & exit 3"))
	<-p.Done()
	if got := p.Err().Error(); !strings.HasSuffix(got, "exit status 3") {
		t.Errorf("Err = %q, want exit status 3", got)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	memberCount(t, p, 0)
}

func TestContextStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, err := Start(ctx, shell(t, "sleep 600 & wait"))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-p.Done()
	memberCount(t, p, 0)
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := Start(ctx, shell(t, "true")); !errors.Is(err, context.Canceled) {
		t.Errorf("Start under a done context = %v, want context.Canceled", err)
	}
}

func TestLogTailAndChildren(t *testing.T) {
	spec := shell(t, "echo one; echo two >&2; echo three; sleep 600 & wait")
	if err := os.WriteFile(spec.Log, []byte("of an earlier start\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := start(t, spec)
	eventually(t, "three lines", func() bool { return strings.Contains(p.LogTail(9), "three") })
	if got, want := p.LogTail(2), "two\nthree"; got != want {
		t.Errorf("LogTail(2) = %q, want %q", got, want)
	}
	if got, want := p.LogTail(9), "one\ntwo\nthree"; got != want {
		t.Errorf("LogTail(9) = %q, want %q: nothing of an earlier start", got, want)
	}
	memberCount(t, p, 2)
	children, err := p.Children()
	if err != nil {
		t.Fatal(err)
	}
	members, err := p.Members()
	if err != nil {
		t.Fatal(err)
	}
	if len(children) != 1 || !slices.Contains(members, children[0]) || children[0] == p.PID() {
		t.Errorf("Children = %v, want the one other member of %v", children, members)
	}
}

func TestPinnedBeforeExec(t *testing.T) {
	cpu := -1
	for i := range 1024 {
		if allowed.IsSet(i) {
			cpu = i // the last one: not the default choice of anything
		}
	}
	before := currentCPUs()
	for _, tt := range []struct {
		name string
		cpus []int
		want unix.CPUSet
	}{
		{"one CPU", []int{cpu}, func() (s unix.CPUSet) { s.Set(cpu); return }()},
		{"any", nil, allowed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec := shell(t, "sleep 600 & wait")
			spec.CPUs = tt.cpus
			p := start(t, spec)
			memberCount(t, p, 2)
			members, err := p.Members()
			if err != nil {
				t.Fatal(err)
			}
			for _, pid := range members {
				var got unix.CPUSet
				if err := unix.SchedGetaffinity(pid, &got); err != nil {
					t.Fatal(err)
				}
				if got != tt.want {
					t.Errorf("pid %d: affinity %x, want %x", pid, got, tt.want)
				}
			}
		})
	}
	if after := currentCPUs(); after != before {
		t.Errorf("our own affinity changed from %x to %x", before, after)
	}
}

func TestStartErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		spec func(Spec) Spec
		want string
	}{
		{"no command", func(s Spec) Spec { s.Argv = nil; return s }, "start app: no command; name a program"},
		{"no mark", func(s Spec) Spec { s.Env = nil; return s }, "start app: no SWEETSPOT_MARK in its environment; add process.Mark"},
		{"no such program", func(s Spec) Spec { s.Argv = []string{"/no/such"}; return s }, "start app: /no/such: fork/exec /no/such: no such file or directory"},
		{"no such CPU", func(s Spec) Spec { s.CPUs = []int{1023}; return s }, "pin to CPUs [1023]: invalid argument; name CPUs that this machine allows"},
		{"no log folder", func(s Spec) Spec { s.Log = "/no/such/log"; return s }, "start app: open its log: open /no/such/log: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Start(t.Context(), tt.spec(shell(t, "true")))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Start = %v, want %q", err, tt.want)
			}
		})
	}
}

// startOwner starts a helper that owns three processes, and returns it with
// the mark of what it owns.
func startOwner(t *testing.T, env ...string) (cmd *exec.Cmd, owned func(mark) bool) {
	t.Helper()
	cmd = exec.Command("/proc/self/exe")
	cmd.Env = append(env, ownerName+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	owned = func(m mark) bool { return m.owner == cmd.Process.Pid }
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // most tests have done so
		_ = cmd.Wait()
		if _, err := endMarked(owned); err != nil {
			t.Error(err)
		}
		if err := errors.Join(removeTempDirs(owned), removeControls(owned)); err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "ready\n" {
		t.Fatalf("owner says %q, %v", line, err)
	}
	return cmd, owned
}

func count(t *testing.T, match func(mark) bool) int {
	t.Helper()
	left, err := marked(match)
	if err != nil {
		t.Fatal(err)
	}
	return len(left)
}

func tempDirs(t *testing.T, pid int) int {
	t.Helper()
	dirs, err := filepath.Glob(fmt.Sprintf("%s/%s*_%d_*", tempRoot, tempPrefix, pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(dirs)
}

// A process and its children are in their control group, and no thread of ours
// stays there.
func TestControlGroup(t *testing.T) {
	control, err := NewControl(t.Name(), cgroup.Limits{CPU: 1, Memory: 256 << 20})
	if errors.Is(err, cgroup.ErrRefused) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	spec := shell(t, "sleep 600 & wait")
	spec.Control = control
	p := start(t, spec)
	memberCount(t, p, 2)
	members, err := p.Members()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range control.Directories() {
		b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if got := strings.Fields(string(b)); err != nil || len(got) != 2 || got[0] != fmt.Sprint(members[0]) || got[1] != fmt.Sprint(members[1]) {
			t.Errorf("%s holds %q, %v; want %v", dir, got, err, members)
		}
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := control.Close(); err != nil {
		t.Error(err)
	}
	if n := controlGroups(t, os.Getpid()); n != 0 {
		t.Errorf("%d control groups left", n)
	}
}

func TestSweepEndsOnlyTheDeadOnesProcesses(t *testing.T) {
	living, livingOwned := startOwner(t)
	killed, killedOwned := startOwner(t)
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	// One of the three was started by env -i: only its standard input tells.
	if got := count(t, killedOwned); got != 3 {
		t.Fatalf("%d processes outlive their owner, want 3", got)
	}
	ended, err := Sweep()
	if err != nil {
		t.Fatal(err)
	}
	if got := count(t, killedOwned); got != 0 {
		t.Errorf("%d processes of the dead owner left, want 0", got)
	}
	if got := count(t, livingOwned); got != 3 {
		t.Errorf("%d processes of the living owner left, want 3", got)
	}
	if len(ended) < 3 || !strings.Contains(strings.Join(ended, "\n"), "of run owned") {
		t.Errorf("ended = %q, want three lines that name the run", ended)
	}
	if got := tempDirs(t, killed.Process.Pid); got != 0 {
		t.Errorf("%d temporary folders of the dead owner left", got)
	}
	if got := controlGroups(t, killed.Process.Pid); got != 0 {
		t.Errorf("%d control groups of the dead owner left", got)
	}
	if got := controlGroups(t, living.Process.Pid); got == 0 && cgroup.Permitted(cgroup.Limits{CPU: 1}) == nil {
		t.Error("no control group of the living owner left")
	}
	if got := tempDirs(t, living.Process.Pid); got != 1 {
		t.Errorf("%d temporary folders of the living owner, want 1", got)
	}
}

func TestSweepRunEndsOneRun(t *testing.T) {
	mine, other := shell(t, "exec sleep 600"), shell(t, "exec sleep 600")
	mine.Env = []string{Mark(t.Name() + "/mine")}
	dir, err := TempDir(t.Name() + "/mine")
	if err != nil {
		t.Fatal(err)
	}
	p, q := start(t, mine), start(t, other)
	if _, err := SweepRun(t.Name() + "/mine"); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if err := q.Err(); err != nil {
		t.Errorf("a process of another run: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stat %s = %v, want it gone", dir, err)
	}
}

func TestWatchdogEndsWhatAKilledOwnerLeft(t *testing.T) {
	cmd, owned := startOwner(t, "TEST_WATCH=1")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, "the watchdog ends all three", func() bool { return count(t, owned) == 0 })
	eventually(t, "and the temporary folder", func() bool { return tempDirs(t, cmd.Process.Pid) == 0 })
	eventually(t, "and the control group", func() bool { return controlGroups(t, cmd.Process.Pid) == 0 })
	eventually(t, "and itself", func() bool { return watchdogs(t, cmd.Process.Pid) == 0 })
}

// controlGroups counts the folders of an owner's control groups.
func controlGroups(t *testing.T, pid int) (n int) {
	t.Helper()
	err := cgroup.Sweep(func(name string) bool {
		if m, ok := markInName(name); ok && m.owner == pid {
			n++
		}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// watchdogs returns how many live watchdogs an owner has.
func watchdogs(t *testing.T, owner int) int {
	t.Helper()
	pids, err := pidsWhere(func(s stat) bool {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.pid))
		return err == nil && strings.HasPrefix(string(env), watchdogName) && strings.Contains(string(env), fmt.Sprintf(":%d:", owner))
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(pids)
}

func TestReleasedWatchdogEndsNothing(t *testing.T) {
	release, err := Watch(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, shell(t, "exec sleep 600"))
	release()
	if got := watchdogs(t, os.Getpid()); got != 0 {
		t.Errorf("%d watchdogs after release, want 0", got)
	}
	if err := p.Err(); err != nil {
		t.Errorf("after release: %v, want it running", err)
	}
}

func TestMark(t *testing.T) {
	want := mark{run: "a-b", owner: os.Getpid(), started: ownStart}
	got, ok := markIn([]string{"X=1", Mark("a:b")})
	if !ok || got != want {
		t.Errorf("markIn = %v, %v, want %v", got, ok, want)
	}
	if want.dead() {
		t.Error("our own mark is dead")
	}
	reused := want
	reused.started++
	if !reused.dead() {
		t.Error("a mark with another start time is alive: a reused pid must not protect")
	}
	for _, bad := range []string{"", "run", "run:1", "run:x:1", "run:1:x", "run:1:2:3"} {
		if m, ok := parseMark(bad); ok {
			t.Errorf("parseMark(%q) = %v, want none", bad, m)
		}
	}
}

func TestParseStat(t *testing.T) {
	line := "42 (a) b (c) S 7 42 1 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 987 1 1"
	got, err := parseStat(42, []byte(line))
	want := stat{pid: 42, name: "a) b (c", state: 'S', parent: 7, group: 42, started: 987}
	if err != nil || got != want {
		t.Errorf("parseStat = %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "42 sh S", "42 (sh) S 1", strings.Replace(line, " 7 ", " x ", 1)} {
		if got, err := parseStat(42, []byte(bad)); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", bad, got)
		}
	}
}
