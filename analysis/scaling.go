package analysis

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// scalingStart is the number of the first start on a number of cores of its
// own; the search knows nothing of those starts.
const scalingStart = 2000

// mostScaling is the share of the budget that other numbers of cores have at
// most.
const mostScaling = 0.4

// scaling returns the next visit of the recommended cell on one of the
// scenario's numbers of cores. Every round has all of them, on fresh starts, in
// an order of its own, and is begun only if it fits in the budget. ok is false
// when nothing is left to do, or nothing is recommended.
func (g *grid) scaling() (v rundir.Visit, ok bool) {
	cores := g.scenario.Search.Cores
	if len(cores) == 0 {
		return v, false
	}
	winner := g.pick(g.lastStart())
	if winner == nil {
		return v, false
	}
	had := g.appCapacity(winner)
	if had == 0 {
		return v, false
	}
	spent := g.spent + cost(g.scaled)
	for r := range g.scenario.Search.Finals {
		var round []rundir.Visit
		for _, n := range g.shuffledCores(r) {
			round = append(round, rundir.Visit{Cell: proportioned(winner.Cell, had, n), Start: scalingStart + r, Cores: n})
		}
		begun := slices.ContainsFunc(round, func(v rundir.Visit) bool { return g.isTaken(v) || len(g.onCores(r, v.Cores)) > 0 })
		if !begun && spent+g.plan.scaling(len(cores)) > time.Duration(g.scenario.Search.Budget) {
			return v, false
		}
		for _, v := range round {
			if !g.isTaken(v) && !settledOn(g.onCores(r, v.Cores)) {
				return v, true
			}
		}
	}
	return v, false
}

// proportioned is a cell with its workers in proportion to the cores: so many
// instead of those that it had in the search. Its threads are kept.
func proportioned(c scenarios.Cell, had, cores float64) scenarios.Cell {
	c.Workers = max(1, int(math.Round(float64(c.Workers)*cores/had)))
	return c
}

// burstOn is the burst of a visit on a number of cores; ok is false when its
// trials are enough.
func (g *grid) burstOn(v rundir.Visit) (step rundir.Step, ok bool) {
	r, rounds := v.Start-scalingStart, g.scenario.Search.Finals
	if settledOn(g.onCores(r, v.Cores)) {
		return step, false
	}
	order := g.shuffledCores(r)
	return rundir.Step{
		Cell: v.Cell, Start: v.Start, Phase: rundir.Scaling, Cores: v.Cores, Connections: 2 * v.Cell.Slots(),
		Warmup: g.plan.Warmup, Duration: g.plan.Burst, Alone: g.scenario.Traffic.Beside(), Left: g.scalingLeft(),
		Note: fmt.Sprintf("%d of %d numbers of cores, round %d of %d", slices.Index(order, v.Cores)+1, len(order), r+1, rounds),
	}, true
}

// appCapacity is how many cores the application had in the search; 0 unknown.
func (g *grid) appCapacity(c *Cell) float64 {
	for _, start := range g.starts(c.Cell, 0, g.lastStart()) {
		for _, t := range g.visits[visitKey{c.Cell, start}].trials {
			if n := t.Usage.AppCapacity(); n > 0 {
				return n
			}
		}
	}
	return 0
}

// shuffledCores returns the numbers of cores in the order of a round.
func (g *grid) shuffledCores(round int) []float64 {
	out := slices.Clone(g.scenario.Search.Cores)
	rng := rand.New(rand.NewPCG(g.scenario.Search.Seed, uint64(scalingStart+round)))
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// onCores returns the trials of a round on a number of cores.
func (g *grid) onCores(round int, cores float64) (out []Judged) {
	for _, t := range g.scaled {
		if t.Step.Start == scalingStart+round && t.Step.Cores == cores {
			out = append(out, t)
		}
	}
	return out
}

// settledOn says whether the trials on a number of cores are enough for their
// round: one tells something, or too many are void.
func settledOn(trials []Judged) bool {
	return len(trials) > maxVoids || slices.ContainsFunc(trials, func(t Judged) bool { return t.Verdict.Kind != Void })
}

// scalingLeft estimates what the numbers of cores still take.
func (g *grid) scalingLeft() time.Duration {
	left := len(g.scenario.Search.Cores)*g.scenario.Search.Finals - len(g.scaled)
	return min(g.plan.scaling(max(0, left)), max(0, time.Duration(g.scenario.Search.Budget)-g.spent-cost(g.scaled)))
}

// scalingShort says how much of the numbers of cores the budget did not do for;
// empty when all of it was measured, or nothing is recommended.
func (g *grid) scalingShort() string {
	rounds, measured := g.scenario.Search.Finals, 0
	if len(g.scenario.Search.Cores) == 0 || g.pick(g.lastStart()) == nil {
		return ""
	}
	for r := range rounds {
		if !slices.ContainsFunc(g.scenario.Search.Cores, func(n float64) bool { return !settledOn(g.onCores(r, n)) }) {
			measured++
		}
	}
	if measured == rounds {
		return ""
	}
	return fmt.Sprintf("%d of %d rounds on other numbers of cores were measured", measured, rounds)
}

// scaling estimates the wall time of n bursts on numbers of cores.
func (p plan) scaling(n int) time.Duration { return time.Duration(n) * p.visitCost(true, 0) }

// scalingTrials returns the bursts on numbers of cores that tell a throughput.
func scalingTrials(trials []Judged) (out []Judged) {
	for _, t := range trials {
		if t.Step.Phase == rundir.Scaling && t.Verdict.Kind == Passed && t.Load.Classes[scenarios.All].Good > 0 {
			out = append(out, t)
		}
	}
	return out
}

// searchTrials returns the trials of the search, without those on numbers of
// cores of their own.
func searchTrials(trials []Judged) (out []Judged) {
	for _, t := range trials {
		if t.Step.Phase != rundir.Scaling {
			out = append(out, t)
		}
	}
	return out
}

// cost adds up what trials took from the budget.
func cost(trials []Judged) (sum time.Duration) {
	for _, t := range trials {
		sum += t.Cost
	}
	return sum
}
