package analysis

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"sweetspot/scenarios"
)

// surfaceOf is the surface of a row of cells, each of so many workers.
func surfaceOf(workers []int, all ...sighting) (*surface, []scenarios.Cell) {
	s := &surface{index: map[scenarios.Cell]int{}}
	var cells []scenarios.Cell
	for i, w := range workers {
		c := cellsOf([2]int{w, 1})[0].Cell
		cells, s.index[c] = append(cells, c), i
	}
	s.condition(cells, all)
	return s, cells
}

// The more a figure is worth, the closer the surface is to it; a burst that
// stands out is drawn towards its neighbours, and what final rounds found is
// believed before what bursts did.
func TestSurface(t *testing.T) {
	noisy, exact := 0.05*0.05, 1e-8
	row := []int{4, 5, 6}
	for _, tt := range []struct {
		name      string
		all       []sighting
		low, high float64 // of the second cell's lead over the first
	}{
		{"exact figures stand", []sighting{{0, 0, exact, false}, {1, 0.1, exact, false}, {2, 0, exact, false}}, 0.097, 0.101},
		{"a noisy one is drawn in", []sighting{{0, 0, noisy, false}, {1, 0.1, noisy, false}, {2, 0, noisy, false}}, 0.001, 0.06},
		{"finals outweigh bursts", []sighting{
			{0, 0, noisy, false}, {1, -0.05, noisy, false}, {2, 0, noisy, false},
			{0, 0, exact, true}, {1, 0.04, exact, true},
		}, 0.03, 0.045},
	} {
		s, cells := surfaceOf(row, tt.all...)
		if by, _ := s.ahead(cells[1], cells[0]); by < tt.low || by > tt.high {
			t.Errorf("%s: ahead by %.4f, want %.3f to %.3f", tt.name, by, tt.low, tt.high)
		}
	}
}

// A cell that nothing was seen of is as uncertain as its distance from the
// others has it.
func TestSurfaceBetweenAndBeyond(t *testing.T) {
	s, cells := surfaceOf([]int{2, 3, 4, 16}, sighting{0, 0, 1e-6, false}, sighting{2, 0, 1e-6, false})
	_, between := s.ahead(cells[1], cells[0])
	_, beyond := s.ahead(cells[3], cells[0])
	if between > 0.06 || beyond < 2*between {
		t.Errorf("standard deviations %.3f between and %.3f beyond what was seen", between, beyond)
	}
}

// The chance that no rival leads is that of the normal distribution for one
// rival, and no higher for two.
func TestLeads(t *testing.T) {
	s, cells := surfaceOf([]int{2, 4, 8}, sighting{0, 0, 1e-4, false}, sighting{1, 0.01, 1e-4, false}, sighting{2, 0.005, 1e-4, false})
	by, sd := s.ahead(cells[1], cells[0])
	want := distuv.Normal{Mu: by, Sigma: caution * sd}.CDF(0.02)
	one := s.leads(cells[0], cells[1:2], 0.02)
	if math.Abs(one-want) > 0.05 {
		t.Errorf("leads one rival with probability %.3f, want %.3f", one, want)
	}
	if two := s.leads(cells[0], cells[1:], 0.02); two > one {
		t.Errorf("leads two rivals with probability %.3f, one of them with %.3f", two, one)
	}
	if p := s.leads(cells[0], nil, 0.02); p != 1 {
		t.Errorf("leads no rival with probability %g", p)
	}
}
