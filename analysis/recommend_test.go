package analysis

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// measuredAt returns the trials of a cell that passed at these rates on final
// starts, after an exploring burst above all of them.
func measuredAt(c scenarios.Cell, memory uint64, rates ...float64) (out []rundir.Trial) {
	trial := func(start int, phase string, rate float64) rundir.Trial {
		t := goodTrial()
		t.Step = rundir.Step{Cell: c, Start: start, Phase: phase, Rate: rate, Connections: 4}
		t.Effective.Workers = c.Workers
		t.Load.Offered, t.Load.Goodput, t.Load.InFlight = rate, 1000, 4
		t.Usage.App = rundir.Group{PSSBytes: memory, Processes: c.Workers + 1}
		t.Cost = time.Second
		return t
	}
	out = append(out, trial(0, rundir.Saturation, 0), trial(0, rundir.Bracket, rates[0]))
	for i, rate := range rates {
		out = append(out, trial(finalStart+i, rundir.Saturation, 0), trial(finalStart+i, rundir.Final, rate))
	}
	return out
}

// Three final starts that flatter a cell by 2 % do not outweigh bursts that
// have it 20 % behind in every heat, and the answer says so.
func TestAdaptiveWeighsBurstsToo(t *testing.T) {
	cells := cellsOf([2]int{4, 1}, [2]int{8, 1})
	done := slices.Concat(measuredAt(cells[0].Cell, 1e8, 400, 402, 398), measuredAt(cells[1].Cell, 1e8, 408, 410, 406))
	for heat := 1; heat <= 5; heat++ {
		for i, c := range cells {
			burst := measuredAt(c.Cell, 1e8, 400)[0]
			burst.Step.Start, burst.Load.Goodput = heat, 1000-200*float64(i)
			done = append(done, burst)
		}
	}
	s := testScenario(time.Hour, "p99 < 250ms")
	if res := conclude(t, s, cells, done); res.Winner.Cell != cells[1].Cell {
		t.Errorf("by final starts alone: recommends %v, want %v", res.Winner.Cell, cells[1].Cell)
	}
	s.Search.Strategy = scenarios.Adaptive
	res := conclude(t, s, cells, done)
	if res.Winner.Cell != cells[0].Cell {
		t.Errorf("recommends %v, want %v", res.Winner.Cell, cells[0].Cell)
	}
	if want := fmt.Sprintf("by the final ones alone %v does more", cells[1].Cell); !strings.Contains(res.Because, want) {
		t.Errorf("because %q, want %q in it", res.Because, want)
	}
}

func TestRecommend(t *testing.T) {
	cell := func(proxy string, w int) scenarios.Cell {
		return scenarios.Cell{Server: "s", Proxy: proxy, Workers: w, Threads: 1}
	}
	a, b, c, d := cell("nginx", 4), cell("direct", 4), cell("nginx", 8), cell("direct", 2)
	for _, tt := range []struct {
		name   string
		trials [][]rundir.Trial
		limit  int64
		want   scenarios.Cell
		ties   []scenarios.Cell
	}{
		{"the highest wins", [][]rundir.Trial{measuredAt(a, 200e6, 400, 402, 398), measuredAt(b, 100e6, 300, 301, 299)}, 0, a, nil},
		{"within 1 % the least memory wins", [][]rundir.Trial{measuredAt(a, 200e6, 400, 402, 398), measuredAt(d, 90e6, 397, 399, 396)}, 0, d, []scenarios.Cell{a}},
		{"within the noise of the rounds the least memory wins", [][]rundir.Trial{measuredAt(a, 200e6, 400, 440, 380), measuredAt(d, 90e6, 420, 390, 385)}, 0, d, []scenarios.Cell{a}},
		{"what a round does to both is no noise", [][]rundir.Trial{measuredAt(a, 200e6, 400, 300, 200), measuredAt(d, 90e6, 380, 285, 190)}, 0, a, nil},
		{"equal memory: no proxy wins", [][]rundir.Trial{measuredAt(a, 100e6, 400, 402, 398), measuredAt(b, 101e6, 399, 401, 399)}, 0, b, []scenarios.Cell{a}},
		{"equal memory and proxy: fewest processes win", [][]rundir.Trial{measuredAt(c, 100e6, 400, 402, 398), measuredAt(a, 100e6, 399, 401, 399)}, 0, a, []scenarios.Cell{c}},
		{"a cell beyond the limit is struck out", [][]rundir.Trial{measuredAt(c, 300e6, 500, 500, 500), measuredAt(a, 100e6, 400, 402, 398)}, 200e6, a, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := testScenario(time.Hour, "p99 < 250ms")
			s.Limits.Memory = scenarios.Bytes(tt.limit)
			var done []rundir.Trial
			var cells []scenarios.Planned
			for _, trials := range tt.trials {
				done = append(done, trials...)
				cells = append(cells, scenarios.Planned{Cell: trials[0].Step.Cell})
			}
			res := conclude(t, s, cells, done)
			if res.Outcome != Recommended {
				t.Fatalf("outcome %s: %s", res.Outcome, res.Because)
			}
			var ties []scenarios.Cell
			for _, c := range res.Ties {
				ties = append(ties, c.Cell)
			}
			if res.Winner.Cell != tt.want || !slices.Equal(ties, tt.ties) {
				t.Errorf("recommends %v, ties %v; want %v, %v", res.Winner.Cell, ties, tt.want, tt.ties)
			}
		})
	}
}

