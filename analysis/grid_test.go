package analysis

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis/simulate"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// testScenario is a scenario with the defaults filled in that the search
// reads.
func testScenario(budget time.Duration, objectives ...string) *scenarios.Scenario {
	s := &scenarios.Scenario{
		Name:    "simulated",
		Matrix:  scenarios.Matrix{Proxies: []string{scenarios.Direct}},
		Traffic: scenarios.Traffic{Arrivals: scenarios.Poisson},
		Search:  scenarios.Search{Budget: scenarios.Duration(budget), Replicates: 1, Finals: 3, Regret: 0.02, Seed: 1},
	}
	for _, text := range append(objectives, "errors < 0.1%") {
		o, err := scenarios.ParseObjective(text)
		if err != nil {
			panic(err)
		}
		s.Objectives = append(s.Objectives, o)
	}
	return s
}

func cellsOf(pairs ...[2]int) (out []scenarios.Planned) {
	for _, p := range pairs {
		out = append(out, scenarios.Planned{Cell: scenarios.Cell{Server: "sim", Proxy: scenarios.Direct, Workers: p[0], Threads: p[1]}})
	}
	return out
}

func conclude(t *testing.T, s *scenarios.Scenario, cells []scenarios.Planned, done []rundir.Trial) *Result {
	t.Helper()
	res, err := Summarise(Input{Scenario: s, Cells: cells, Trials: done, Histograms: func(int) (map[string]rundir.Histograms, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// The right cell is arithmetic: slots over service time, bounded by the cores
// over the CPU time.
func TestGridFindsTheRightCellInSimulation(t *testing.T) {
	for _, tt := range []struct {
		name      string
		cpu, wait time.Duration
		cells     []scenarios.Planned
		want      [2]int
		rate      float64
	}{
		{"CPU-bound: one process per core", 10 * time.Millisecond, 0, cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{1, 4}), [2]int{2, 1}, 200},
		{"wait-bound: the most slots", 0, 20 * time.Millisecond, cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{2, 2}, [2]int{4, 2}), [2]int{4, 2}, 400},
		{"mixed: slots beyond the cores, on as many processes as cores", 5 * time.Millisecond, 20 * time.Millisecond, cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{5, 1}, [2]int{1, 20}, [2]int{2, 20}), [2]int{2, 20}, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := testScenario(20*time.Minute, "p99 < 500ms")
			m := newSimulated(2, tt.cpu, tt.wait, 3)
			done, ended := m.search(Grid(s, tt.cells), 500)
			if !ended {
				t.Fatalf("the search did not end in %d trials", len(done))
			}
			res := conclude(t, s, tt.cells, done)
			if res.Outcome != Recommended {
				t.Fatalf("outcome %s: %s", res.Outcome, res.Because)
			}
			got := res.Winner
			if got.Cell.Workers != tt.want[0] || got.Cell.Threads != tt.want[1] {
				t.Errorf("recommends %v, want workers=%d threads=%d", got.Cell, tt.want[0], tt.want[1])
			}
			if off := got.Final.Value/tt.rate - 1; off > 0.03 || off < -0.12 {
				t.Errorf("sustains %.1f requests/s, capacity is %.1f", got.Final.Value, tt.rate)
			}
			if m.seconds > 1.1*time.Duration(s.Search.Budget).Seconds() {
				t.Errorf("spent %.0f s of a budget of %v", m.seconds, time.Duration(s.Search.Budget))
			}
		})
	}
}

// The sustainable rate of an M/D/c queue, by simulation of very long trials:
// the search with short trials has to come close.
func TestSustainableRateAgreesWithTheQueue(t *testing.T) {
	for _, c := range [][2]int{{1, 1}, {2, 2}, {4, 2}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			s := testScenario(time.Hour, "p95 < 120ms")
			truth := longRunRate(c, 20*time.Millisecond, 0.95, 0.120)
			m := newSimulated(8, 0, 20*time.Millisecond, 11)
			cells := cellsOf(c)
			s.Search.Trial, s.Search.Finals = scenarios.Duration(60*time.Second), 5
			done, _ := m.search(Grid(s, cells), 500)
			res := conclude(t, s, cells, done)
			if res.Winner == nil {
				t.Fatalf("no winner: %s", res.Because)
			}
			if off := res.Winner.Final.Value/truth - 1; math.Abs(off) > 0.05 {
				t.Errorf("found %.1f requests/s, the queue sustains %.1f: off by %.1f %%", res.Winner.Final.Value, truth, 100*off)
			}
		})
	}
}

