// Package process starts, pins, signals and reaps the programs of a stack. No
// orphan survives, whatever dies: a stop ends the whole process group, a
// watchdog ends what a killed sweetspot left behind, and a sweep at the next
// start ends what both missed.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"sweetspot/runner/cgroup"
)

// Spec describes one program to start.
type Spec struct {
	Role  string        // what it is in the stack, as "app"; names it in errors
	Argv  []string      // Argv[0] is a path, or is looked up in PATH
	Dir   string        // working folder
	Env   []string      // complete environment, nothing is inherited; holds a Mark
	CPUs  []int         // CPUs it may run on; empty means all that sweetspot itself was started with
	Log   string        // file that takes its output, appended
	Grace time.Duration // from SIGTERM to SIGKILL; 0 means 5 s

	Control *cgroup.Group // control group of it and its descendants; nil means the one that sweetspot is in
}

const (
	defaultGrace = 5 * time.Second
	killWait     = 5 * time.Second // a killed group is gone in milliseconds, unless a disk hangs
	pollEvery    = 5 * time.Millisecond
)

// Process is a running program, the leader of a process group of its own.
// Stop it, also after it has ended by itself.
type Process struct {
	spec     Spec
	cmd      *exec.Cmd
	logStart int64 // length of the log before this program wrote to it
	done     chan struct{}
	ended    error // valid once done is closed
	stop     func() error
}

// Start runs a program in a process group of its own, but in our session:
// sched_autogroup shares CPU between sessions first, so a session of its own
// would change what is measured. Its CPU set, its control group, and the nice
// value that sweetspot itself was started with, are in force before its first instruction. When ctx
// is done, the process is stopped.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Role, err)
	}
	if len(spec.Argv) == 0 {
		return nil, fmt.Errorf("start %s: no command; name a program", spec.Role)
	}
	mark, ok := markIn(spec.Env)
	if !ok {
		return nil, fmt.Errorf("start %s: no %s in its environment; add process.Mark", spec.Role, markName)
	}
	if spec.Grace == 0 {
		spec.Grace = defaultGrace
	}
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: open its log: %w", spec.Role, err)
	}
	defer log.Close()
	logStart, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %s: %w", spec.Role, spec.Log, err)
	}
	stdin, err := markFile(mark)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Role, err)
	}
	defer stdin.Close()

	cmd := exec.Command(spec.Argv[0], spec.Argv[1:]...)
	cmd.Dir, cmd.Env = spec.Dir, spec.Env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := startPinned(cmd, spec.CPUs, spec.Control); err != nil {
		return nil, fmt.Errorf("start %s: %s: %w", spec.Role, strings.Join(spec.Argv, " "), err)
	}
	p := &Process{spec: spec, cmd: cmd, logStart: logStart, done: make(chan struct{})}
	p.stop = sync.OnceValue(p.end)
	go p.reap()
	release := context.AfterFunc(ctx, func() { _ = p.Stop() }) // the owner's own Stop returns the same error
	go func() {
		<-p.done
		release()
	}()
	return p, nil
}

func (p *Process) reap() {
	_ = p.cmd.Wait() // the state says more than the error
	p.ended = fmt.Errorf("%s (pid %d) ended: %s", p.spec.Role, p.PID(), p.cmd.ProcessState)
	close(p.done)
}

// PID returns the id of the program's first process, its master.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Group returns the id of its process group.
func (p *Process) Group() int { return p.cmd.Process.Pid }

// Argv returns its command line.
func (p *Process) Argv() []string { return p.spec.Argv }

// Done is closed when the master has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the master ended, also when it ended well; nil while it runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.ended
	default:
		return nil
	}
}

// Succeeded tells whether the master has ended by itself, with status 0.
func (p *Process) Succeeded() bool { return p.Err() != nil && p.cmd.ProcessState.Success() }

// Stop ends the whole group: SIGTERM to the master, SIGKILL to whatever of the
// group is left when the master has ended or the grace is over. It returns
// when no member is left, and an error only when that cannot be reached.
// Further calls return the same.
func (p *Process) Stop() error { return p.stop() }

func (p *Process) end() error {
	if p.Err() == nil {
		// The master may have ended since: that is what we want.
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-p.done:
	case <-time.After(p.spec.Grace):
	}
	deadline := time.Now().Add(killWait)
	for {
		left, err := p.Members()
		if err != nil {
			return fmt.Errorf("stop %s: %w", p.spec.Role, err)
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("stop %s: processes %v survive SIGKILL; see their state in /proc/PID/status", p.spec.Role, left)
		}
		if err := syscall.Kill(-p.Group(), syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop %s: kill group %d: %w", p.spec.Role, p.Group(), err)
		}
		time.Sleep(pollEvery)
	}
	<-p.done
	return nil
}

// Members returns the ids of the live processes of the group, in order.
func (p *Process) Members() ([]int, error) {
	return pidsWhere(func(s stat) bool { return s.group == p.Group() })
}

// Children returns the ids of the master's live direct children, in order.
func (p *Process) Children() ([]int, error) {
	return pidsWhere(func(s stat) bool { return s.parent == p.PID() })
}

// LogTail returns the last n lines that the program wrote, at most 16 KiB.
func (p *Process) LogTail(n int) string {
	const most = 16 << 10
	f, err := os.Open(p.spec.Log)
	if err != nil {
		return ""
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	from := max(p.logStart, size-most)
	b, err := io.ReadAll(io.NewSectionReader(f, from, size-from))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
