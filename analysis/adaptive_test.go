package analysis

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis/simulate"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// adaptiveScenario is a small world's scenario with a budget.
func adaptiveScenario(w *simulate.World, budget time.Duration) *scenarios.Scenario {
	s := w.Scenario(1)
	s.Search.Strategy, s.Search.Budget = scenarios.Adaptive, scenarios.Duration(budget)
	return s
}

// The recommended cell is nearly the best, at a small part of the cells'
// walks, and every other one says why it dropped out.
func TestAdaptiveFindsANearlyBestCell(t *testing.T) {
	for _, kind := range []string{"cpu", "wait", "database"} {
		t.Run(kind, func(t *testing.T) {
			w := simulate.NewWorld(kind, 1)
			s, cells := adaptiveScenario(w, 90*time.Minute), w.Cells()
			m := simulate.NewMachine(w, s, simulate.NewNoise(0.03), 1)
			done, ended := m.Search(Adaptive(s, cells), 5000)
			if !ended {
				t.Fatal("the search did not end")
			}
			res := conclude(t, s, cells, done)
			if res.Outcome != Recommended {
				t.Fatalf("outcome %s: %s", res.Outcome, res.Because)
			}
			best := 0.0
			for _, c := range cells {
				best = max(best, w.Saturation(c.Cell))
			}
			if got := w.Saturation(res.Winner.Cell); got < 0.94*best {
				t.Errorf("recommends %v with a throughput of %.1f requests/s, the best has %.1f", res.Winner.Cell, got, best)
			}
			if m.Wall > time.Duration(s.Search.Budget)*11/10 {
				t.Errorf("took %v of %v", m.Wall, s.Search.Budget)
			}
			if res.Confidence <= 0 || res.Confidence > 1 || res.Regret != float64(s.Search.Regret) {
				t.Errorf("confidence %g that no cell is better by %g", res.Confidence, res.Regret)
			}
			walked := 0
			for _, c := range res.Cells {
				if c.Final != nil {
					walked++
				} else if c.Dropped == "" {
					t.Errorf("%v was not in the finals, and nothing says why", c.Cell)
				}
			}
			if walked > len(cells)/6 {
				t.Errorf("%d of %d cells were in the finals", walked, len(cells))
			}
			checkFinals(t, s, cells, res, done)
		})
	}
}

// checkFinals looks at what the final visits of long trials are made of: the
// recommended cell has long bursts and a point of its latency curve a round, and
// no cell has more.
func checkFinals(t *testing.T, s *scenarios.Scenario, cells []scenarios.Planned, res *Result, done []rundir.Trial) {
	t.Helper()
	p := newPlan(s, measurable(s.Limits, cells))
	long := time.Duration(p.Prolonged) * p.Burst
	if long <= p.Burst {
		t.Fatalf("the plan has bursts of %v in the finals, and none longer", p.Burst)
	}
	points := map[scenarios.Cell]map[float64]bool{}
	for _, trial := range done {
		step := trial.Step
		switch {
		case step.Start < finalStart:
		case step.Phase == rundir.Curve:
			if points[step.Cell] == nil {
				points[step.Cell] = map[float64]bool{}
			}
			points[step.Cell][step.Rate] = true
		case step.Phase == rundir.Saturation && step.Duration != long:
			if step.Duration != p.Burst || step.Cell == res.Winner.Cell {
				t.Errorf("%v: a burst of %v in the finals, want %v for the recommended cell, and %v for cells that are beaten", step.Cell, step.Duration, long, p.Burst)
			}
		}
	}
	if got := len(points[res.Winner.Cell]); got != s.Search.Finals {
		t.Errorf("%d points of the recommended cell's latency curve, want %d", got, s.Search.Finals)
	}
	for c, at := range points {
		if len(at) > s.Search.Finals {
			t.Errorf("%v: %d points of its latency curve, want %d at most", c, len(at), s.Search.Finals)
		}
	}
}