// longRunRate bisects the rate at which the q-quantile of an M/D/c queue's
// response time meets the limit, on trials of 2,000 s.
func longRunRate(c [2]int, wait time.Duration, q, limit float64) float64 {
	low, high := 1.0, float64(c[0]*c[1])/wait.Seconds()
	for range 10 {
		mid := (low + high) / 2
		m := newSimulated(8, 0, wait, 99)
		m.noise = simulate.Noise{}
		cell := scenarios.Cell{Workers: c[0], Threads: c[1]}
		l := m.trial(rundir.Step{Cell: cell, Rate: mid, Duration: 2000 * time.Second}).Load
		if l.Classes[scenarios.All].Response.P95.Seconds() < limit {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

func TestInfeasibleInTwoTrials(t *testing.T) {
	s := testScenario(10*time.Minute, "p99 < 10ms")
	cells := cellsOf([2]int{1, 1})
	done, ended := newSimulated(2, 0, 20*time.Millisecond, 1).search(Grid(s, cells), 50)
	if !ended || len(done) != 2 {
		t.Fatalf("%d trials, ended %v; want 2 and true", len(done), ended)
	}
	res := conclude(t, s, cells, done)
	if res.Outcome != NotMet || res.Cells[0].Infeasible == "" {
		t.Errorf("outcome %q, infeasible %q; want %q and a reason", res.Outcome, res.Cells[0].Infeasible, NotMet)
	}
}

// A resumed run goes on where it stopped: every prefix of the trials leads to
// the step that came next.
func TestGridIsPure(t *testing.T) {
	s := testScenario(5*time.Minute, "p99 < 250ms")
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{2, 4})
	done, _ := newSimulated(2, 4*time.Millisecond, 4*time.Millisecond, 5).search(Grid(s, cells), 500)
	for i, trial := range done {
		step, ok := Grid(s, cells)(done[:i])
		step.Left, trial.Step.Left = 0, 0
		if !ok || !reflect.DeepEqual(step, trial.Step) {
			t.Fatalf("after %d trials: %+v, %v; the run had %+v", i, step, ok, trial.Step)
		}
	}
}

// Replicates are the outer loop, in orders of their own, and every final round
// has every finalist once before the next round begins.
func TestReplicatesAreInterleaved(t *testing.T) {
	s := testScenario(2*time.Hour, "p99 < 250ms")
	s.Search.Replicates, s.Search.Finals = 3, 4
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{2, 2}, [2]int{4, 1}, [2]int{2, 4})
	done, _ := newSimulated(2, 4*time.Millisecond, 8*time.Millisecond, 5).search(Grid(s, cells), 2000)
	var starts []int
	orders := map[int][]scenarios.Cell{}
	for _, t := range done {
		if n := len(starts); n == 0 || starts[n-1] != t.Step.Start {
			starts = append(starts, t.Step.Start)
		}
		if o := orders[t.Step.Start]; len(o) == 0 || o[len(o)-1] != t.Step.Cell {
			orders[t.Step.Start] = append(o, t.Step.Cell)
		}
	}
	if want := []int{0, 2, 4, 1000, 1001, 1002, 1003}; !slices.Equal(starts, want) {
		t.Errorf("starts in order %v, want %v", starts, want)
	}
	for start, o := range orders {
		if len(slices.Compact(slices.Clone(o))) != len(o) || start < 1000 && len(o) != len(cells) {
			t.Errorf("start %d visits %v", start, o)
		}
	}
	if slices.Equal(orders[0], orders[2]) && slices.Equal(orders[2], orders[4]) {
		t.Errorf("every replicate has the order %v", orders[0])
	}
}

// With a budget too short for a walk on every cell, every cell still has its
// burst, and the leader its finals.
func TestShortBudgetScreens(t *testing.T) {
	s := testScenario(90*time.Second, "p99 < 250ms")
	var cells []scenarios.Planned
	for w := 1; w <= 14; w++ {
		cells = append(cells, cellsOf([2]int{w, 1})...)
	}
	m := newSimulated(2, 2*time.Millisecond, 20*time.Millisecond, 5)
	done, ended := m.search(Grid(s, cells), 500)
	if !ended {
		t.Fatal("the search did not end")
	}
	bursts := 0
	for _, tr := range done {
		if tr.Step.Phase == rundir.Saturation && tr.Step.Start == 0 {
			bursts++
		}
	}
	if bursts != len(cells) {
		t.Errorf("%d bursts for %d cells", bursts, len(cells))
	}
	res := conclude(t, s, cells, done)
	if res.Outcome != Recommended || res.Winner.Cell.Workers < 12 {
		t.Errorf("outcome %q (%s), winner %+v", res.Outcome, res.Because, res.Winner)
	}
	if m.seconds > 100 {
		t.Errorf("spent %.0f s of 90 s", m.seconds)
	}
	if !strings.Contains(res.Partial, "only the saturation throughput") {
		t.Errorf("partial %q does not say what was left out", res.Partial)
	}
}

// Void trials are repeated, and a cell that only gives void ones is given up.
func TestVoidTrialsAreRepeatedAndBounded(t *testing.T) {
	s := testScenario(5*time.Minute, "p99 < 250ms")
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1})
	m := newSimulated(2, 4*time.Millisecond, 0, 5)
	m.broken = func(step rundir.Step, t *rundir.Trial) {
		if step.Cell.Workers == 1 {
			t.Broken = "somebody compiled a kernel"
		}
	}
	done, ended := m.search(Grid(s, cells), 500)
	if !ended {
		t.Fatal("the search did not end")
	}
	voids := 0
	for _, tr := range done {
		if tr.Step.Cell.Workers == 1 {
			voids++
		}
	}
	if voids != maxVoids+1 {
		t.Errorf("%d void trials of the broken cell, want %d", voids, maxVoids+1)
	}
	res := conclude(t, s, cells, done)
	if res.Outcome != Recommended || res.Winner.Cell.Workers != 2 {
		t.Errorf("outcome %q, winner %v", res.Outcome, res.Winner)
	}
}

