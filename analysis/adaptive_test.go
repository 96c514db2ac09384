package analysis

import (
	"math"
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
		})
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
			all = append(all, observation{cell, start, math.Log(x[cell] * rounds[start]), 1})
		}
	}
	e := fitEffects(all, burstSD)
	for cell, want := range x {
		if got := math.Exp(e.log[cell] - e.log[a]); math.Abs(got-want/100) > 1e-4 {
			t.Errorf("%v is %.4f times %v, want %.4f", cell, got, a, want/100)
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
