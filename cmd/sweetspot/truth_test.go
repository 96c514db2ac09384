package main

import (
	"fmt"
	"math"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner"
	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// measureEmbedded runs a scenario on the real embedded stack and returns what
// it found.
func measureEmbedded(t *testing.T, text string) *analysis.Result {
	t.Helper()
	cat := stack.Catalogue()
	s, err := scenarios.Parse("truth.yaml", []byte(text), t.TempDir(), nil, cat)
	if err != nil {
		t.Fatal(err)
	}
	cpus, err := chooseCPUs(s)
	if err != nil {
		t.Fatal(err)
	}
	m := rundir.Manifest{RunID: newRunID(), Scenario: *s, Seed: s.Search.Seed, CPUs: cpus}
	run, err := rundir.Create(t.TempDir(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	release, err := process.Watch(m.RunID)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := sample.PreferSelf(); err != nil {
		t.Fatal(err)
	}
	app, err := stack.Prepare(t.Context(), s, run.Dir, testWriter{t})
	if err != nil {
		t.Fatal(err)
	}
	cells := s.Cells(len(cpus.App), cat)
	p := &progress{w: testWriter{t}, scenario: s}
	cfg := runner.Config{Run: run, App: app, Strategy: analysis.Grid(s, cells), Observe: p.observe}
	if err := runner.Run(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	res, err := analysis.Summarise(analysis.Input{Scenario: s, Cells: cells, Trials: run.Trials(), Histograms: run.Histograms})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

// quiet measures up to three times: a machine that is busy with something else
// makes trials void, and void trials are no answer.
func quiet(t *testing.T, text string, answered func(*analysis.Result) bool) *analysis.Result {
	t.Helper()
	var res *analysis.Result
	for range 3 {
		if res = measureEmbedded(t, text); answered(res) {
			return res
		}
		t.Logf("no answer: %s %v", res.Because, res.Warnings)
	}
	t.Fatalf("no answer in three runs, the last: %s: %s %v", res.Outcome, res.Because, res.Warnings)
	return nil
}

// A queue of W × T slots with a constant service time and constant arrivals
// (D/D/c) sustains slots over service time, whatever the limit above it.
func TestSustainableRateOfTheEmbeddedStack(t *testing.T) {
	const text = `
name: truth
app:
  interface: embedded
  routes: [{path: /, wait: 20ms}]
matrix:
  servers: [embedded]
  workers: [1, 2, 4]
  threads: [1, 2]
  exclude: [workers=1/threads=2, workers=2/threads=1, workers=4/threads=1]
traffic:
  arrivals: constant
  requests: [{name: io, path: /}]
objectives: [p99 < 60ms]
search: {budget: 5m, trial: 2s, burst: 2s, warmup: 300ms, finals: 1}
`
	slots := func(r *analysis.Result, w, th int) *analysis.Cell {
		for _, c := range r.Cells {
			if c.Cell.Workers == w && c.Cell.Threads == th {
				return c
			}
		}
		return nil
	}
	wanted := [][2]int{{1, 1}, {2, 2}, {4, 2}}
	res := quiet(t, text, func(r *analysis.Result) bool {
		for _, w := range wanted {
			if c := slots(r, w[0], w[1]); c == nil || c.Sustainable() == nil {
				return false
			}
		}
		return true
	})
	for _, w := range wanted {
		t.Run(fmt.Sprintf("%dx%d", w[0], w[1]), func(t *testing.T) {
			c := slots(res, w[0], w[1])
			truth := float64(w[0]*w[1]) / (20 * time.Millisecond).Seconds()
			if off := c.Sustainable().Value/truth - 1; math.Abs(off) > 0.05 {
				t.Errorf("%v sustains %.1f requests/s, the queue %.1f: off by %+.1f %%", c.Cell, c.Sustainable().Value, truth, 100*off)
			}
		})
	}
}

// The right cell of three declared workloads is arithmetic. A process keeps one
// core busy at most, so CPU-bound work wants a process per core and no more;
// waiting work wants slots; mixed work wants both.
func TestRecommendationOnTheEmbeddedStack(t *testing.T) {
	cores, err := sample.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	if len(cores) < 2 {
		t.Skip("with one core there is nothing to tell apart")
	}
	for _, tt := range []struct {
		name, route, matrix string
		workers, threads    int
	}{
		{"CPU-bound", "cpu: 8ms", "workers: [1, 2], threads: [1, 4], exclude: [workers=2/threads=4]", 2, 1},
		{"wait-bound", "wait: 20ms", "workers: [1, 2], threads: [1, 4]", 2, 4},
		{"mixed", "cpu: 2ms, wait: 20ms", "workers: [1, 2], threads: [1, 6]", 2, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := fmt.Sprintf(`
name: workload
app:
  interface: embedded
  routes: [{path: /, %s}]
matrix: {servers: [embedded], %s}
traffic:
  requests: [{name: work, path: /}]
objectives: [p99 < 400ms]
search: {budget: 2m, trial: 1s, burst: 500ms, warmup: 200ms, finals: 1}
`, tt.route, tt.matrix)
			res := quiet(t, text, func(r *analysis.Result) bool { return r.Outcome == analysis.Recommended })
			if w := res.Winner.Cell; w.Workers != tt.workers || w.Threads != tt.threads {
				t.Errorf("recommends %v, want %d workers of %d threads", w, tt.workers, tt.threads)
			}
		})
	}
}
