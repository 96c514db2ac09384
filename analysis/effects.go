package analysis

import (
	"math"
	"time"

	"gonum.org/v1/gonum/mat"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// effects are what cells did by a number of starts, with what the machine did
// to all of them meanwhile taken out.
type effects struct {
	log    map[scenarios.Cell]float64 // of requests/s, in a mean round
	weight map[scenarios.Cell]float64 // of the observations; a heat weighs 1, and so does a final walk
	sd     float64                    // of the logarithm at weight 1
}

func newEffects() effects {
	return effects{log: map[scenarios.Cell]float64{}, weight: map[scenarios.Cell]float64{}}
}

// fit is what all starts below a number tell: bursts of throughput, and the
// walks of final starts of what a cell sustains.
type fit struct{ bursts, finals effects }

// of returns the effects of final walks, or of bursts.
func (f *fit) of(final bool) *effects {
	if final {
		return &f.finals
	}
	return &f.bursts
}

// What is thought of the noise before it is seen: the standard deviation of
// the logarithm of a heat's throughput and of what a final start sustains, and
// how many of them that is worth; and how a machine's speed drifts within a
// round, as the standard deviation of its logarithm and as the time in which it
// does.
const (
	burstSD    = 0.04
	walkSD     = 0.03
	priorWorth = 8
	driftSD    = 0.02
	driftTime  = 10 * time.Minute
	roundSD    = 10 // of what a round does to all: any
)

type observation struct {
	cell        scenarios.Cell
	start       int
	final       bool // what a final start sustains, not the throughput of a burst
	at          time.Time
	log, weight float64
}

// effects fits the bursts of starts below end.
func (g *grid) effects(end int) effects { return g.fit(end).bursts }

// finalEffects fits what cells sustained on final starts below end.
func (g *grid) finalEffects(end int) effects { return g.fit(end).finals }

// fit rests on the starts below end, once.
func (g *grid) fit(end int) fit {
	f, known := g.fitted[end]
	if !known {
		f = fitEffects(g.observations(end))
		g.fitted[end] = f
	}
	return f
}

// observations are the bursts of starts below end, and what the final ones of
// those sustained.
func (g *grid) observations(end int) []observation {
	var all []observation
	for _, c := range g.cells {
		for _, start := range g.starts(c.Cell, 0, end) {
			v := g.visits[visitKey{c.Cell, start}]
			if b := v.last(rundir.Saturation); b != nil && b.Load.Goodput > 0 {
				all = append(all, observation{c.Cell, start, false, b.Began, math.Log(b.Load.Goodput), b.Load.Span.Seconds() / g.plan.Heat.Seconds()})
			}
			if found := v.found(); start >= finalStart && found > 0 {
				all = append(all, observation{c.Cell, start, true, v.midst(), math.Log(found), 1})
			}
		}
	}
	return all
}

// midst is the time half-way between the beginnings of the first and the last
// trial of a visit.
func (v *visit) midst() time.Time {
	first, last := v.trials[0].Began, v.trials[len(v.trials)-1].Began
	return first.Add(last.Sub(first) / 2)
}

// fitEffects fits by generalised least squares
//
//	log X = cell + round + drift(time) + noise,
//
// a burst weighing as much as it is long. Bursts and final walks have cells and
// rounds of their own, and share the drift. A round is all starts of one
// number. What a round does is free; the drift is a Gaussian process. The noise
// is estimated from what is left (Rasmussen and Williams, sections 2.7 and 5.4).
func fitEffects(all []observation) fit {
	f := fit{newEffects(), newEffects()}
	f.bursts.sd, f.finals.sd = burstSD, walkSD
	if len(all) == 0 {
		return f
	}
	type kind struct {
		cell  scenarios.Cell
		final bool
	}
	columns := map[kind]int{}
	of := make([]int, len(all))
	for i, o := range all {
		of[i] = numbered(columns, kind{o.cell, o.final})
	}
	common := commonness(all)
	var level *mat.VecDense
	for range 2 {
		var left *mat.VecDense
		var share []float64
		level, left, share = generalised(all, of, len(columns), common, f)
		f.bursts.sd = noiseOf(all, left, share, burstSD, false)
		// So few rounds tell little of their own noise: that of the bursts, of
		// which there are many, is the least of it.
		f.finals.sd = noiseOf(all, left, share, max(walkSD, f.bursts.sd), true)
	}
	for k, i := range columns {
		f.of(k.final).log[k.cell] = level.AtVec(i)
	}
	for _, o := range all {
		f.of(o.final).weight[o.cell] += o.weight
	}
	return f
}

// commonness is the covariance of what rounds and drift do to observations.
func commonness(all []observation) *mat.SymDense {
	k := mat.NewSymDense(len(all), nil)
	for i, a := range all {
		for j := i; j < len(all); j++ {
			b := all[j]
			v := driftSD * driftSD * matern(math.Abs(a.at.Sub(b.at).Seconds())/driftTime.Seconds())
			if a.start == b.start && a.final == b.final {
				v += roundSD * roundSD
			}
			k.SetSym(i, j, v)
		}
	}
	return k
}

// variance is that of the noise of an observation.
func (f *fit) variance(o observation) float64 {
	sd := f.of(o.final).sd
	return sd * sd / o.weight
}

// generalised does the least squares. It returns the level of every column; and
// of every observation the noise that it is left with, and which share of its
// noise that is expected to be.
func generalised(all []observation, of []int, columns int, common *mat.SymDense, f fit) (level, left *mat.VecDense, share []float64) {
	n := len(all)
	v := mat.NewSymDense(n, nil)
	v.CopySym(common)
	y, x := mat.NewVecDense(n, nil), mat.NewDense(n, columns, nil)
	for i, o := range all {
		v.SetSym(i, i, v.At(i, i)+f.variance(o))
		y.SetVec(i, o.log)
		x.Set(i, of[i], 1)
	}
	var chol, normal mat.Cholesky
	chol.Factorize(v)
	inverse := mat.NewSymDense(n, nil)
	must(chol.InverseTo(inverse))
	var vx, xvx mat.Dense
	vx.Mul(inverse, x)
	xvx.Mul(x.T(), &vx)
	square := mat.NewSymDense(columns, nil)
	for i := range columns {
		for j := i; j < columns; j++ {
			square.SetSym(i, j, (xvx.At(i, j)+xvx.At(j, i))/2)
		}
	}
	normal.Factorize(square)
	var right mat.VecDense
	right.MulVec(vx.T(), y)
	level = mat.NewVecDense(columns, nil)
	must(normal.SolveVecTo(level, &right))

	var rest, fitted, weighed mat.VecDense
	fitted.MulVec(x, level)
	rest.SubVec(y, &fitted)
	weighed.MulVec(inverse, &rest)
	var solved mat.Dense
	must(normal.SolveTo(&solved, vx.T()))
	left, share = mat.NewVecDense(n, nil), make([]float64, n)
	for i, o := range all {
		variance := f.variance(o)
		left.SetVec(i, variance*weighed.AtVec(i))
		used := 0.0
		for k := range columns {
			used += vx.At(i, k) * solved.At(k, i)
		}
		share[i] = max(0, variance*(inverse.At(i, i)-used))
	}
	return level, left, share
}

// must passes over the warning that a matrix is close to singular: what comes
// of it is exact enough.
func must(err error) {
	if _, close := err.(mat.Condition); err != nil && !close {
		panic(err)
	}
}

// noiseOf estimates the noise of bursts or finals at weight 1 from what is left
// of an estimate of it.
func noiseOf(all []observation, left *mat.VecDense, share []float64, prior float64, final bool) float64 {
	squares, free := priorWorth*prior*prior, float64(priorWorth)
	for i, o := range all {
		if o.final == final {
			squares += o.weight * left.AtVec(i) * left.AtVec(i)
			free += share[i]
		}
	}
	return math.Sqrt(squares / free)
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