// Every folklore setting is compared with the winner, by its better proxy.
func TestFolkloreComparison(t *testing.T) {
	s := testScenario(time.Hour, "p99 < 250ms")
	best := scenarios.Cell{Server: "s", Proxy: "nginx", Workers: 4, Threads: 2}
	behind := scenarios.Cell{Server: "s", Proxy: "nginx", Workers: 5, Threads: 1}
	direct := scenarios.Cell{Server: "s", Proxy: scenarios.Direct, Workers: 5, Threads: 1}
	cells := []scenarios.Planned{
		{Cell: best},
		{Cell: direct, Folklore: []string{scenarios.FolkloreTwice}},
		{Cell: behind, Folklore: []string{scenarios.FolkloreTwice}},
	}
	done := slices.Concat(measuredAt(best, 1e8, 400, 300, 500), measuredAt(behind, 1e8, 200, 150, 250), measuredAt(direct, 1e8, 100, 90, 80))
	res := conclude(t, s, cells, done)
	if len(res.Folklore) != 1 {
		t.Fatalf("%d comparisons, want 1", len(res.Folklore))
	}
	f := res.Folklore[0]
	if f.Cell.Cell != behind || !f.Paired || f.Ratio.Value < 1.999 || f.Ratio.High > 2.001 {
		t.Errorf("comparison %v, paired %v, ratio %+v; want %v, true, 2", f.Cell.Cell, f.Paired, f.Ratio, behind)
	}
}

// A runner-up that the rounds do not tell from the winner is a doubt, one that
// they do is none.
func TestRunnerUpInDoubt(t *testing.T) {
	s := testScenario(time.Hour, "p99 < 250ms")
	a := scenarios.Cell{Server: "s", Proxy: "nginx", Workers: 4, Threads: 1}
	b := scenarios.Cell{Server: "s", Proxy: "nginx", Workers: 5, Threads: 1}
	for _, tt := range []struct {
		name  string
		rates []float64 // of b; a has 400 in every round
		want  bool
	}{
		{"noisy", []float64{390, 300, 380}, true},
		{"clear", []float64{300, 301, 299}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			done := slices.Concat(measuredAt(a, 1e8, 400, 400, 400), measuredAt(b, 2e8, tt.rates...))
			res := conclude(t, s, []scenarios.Planned{{Cell: a}, {Cell: b}}, done)
			got := slices.ContainsFunc(res.Warnings, func(w string) bool { return strings.Contains(w, "winner from the runner-up") })
			if res.Winner.Cell != a || got != tt.want {
				t.Errorf("winner %v, doubt %v in %q; want %v, %v", res.Winner.Cell, got, res.Warnings, a, tt.want)
			}
		})
	}
}
