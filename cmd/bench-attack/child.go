package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sweetspot/cmd/internal/benchmark"
)

// spent is what the processes of a tool took, and what the last one printed.
type spent struct {
	stdout []byte
	cpu    time.Duration // user and system time of all threads
	peak   uint64        // largest resident set, bytes, added up; 0 when nobody looked
}

// children starts tools.
type children struct {
	cpu  int      // all of them run on it
	env  []string // complete environment
	look bool     // at their resident sets while they run
}

// run runs a pipeline to its end: each program reads what the one before
// printed. Nothing of it survives ctx, or us: a program is killed when the
// thread that started it is gone, which is therefore kept.
func (c children) run(ctx context.Context, pipeline [][]string) (out spent, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := ctx.Err(); err != nil {
		return out, err
	}
	var stdout bytes.Buffer
	stderr := make([]bytes.Buffer, len(pipeline))
	var started []*exec.Cmd
	var from *os.File // what the next program reads
	for i, argv := range pipeline {
		cmd := c.command(argv)
		cmd.Stderr = &stderr[i]
		if from != nil {
			cmd.Stdin = from
		}
		next := (*os.File)(nil)
		if i == len(pipeline)-1 {
			cmd.Stdout = &stdout
		} else if next, err = pipeTo(cmd); err != nil {
			abandon(started)
			return out, err
		}
		err := cmd.Start()
		closeAll(from, cmd.Stdout)
		from = next
		if err != nil {
			closeAll(from)
			abandon(started)
			return out, fmt.Errorf("start %s: %w", argv[0], err)
		}
		started = append(started, cmd)
	}
	defer context.AfterFunc(ctx, func() { killGroups(started) })()
	peaks := watchPeaks(c.look, started)
	var failed error
	for i, cmd := range started {
		if err := cmd.Wait(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w\n%s", strings.Join(pipeline[i], " "), err, benchmark.Tail(stderr[i].String())))
		}
		used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		out.cpu += time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	out.peak = peaks(started)
	out.stdout = stdout.Bytes()
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	return out, failed
}

// command is a program pinned by taskset, in a process group of its own.
func (c children) command(argv []string) *exec.Cmd {
	cmd := exec.Command("taskset", append([]string{"-c", strconv.Itoa(c.cpu)}, argv...)...)
	cmd.Env = c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// pipeTo gives a program a pipe to print to and returns the other end.
func pipeTo(cmd *exec.Cmd) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w: raise the limit of open files", err)
	}
	cmd.Stdout = w
	return r, nil
}

// closeAll closes our ends of pipes; a program has its own.
func closeAll(ends ...any) {
	for _, end := range ends {
		if f, ok := end.(*os.File); ok && f != nil {
			_ = f.Close()
		}
	}
}

func killGroups(cmds []*exec.Cmd) {
	for _, cmd := range cmds {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // gone already is as good
	}
}

// abandon ends programs whose pipeline could not be completed.
func abandon(cmds []*exec.Cmd) {
	killGroups(cmds)
	for _, cmd := range cmds {
		_ = cmd.Wait() // it was killed
	}
}
