package benchmark

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	ended, err := Run(t.Context(), "sh", "-c", "echo found; echo why >&2; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	if ended.Code != 3 || string(ended.Out) != "found\n" || string(ended.Said) != "why\n" {
		t.Errorf("exit code %d, %q, %q", ended.Code, ended.Out, ended.Said)
	}
	if err := ended.Failure(); !strings.Contains(err.Error(), "exit status 3\nwhy") {
		t.Errorf("the failure is %v", err)
	}
	if _, err := Run(t.Context(), "/nonexistent"); err == nil {
		t.Error("what is not there was run")
	}
}

// A program is asked to end as by Ctrl-C, and may do so in good order.
func TestRunIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err := Run(ctx, "sh", "-c", "trap 'exit 5' INT; while :; do sleep 0.05; done")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that it was interrupted", err)
	}
	if took := time.Since(began); took >= grace {
		t.Errorf("it was killed after %v", took)
	}
}
