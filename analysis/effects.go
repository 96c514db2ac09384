package analysis

import (
	"math"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// effects are the throughputs of cells by their bursts, with what a round did
// to all of them taken out: the least squares of
//
//	log X = cell + round,
//
// a burst weighing as much as it is long. A round is all starts of one number.
type effects struct {
	log    map[scenarios.Cell]float64 // of the throughput in requests/s, in a mean round
	weight map[scenarios.Cell]float64 // of its bursts; a heat weighs 1
	sd     float64                    // of the logarithm in one heat
}

// What is thought of the noise before it is seen: the standard deviation of
// the logarithm of a heat's throughput and of what a final start sustains, and
// how many of them that is worth.
const (
	burstSD    = 0.04
	walkSD     = 0.03
	priorWorth = 8
)

type observation struct {
	cell        scenarios.Cell
	start       int
	log, weight float64
}

// effects fits the bursts of starts below end, once.
func (g *grid) effects(end int) effects {
	e, known := g.fitted[end]
	if !known {
		e = fitEffects(g.observations(end), burstSD)
		g.fitted[end] = e
	}
	return e
}

// observations are the bursts of starts below end.
func (g *grid) observations(end int) []observation {
	var all []observation
	for _, c := range g.cells {
		for _, start := range g.starts(c.Cell, 0, end) {
			if b := g.visits[visitKey{c.Cell, start}].last(rundir.Saturation); b != nil && b.Load.Goodput > 0 {
				all = append(all, observation{c.Cell, start, math.Log(b.Load.Goodput), b.Load.Span.Seconds() / g.plan.Heat.Seconds()})
			}
		}
	}
	return all
}

// fitEffects solves the two sets of normal equations in turn until neither
// changes much: with cells that took part in many rounds that is soon.
func fitEffects(all []observation, priorSD float64) effects {
	cells, rounds := map[scenarios.Cell]int{}, map[int]int{}
	cell, round := make([]int, len(all)), make([]int, len(all))
	for i, o := range all {
		cell[i], round[i] = numbered(cells, o.cell), numbered(rounds, o.start)
	}
	of, in := newGroupMeans(len(cells)), newGroupMeans(len(rounds))
	for range 50 {
		of.of(all, cell, func(i int) float64 { return all[i].log - in.value[round[i]] })
		if in.of(all, round, func(i int) float64 { return all[i].log - of.value[cell[i]] }) < 1e-6 {
			break
		}
	}
	e := effects{log: map[scenarios.Cell]float64{}, weight: map[scenarios.Cell]float64{}}
	for c, i := range cells {
		e.log[c], e.weight[c] = of.value[i], of.weight[i]
	}
	squares := priorWorth * priorSD * priorSD
	for i, o := range all {
		d := o.log - of.value[cell[i]] - in.value[round[i]]
		squares += o.weight * d * d
	}
	free := max(0, len(all)-len(cells)-len(rounds)+1)
	e.sd = math.Sqrt(squares / float64(priorWorth+free))
	return e
}

// numbered returns the number of a key, a new one for a new key.
func numbered[K comparable](numbers map[K]int, key K) int {
	n, known := numbers[key]
	if !known {
		n = len(numbers)
		numbers[key] = n
	}
	return n
}

// groupMeans are weighted means of groups of observations.
type groupMeans struct{ value, weight []float64 }

func newGroupMeans(groups int) groupMeans {
	return groupMeans{make([]float64, groups), make([]float64, groups)}
}

// of takes the means of a part of every observation, and returns by how much
// the one that moved most did.
func (m groupMeans) of(all []observation, group []int, part func(i int) float64) (moved float64) {
	sums := make([]float64, len(m.value))
	clear(m.weight)
	for i, o := range all {
		sums[group[i]] += o.weight * part(i)
		m.weight[group[i]] += o.weight
	}
	for k, sum := range sums {
		next := sum / m.weight[k]
		moved = max(moved, math.Abs(next-m.value[k]))
		m.value[k] = next
	}
	return moved
}