func TestAdaptiveIsPure(t *testing.T) {
	w := simulate.NewWorld("mixed", 2)
	s, cells := adaptiveScenario(w, 30*time.Minute), w.Cells()
	done, _ := simulate.NewMachine(w, s, simulate.NewNoise(0.05), 1).Search(Adaptive(s, cells), 5000)
	for i := 0; i < len(done); i += 7 {
		step, ok := Adaptive(s, cells)(done[:i])
		want := done[i].Step
		step.Left, want.Left = 0, 0
		if !ok || !reflect.DeepEqual(step, want) {
			t.Fatalf("after %d trials: %+v, %v; the run had %+v", i, step, ok, want)
		}
	}
}

// An objective below what a request takes alone is found out before any cell
// is walked.
func TestAdaptiveGivesUpWhatIsInfeasible(t *testing.T) {
	w := simulate.NewWorld("wait", 1)
	s := adaptiveScenario(w, time.Hour)
	s.Objectives[0].Limit = w.Wait.Mean / 2
	cells := cellsOfWorld([2]int{1, 1}, [2]int{2, 4})
	done, ended := simulate.NewMachine(w, s, simulate.NewNoise(0.03), 1).Search(Adaptive(s, cells), 50)
	res := conclude(t, s, cells, done)
	if !ended || res.Outcome != NotMet {
		t.Fatalf("ended %v, outcome %q: %s", ended, res.Outcome, res.Because)
	}
	for _, tr := range done {
		if tr.Step.Phase != rundir.Saturation && tr.Step.Phase != rundir.Probe {
			t.Errorf("trial %d is a %s", tr.ID, tr.Step.Phase)
		}
	}
}

func cellsOfWorld(pairs ...[2]int) []scenarios.Planned {
	out := cellsOf(pairs...)
	for i := range out {
		out[i].Cell.Server = "simulated"
	}
	return out
}

// Effects take out what a round did to all, though not every cell was in it.
func TestEffectsTakeRoundsOut(t *testing.T) {
	a, b, c := cellsOf([2]int{1, 1})[0].Cell, cellsOf([2]int{2, 1})[0].Cell, cellsOf([2]int{3, 1})[0].Cell
	x := map[scenarios.Cell]float64{a: 100, b: 110, c: 90}
	rounds := []float64{1, 0.8, 1.3}
	var all []observation
	for start, cells := range [][]scenarios.Cell{{a, b, c}, {a, b}, {b}} {
		for _, cell := range cells {
			all = append(all, observation{cell: cell, start: start, log: math.Log(x[cell] * rounds[start]), weight: 1})
		}
	}
	e := fitEffects(all).bursts
	for cell, want := range x {
		if got := math.Exp(e.log[cell] - e.log[a]); math.Abs(got-want/100) > 1e-4 {
			t.Errorf("%v is %.4f times %v, want %.4f", cell, got, a, want/100)
		}
	}
}

// Effects take out how a machine drifts within a round, as others that are
// measured meanwhile show: four cells, of which the first always comes when the
// machine is fast and the last when it is slow, come out alike.
func TestEffectsTakeDriftOut(t *testing.T) {
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{3, 1}, [2]int{4, 1})
	others := product([]string{"other"}, []string{scenarios.Direct}, 1, 2, 3, 4, 5, 6, 8, 12)
	var all []observation
	add := func(c scenarios.Planned, minute int) float64 {
		speed := 0.03 * math.Sin(2*math.Pi*float64(minute)/40)
		all = append(all, observation{cell: c.Cell, start: minute / 40, at: time.Unix(int64(60*minute), 0), log: math.Log(100) + speed, weight: 1})
		return speed
	}
	mean := map[scenarios.Cell]float64{}
	for minute := range 160 {
		add(others[minute%len(others)], minute)
		for i, c := range cells {
			if minute%40 == 10+20*i/3 {
				mean[c.Cell] += add(c, minute) / 4
			}
		}
	}
	first, last := cells[0].Cell, cells[len(cells)-1].Cell
	if mean[first]-mean[last] < 0.05 {
		t.Fatalf("plain means differ by %.4f only: the test is too easy", mean[first]-mean[last])
	}
	e := fitEffects(all).bursts
	for _, c := range cells {
		if off := e.log[c.Cell] - e.log[first]; math.Abs(off) > 0.01 {
			t.Errorf("%v is ahead of %v by %.4f, want 0", c.Cell, first, off)
		}
	}
}

