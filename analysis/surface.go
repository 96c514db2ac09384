package analysis

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"sweetspot/scenarios"
)

// surface is what bursts and final rounds together tell of the logarithm of what
// the leading cells sustain, up to a constant that they share: a normal
// distribution, by a Gaussian process over the doublings of workers and threads
// (Rasmussen and Williams, ch. 2). A cell that one short burst flatters is drawn
// towards its neighbours. It guides a search and says how sure it is; what a
// cell sustains is never taken from it.
type surface struct {
	best  float64 // logarithm of the highest throughput seen, requests/s: the level of the mean
	index map[scenarios.Cell]int
	mean  []float64
	cov   *mat.SymDense
}

// What is thought of the differences between cells beforehand, as standard
// deviations of a logarithm; from simulation.
const (
	surfaceSD     = 0.15 // of what goes smoothly with workers and threads
	surfaceLength = 2.0  // doublings over which it does
	levelSD       = 3.0  // of all cells together: next to unknown
	// By how much what a cell sustains of its throughput falls with a doubling of
	// the slots: a closed loop fills them all, and a short one ends before the
	// longest requests that it has in them do.
	shareFall   = 0.007
	shareFallSD = 0.006 // of that

	outclassed = 0.35 // how far below the best a cell is left out
)

// Standard deviations of what is a cell's own: of its throughput, and of what
// it sustains of that. What was measured says how likely each pair is.
var (
	ruggedSDs = []float64{0.003, 0.01, 0.03}
	shareSDs  = []float64{0.005, 0.01, 0.02}
)

// sighting is a figure that says something of a cell: the logarithm of its
// throughput, or of what it sustains.
type sighting struct {
	cell     int
	value    float64
	variance float64
	final    bool // what it sustains
}

// surface rests on the starts below end, once.
func (g *grid) surface(end int) *surface {
	if g.surfaces[end] == nil {
		g.surfaces[end] = g.newSurface(end)
	}
	return g.surfaces[end]
}

func (g *grid) newSurface(end int) *surface {
	e := g.effects(end)
	best := math.Inf(-1)
	for c, log := range e.log {
		if !g.hopeless(c, end+1) {
			best = max(best, log)
		}
	}
	s := &surface{best: best, index: map[scenarios.Cell]int{}}
	var cells []scenarios.Cell
	var all []sighting
	for _, c := range g.cells {
		if log, seen := e.log[c.Cell]; seen && log > best-outclassed && !g.hopeless(c.Cell, end+1) {
			s.index[c.Cell] = len(cells)
			all = append(all, sighting{len(cells), log - best, e.sd * e.sd / e.weight[c.Cell], false})
			cells = append(cells, c.Cell)
		}
	}
	final := g.finalEffects(end)
	for c, log := range final.log {
		if i, ok := s.index[c]; ok {
			all = append(all, sighting{i, log - best, final.sd * final.sd / final.weight[c], true})
		}
	}
	if len(cells) > 0 {
		s.condition(cells, all)
	}
	return s
}

// condition fills in the mean and the covariance given what was measured: those
// of every pair of standard deviations, weighted by how likely that is.
func (s *surface) condition(cells []scenarios.Cell, all []sighting) {
	y := mat.NewVecDense(len(all), nil)
	for i, m := range all {
		y.SetVec(i, m.value)
		if m.final {
			y.SetVec(i, m.value-fallen(cells[m.cell]))
		}
	}
	var each []conditioned
	for _, rugged := range ruggedSDs {
		for _, own := range shareSDs {
			if p, ok := condition(smoothness(cells, rugged), shares(cells, own), all, y); ok {
				each = append(each, p)
			}
		}
	}
	s.mix(each, len(cells))
	for i := range s.mean {
		s.mean[i] += fallen(cells[i])
	}
}

// mix is the distribution of a mixture of those of n cells.
func (s *surface) mix(each []conditioned, n int) {
	if len(each) == 0 {
		s.mean = make([]float64, n)
		return
	}
	most := slices.MaxFunc(each, func(a, b conditioned) int { return cmp.Compare(a.likelihood, b.likelihood) }).likelihood
	total := 0.0
	for i := range each {
		each[i].likelihood = math.Exp(each[i].likelihood - most)
		total += each[i].likelihood
	}
	s.mean, s.cov = make([]float64, n), mat.NewSymDense(n, nil)
	for _, p := range each {
		for i, m := range p.mean {
			s.mean[i] += p.likelihood / total * m
		}
	}
	off := mat.NewVecDense(n, nil)
	for _, p := range each {
		for i, m := range p.mean {
			off.SetVec(i, m-s.mean[i])
		}
		p.cov.SymRankOne(p.cov, 1, off)
		p.cov.ScaleSym(p.likelihood/total, p.cov)
		s.cov.AddSym(s.cov, p.cov)
	}
}

