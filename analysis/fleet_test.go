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

// alone makes the visits of a fleet one after the other, as one site does.
func (m *simulated) alone(f rundir.Fleet, most int) (done []rundir.Trial, ended bool) {
	for len(done) < most {
		next, over := f.Visits(done, nil, 1)
		if over {
			return done, true
		}
		for {
			step, ok := f.Step(done, next[0])
			if !ok {
				break
			}
			done = append(done, m.trial(step))
		}
	}
	return done, false
}

// misfortunes has every so many trials go wrong, and numbers all of them.
func (m *simulated) misfortunes(every int, change func(rundir.Step, *rundir.Trial)) {
	n := 0
	m.broken = func(step rundir.Step, t *rundir.Trial) {
		n++
		if change != nil && n%every == 0 {
			change(step, t)
		}
		t.ID = n
	}
}

func void(_ rundir.Step, t *rundir.Trial) { t.Broken = "somebody compiled a kernel" }

func crash(step rundir.Step, t *rundir.Trial) {
	*t = rundir.Trial{Step: step, Began: t.Began, Failure: "start: ImportError: no module named shop", Cost: time.Second}
}

// One site that makes visit after visit makes the trials of the strategy, in
// its order, whatever a scenario asks for and whatever goes wrong.
func TestFleetOfOneIsTheStrategy(t *testing.T) {
	proxies := []string{scenarios.Direct, "nginx"}
	for _, tt := range []struct {
		name   string
		change func(*scenarios.Scenario)
		cells  []scenarios.Planned
		every  int
		broken func(rundir.Step, *rundir.Trial)
	}{
		{"plain", nil, cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{5, 1}, [2]int{1, 20}, [2]int{2, 20}), 1, nil},
		{"one cell", nil, cellsOf([2]int{2, 1}), 1, nil},
		{"hot, in replicates", func(s *scenarios.Scenario) { s.Search.Hot, s.Search.Replicates = true, 2 }, product([]string{"a", "b"}, proxies, 1, 2, 3), 1, nil},
		{"numbers of cores", func(s *scenarios.Scenario) { s.Search.Cores = []float64{0.5, 1, 2} }, cellsOf([2]int{1, 2}, [2]int{2, 2}, [2]int{4, 2}), 1, nil},
		{"a short budget", func(s *scenarios.Scenario) { s.Search.Budget = scenarios.Duration(2 * time.Minute) }, product([]string{"a"}, proxies, 1, 2, 3, 4, 5, 6, 7, 8), 1, nil},
		{"a long one", func(s *scenarios.Scenario) { s.Search.Budget = scenarios.Duration(40 * time.Minute) }, product([]string{"a"}, proxies, 1, 2, 3, 4), 1, nil},
		{"proxies compared", func(s *scenarios.Scenario) { s.Search.Compare = scenarios.CompareProxy }, product([]string{"a", "b"}, proxies, 1, 2, 4), 1, nil},
		{"servers compared", func(s *scenarios.Scenario) { s.Search.Compare = scenarios.CompareServer }, product([]string{"a", "b", "c"}, proxies, 1, 2, 4), 1, nil},
		{"every cell in the finals", func(s *scenarios.Scenario) { s.Search.Compare = scenarios.CompareServer }, product([]string{"a", "b", "c"}, proxies[:1], 2), 1, nil},
		{"void trials", nil, product([]string{"a"}, proxies, 1, 2, 3, 4), 3, void},
		{"nothing but void trials", nil, product([]string{"a"}, proxies, 1, 2), 1, void},
		{"starts that fail", func(s *scenarios.Scenario) { s.Search.Hot = true }, product([]string{"a"}, proxies, 1, 2, 3, 4), 5, crash},
		{"a memory limit", func(s *scenarios.Scenario) { s.Limits.Memory = 100e6 }, product([]string{"a"}, proxies[:1], 1, 2, 3, 4, 8), 1, nil},
	} {
		for _, strategy := range []string{scenarios.Grid, scenarios.Adaptive} {
			t.Run(tt.name+", "+strategy, func(t *testing.T) {
				s := testScenario(12*time.Minute, "p99 < 250ms")
				s.Search.Strategy = strategy
				if tt.change != nil {
					tt.change(s)
				}
				machine := func() *simulated {
					m := newSimulated(2, 6*time.Millisecond, 4*time.Millisecond, 5)
					m.misfortunes(tt.every, tt.broken)
					return m
				}
				want, ended := machine().search(Strategies[strategy](s, tt.cells), 3000)
				got, over := machine().alone(Fleets[strategy](s, tt.cells), 3000)
				if !ended || !over {
					t.Fatalf("after %d and %d trials, the strategy ended %v, the fleet %v", len(want), len(got), ended, over)
				}
				sameTrials(t, got, want)
			})
		}
	}
}