// The noise that is left is estimated apart for bursts and for final walks, and
// that of a walk is no less than that of a burst.
func TestEffectsTellTheNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	cells := product([]string{"a"}, []string{scenarios.Direct}, 1, 2, 3, 4, 5, 6, 8, 12)
	for _, tt := range []struct{ burst, walk, wantBurst, wantWalk float64 }{
		{0.02, 0.06, 0.02, 0.06},
		{0.06, 0.01, 0.06, 0.03},
	} {
		var all []observation
		for start := range 12 {
			for i, c := range cells {
				at := time.Unix(int64(3600*start+60*i), 0)
				all = append(all, observation{c.Cell, start, false, at, tt.burst * rng.NormFloat64(), 1, ""})
				all = append(all, observation{c.Cell, start, true, at, tt.walk * rng.NormFloat64(), 1, ""})
			}
		}
		f := fitEffects(all)
		if got := f.bursts.sd; math.Abs(got-tt.wantBurst) > 0.3*tt.wantBurst {
			t.Errorf("bursts: %.3f, want %.3f", got, tt.wantBurst)
		}
		if got := f.finals.sd; got < 0.75*tt.wantWalk || tt.walk > tt.burst && got > 1.25*tt.wantWalk {
			t.Errorf("walks: %.3f, want %.3f or a little more", got, tt.wantWalk)
		}
	}
}

// Ceilings are Little's law and the utilisation law.
func TestForecastCeilings(t *testing.T) {
	cell := func(workers, threads int) scenarios.Cell {
		return cellsOf([2]int{workers, threads})[0].Cell
	}
	f := forecast{cores: 4, known: []known{
		{cell(1, 1), 20, 0.01, 0.012, 0}, // 50 ms a request, of which 10 on CPU
		{cell(1, 8), 98, 0.01, 0.012, 0},
	}}
	f.shares()
	for _, tt := range []struct {
		name string
		cell scenarios.Cell
		want float64
	}{
		{"slots", cell(2, 1), 40},
		{"Python's lock", cell(1, 16), 100},
		{"slots of the larger one", cell(2, 8), 196},
		{"cores", cell(16, 8), 4 / 0.012},
	} {
		if got := f.ceiling(tt.cell); math.Abs(got-tt.want) > 1e-6 {
			t.Errorf("%s: the ceiling of %v is %.1f, want %.1f", tt.name, tt.cell, got, tt.want)
		}
	}
	other := cell(2, 2)
	other.Proxy = "nginx"
	if got := f.ceiling(other); !math.IsInf(got, 1) {
		t.Errorf("the ceiling behind another proxy is %g, want none", got)
	}
	if guess := f.guess(cell(1, 16)); guess < 90 || guess > 100 {
		t.Errorf("forecast %.1f, want 98 %% of the ceiling and less", guess)
	}
}

// What dropped out is told with its distance to the leader.
func TestDroppedTellsWhy(t *testing.T) {
	w := simulate.NewWorld("cpu", 2)
	s := adaptiveScenario(w, time.Hour)
	cells := cellsOfWorld([2]int{w.Cores, 1}, [2]int{w.Cores, 2}, [2]int{1, 1}, [2]int{1, 2})
	done, _ := simulate.NewMachine(w, s, simulate.NewNoise(0.03), 1).Search(Adaptive(s, cells), 5000)
	res := conclude(t, s, cells, done)
	for _, c := range res.Cells[2:] {
		if c.Final == nil && !strings.Contains(c.Dropped, "below the leader's") && !strings.Contains(c.Dropped, "forecast") {
			t.Errorf("%v dropped out: %q", c.Cell, c.Dropped)
		}
	}
}
