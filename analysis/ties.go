package analysis

import (
	"cmp"
	"math"
	"slices"

	"github.com/montanaflynn/stats"

	"sweetspot/scenarios"
)

// minTie is the relative difference below which two cells are tied whatever
// their noise: nobody would pay for less.
const minTie = 0.01

// expectedTie is the same of what an adaptive search expects two cells to be
// apart: it knows that from more than a few rounds, and gives no more away.
const expectedTie = 0.005

// sameMemory is the share by which the memory of two cells may differ and yet be
// the same: that of one cell does, from start to start.
const sameMemory = 0.02

// choose orders the candidates, the best first, by their final starts below
// end; an adaptive search by what it expects of them, for which all starts
// count. It returns those that are as good as the best, the cheapest first.
func (g *grid) choose(candidates []*Cell, end int) (tied []*Cell) {
	slices.SortStableFunc(candidates, func(a, b *Cell) int {
		return cmp.Or(cmp.Compare(g.expected(b.Cell, end), g.expected(a.Cell, end)), cmp.Compare(b.Final.Value, a.Final.Value))
	})
	for _, c := range candidates {
		if c.Tied = g.tied(candidates[0], c, end); c.Tied {
			tied = append(tied, c)
		}
	}
	cheapestFirst(tied)
	return tied
}

// expected is the logarithm of what an adaptive search expects a cell to
// sustain by the starts below end, up to a constant; without such an
// expectation all cells are alike.
func (g *grid) expected(c scenarios.Cell, end int) float64 {
	if !g.adaptive {
		return 0
	}
	s := g.surface(end)
	if i, leads := s.index[c]; leads {
		return s.mean[i]
	}
	return math.Inf(-1)
}

// tied compares a cell with the best by their rounds: a difference within one
// standard error, or within minTie, is no difference. Where a search knows more
// than a few rounds, what it expects of the difference has to be within
// expectedTie.
func (g *grid) tied(best, c *Cell, end int) bool {
	if c == best {
		return true
	}
	if g.adaptive {
		if by, _ := g.surface(end).ahead(best.Cell, c.Cell); by > expectedTie {
			return false
		}
	}
	a, b := g.pairs(best.Cell, c.Cell, end)
	logs := logRatios(a, b)
	if len(logs) == 0 {
		return false
	}
	mean, _ := stats.Mean(logs)
	return mean <= max(minTie, standardError(logs))
}

// cheapestFirst orders tied cells by cost. Each has the least memory of those
// after it or, of those with the same memory as that, costs the least beside
// it.
func cheapestFirst(tied []*Cell) {
	for i := range tied {
		rest := tied[i:]
		least := slices.MinFunc(rest, func(a, b *Cell) int { return cmp.Compare(a.Memory, b.Memory) }).Memory
		slices.SortStableFunc(rest, func(a, b *Cell) int {
			return cmp.Or(cmp.Compare(beyond(a.Memory, least), beyond(b.Memory, least)), besideMemory(a, b))
		})
	}
}

// beyond returns 0 for memory that is as good as the least, else the memory.
func beyond(memory, least int64) int64 {
	if float64(memory-least) <= sameMemory*float64(least) {
		return 0
	}
	return memory
}

// besideMemory compares what cells cost beside memory: fewest processes, then no
// proxy, then their names, so that the order never depends on chance.
func besideMemory(a, b *Cell) int {
	proxies := func(c *Cell) int {
		if c.Cell.Proxy == scenarios.Direct {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Processes, b.Processes), cmp.Compare(proxies(a), proxies(b)), cmp.Compare(a.Cell.String(), b.Cell.String()))
}
