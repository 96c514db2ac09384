package analysis

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis/simulate"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestBarred(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cell   scenarios.Cell
		limits scenarios.Limits
		want   string
	}{
		{"no limit", scenarios.Cell{Workers: 100, Threads: 10}, scenarios.Limits{Reserve: 3}, ""},
		{"as many as there are", scenarios.Cell{Workers: 8, Threads: 4}, scenarios.Limits{Connections: 35, Reserve: 3}, ""},
		{"one too many", scenarios.Cell{Workers: 8, Threads: 4}, scenarios.Limits{Connections: 34, Reserve: 3}, "32 database connections for its slots and 3 in reserve, limit 34"},
		{"all instances count", scenarios.Cell{Workers: 2, Threads: 4, Instances: 4}, scenarios.Limits{Connections: 20}, "32 database connections for its slots and 0 in reserve, limit 20"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Barred(tt.limits, tt.cell); got != tt.want {
				t.Errorf("barred %q, want %q", got, tt.want)
			}
		})
	}
}

// A cell that cannot keep a constraint is never started, by no strategy, and is
// in the result with the reason.
func TestBarredCellsAreNotMeasured(t *testing.T) {
	for name, strategy := range Strategies {
		t.Run(name, func(t *testing.T) {
			w := simulate.NewWorld("wait", 1)
			s, cells := w.Scenario(1), cellsOfWorld([2]int{1, 1}, [2]int{2, 2}, [2]int{4, 2}, [2]int{8, 4})
			s.Search.Strategy, s.Search.Budget = name, scenarios.Duration(20*time.Minute)
			s.Limits = scenarios.Limits{Connections: 12, Reserve: 4}
			done, _ := simulate.NewMachine(w, s, simulate.NewNoise(0.03), 1).Search(strategy(s, cells), 5000)
			for _, tr := range done {
				if tr.Step.Cell == cells[3].Cell {
					t.Fatalf("%v was measured", tr.Step.Cell)
				}
			}
			res := conclude(t, s, cells, done)
			if res.Winner == nil || res.Winner.Cell != cells[2].Cell || res.Partial != "" {
				t.Errorf("winner %+v, partial %q; want %v and none", res.Winner, res.Partial, cells[2].Cell)
			}
			if c := res.Cells[3]; c.Struck != "32 database connections for its slots and 4 in reserve, limit 12" || c.Dropped != "" {
				t.Errorf("struck %q, dropped %q", c.Struck, c.Dropped)
			}
		})
	}
}

// Where every cell is beyond a limit, nothing is measured and the objectives
// are not met.
func TestAllBarred(t *testing.T) {
	s := testScenario(time.Minute, "p99 < 250ms")
	s.Limits.Connections = 3
	cells := cellsOf([2]int{4, 1}, [2]int{8, 1})
	if step, ok := Grid(s, cells)(nil); ok {
		t.Fatalf("step %+v, want none", step)
	}
	if res := conclude(t, s, cells, nil); res.Outcome != NotMet || !strings.Contains(res.Because, "2 beyond a limit") {
		t.Errorf("outcome %s: %s", res.Outcome, res.Because)
	}
}