// A cell that does not start is tried on two starts, and the others go on.
func TestCellThatDoesNotStart(t *testing.T) {
	s := testScenario(5*time.Minute, "p99 < 250ms")
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1})
	m := newSimulated(2, 4*time.Millisecond, 0, 5)
	m.broken = func(step rundir.Step, t *rundir.Trial) {
		if step.Cell.Workers == 1 {
			*t = rundir.Trial{Step: step, Failure: "start: ImportError: no module named shop", Cost: time.Second}
		}
	}
	done, ended := m.search(Grid(s, cells), 500)
	if !ended {
		t.Fatal("the search did not end")
	}
	res := conclude(t, s, cells, done)
	if c := res.Cells[0]; c.Failed != maxCrashes || !strings.Contains(c.Failure, "ImportError") {
		t.Errorf("failed %d times with %q, want %d", c.Failed, c.Failure, maxCrashes)
	}
	if res.Outcome != Recommended {
		t.Errorf("outcome %q: %s", res.Outcome, res.Because)
	}
}

func TestMemoryLimitStrikesOut(t *testing.T) {
	s := testScenario(10*time.Minute, "p99 < 250ms")
	s.Limits.Memory = 100e6
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{8, 1})
	done, _ := newSimulated(8, 4*time.Millisecond, 0, 5).search(Grid(s, cells), 500)
	res := conclude(t, s, cells, done)
	if res.Winner == nil || res.Winner.Cell.Workers != 2 {
		t.Fatalf("winner %+v, want 2 workers", res.Winner)
	}
	if res.Cells[2].Struck == "" {
		t.Error("8 workers use 228 MB and are not struck out")
	}
}