// fallen is the logarithm of what a cell is thought to sustain of its
// throughput, up to a constant.
func fallen(c scenarios.Cell) float64 { return -shareFall * math.Log2(float64(c.Slots())) }

// shares is the covariance of the logarithms of what the cells sustain of their
// throughputs, but for what is common to all, with a standard deviation of what
// is a cell's own.
func shares(cells []scenarios.Cell, own float64) *mat.SymDense {
	k := mat.NewSymDense(len(cells), nil)
	middle := 0.0
	for _, c := range cells {
		middle += math.Log2(float64(c.Slots())) / float64(len(cells))
	}
	for i, a := range cells {
		for j := i; j < len(cells); j++ {
			k.SetSym(i, j, shareFallSD*shareFallSD*(math.Log2(float64(a.Slots()))-middle)*(math.Log2(float64(cells[j].Slots()))-middle))
		}
		k.SetSym(i, i, k.At(i, i)+own*own)
	}
	return k
}

// smoothness is the covariance of the logarithms of the cells' throughputs.
func smoothness(cells []scenarios.Cell, rugged float64) *mat.SymDense {
	k := mat.NewSymDense(len(cells), nil)
	for i, a := range cells {
		for j := i; j < len(cells); j++ {
			k.SetSym(i, j, levelSD*levelSD+surfaceSD*surfaceSD*matern(distance(a, cells[j])/surfaceLength))
		}
		k.SetSym(i, i, k.At(i, i)+rugged*rugged)
	}
	return k
}

// matern is the Matérn correlation of smoothness 5/2 at a distance.
func matern(d float64) float64 {
	x := math.Sqrt(5) * d
	return (1 + x + x*x/3) * math.Exp(-x)
}

// conditioned is the distribution of what the cells sustain, but for the share
// that is common to all of them, and how likely what was measured is by it: a
// logarithm, up to a constant.
type conditioned struct {
	mean       []float64
	cov        *mat.SymDense
	likelihood float64
}

// condition takes what was measured, y, on cells whose throughputs and shares
// have these covariances.
func condition(smooth, share *mat.SymDense, all []sighting, y *mat.VecDense) (p conditioned, ok bool) {
	var chol mat.Cholesky
	if !chol.Factorize(covariance(smooth, share, all)) {
		return p, false
	}
	var weights, mean mat.VecDense
	if err := chol.SolveVecTo(&weights, y); err != nil {
		return p, false
	}
	n := smooth.SymmetricDim()
	cross := mat.NewDense(len(all), n, nil)
	for i, a := range all {
		for j := range n {
			v := smooth.At(a.cell, j)
			if a.final {
				v += share.At(a.cell, j)
			}
			cross.Set(i, j, v)
		}
	}
	mean.MulVec(cross.T(), &weights)
	var solved, told mat.Dense
	if err := chol.SolveTo(&solved, cross); err != nil {
		return p, false
	}
	told.Mul(cross.T(), &solved)
	p.mean, p.cov = mean.RawVector().Data, mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			p.cov.SetSym(i, j, smooth.At(i, j)+share.At(i, j)-told.At(i, j))
		}
	}
	p.likelihood = -mat.Dot(y, &weights)/2 - chol.LogDet()/2
	return p, true
}

// covariance is that of what was measured. What a cell sustains is its
// throughput times a share of its own and one of all cells.
func covariance(smooth, share *mat.SymDense, all []sighting) *mat.SymDense {
	k := mat.NewSymDense(len(all), nil)
	for i, a := range all {
		for j := i; j < len(all); j++ {
			v := smooth.At(a.cell, all[j].cell)
			if a.final && all[j].final {
				v += levelSD*levelSD + share.At(a.cell, all[j].cell)
			}
			k.SetSym(i, j, v)
		}
		k.SetSym(i, i, k.At(i, i)+a.variance)
	}
	return k
}

// ahead estimates by how much a is ahead of b, as the logarithm of their ratio,
// with its standard deviation. A cell that the surface does not have is far
// behind.
func (s *surface) ahead(a, b scenarios.Cell) (by, sd float64) {
	i, ok := s.index[a]
	j, leads := s.index[b]
	if !ok || !leads {
		return -outclassed, 0
	}
	if i == j {
		return 0, 0
	}
	return s.mean[i] - s.mean[j], math.Sqrt(max(0, s.cov.At(i, i)+s.cov.At(j, j)-2*s.cov.At(i, j)))
}

// sorted returns the cells that the surface has, the best first.
func (s *surface) sorted(cells []scenarios.Cell) (out []scenarios.Cell) {
	for _, c := range cells {
		if _, ok := s.index[c]; ok {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b scenarios.Cell) int { return cmp.Compare(s.mean[s.index[b]], s.mean[s.index[a]]) })
	return out
}
