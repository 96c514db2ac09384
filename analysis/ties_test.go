package analysis

import (
	"slices"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// A cell is tied if it is behind the best by no more than 1 % or by no more than
// one standard error of the difference, whichever is more.
func TestTied(t *testing.T) {
	best, other := cellsOf([2]int{4, 1})[0].Cell, cellsOf([2]int{2, 1})[0].Cell
	for _, tt := range []struct {
		name  string
		rates []float64 // of the other; the best has 100 in every round
		want  bool
	}{
		{"just within 1 %", []float64{99.1, 99.1, 99.1}, true},
		{"just beyond 1 %, without noise", []float64{98.9, 98.9, 98.9}, false},
		{"3 % behind, just within one standard error", []float64{90, 104, 97}, true}, // mean of the logs 0.032, standard error 0.042
		{"3 % behind, beyond one standard error", []float64{95, 99, 97}, false},      // 0.031 and 0.012
		{"twice the standard error is no tie", []float64{94.1, 100, 94.1}, false},    // 0.041 and 0.020
		{"one round only: 1 %", []float64{99.2}, true},
		{"one round only: more than 1 %", []float64{98.5}, false},
		{"ahead in the rounds that both have", []float64{101, 102, 103}, true},
		{"no round that both have", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			done := measuredAt(best, 1e8, 100, 100, 100)
			if len(tt.rates) > 0 {
				done = slices.Concat(done, measuredAt(other, 1e8, tt.rates...))
			}
			s := testScenario(time.Hour, "p99 < 250ms")
			g := newGrid(s, []scenarios.Planned{{Cell: best}, {Cell: other}}, done)
			if got := g.tied(&Cell{Planned: scenarios.Planned{Cell: best}}, &Cell{Planned: scenarios.Planned{Cell: other}}, g.lastStart()); got != tt.want {
				t.Errorf("tied %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCheapestFirst(t *testing.T) {
	cell := func(name, proxy string, megabytes float64, processes int) *Cell {
		return &Cell{Planned: scenarios.Planned{Cell: scenarios.Cell{Server: name, Proxy: proxy, Workers: 1, Threads: 1}}, Memory: int64(1e6 * megabytes), Processes: processes}
	}
	for _, tt := range []struct {
		name string
		in   []*Cell
		want []string
	}{
		{"least memory, however many processes", []*Cell{cell("a", "direct", 200, 2), cell("b", "nginx", 100, 9)}, []string{"b", "a"}},
		{"the same memory: fewest processes", []*Cell{cell("a", "direct", 100, 5), cell("b", "direct", 101, 3)}, []string{"b", "a"}},
		{"fewest processes come before the proxy", []*Cell{cell("a", "direct", 100, 5), cell("b", "nginx", 100, 3)}, []string{"b", "a"}},
		{"the same memory and processes: no proxy", []*Cell{cell("a", "nginx", 100, 3), cell("b", "direct", 100, 3)}, []string{"b", "a"}},
		{"all the same: by name", []*Cell{cell("b", "direct", 100, 3), cell("a", "direct", 100, 3)}, []string{"a", "b"}},
		{"2 % more is the same, 3 % is not", []*Cell{cell("a", "direct", 103, 1), cell("b", "direct", 102, 2), cell("c", "direct", 100, 3)}, []string{"b", "c", "a"}},
		{"a chain of small steps is not the same", []*Cell{cell("a", "direct", 103.5, 1), cell("b", "direct", 101.8, 2), cell("c", "direct", 100, 3)}, []string{"b", "c", "a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // in either order
				slices.Reverse(tt.in)
				got := slices.Clone(tt.in)
				cheapestFirst(got)
				var names []string
				for _, c := range got {
					names = append(names, c.Cell.Server)
				}
				if !slices.Equal(names, tt.want) {
					t.Errorf("order %v, want %v", names, tt.want)
				}
			}
		})
	}
}

// What is recommended of the tied cells is the cheapest, and the others are
// listed, the cheaper first.
func TestTiesAreListed(t *testing.T) {
	cells := cellsOf([2]int{4, 1}, [2]int{8, 1}, [2]int{2, 1}, [2]int{1, 1})
	var done []rundir.Trial
	for i, memory := range []uint64{200e6, 300e6, 100e6, 50e6} {
		done = append(done, measuredAt(cells[i].Cell, memory, 400-float64(i), 401-float64(i), 402-float64(i))...)
	}
	for i := range done {
		if done[i].Step.Cell == cells[3].Cell && done[i].Step.Phase == rundir.Final {
			done[i].Step.Rate *= 0.9 // out of the tie
		}
	}
	res := conclude(t, testScenario(time.Hour, "p99 < 250ms"), cells, done)
	if res.Winner.Cell != cells[2].Cell {
		t.Errorf("recommends %v, want %v", res.Winner.Cell, cells[2].Cell)
	}
	if len(res.Ties) != 2 || res.Ties[0].Cell != cells[0].Cell || res.Ties[1].Cell != cells[1].Cell {
		t.Errorf("%d ties, want %v and %v", len(res.Ties), cells[0].Cell, cells[1].Cell)
	}
}