func sameTrials(t *testing.T, got, want []rundir.Trial) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("trial %d is\n%+v, the strategy has\n%+v", i+1, got[i].Step, want[i].Step)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d trials, the strategy has %d", len(got), len(want))
	}
}

// sites are machines that are alike but for their luck, and for how fast they
// are if that is said.
func sites(w *simulate.World, s *scenarios.Scenario, noise float64, seed uint64, speeds ...float64) *simulate.Sites {
	b := &simulate.Sites{}
	for i, speed := range speeds {
		m := simulate.NewMachine(w, s, simulate.NewNoise(noise), seed+uint64(100*i))
		m.Speed = speed
		b.Machines = append(b.Machines, m)
	}
	return b
}

// spent is what trials took from the budget.
func spent(done []rundir.Trial) (sum time.Duration) {
	for _, t := range done {
		sum += t.Cost
	}
	return sum
}

// What the functions of a fleet answer goes by what they are given: not by what
// they were asked before, nor by the order of the visits that are busy.
func TestFleetIsPure(t *testing.T) {
	w := simulate.NewWorld("mixed", 2)
	for _, strategy := range []string{scenarios.Grid, scenarios.Adaptive} {
		t.Run(strategy, func(t *testing.T) {
			s, cells := w.Scenario(1), w.Cells()
			s.Search.Strategy, s.Search.Budget = strategy, scenarios.Duration(30*time.Minute)
			f := Fleets[strategy](s, cells)
			asked := 0
			checked := rundir.Fleet{
				Visits: func(done []rundir.Trial, busy []rundir.Visit, n int) ([]rundir.Visit, bool) {
					next, over := f.Visits(done, busy, n)
					if asked++; asked%9 == 0 {
						other := slices.Clone(busy)
						slices.Reverse(other)
						again, still := Fleets[strategy](s, cells).Visits(done, other, n)
						if !reflect.DeepEqual(next, again) || over != still {
							t.Fatalf("after %d trials: %v, %v, and then %v, %v", len(done), next, over, again, still)
						}
					}
					return next, over
				},
				Step: func(done []rundir.Trial, v rundir.Visit) (rundir.Step, bool) {
					step, ok := f.Step(done, v)
					if asked++; asked%9 == 0 {
						again, still := Fleets[strategy](s, cells).Step(done, v)
						if !reflect.DeepEqual(step, again) || ok != still {
							t.Fatalf("after %d trials: %+v, %v, and then %+v, %v", len(done), step, ok, again, still)
						}
					}
					return step, ok
				},
			}
			if _, ended := sites(w, s, 0.03, 1, 1, 1, 1).Search(checked, 3000); !ended {
				t.Error("the search did not end")
			}
		})
	}
}

// period is from the first trial of some visits to the end of the last.
type period struct{ from, to time.Time }

// spans are those of the visits of every number.
func spans(done []rundir.Trial) map[int]period {
	out := map[int]period{}
	for _, t := range done {
		s, known := out[t.Step.Start]
		if !known || t.Began.Before(s.from) {
			s.from = t.Began
		}
		if end := t.Began.Add(t.Cost); end.After(s.to) {
			s.to = end
		}
		out[t.Step.Start] = s
	}
	return out
}

// Whatever rests on all visits before it begins once they are complete: the
// race, each of its heats, the finals, every final round but the next one, and
// the numbers of cores.
func TestFleetWaitsWhereItMust(t *testing.T) {
	for _, kind := range []string{"cpu", "wait"} {
		for _, strategy := range []string{scenarios.Grid, scenarios.Adaptive} {
			t.Run(kind+", "+strategy, func(t *testing.T) {
				w := simulate.NewWorld(kind, 1)
				s, cells := w.Scenario(1), w.Cells()
				s.Search.Strategy, s.Search.Budget = strategy, scenarios.Duration(time.Hour)
				s.Search.Cores = []float64{1, 2}
				done, ended := sites(w, s, 0.05, 1, 1, 1, 1).Search(Fleets[strategy](s, cells), 5000)
				if !ended {
					t.Fatal("the search did not end")
				}
				all := spans(done)
				before := func(a, b int) {
					t.Helper()
					x, had := all[a]
					y, has := all[b]
					if had && has && y.from.Before(x.to) {
						t.Errorf("start %d began at %v, and start %d ended at %v", b, y.from, a, x.to)
					}
				}
				for heat := range heats {
					before(heat, heat+1)
					before(heat, finalStart)
				}
				for r := range mostFinals {
					before(finalStart+r, finalStart+r+2)
					before(finalStart+r, scalingStart)
				}
				before(finalStart+s.Search.Finals-1, finalStart+s.Search.Finals)
				if len(all) < 5 {
					t.Errorf("only the starts %v", all)
				}
			})
		}
	}
}