// A stack that is not its cell is given up after one trial, told as void, and
// no answer rests on it.
func TestMismatchGivesTheCellUp(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*rundir.Trial)
		want   string
	}{
		{"workers", func(tr *rundir.Trial) { tr.Effective.Workers = 1 }, "the stack runs 1 workers, the cell has 8"},
		{"requests at once", func(tr *rundir.Trial) { tr.Effective.Peak = &rundir.Peak{Seen: 2, Want: 8, Offered: 32} }, "2 requests at once, the cell has 8 workers × 1 threads = 8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := testScenario(5*time.Minute, "p99 < 250ms")
			cells := cellsOf([2]int{8, 1}, [2]int{2, 1})
			m := newSimulated(8, 4*time.Millisecond, 0, 5)
			m.broken = func(step rundir.Step, tr *rundir.Trial) {
				if step.Cell.Workers == 8 {
					tt.change(tr)
				}
			}
			done, ended := m.search(Grid(s, cells), 500)
			if !ended {
				t.Fatal("the search did not end")
			}
			res := conclude(t, s, cells, done)
			c := res.Cells[0]
			if c.Void != 2 || c.Passed+c.Failed > 0 || !strings.Contains(c.Mismatch, tt.want) {
				t.Errorf("%d passed, %d failed, %d void, mismatch %q; want two void trials and %q", c.Passed, c.Failed, c.Void, c.Mismatch, tt.want)
			}
			if res.Winner == nil || res.Winner.Cell.Workers != 2 {
				t.Errorf("winner %+v, want 2 workers", res.Winner)
			}
		})
	}
}

// A stack that stops being its cell in the finals takes the cell with it, and
// its place among the finalists stays empty.
func TestMismatchInTheFinals(t *testing.T) {
	s := testScenario(10*time.Minute, "p99 < 250ms")
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{4, 1}, [2]int{8, 1})
	m := newSimulated(8, 4*time.Millisecond, 0, 5)
	m.broken = func(step rundir.Step, tr *rundir.Trial) {
		if step.Cell.Workers == 8 && step.Start > finalStart {
			tr.Effective.Workers = 7
		}
	}
	done, ended := m.search(Grid(s, cells), 500)
	if !ended {
		t.Fatal("the search did not end")
	}
	res := conclude(t, s, cells, done)
	if res.Cells[3].Final == nil || res.Cells[3].Mismatch == "" {
		t.Errorf("8 workers: final %v, mismatch %q; want both", res.Cells[3].Final, res.Cells[3].Mismatch)
	}
	if res.Winner == nil || res.Winner.Cell.Workers != 4 {
		t.Errorf("winner %+v, want 4 workers", res.Winner)
	}
	if res.Cells[0].Final != nil {
		t.Error("another cell took the place in the finals")
	}
}

// One trial whose stack was not its cell is made again, and forgotten.
func TestOneMismatchIsForgiven(t *testing.T) {
	s := testScenario(5*time.Minute, "p99 < 250ms")
	cells := cellsOf([2]int{4, 1}, [2]int{2, 1})
	m := newSimulated(8, 4*time.Millisecond, 0, 5)
	first := true
	m.broken = func(step rundir.Step, tr *rundir.Trial) {
		if step.Cell.Workers == 4 && first {
			tr.Effective.Workers, first = 3, false
		}
	}
	done, _ := m.search(Grid(s, cells), 500)
	res := conclude(t, s, cells, done)
	if c := res.Cells[0]; c.Mismatch != "" || c.Void != 1 || res.Winner != c {
		t.Errorf("mismatch %q, %d void, winner %+v; want the cell to win with one void trial", c.Mismatch, c.Void, res.Winner)
	}
}

func TestNothingRanAsItIs(t *testing.T) {
	s := testScenario(5*time.Minute, "p99 < 250ms")
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1})
	m := newSimulated(2, 4*time.Millisecond, 0, 5)
	m.broken = func(_ rundir.Step, tr *rundir.Trial) { tr.Effective.Workers = 3 }
	done, _ := m.search(Grid(s, cells), 500)
	res := conclude(t, s, cells, done)
	if len(done) != 4 || res.Outcome != Inconclusive || res.Because != "none of the 2 cells ran as what it is" {
		t.Errorf("%d trials, outcome %q: %s", len(done), res.Outcome, res.Because)
	}
}

