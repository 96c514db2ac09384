package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
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
// it found. Of its cells it measures those that keep accepts.
func measureEmbedded(t *testing.T, text string, keep func(scenarios.Cell) bool) *analysis.Result {
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
	cells := slices.DeleteFunc(s.Cells(len(cpus.App), cat), func(p scenarios.Planned) bool { return !keep(p.Cell) })
	p := newProgress(testWriter{t}, s)
	cfg := runner.Config{Run: run, App: app, Strategy: analysis.Strategies[s.Search.Strategy](s, cells), Observe: p.observe}
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
func quiet(t *testing.T, text string, keep func(scenarios.Cell) bool, answered func(*analysis.Result) bool) *analysis.Result {
	t.Helper()
	var res *analysis.Result
	for range 3 {
		if res = measureEmbedded(t, text, keep); answered(res) {
			return res
		}
		t.Logf("no answer: %s %v", res.Because, res.Warnings)
	}
	t.Fatalf("no answer in three runs, the last: %s: %s %v", res.Outcome, res.Because, res.Warnings)
	return nil
}

// waitText is a scenario of one route that waits 20 ms.
const waitText = `
name: truth
app:
  interface: embedded
  routes: [{path: /, wait: 20ms}]
matrix: {servers: [embedded], workers: [1, 2, 4], threads: [1, 2]}
traffic:
  arrivals: %s
  requests: [{name: io, path: /}]
objectives: [%s]
search: {strategy: grid, budget: 10m, trial: %s, burst: 2s, warmup: 300ms, finals: %d}
`

const service = 20 * time.Millisecond

// sustained returns the sustainable rate of a cell; 0 for none.
func sustained(r *analysis.Result, workers, threads int) float64 {
	for _, c := range r.Cells {
		if c.Cell.Workers == workers && c.Cell.Threads == threads && c.Sustainable() != nil {
			return c.Sustainable().Value
		}
	}
	return 0
}

// A queue of W × T slots with a constant service time and constant arrivals
// (D/D/c) sustains slots over service time, whatever the limit above it.
func TestSustainableRateWithConstantArrivals(t *testing.T) {
	wanted := [][2]int{{1, 1}, {2, 2}, {4, 2}}
	keep := func(c scenarios.Cell) bool { return slices.Contains(wanted, [2]int{c.Workers, c.Threads}) }
	res := quiet(t, fmt.Sprintf(waitText, scenarios.Constant, "p99 < 60ms", "2s", 1), keep, func(r *analysis.Result) bool {
		return !slices.ContainsFunc(wanted, func(w [2]int) bool { return sustained(r, w[0], w[1]) == 0 })
	})
	for _, w := range wanted {
		truth := float64(w[0]*w[1]) / service.Seconds()
		if got := sustained(res, w[0], w[1]); math.Abs(got/truth-1) > 0.05 {
			t.Errorf("%d×%d sustains %.1f requests/s, the queue %.1f: off by %+.1f %%", w[0], w[1], got, truth, 100*(got/truth-1))
		}
	}
}

// The same with Poisson arrivals (M/D/c), where the limit decides.
func TestSustainableRateWithPoissonArrivals(t *testing.T) {
	const limit = 100 * time.Millisecond
	keep := func(c scenarios.Cell) bool { return c.Slots() == 8 }
	res := quiet(t, fmt.Sprintf(waitText, scenarios.Poisson, "p95 < 100ms", "8s", 2), keep, func(r *analysis.Result) bool {
		return sustained(r, 4, 2) > 0
	})
	truth := poissonRate(8, 0.95, limit)
	if got := sustained(res, 4, 2); math.Abs(got/truth-1) > 0.05 {
		t.Errorf("4×2 sustains %.1f requests/s, the queue %.1f: off by %+.1f %%", got, truth, 100*(got/truth-1))
	}
}

// poissonRate bisects the rate, requests/s, at which the q-quantile of the
// response time of an M/D/c queue meets the limit. First come, first served
// and equally long, requests leave in the order they came: each starts when it
// arrives or when the c-th before it leaves, whichever is later.
func poissonRate(c int, q float64, limit time.Duration) float64 {
	const n = 400_000
	low, high := 0.0, float64(c)/service.Seconds()
	for range 14 {
		rate := (low + high) / 2
		rng := rand.New(rand.NewPCG(1, 2))
		leaves, responses := make([]float64, n), make([]float64, n)
		at := 0.0
		for i := range n {
			at += rng.ExpFloat64() / rate
			starts := at
			if i >= c {
				starts = max(starts, leaves[i-c])
			}
			leaves[i] = starts + service.Seconds()
			responses[i] = leaves[i] - at
		}
		slices.Sort(responses)
		if responses[int(q*n)] < limit.Seconds() {
			low = rate
		} else {
			high = rate
		}
	}
	return (low + high) / 2
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
	// The folklore setting of 2 × cores + 1 would tie with the right cell.
	keep := func(c scenarios.Cell) bool { return c.Workers <= 2 }
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
search: {budget: 1m, trial: 1s, burst: 1s, warmup: 200ms, finals: 1}
`, tt.route, tt.matrix)
			res := quiet(t, text, keep, func(r *analysis.Result) bool { return r.Outcome == analysis.Recommended })
			if w := res.Winner.Cell; w.Workers != tt.workers || w.Threads != tt.threads {
				t.Errorf("recommends %v, want %d workers of %d threads", w, tt.workers, tt.threads)
			}
		})
	}
}
