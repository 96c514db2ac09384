package benchmark

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
	"strings"
	"syscall"
	"time"
)

// Sweetspot returns the path of the program to judge: the one that was given, or
// one that is built into a folder from the sources here.
func Sweetspot(ctx context.Context, given, dir string, progress io.Writer) (string, error) {
	if given != "" {
		return exec.LookPath(given)
	}
	path, err := filepath.Abs(filepath.Join(dir, "sweetspot"))
	if err != nil {
		return "", err
	}
	fmt.Fprintln(progress, "building sweetspot")
	said, err := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", path, "sweetspot/cmd/sweetspot").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build sweetspot: %w: run this in the folder of the sources, or give --sweetspot PATH\n%s", err, Tail(string(said)))
	}
	return path, nil
}

// Ended is a process that has come to its end.
type Ended struct {
	Code      int    // -1 for a signal
	Out, Said []byte // on standard output and standard error

	command []string
	err     error // nil for exit code 0
}

// grace is how long an interrupted process may take to end what it started.
const grace = time.Minute

// Run runs a program to its end, whatever its exit code. When ctx is done it is
// interrupted as by Ctrl-C, which is the error then; and so it is when we are
// gone, which the thread that started it stands for. It is in a process group of
// its own: Ctrl-C in a terminal must reach it once only, for the second one is
// not to be waited for.
func Run(ctx context.Context, program string, args ...string) (*Ended, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = grace
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	return &Ended{Code: cmd.ProcessState.ExitCode(), Out: out.Bytes(), Said: said.Bytes(), command: cmd.Args, err: err}, nil
}

// Failure is the error for a process that should not have ended with its exit
// code, which is not 0.
func (e *Ended) Failure() error {
	return fmt.Errorf("%s: %w\n%s", strings.Join(e.command, " "), e.err, Tail(string(e.Said)))
}

// Tail is the end of what a program said, for an error.
func Tail(text string) string {
	const most = 2000
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-most):]
}
