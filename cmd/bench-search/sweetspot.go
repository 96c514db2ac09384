package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program returns the path of the program that searches: the one that was
// given, or one that is built into the folder of the results.
func (o options) program(ctx context.Context, progress io.Writer) (string, error) {
	if o.sweetspot != "" {
		return exec.LookPath(o.sweetspot)
	}
	path, err := filepath.Abs(filepath.Join(o.dir, "sweetspot"))
	if err != nil {
		return "", err
	}
	fmt.Fprintln(progress, "building sweetspot")
	out, err := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", path, "sweetspot/cmd/sweetspot").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build sweetspot: %w: run bench-search in the folder of the sources, or give --sweetspot PATH\n%s", err, tail(string(out)))
	}
	return path, nil
}

// run lets the program search, in a run directory of its own, and reads what it
// found. What an interrupted search left there goes: half a budget says nothing
// of a whole one.
func (q quest) run(ctx context.Context, program, dir string) (recommendation, error) {
	r := q.recommendation()
	out := filepath.Join(dir, "runs", fmt.Sprintf("%s-%s-%v-seed%d", q.stack.name, q.strategy, q.budget, q.seed))
	if err := os.RemoveAll(out); err != nil {
		return r, err
	}
	if err := runToReport(ctx, program, q.args(out)); err != nil {
		return r, err
	}
	return r, r.read(out)
}

// args is the command line of the search.
func (q quest) args(out string) []string {
	args := []string{"run", q.stack.scenario, "--quiet", "--out", out, "--budget", q.budget.String(), "--seed", strconv.Itoa(q.seed), "--set", "search.strategy=" + q.strategy}
	for _, set := range q.stack.sets {
		args = append(args, "--set", set)
	}
	return args
}

// Exit codes of a search that has ended with a report, beside 0.
const (
	exitInconclusive = 3 // or it could not be made at all, and then there is no report
	exitNotMet       = 99
)

// grace is how long an interrupted search may take to end what it started.
const grace = time.Minute

// runToReport runs the program to its end. When ctx is done it is interrupted
// as by Ctrl-C, and so it is when we are gone, which the thread that started it
// stands for. It is in a process group of its own: Ctrl-C in a terminal must
// reach it once only, for the second one is not to be waited for.
func runToReport(ctx context.Context, program string, args []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = grace
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == exitInconclusive || exit.ExitCode() == exitNotMet) && said.Len() == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, tail(said.String()))
	}
	return nil
}

func tail(text string) string {
	const most = 2000
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-most):]
}