func TestStruck(t *testing.T) {
	cell := cellsOf([2]int{4, 1})[0]
	each := func(change func(*rundir.Trial)) func([]rundir.Trial) {
		return func(trials []rundir.Trial) {
			for i := range trials {
				change(&trials[i])
			}
		}
	}
	spent := func(seconds float64) func(*rundir.Trial) { // of 1,000 requests
		return func(t *rundir.Trial) { t.Usage.App.CPUSeconds = seconds }
	}
	connected := func(name string, seen, limit int) func(*rundir.Trial) {
		return func(t *rundir.Trial) {
			t.Usage.Databases = map[string]rundir.ServiceUse{name: {Connections: seen, Limit: limit}}
		}
	}
	for _, tt := range []struct {
		name   string
		limits scenarios.Limits
		change func([]rundir.Trial)
		want   string
	}{
		{"no limits", scenarios.Limits{}, each(spent(9)), ""},
		{"memory just within", scenarios.Limits{Memory: 200e6}, nil, ""},
		{"memory beyond", scenarios.Limits{Memory: 199e6}, nil, "memory 200 MB, limit 199 MB"},
		{"memory a little beyond", scenarios.Limits{Memory: 199.9e6}, nil, "memory 200.0 MB, limit 199.9 MB"},
		{"CPU just within", scenarios.Limits{CPU: 1.5}, each(spent(3.7)), ""}, // 400 requests/s × 3.7 ms
		{"CPU beyond, nothing held it", scenarios.Limits{CPU: 1.5}, each(spent(4)), "the application uses 1.60 CPUs at 400 requests/s, limit 1.5, to which nothing held it"},
		{"CPU beyond, but a control group held it", scenarios.Limits{CPU: 1.5}, each(func(t *rundir.Trial) { t.Usage.App.CPUSeconds, t.Usage.Quota = 4, 1.5 }), ""},
		{"connections to a private database just within", scenarios.Limits{Reserve: 3}, each(connected("postgresql", 97, 100)), ""},
		{"connections to a private database", scenarios.Limits{Reserve: 3}, each(connected("postgresql", 98, 100)), "it had 98 connections to postgresql, with 3 in reserve; limit 100"},
		{"the limit given is the limit", scenarios.Limits{Connections: 20, Reserve: 3}, each(connected("mariadb", 18, 151)), "it had 18 connections to mariadb, with 3 in reserve; limit 20"},
		{"a cache is no database", scenarios.Limits{Connections: 20, Reserve: 3}, each(connected("redis", 500, 10000)), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			done := measuredAt(cell.Cell, 200e6, 400, 400, 400)
			if tt.change != nil {
				tt.change(done)
			}
			s := testScenario(time.Hour, "p99 < 250ms")
			s.Limits = tt.limits
			res := conclude(t, s, []scenarios.Planned{cell}, done)
			if got := res.Cells[0].Struck; got != tt.want {
				t.Errorf("struck %q, want %q", got, tt.want)
			}
			if recommended := res.Outcome == Recommended; recommended != (tt.want == "") {
				t.Errorf("outcome %s with %q", res.Outcome, tt.want)
			}
		})
	}
}

// swelling returns trials of final starts of a cell at 100 requests/s, with the
// memory after each of them, in MB.
func swelling(c scenarios.Cell, starts ...[]float64) (out []rundir.Trial) {
	for i, megabytes := range starts {
		for k, mb := range megabytes {
			t := goodTrial()
			t.Step = rundir.Step{Cell: c, Start: finalStart + i, Phase: rundir.Final, Rate: 100, Duration: 10 * time.Second}
			t.Effective.Workers, t.Fresh = c.Processes(), k == 0
			t.Usage.App = rundir.Group{PSSBytes: uint64(1e6 * mb), PSSAfter: uint64(1e6 * mb), Processes: 2}
			out = append(out, t)
		}
	}
	return out
}

func TestMemoryGrowth(t *testing.T) {
	cell := cellsOf([2]int{2, 1})[0]
	for _, tt := range []struct {
		name      string
		starts    [][]float64
		low, high float64 // that the growth is between, MB an hour; 0, 0: none
		struck    string
	}{
		{"a leak of 100 bytes a request", [][]float64{{100, 100.1, 100.2, 100.3, 100.4, 100.5}, {100, 100.1, 100.2, 100.3, 100.4, 100.5}}, 35.9, 36.1, "memory 100 MB, and at least 36 MB more in an hour at 100 requests/s; limit 130 MB"},
		{"steady", [][]float64{{100, 100, 100, 100, 100, 100}, {101, 101, 101, 101, 101, 101}}, 0, 0, ""},
		{"it settles", [][]float64{{80, 95, 99, 100, 100, 100}, {80, 95, 99, 100, 100, 100}}, 0, 0, ""},
		{"to and fro", [][]float64{{100, 101, 100, 102, 100, 101}, {100, 102, 101, 100, 102, 101}}, 0, 0, ""},
		{"too few trials to tell", [][]float64{{100, 101}}, 0, 0, ""},
		{"so little that it is none", [][]float64{{100, 100.001, 100.002, 100.003, 100.004, 100.005}}, 0, 0, ""},
		{"a huge leak is bounded at four times what was measured", [][]float64{{50, 60, 70, 80, 90, 100}, {50, 60, 70, 80, 90, 100}}, 300, 300, "memory 100 MB, and at least 300 MB more in an hour at 100 requests/s; limit 130 MB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := testScenario(time.Hour, "p99 < 250ms")
			s.Limits.Memory = 130e6
			c := conclude(t, s, []scenarios.Planned{cell}, swelling(cell.Cell, tt.starts...)).Cells[0]
			switch {
			case tt.high == 0 && c.Growth != nil:
				t.Errorf("growth %+v, want none", c.Growth)
			case tt.high > 0 && (c.Growth == nil || c.Growth.Value < 1e6*tt.low || c.Growth.Value > 1e6*tt.high):
				t.Errorf("growth %+v, want %g to %g MB", c.Growth, tt.low, tt.high)
			}
			if c.Struck != tt.struck {
				t.Errorf("struck %q, want %q", c.Struck, tt.struck)
			}
		})
	}
}