// Three sites find what one finds in little more than a third of its time, and
// keep to the budget, which is that of all of them together.
func TestThreeSitesAgainstOne(t *testing.T) {
	for _, strategy := range []string{scenarios.Grid, scenarios.Adaptive} {
		var ratios []string
		for _, kind := range []string{"cpu", "wait"} {
			w := simulate.NewWorld(kind, 1)
			s, cells := w.Scenario(1), w.Cells()
			s.Search.Strategy, s.Search.Budget = strategy, scenarios.Duration(45*time.Minute)
			one, three := sites(w, s, 0.03, 1, 1), sites(w, s, 0.03, 1, 1, 1, 1)
			alone, ended := one.Search(Fleets[strategy](s, cells), 5000)
			shared, over := three.Search(Fleets[strategy](s, cells), 5000)
			if !ended || !over {
				t.Fatalf("%s: one site ended %v, three %v", w.Name, ended, over)
			}
			ratio := three.Wall.Seconds() / one.Wall.Seconds()
			ratios = append(ratios, fmt.Sprintf("%s %.2f", kind, ratio))
			if ratio > 0.4 {
				t.Errorf("%s, %s: three sites took %v, %.2f of what one took", strategy, w.Name, three.Wall, ratio)
			}
			if limit := time.Duration(s.Search.Budget) * 11 / 10; spent(shared) > limit {
				t.Errorf("%s, %s: three sites spent %v of %v", strategy, w.Name, spent(shared), s.Search.Budget)
			}
			sameChoice(t, w, conclude(t, s, cells, alone), conclude(t, s, cells, shared))
		}
		t.Logf("%s: wall time of three sites over that of one: %s", strategy, strings.Join(ratios, ", "))
	}
}

// sameChoice makes sure that two searches recommend the same cell, or cells that
// sustain the same within two per cent.
func sameChoice(t *testing.T, w *simulate.World, a, b *Result) {
	t.Helper()
	if a.Winner == nil || b.Winner == nil {
		t.Fatalf("%s: %q and %q", w.Name, a.Because, b.Because)
	}
	x, y := a.Winner.Cell, b.Winner.Cell
	if x == y {
		return
	}
	rx, ry := w.Sustainable(x, w.Saturation(x)), w.Sustainable(y, w.Saturation(y))
	if off := ry/rx - 1; off < -0.02 {
		t.Errorf("%s: one site recommends %v, which sustains %.1f requests/s; three recommend %v with %.1f", w.Name, x, rx, y, ry)
	}
}

// A site that is gone in the middle of a visit takes one trial with it. Another
// one ends the visit, and every visit is complete in the end, once.
func TestSiteThatDies(t *testing.T) {
	for _, strategy := range []string{scenarios.Grid, scenarios.Adaptive} {
		for _, minute := range []time.Duration{2, 9} {
			t.Run(fmt.Sprintf("%s, after %d minutes", strategy, minute), func(t *testing.T) {
				w := simulate.NewWorld("cpu", 1)
				s, cells := w.Scenario(1), w.Cells()
				s.Search.Strategy, s.Search.Budget = strategy, scenarios.Duration(40*time.Minute)
				f := Fleets[strategy](s, cells)
				var made []rundir.Visit
				told := rundir.Fleet{Step: f.Step, Visits: func(done []rundir.Trial, busy []rundir.Visit, n int) ([]rundir.Visit, bool) {
					next, over := f.Visits(done, busy, n)
					made = append(made, next...)
					return next, over
				}}
				b := sites(w, s, 0.03, 1, 1, 1, 1)
				b.Dies = []time.Duration{0, minute * time.Minute}
				done, ended := b.Search(told, 5000)
				if !ended {
					t.Fatal("the search did not end")
				}
				checkVisits(t, f, made, done)
				if i := slices.IndexFunc(done, func(t rundir.Trial) bool {
					return t.Placed.Site == simulate.Name(1) && t.Began.Add(t.Cost).Sub(time.Unix(0, 0)) > minute*time.Minute
				}); i >= 0 {
					t.Errorf("trial %d is of a site that was gone", i+1)
				}
				if res := conclude(t, s, cells, done); res.Outcome != Recommended {
					t.Errorf("outcome %q: %s", res.Outcome, res.Because)
				}
			})
		}
	}
}

