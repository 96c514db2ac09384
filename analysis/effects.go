package analysis

import (
	"math"
	"slices"
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
type fit struct {
	bursts, finals effects
	speeds         speeds
}

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
	roundSD    = 10   // of what a round does to all: any
	siteSD     = 0.05 // of the logarithm of a site's speed, beside others that are to be like it
)

type observation struct {
	cell        scenarios.Cell
	start       int
	final       bool // what a final start sustains, not the throughput of a burst
	at          time.Time
	log, weight float64
	site        string
}

// effects fits the bursts of starts below end.
func (g *grid) effects(end int) effects { return g.fit(end).bursts }

// finalEffects fits what cells sustained on final starts below end.
func (g *grid) finalEffects(end int) effects { return g.fit(end).finals }

// fit rests on the starts below end, once.
func (g *grid) fit(end int) fit {
	f, known := g.fitted[end]
	if !known {
		all := g.observations(end)
		if !g.adaptive {
			all = repeated(all) // of which only the sites are asked
		}
		f = fitEffects(all)
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
				all = append(all, observation{c.Cell, start, false, b.Began, math.Log(b.Load.Goodput), b.Load.Span.Seconds() / g.plan.Heat.Seconds(), b.site()})
			}
			if found := v.found(); start >= finalStart && found > 0 {
				walk := v.walkTrials()
				all = append(all, observation{c.Cell, start, true, v.midst(), math.Log(found), 1, walk[len(walk)-1].site()})
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
//	log X = cell + round + site + drift(time) + noise,
//
// a burst weighing as much as it is long. Bursts and final walks have cells and
// rounds of their own, and share the drift and the sites. A round is all starts
// of one number. What a round does is free; the drift is a Gaussian process of
// every site's own; sites are a little faster or slower than their mean. The
// noise is estimated from what is left (Rasmussen and Williams, sections 2.7 and
// 5.4).
func fitEffects(all []observation) fit {
	f := fit{bursts: newEffects(), finals: newEffects()}
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
	sites := sitesOf(all)
	x, common := design(all, of, len(columns), sites), commonness(all, len(sites))
	var s solution
	for range 2 {
		s = generalised(all, x, common, f)
		f.bursts.sd = noiseOf(all, s.left, s.share, burstSD, false)
		// So few rounds tell little of their own noise: that of the bursts, of
		// which there are many, is the least of it.
		f.finals.sd = noiseOf(all, s.left, s.share, max(walkSD, f.bursts.sd), true)
	}
	for k, i := range columns {
		f.of(k.final).log[k.cell] = s.level.AtVec(i)
	}
	for _, o := range all {
		f.of(o.final).weight[o.cell] += o.weight
	}
	f.speeds = s.speeds(sites, len(columns))
	return f
}

// design has a row an observation, with the columns that its logarithm is the
// sum of: that of its cell and that of its site. What is thought of a site
// beforehand is an observation, too: that it is as fast as the others. On one
// site there are no columns and no rows of sites.
func design(all []observation, of []int, columns int, sites []string) *mat.Dense {
	x := mat.NewDense(len(all)+len(sites), columns+len(sites), nil)
	for i, o := range all {
		x.Set(i, of[i], 1)
		if k := slices.Index(sites, o.site); k >= 0 {
			x.Set(i, columns+k, 1)
		}
	}
	for k := range sites {
		x.Set(len(all)+k, columns+k, 1)
	}
	return x
}

// commonness is the covariance of what rounds and drift do to observations, and
// that of what is thought of so many sites.
func commonness(all []observation, sites int) *mat.SymDense {
	n := len(all)
	k := mat.NewSymDense(n+sites, nil)
	for i, a := range all {
		for j := i; j < n; j++ {
			b, v := all[j], 0.0
			if a.site == b.site {
				v = driftSD * driftSD * matern(math.Abs(a.at.Sub(b.at).Seconds())/driftTime.Seconds())
			}
			if a.start == b.start && a.final == b.final {
				v += roundSD * roundSD
			}
			k.SetSym(i, j, v)
		}
	}
	for i := range sites {
		k.SetSym(n+i, n+i, siteSD*siteSD)
	}
	return k
}

// variance is that of the noise of an observation.
func (f *fit) variance(o observation) float64 {
	sd := f.of(o.final).sd
	return sd * sd / o.weight
}

// solution is what least squares come to.
type solution struct {
	level, left *mat.VecDense // of every column; the noise that every observation is left with
	share       []float64     // which share of its noise that is expected to be
	normal      mat.Cholesky  // of the inverse of the levels' covariance
}

// generalised does the least squares.
func generalised(all []observation, x *mat.Dense, common *mat.SymDense, f fit) (s solution) {
	n, columns := x.Dims()
	v := mat.NewSymDense(n, nil)
	v.CopySym(common)
	y := mat.NewVecDense(n, nil)
	for i, o := range all {
		v.SetSym(i, i, v.At(i, i)+f.variance(o))
		y.SetVec(i, o.log)
	}
	var chol mat.Cholesky
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
	s.normal.Factorize(square)
	var right mat.VecDense
	right.MulVec(vx.T(), y)
	s.level = mat.NewVecDense(columns, nil)
	must(s.normal.SolveVecTo(s.level, &right))

	var rest, fitted, weighed mat.VecDense
	fitted.MulVec(x, s.level)
	rest.SubVec(y, &fitted)
	weighed.MulVec(inverse, &rest)
	var solved mat.Dense
	must(s.normal.SolveTo(&solved, vx.T()))
	s.left, s.share = mat.NewVecDense(len(all), nil), make([]float64, len(all))
	for i, o := range all {
		variance := f.variance(o)
		s.left.SetVec(i, variance*weighed.AtVec(i))
		used := 0.0
		for k := range columns {
			used += vx.At(i, k) * solved.At(k, i)
		}
		s.share[i] = max(0, variance*(inverse.At(i, i)-used))
	}
	return s
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