// A restarted stack begins another life: what it lacks is no shrinking.
func TestLivesEndWithTheirStack(t *testing.T) {
	cell := cellsOf([2]int{2, 1})[0].Cell
	trials := swelling(cell, []float64{100, 110, 50, 60}, []float64{70})
	trials[2].Fresh = true
	trials[3].Failure, trials[3].Usage.App.PSSAfter = "died", 0
	got := lives(JudgeAll(testScenario(time.Hour, "p99 < 250ms"), trials, nil))
	if len(got) != 3 || !slices.Equal(got[0].bytes, []float64{100e6, 110e6}) || !slices.Equal(got[1].bytes, []float64{50e6}) || !slices.Equal(got[0].served, []float64{1000, 2000}) {
		t.Errorf("lives %+v", got)
	}
}

// What does not fit in the memory neither leads a race nor has a place in the
// finals, and a larger cell of its family is not started for its throughput.
func TestAdaptiveWithinMemory(t *testing.T) {
	w := simulate.NewWorld("wait", 1)
	s, cells := adaptiveScenario(w, 60*time.Minute), w.Cells()
	s.Limits.Memory = scenarios.Bytes(w.Memory(scenarios.Cell{Server: "simulated", Proxy: "nginx", Workers: 3, Threads: 16}))
	done, ended := simulate.NewMachine(w, s, simulate.NewNoise(0.03), 1).Search(Adaptive(s, cells), 5000)
	res := conclude(t, s, cells, done)
	if !ended || res.Outcome != Recommended || res.Winner.Struck != "" {
		t.Fatalf("ended %v, outcome %s: %s", ended, res.Outcome, res.Because)
	}
	best := 0.0
	for _, c := range cells {
		if w.Memory(c.Cell) <= uint64(s.Limits.Memory) {
			best = max(best, w.Saturation(c.Cell))
		}
	}
	if got := w.Saturation(res.Winner.Cell); got < 0.94*best {
		t.Errorf("recommends %v with a throughput of %.1f requests/s, the best that fits has %.1f", res.Winner.Cell, got, best)
	}
	g := newGrid(s, measurable(s.Limits, cells), done)
	for c, better := range g.standing(g.lastStart()).better {
		if w.Memory(c) > uint64(s.Limits.Memory) && better > 0 && len(g.starts(c, 0, g.lastStart())) > 0 {
			t.Errorf("%v does not fit and may be better with a probability of %.3f", c, better)
		}
	}
	for _, c := range res.Cells {
		if over := w.Memory(c.Cell) > uint64(s.Limits.Memory); over != (c.Struck != "") && (c.Passed > 0 || !over) {
			t.Errorf("%v takes %d MB, struck %q", c.Cell, w.Memory(c.Cell)/1e6, c.Struck)
		}
		if c.Struck != "" && c.Final != nil && len(c.Folklore) == 0 {
			t.Errorf("%v does not fit and was in the finals", c.Cell)
		}
	}
}
