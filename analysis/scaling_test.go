package analysis

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// onCores searches a small matrix and then some numbers of cores, on a
// simulated machine of four whose application is that much slower on fewer.
func onCores(t *testing.T, s *scenarios.Scenario, broken func(rundir.Step, *rundir.Trial)) ([]scenarios.Planned, []rundir.Trial, *simulated) {
	t.Helper()
	cells := cellsOf([2]int{2, 2}, [2]int{4, 2}, [2]int{8, 2})
	m := newSimulated(4, 8*time.Millisecond, 4*time.Millisecond, 3)
	m.broken = func(step rundir.Step, tr *rundir.Trial) {
		if step.Phase == rundir.Scaling {
			tr.Usage.App.PSSBytes, tr.Usage.AppCores = 1<<40, 1 // what must not be taken for the cell's
		}
		if broken != nil {
			broken(step, tr)
		}
	}
	done, ended := m.search(Strategies[cmp.Or(s.Search.Strategy, scenarios.Grid)](s, cells), 2000)
	if !ended {
		t.Fatalf("the search did not end in %d trials", len(done))
	}
	return cells, done, m
}

// scaledOf splits the trials into those of the search and those on numbers of
// cores.
func scaledOf(done []rundir.Trial) (search, scaled []rundir.Trial) {
	for _, t := range done {
		if t.Step.Phase == rundir.Scaling {
			scaled = append(scaled, t)
		} else {
			search = append(search, t)
		}
	}
	return search, scaled
}

// The recommended cell is measured on every number of cores, in interleaved
// rounds after the finals, within the budget, and nothing of it enters the
// search.
func TestNumbersOfCores(t *testing.T) {
	for _, strategy := range []string{scenarios.Grid, scenarios.Adaptive} {
		t.Run(strategy, func(t *testing.T) {
			s := testScenario(12*time.Minute, "p99 < 500ms")
			s.Search.Strategy, s.Search.Cores = strategy, []float64{0.5, 1, 2, 3, 4}
			cells, done, m := onCores(t, s, nil)
			if m.seconds > time.Duration(s.Search.Budget).Seconds() {
				t.Errorf("took %.0f s of %v", m.seconds, s.Search.Budget)
			}
			search, scaled := scaledOf(done)
			if !reflect.DeepEqual(done[:len(search)], search) {
				t.Error("the bursts on numbers of cores are not at the end")
			}
			with, without := conclude(t, s, cells, done), conclude(t, s, cells, search)
			if got, want := told(with), told(without); got != want {
				t.Errorf("with the bursts on numbers of cores\n%s, without\n%s", got, want)
			}
			if with.Partial != "" || !strings.Contains(without.Partial, "0 of 3 rounds on other numbers of cores") {
				t.Errorf("partial %q with them, %q without", with.Partial, without.Partial)
			}
			if got := scalingTrials(with.Trials); len(got) != 15 {
				t.Errorf("%d bursts on numbers of cores passed, want 15", len(got))
			}
			rounds := map[int][]float64{}
			for _, tr := range scaled {
				rounds[tr.Step.Start] = append(rounds[tr.Step.Start], tr.Step.Cores)
				cell := with.Winner.Cell
				cell.Workers = max(1, int(float64(cell.Workers)*tr.Step.Cores/4+0.5))
				if tr.Step.Cell != cell || tr.Step.Connections != 2*cell.Slots() || tr.Step.Rate != 0 {
					t.Errorf("on %g cores %v with %d connections, want %v with two for every slot", tr.Step.Cores, tr.Step.Cell, tr.Step.Connections, cell)
				}
			}
			for start := scalingStart; start < scalingStart+3; start++ {
				all := slices.Clone(rounds[start])
				slices.Sort(all)
				if !slices.Equal(all, s.Search.Cores) {
					t.Errorf("start %d has the cores %v, want each once", start, rounds[start])
				}
			}
			if len(rounds) != 3 || slices.Equal(rounds[scalingStart], rounds[scalingStart+1]) && slices.Equal(rounds[scalingStart], rounds[scalingStart+2]) {
				t.Errorf("rounds %v, want three in orders of their own", rounds)
			}
			if note := scaled[5].Step.Note; note != "1 of 5 numbers of cores, round 2 of 3" {
				t.Errorf("note %q", note)
			}
		})
	}
}

// told is what a search tells of its cells.
func told(res *Result) string {
	text := fmt.Sprintf("%v: %s %q %+v\n", res.Winner.Cell, res.Limit.What, res.Limit.Evidence, *res.Limit.Seen)
	for _, c := range res.Cells {
		figures := ""
		for _, f := range []*Figure{c.Saturation, c.Explored, c.Final, c.AppCPU} {
			if f != nil {
				figures += fmt.Sprintf(" %+v", *f)
			}
		}
		text += fmt.Sprintf("%v %d %d %d, %d bytes, %d processes, %.3f busy, %d points,%s\n",
			c.Cell, c.Passed, c.Failed, c.Void, c.Memory, c.Processes, c.Utilisation, len(c.Curve), figures)
	}
	return text
}

// A void burst is repeated, but not for ever; one that fails is not repeated.
func TestNumbersOfCoresGoWrong(t *testing.T) {
	s := testScenario(12*time.Minute, "p99 < 500ms")
	s.Search.Cores, s.Search.Finals = []float64{1, 2, 4}, 1
	cells, done, _ := onCores(t, s, func(step rundir.Step, tr *rundir.Trial) {
		switch {
		case step.Phase == rundir.Scaling && step.Cores == 1:
			tr.Broken = "it was"
		case step.Phase == rundir.Scaling && step.Cores == 2:
			tr.Failure = "out of memory"
		}
	})
	_, scaled := scaledOf(done)
	tries := map[float64]int{}
	for _, tr := range scaled {
		tries[tr.Step.Cores]++
	}
	if want := map[float64]int{1: maxVoids + 1, 2: 1, 4: 1}; !reflect.DeepEqual(tries, want) {
		t.Errorf("tries %v, want %v", tries, want)
	}
	if got := scalingTrials(conclude(t, s, cells, done).Trials); len(got) != 1 || got[0].Step.Cores != 4 {
		t.Errorf("%d bursts passed, want the one on 4 cores", len(got))
	}
}

// Where the budget does not do for all rounds, those that fit are whole.
func TestShortBudgetForNumbersOfCores(t *testing.T) {
	s := testScenario(4*time.Minute, "p99 < 500ms")
	s.Search.Cores = []float64{0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4}
	s.Search.Trial, s.Search.Burst, s.Search.Warmup = scenarios.Duration(2*time.Second), scenarios.Duration(3*time.Second), scenarios.Duration(time.Second)
	cells, done, m := onCores(t, s, nil)
	_, scaled := scaledOf(done)
	if len(scaled) == 0 || len(scaled) == 24 || len(scaled)%8 != 0 {
		t.Errorf("%d bursts on 8 numbers of cores, want one or two whole rounds", len(scaled))
	}
	if m.seconds > time.Duration(s.Search.Budget).Seconds() {
		t.Errorf("took %.0f s of %v", m.seconds, s.Search.Budget)
	}
	if res := conclude(t, s, cells, done); !strings.Contains(res.Partial, "rounds on other numbers of cores were measured") {
		t.Errorf("partial %q", res.Partial)
	}
}
