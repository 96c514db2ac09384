package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func here(t *testing.T) children {
	t.Helper()
	return children{cpu: 0, env: os.Environ(), look: true}
}

func TestAPipelineIsReadFromEndToEnd(t *testing.T) {
	out, err := here(t).run(t.Context(), [][]string{{"echo", "one two"}, {"tr", " ", "\n"}, {"sort", "-r"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out.stdout); got != "two\none\n" {
		t.Errorf("printed %q", got)
	}
}

func TestWhatAChildSpends(t *testing.T) {
	const size = 64 << 20
	out, err := here(t).run(t.Context(), [][]string{{"head", "-c", "67108864", "/dev/zero"}, {"sort", "-z", "--buffer-size=128M", "-o", "/dev/null"}})
	if err != nil {
		t.Fatal(err)
	}
	if out.cpu <= 0 {
		t.Errorf("CPU time %v, want some", out.cpu)
	}
	if out.peak < size || out.peak > 20*size {
		t.Errorf("peak of %d bytes, want more than the %d that it holds", out.peak, size)
	}
}

// A child is charged with its own memory, not with ours.
func TestAPeakIsTheChildsOwn(t *testing.T) {
	ballast := make([]byte, 128<<20)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	out, err := here(t).run(t.Context(), [][]string{{"sleep", "0.3"}})
	if err != nil {
		t.Fatal(err)
	}
	if out.peak == 0 || out.peak > 32<<20 {
		t.Errorf("sleep has a peak of %d bytes beside %d of ours", out.peak, len(ballast))
	}
}

func TestAFailureTellsWhatTheChildSaid(t *testing.T) {
	_, err := here(t).run(t.Context(), [][]string{{"sh", "-c", "echo out of luck >&2; exit 3"}})
	if err == nil || !strings.Contains(err.Error(), "out of luck") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error %v", err)
	}
	_, err = here(t).run(t.Context(), [][]string{{"/no/such/program"}})
	if err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("error %v", err)
	}
}

func TestCancellingEndsChildrenAndTheirs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(100*time.Millisecond, cancel).Stop()
	began := time.Now()
	// The grandchild holds the pipe: run returns only when it is gone, too.
	_, err := here(t).run(ctx, [][]string{{"sh", "-c", "sleep 600 & wait"}, {"cat"}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if took := time.Since(began); took > 5*time.Minute {
		t.Errorf("took %v", took)
	}
}
