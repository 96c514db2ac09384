package analysis

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"sweetspot/scenarios"
)

// guessSD is how far a forecast may be off, as the standard deviation of a
// logarithm; from simulation.
const guessSD = 0.05

// standing is how the cells stand by all starts below a number.
type standing struct {
	winner     *Cell                      // that the final ones among those recommend; nil for none
	better     map[scenarios.Cell]float64 // probability that a cell sustains more than the winner by the target or more
	confidence float64                    // that no cell does
}

// standing returns how the cells stand by the starts below end.
func (g *grid) standing(end int) *standing {
	if g.settling[end] == nil {
		s := &standing{winner: g.pick(end)}
		if s.winner != nil {
			s.better, s.confidence = g.betterThan(s.winner.Cell, end)
		}
		g.settling[end] = s
	}
	return g.settling[end]
}

// assure tells how sure an adaptive search is of its recommendation.
func (g *grid) assure(res *Result) {
	if g.adaptive && res.Winner != nil {
		_, res.Confidence = g.betterThan(res.Winner.Cell, g.lastStart())
		res.Regret = float64(g.scenario.Search.Regret)
	}
}

// betterThan returns the probabilities that cells sustain more than the winner
// by the target or more, and that none does.
func (g *grid) betterThan(winner scenarios.Cell, end int) (better map[scenarios.Cell]float64, none float64) {
	s, f, target := g.surface(end), newForecast(g), g.target()
	better, none = map[scenarios.Cell]float64{}, 1
	var rivals []scenarios.Cell
	for _, p := range g.cells {
		c := p.Cell
		_, seen := g.effects(end).log[c]
		switch {
		case c == winner, g.mismatch(c, end) != "" || g.hopeless(c, end) || g.breaks(c, end):
		case seen:
			by, sd := s.ahead(c, winner)
			better[c] = distuv.Normal{Mu: by, Sigma: max(sd, 1e-9)}.Survival(target)
			rivals = append(rivals, c)
		default:
			better[c] = g.unseen(f, c, winner)
			none *= 1 - better[c]
		}
	}
	return better, none * s.leads(winner, rivals, target)
}

// unseen returns the probability that a cell of which there is a forecast only
// is better by the target or more.
func (g *grid) unseen(f forecast, c, winner scenarios.Cell) float64 {
	guess := f.guess(c)
	if math.IsInf(guess, 1) {
		return 1
	}
	return distuv.Normal{Mu: math.Log(guess) - g.effects(finalStart).log[winner], Sigma: guessSD}.Survival(g.target())
}

// caution is how much further than a surface has them cells may be apart: with
// it, simulated searches are right as often as they say.
const caution = 1.5

// draws are how many surfaces a probability is counted from.
const draws = 1000

// leads returns the probability that none of the rivals is ahead of a cell by
// the target or more, together: neighbours stand or fall together.
func (s *surface) leads(winner scenarios.Cell, rivals []scenarios.Cell, target float64) float64 {
	w, ok := s.index[winner]
	var chol mat.Cholesky
	if !ok || s.cov == nil || !chol.Factorize(s.cov) {
		return 0
	}
	var in []int
	for _, c := range rivals {
		if i, ok := s.index[c]; ok {
			in = append(in, i)
		}
	}
	var lower mat.TriDense
	chol.LTo(&lower)
	rng := rand.New(rand.NewPCG(1, 1))
	z, drawn := mat.NewVecDense(len(s.mean), nil), mat.NewVecDense(len(s.mean), nil)
	first := 0
	for range draws {
		for i := range s.mean {
			z.SetVec(i, caution*rng.NormFloat64())
		}
		drawn.MulVec(&lower, z)
		at := s.mean[w] + drawn.AtVec(w) + target
		lead := true
		for _, i := range in {
			lead = lead && s.mean[i]+drawn.AtVec(i) < at
		}
		if lead {
			first++
		}
	}
	return float64(first) / draws
}
