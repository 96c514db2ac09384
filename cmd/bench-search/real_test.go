package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// behaviour says what the program does that stands for sweetspot.
const behaviour = "BENCH_SEARCH_TEST_SWEETSPOT"

// TestMain is also the program that stands for sweetspot: it says what it was
// asked for, and reports at once or waits for Ctrl-C.
func TestMain(m *testing.M) {
	if how := os.Getenv(behaviour); how != "" && len(os.Args) > 1 && os.Args[1] == "run" {
		os.Exit(standIn(how, os.Args[1:]))
	}
	os.Exit(m.Run())
}

func standIn(how string, args []string) int {
	dir := args[slices.Index(args, "--out")+1]
	run, err := rundir.Create(dir, rundir.Manifest{CommandLine: args})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer run.Close()
	report := map[string]any{"outcome": analysis.Recommended, "winner": small, "ties": []string{large}, "spent_seconds": 42, "confidence": nil}
	code := 0
	switch how {
	case "inconclusive":
		report, code = map[string]any{"outcome": analysis.Inconclusive, "winner": "", "confidence": nil}, exitInconclusive
	case "absent":
		fmt.Fprintln(os.Stderr, "no gunicorn here")
		return exitInconclusive
	case "endless":
		interrupted := make(chan os.Signal, 1)
		signal.Notify(interrupted, os.Interrupt)
		if err := os.WriteFile(run.Path("started"), nil, 0o644); err != nil {
			return 1
		}
		<-interrupted
		if err := os.WriteFile(run.Path("ended"), nil, 0o644); err != nil {
			return 1
		}
		code = 105
	}
	text, err := json.Marshal(report)
	if err == nil {
		err = os.WriteFile(run.Path("report.json"), text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// judgeReal runs the real part with the stand-in.
func judgeReal(ctx context.Context, t *testing.T, how, dir string, stderr io.Writer, args ...string) (string, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(behaviour, how)
	var out strings.Builder
	err = execute(ctx, append([]string{"--parts", "real", "--dir", dir, "--sweetspot", self}, args...), &out, stderr)
	return out.String(), err
}

func TestRealStacksAreSearchedOnce(t *testing.T) {
	dir := t.TempDir()
	var first, second strings.Builder
	out, err := judgeReal(t.Context(), t, "reports", dir, &first, "--stacks", promised)
	if err != nil {
		t.Fatal(err)
	}
	if want := "yes: " + promised + ": adaptive and grid recommend the same or a tied cell in 3 of 3 seeds"; !strings.Contains(out, want) {
		t.Errorf("got:\n%s\nwant in it: %s", out, want)
	}
	var order []string
	for line := range strings.Lines(first.String()) {
		if _, searching, ok := strings.Cut(line, "seed "); ok && strings.Contains(line, "searching") {
			order = append(order, strings.SplitN(searching, ":", 2)[0])
		}
	}
	want := []string{"1, grid", "1, adaptive", "2, adaptive", "2, grid", "3, grid", "3, adaptive"}
	if !slices.Equal(order, want) {
		t.Errorf("searched in the order %q, want %q\n%s", order, want, first.String())
	}
	again, err := judgeReal(t.Context(), t, "absent", dir, &second, "--stacks", promised)
	if err != nil || second.Len() > 0 || again != out {
		t.Errorf("the second time: error %v, progress %q and another report, want nothing searched:\n%s", err, second.String(), again)
	}
}

func TestASearchIsAskedForAsTheStackSays(t *testing.T) {
	dir := t.TempDir()
	if _, err := judgeReal(t.Context(), t, "reports", dir, io.Discard, "--stacks", "uvicorn", "--seeds", "1", "--adaptive-budget", "90s"); err != nil {
		t.Fatal(err)
	}
	run, err := rundir.Read(filepath.Join(dir, "runs", "uvicorn-adaptive-1m30s-seed1"))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Join(run.Manifest.CommandLine, " ")
	for _, want := range []string{"run django-shop ", "--budget 1m30s", "--seed 1", "--set search.strategy=adaptive", "--set matrix.servers=[uvicorn]"} {
		if !strings.Contains(line, want) {
			t.Errorf("asked for %s, want %s in it", line, want)
		}
	}
}

func TestAnInconclusiveSearchIsTold(t *testing.T) {
	out, err := judgeReal(t.Context(), t, "inconclusive", t.TempDir(), io.Discard, "--stacks", promised, "--seeds", "1")
	if err != nil {
		t.Fatal(err)
	}
	if want := "| inconclusive (0 of 0 trials void) | inconclusive (0 of 0 trials void) | no: nothing recommended |"; !strings.Contains(out, want) {
		t.Errorf("got:\n%s\nwant in it: %s", out, want)
	}
}

func TestASearchThatCannotBeMadeIsMadeNextTime(t *testing.T) {
	dir := t.TempDir()
	_, err := judgeReal(t.Context(), t, "absent", dir, io.Discard, "--seeds", "1")
	for _, stack := range stackNames() {
		if err == nil || !strings.Contains(err.Error(), stack+", seed 1, grid: ") || !strings.Contains(err.Error(), "no gunicorn here") {
			t.Errorf("error %v, want one that tells of %s and its cause", err, stack)
		}
	}
	if out, err := judgeReal(t.Context(), t, "reports", dir, io.Discard, "--seeds", "1"); err != nil || !strings.Contains(out, "the same cell") {
		t.Errorf("the second time: error %v\n%s", err, out)
	}
}

func TestCtrlCEndsTheSearchInGoodOrder(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := filepath.Join(dir, "runs", promised+"-grid-10m0s-seed1")
	r, w := io.Pipe()
	go func() {
		lines := bufio.NewScanner(r)
		for lines.Scan() && !strings.Contains(lines.Text(), "searching") {
		}
		for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(filepath.Join(out, "started")); err == nil {
				cancel()
			}
		}
		_, _ = io.Copy(io.Discard, r)
	}()
	if _, err := judgeReal(ctx, t, "endless", dir, w, "--stacks", promised); err == nil {
		t.Error("no error, want that of an interrupted benchmark")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(out, "ended")); err != nil {
		t.Errorf("the search did not end by itself: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "real.jsonl")); err != nil || len(text) > 0 {
		t.Errorf("kept %q (%v), want nothing of half a search", text, err)
	}
}

func TestStacksAreScenariosOfTheProgram(t *testing.T) {
	for _, s := range realStacks {
		if !slices.Contains(scenarios.BuiltIn(), s.scenario) {
			t.Errorf("%s: no built-in scenario %s", s.name, s.scenario)
		}
	}
}