// While exploring, cells that differ in their workers only follow each other;
// final figures come from cold starts.
func TestHotOrder(t *testing.T) {
	s := testScenario(30*time.Minute, "p99 < 250ms")
	s.Search.Hot, s.Search.Replicates = true, 2
	cells := product([]string{"a", "b"}, []string{scenarios.Direct, "nginx"}, 1, 2, 3)
	done, _ := newSimulated(2, 6*time.Millisecond, 0, 5).search(Grid(s, cells), 2000)
	for _, start := range []int{0, 2} {
		var families []string
		var before scenarios.Cell
		for _, tr := range done {
			if c := tr.Step.Cell; tr.Step.Start == start {
				families = append(families, c.Server+" "+c.Proxy)
				if c.Server == before.Server && c.Proxy == before.Proxy && c.Workers < before.Workers {
					t.Errorf("start %d: %s comes after %s, want the fewest workers first", start, c, before)
				}
				before = c
			}
		}
		if got := slices.Compact(families); len(got) != 4 {
			t.Errorf("start %d goes through %q, want every family once", start, got)
		}
	}
	hot := 0
	for _, tr := range done {
		if tr.Step.Hot != (tr.Step.Start < finalStart) {
			t.Errorf("trial %d of start %d: hot is %v", tr.ID, tr.Step.Start, tr.Step.Hot)
		}
		if tr.Step.Hot {
			hot++
		}
	}
	if hot == 0 || hot == len(done) {
		t.Errorf("%d of %d trials are hot, want those before the finals", hot, len(done))
	}
}

func TestColdWithoutTheOption(t *testing.T) {
	s := testScenario(5*time.Minute, "p99 < 250ms")
	done, _ := newSimulated(2, 6*time.Millisecond, 0, 5).search(Grid(s, cellsOf([2]int{1, 1}, [2]int{2, 1})), 500)
	if i := slices.IndexFunc(done, func(tr rundir.Trial) bool { return tr.Step.Hot || tr.Step.Alone }); i >= 0 {
		t.Errorf("step %+v is hot or alone", done[i].Step)
	}
}

// A server that runs already is one cell, of which only the capacity is told:
// its workers are what its user says, so that they bound nothing.
func TestTarget(t *testing.T) {
	s := testScenario(5*time.Minute, "p99 < 250ms")
	s.Target = "http://127.0.0.1:8000"
	cells := product([]string{scenarios.TargetServer}, []string{scenarios.Direct}, 1)
	m := newSimulated(2, 0, 20*time.Millisecond, 5)
	m.actually = 8
	res, _ := run(t, s, cells, m)
	if res.Outcome != Recommended || res.Target != s.Target || res.Winner.Cell != cells[0].Cell {
		t.Fatalf("outcome %q of %q, winner %+v", res.Outcome, res.Target, res.Winner)
	}
	if len(res.Folklore)+len(res.ProxyTax) > 0 || res.Contest != nil || res.RunnerUp != nil {
		t.Errorf("folklore %v, proxies %v, contest %v, runner-up %v; want none", res.Folklore, res.ProxyTax, res.Contest, res.RunnerUp)
	}
	if got := res.Winner.Final.Value; got < 300 || got > 430 {
		t.Errorf("sustains %.0f requests/s, want nearly the 400 of its 8 workers", got)
	}
	if res.Limit.What != LimitUnknown || !strings.Contains(res.Limit.Evidence[0], "not watched") {
		t.Errorf("limit %+v, want an unknown one", res.Limit)
	}
}

// An event loop works on more requests than it has slots, so that a burst on
// its slots is no bound.
func TestEventLoopIsNotBoundedByItsBurst(t *testing.T) {
	s := testScenario(5*time.Minute, "p99 < 250ms")
	cells := cellsOf([2]int{1, 1})
	m := newSimulated(2, 0, 20*time.Millisecond, 5)
	m.actually = 8
	m.broken = func(_ rundir.Step, tr *rundir.Trial) { tr.Effective.Peak = &rundir.Peak{Seen: 8, Offered: 64} }
	res, _ := run(t, s, cells, m)
	if got := res.Winner.Final.Value; got < 300 || got > 430 {
		t.Errorf("sustains %.0f requests/s, want nearly the 400 that it works on", got)
	}
}
