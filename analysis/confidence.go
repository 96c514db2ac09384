package analysis

import (
	"math"

	"github.com/montanaflynn/stats"
	"gonum.org/v1/gonum/stat/distuv"

	"sweetspot/scenarios"
)

// How far figures of different kinds may be from each other, as standard
// deviations of the logarithm of a ratio; from simulation.
const (
	pairSD    = 0.03 // of the sustainable rates of one final round, what is thought of it before it is seen
	pairWorth = 4    // and how many rounds that is worth
	shareSD   = 0.01 // of what cells sustain of their saturation throughput
	guessSD   = 0.05 // of a forecast
)

// standing is how the cells stand by their final starts below a number and,
// where a cell did not take part in those, by its bursts before.
type standing struct {
	winner *Cell                      // that those starts recommend; nil for none
	better map[scenarios.Cell]float64 // probability that a cell sustains more than the winner by the target or more
}

// confidence returns the probability that no cell sustains more than the
// winner by the target or more. Differences between cells are taken to be
// independent.
func (s *standing) confidence() float64 {
	p := 1.0
	for _, better := range s.better {
		p *= 1 - better
	}
	return p
}

// standing returns how the cells stand by the final starts below end.
func (g *grid) standing(end int) *standing {
	if g.settling[end] == nil {
		s := &standing{winner: g.pick(end)}
		if s.winner != nil {
			s.better = g.betterThan(s.winner.Cell, end)
		}
		g.settling[end] = s
	}
	return g.settling[end]
}

// assure tells how sure an adaptive search is of its recommendation.
func (g *grid) assure(res *Result) {
	if g.adaptive && res.Winner != nil {
		s := &standing{winner: res.Winner, better: g.betterThan(res.Winner.Cell, g.lastStart())}
		res.Confidence, res.Regret = s.confidence(), float64(g.scenario.Search.Regret)
	}
}

// betterThan returns the probabilities that cells sustain more than the winner
// by the target or more.
func (g *grid) betterThan(winner scenarios.Cell, end int) map[scenarios.Cell]float64 {
	e, f, target := g.effects(finalStart), newForecast(g), g.target()
	better := func(c scenarios.Cell) float64 {
		_, seen := e.log[c]
		a, b := g.pairs(c, winner, end)
		switch {
		case g.mismatch(c, end) != "" || g.hopeless(c, end) || g.breaks(c, end):
			return 0
		case len(a) > 0:
			return paired(logRatios(a, b)).Survival(target)
		case len(g.starts(c, finalStart, end)) > 0:
			return 0 // it sustained nothing there
		case seen:
			by, se := e.ahead(c, winner)
			return distuv.Normal{Mu: by, Sigma: math.Hypot(se, shareSD)}.Survival(target)
		}
		guess := f.guess(c)
		if math.IsInf(guess, 1) {
			return 1
		}
		return distuv.Normal{Mu: math.Log(guess) - e.log[winner], Sigma: guessSD}.Survival(target)
	}
	out := map[scenarios.Cell]float64{}
	for _, c := range g.cells {
		if c.Cell != winner {
			out[c.Cell] = better(c.Cell)
		}
	}
	return out
}

// paired is what the log ratios of final rounds leave open of their mean, their
// noise being thought of before as pairSD and pairWorth have it.
func paired(logs []float64) distuv.StudentsT {
	mean, _ := stats.Mean(logs)
	squares := pairWorth * pairSD * pairSD
	for _, l := range logs {
		squares += (l - mean) * (l - mean)
	}
	free := float64(pairWorth + len(logs) - 1)
	return distuv.StudentsT{Mu: mean, Sigma: math.Sqrt(squares / free / float64(len(logs))), Nu: free}
}