// checkVisits makes sure that every visit was handed out once and is complete,
// and that no burst on it counts twice.
func checkVisits(t *testing.T, f rundir.Fleet, made []rundir.Visit, done []rundir.Trial) {
	t.Helper()
	bursts := map[rundir.Visit]int{}
	for _, tr := range done {
		v := rundir.Visit{Cell: tr.Step.Cell, Start: tr.Step.Start, Cores: tr.Step.Cores}
		if !slices.Contains(made, v) {
			t.Errorf("trial %d is of a visit that nobody handed out: %+v", tr.ID, v)
		}
		if tr.Step.Phase == rundir.Saturation {
			bursts[v]++
		}
	}
	for i, v := range made {
		if step, more := f.Step(done, v); more {
			t.Errorf("%+v is not complete: %+v is next", v, step)
		}
		if slices.Contains(made[:i], v) {
			t.Errorf("%+v was handed out twice", v)
		}
		if bursts[v] > 1 {
			t.Errorf("%+v has %d bursts", v, bursts[v])
		}
	}
}

// Sites whose speed differs by some per cent are told. Alike ones are not told
// to differ.
func TestSitesThatAreNotAlike(t *testing.T) {
	for _, tt := range []struct {
		name   string
		speeds []float64
		doubt  string
	}{
		{"alike", []float64{1, 1, 1}, ""},
		{"not alike", []float64{1.05, 0.94, 1}, "more at site-1 than at site-2"},
	} {
		for _, strategy := range []string{scenarios.Grid, scenarios.Adaptive} {
			t.Run(tt.name+", "+strategy, func(t *testing.T) {
				w := simulate.NewWorld("cpu", 3)
				s, cells := w.Scenario(1), w.Cells()
				s.Search.Strategy, s.Search.Budget = strategy, scenarios.Duration(time.Hour)
				b := sites(w, s, 0.03, 1, tt.speeds...)
				for _, m := range b.Machines {
					m.Noise.Drift = 0 // or their speeds are not what is said
				}
				done, _ := b.Search(Fleets[strategy](s, cells), 5000)
				res := conclude(t, s, cells, done)
				mean := 0.0
				for _, speed := range tt.speeds {
					mean += math.Log(speed) / 3
				}
				for i, site := range res.Sites {
					truth, f := tt.speeds[i]/math.Exp(mean), site.Speed
					if site.Name != simulate.Name(i) || truth < f.Low || truth > f.High || f.High-f.Low > 0.1 {
						t.Errorf("%s is %.3f times as fast as the mean (%.3f–%.3f), want %.3f", site.Name, f.Value, f.Low, f.High, truth)
					}
				}
				doubts := strings.Join(res.Warnings, "\n")
				if got := strings.Contains(doubts, "the sites are not equally fast"); got != (tt.doubt != "") || !strings.Contains(doubts, tt.doubt) {
					t.Errorf("warnings %q, want one that says %q", res.Warnings, tt.doubt)
				}
			})
		}
	}
}

// Effects take out that a cell was measured at slow sites only.
func TestEffectsTakeSitesOut(t *testing.T) {
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{3, 1}, [2]int{4, 1}, [2]int{5, 1}, [2]int{6, 1})
	speed := map[string]float64{"a": 0.05, "b": -0.05, "c": 0}
	var all []observation
	for start := range 4 {
		for i, c := range cells {
			site := string("abc"[(i+start)%3])
			switch i {
			case 0:
				site = "b"
			case 1:
				site = "a"
			}
			at := time.Unix(int64(3600*start+60*i), 0)
			all = append(all, observation{c.Cell, start, false, at, math.Log(100) + speed[site], 1, site})
		}
	}
	f := fitEffects(all)
	for _, c := range cells {
		if off := f.bursts.log[c.Cell] - f.bursts.log[cells[5].Cell]; math.Abs(off) > 0.01 {
			t.Errorf("%v is ahead by %.4f, want 0", c.Cell, off)
		}
	}
	for k, site := range f.speeds.sites {
		if off := f.speeds.log[k] - speed[site]; math.Abs(off) > 0.01 {
			t.Errorf("site %s is %.4f faster than the mean, want %.4f", site, f.speeds.log[k], speed[site])
		}
	}
}

// A site at which no stack comes up is named.
func TestSiteWhereNothingStarts(t *testing.T) {
	s := testScenario(12*time.Minute, "p99 < 250ms")
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{4, 1})
	m := newSimulated(2, 6*time.Millisecond, 0, 5)
	n := 0
	m.broken = func(step rundir.Step, t *rundir.Trial) {
		n++
		site := "good"
		if step.Cell.Workers == 4 {
			site = "bad"
			crash(step, t)
		}
		t.ID, t.Placed = n, &rundir.Placed{Site: site}
	}
	done, _ := m.search(Grid(s, cells), 500)
	res := conclude(t, s, cells, done)
	if want := "none of the 2 trials at bad counts, so that configurations may be missing: start: ImportError"; !strings.Contains(strings.Join(res.Warnings, "\n"), want) {
		t.Errorf("warnings %q, want %q", res.Warnings, want)
	}
}
