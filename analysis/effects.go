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
	e := effects{log: map[scenarios.Cell]float64{}, weight: map[scenarios.Cell]float64{}}
	rounds := map[int]float64{}
	for range 50 {
		sums, weights := map[scenarios.Cell]float64{}, map[scenarios.Cell]float64{}
		for _, o := range all {
			sums[o.cell] += o.weight * (o.log - rounds[o.start])
			weights[o.cell] += o.weight
		}
		for c := range sums {
			e.log[c] = sums[c] / weights[c]
		}
		e.weight = weights
		bySum, byWeight := map[int]float64{}, map[int]float64{}
		for _, o := range all {
			bySum[o.start] += o.weight * (o.log - e.log[o.cell])
			byWeight[o.start] += o.weight
		}
		moved := 0.0
		for r := range bySum {
			next := bySum[r] / byWeight[r]
			moved = max(moved, math.Abs(next-rounds[r]))
			rounds[r] = next
		}
		if moved < 1e-6 {
			break
		}
	}
	squares := priorWorth * priorSD * priorSD
	for _, o := range all {
		d := o.log - e.log[o.cell] - rounds[o.start]
		squares += o.weight * d * d
	}
	free := max(0, len(all)-len(e.log)-len(rounds)+1)
	e.sd = math.Sqrt(squares / float64(priorWorth+free))
	return e
}
