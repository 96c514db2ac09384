package analysis

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// USL is the Universal Scalability Law (Gunther): the throughput on n cores is
//
//	X(n) = Gamma·n / (1 + Alpha·(n − 1) + Beta·n·(n − 1)).
type USL struct {
	Gamma float64 // throughput of one core, requests/s
	Alpha float64 // contention: the share of the work that has to queue, ≥ 0
	Beta  float64 // coherency: what keeping each other informed costs, ≥ 0
}

// At returns the throughput on n cores, requests/s. n need not be whole.
func (u USL) At(n float64) float64 {
	return u.Gamma * n / (1 + u.Alpha*(n-1) + u.Beta*n*(n-1))
}

// Peak returns the number of cores beyond which the throughput falls; +Inf when
// it never does.
func (u USL) Peak() float64 {
	if u.Beta <= 0 {
		return math.Inf(1)
	}
	return math.Sqrt(max(0, 1-u.Alpha) / u.Beta)
}

// Scaling is the throughput of one start on a number of cores.
type Scaling struct {
	Cores float64
	Rate  float64 // requests/s
}

// Scalability is a law fitted to what was measured, with what may be said
// beyond.
type Scalability struct {
	USL
	SD      float64 // of the logarithm of a measurement about the law
	Largest float64 // most cores measured

	samples []USL // of laws that fit as well
}

// Reasons not to fit a law, or not to ask it.
var (
	ErrFewPoints    = errors.New("fewer than 5 different numbers of cores were measured")
	ErrNoise        = errors.New("the measurements are too noisy")
	ErrNoContention = errors.New("no contention is visible in what was measured")
	ErrTooFar       = errors.New("more than twice the largest number of cores measured")
)

const (
	leastPoints   = 5
	widestUSL     = 0.25 // half of an interval, as a share of the figure
	furthest      = 2.0  // multiple of the largest number measured
	uslSamples    = 1000
	uslParameters = 3
)

// FitUSL fits the law by weighted least squares of n/X, which is linear in
// 1/Gamma, Alpha/Gamma and Beta/Gamma, with errors that are a share of the
// value and neither Alpha nor Beta below 0. Intervals come from a parametric
// bootstrap that draws the noise, too. It refuses data that cannot carry a law.
func FitUSL(points []Scaling, seed uint64) (*Scalability, error) {
	distinct := map[float64]bool{}
	s := &Scalability{}
	for _, p := range points {
		if !(p.Cores > 0 && p.Rate > 0) {
			return nil, fmt.Errorf("fit scalability: %g requests/s on %g cores", p.Rate, p.Cores)
		}
		distinct[p.Cores] = true
		s.Largest = max(s.Largest, p.Cores)
	}
	if len(distinct) < leastPoints {
		return nil, fmt.Errorf("%w (%d)", ErrFewPoints, len(distinct))
	}
	s.USL = leastSquares(points)
	squares := 0.0
	for _, p := range points {
		d := math.Log(p.Rate / s.At(p.Cores))
		squares += d * d
	}
	free := float64(len(points) - uslParameters)
	s.SD = math.Sqrt(squares / free)
	s.bootstrap(points, free, rand.New(rand.NewPCG(seed, 11)))
	low, high := s.interval(s.Largest)
	if at := s.At(s.Largest); low < at*(1-widestUSL) || high > at*(1+widestUSL) {
		return nil, fmt.Errorf("%w: %.0f to %.0f requests/s on %g cores, where %.0f fits best; measure more starts of each", ErrNoise, low, high, s.Largest, at)
	}
	return s, nil
}

// Predict returns the throughput on n cores with its 95 % interval. Beyond
// what was measured it needs contention that can be seen, and it goes no
// further than twice as far.
func (s *Scalability) Predict(n float64) (*Figure, error) {
	f := &Figure{Value: s.At(n), N: len(s.samples)}
	f.Low, f.High = s.interval(n)
	switch {
	case n <= s.Largest:
		return f, nil
	case n > furthest*s.Largest:
		return nil, fmt.Errorf("%g cores are %w (%g)", n, ErrTooFar, s.Largest)
	case !s.contended():
		return nil, fmt.Errorf("%w on up to %g cores: where it begins cannot be told", ErrNoContention, s.Largest)
	case f.Low < f.Value*(1-widestUSL) || f.High > f.Value*(1+widestUSL):
		return nil, fmt.Errorf("%w for %g cores: %.0f to %.0f requests/s", ErrNoise, n, f.Low, f.High)
	}
	return f, nil
}

// contended says whether the data tell the law from a straight line: on the
// largest number measured, nearly all laws that fit are below it.
func (s *Scalability) contended() bool {
	below := 0
	for _, u := range s.samples {
		if u.At(s.Largest) < 0.99*u.Gamma*s.Largest {
			below++
		}
	}
	return float64(below) >= confidence*float64(len(s.samples))
}

// interval returns the 95 % interval of the law at n cores.
func (s *Scalability) interval(n float64) (low, high float64) {
	at := make([]float64, len(s.samples))
	for i, u := range s.samples {
		at[i] = u.At(n)
	}
	return middle(at)
}

// Intervals returns the 95 % intervals of Gamma, Alpha and Beta.
func (s *Scalability) Intervals() (gamma, alpha, beta [2]float64) {
	var g, a, b []float64
	for _, u := range s.samples {
		g, a, b = append(g, u.Gamma), append(a, u.Alpha), append(b, u.Beta)
	}
	gamma[0], gamma[1] = middle(g)
	alpha[0], alpha[1] = middle(a)
	beta[0], beta[1] = middle(b)
	return gamma, alpha, beta
}

// middle returns the bounds of the central part of the values; it sorts them.
func middle(values []float64) (low, high float64) {
	slices.Sort(values)
	n := float64(len(values) - 1)
	return values[int(math.Round(n*(1-confidence)/2))], values[int(math.Round(n*(1+confidence)/2))]
}

// bootstrap draws laws that fit as well: the noise from what its estimate
// leaves open, then measurements, then their law.
func (s *Scalability) bootstrap(points []Scaling, free float64, rng *rand.Rand) {
	chi := distuv.ChiSquared{K: free, Src: rng}
	drawn := make([]Scaling, len(points))
	for range uslSamples {
		sd := s.SD * math.Sqrt(free/chi.Rand())
		for i, p := range points {
			drawn[i] = Scaling{p.Cores, s.At(p.Cores) * math.Exp(sd*rng.NormFloat64())}
		}
		s.samples = append(s.samples, leastSquares(drawn))
	}
}

// leastSquares solves for the law, trying each of Alpha and Beta free and at 0,
// and keeps the best that has neither below 0.
func leastSquares(points []Scaling) USL {
	var best USL
	least := math.Inf(1)
	for _, free := range [][]int{{0, 1, 2}, {0, 1}, {0, 2}, {0}} {
		u, ok := solve(points, free)
		if !ok {
			continue
		}
		squares := 0.0
		for _, p := range points {
			d := p.Rate/u.At(p.Cores) - 1
			squares += d * d
		}
		if squares < least*(1-1e-9) {
			best, least = u, squares
		}
	}
	return best
}

// solve fits n/X = a + b·(n − 1) + c·n·(n − 1) with the free ones of a, b and c,
// weighing every equation by the inverse of its left side. ok is false for a
// law with something below 0.
func solve(points []Scaling, free []int) (u USL, ok bool) {
	rows := mat.NewDense(len(points), len(free), nil)
	right := mat.NewVecDense(len(points), nil)
	for i, p := range points {
		y := p.Cores / p.Rate
		terms := [3]float64{1, p.Cores - 1, p.Cores * (p.Cores - 1)}
		for j, k := range free {
			rows.Set(i, j, terms[k]/y)
		}
		right.SetVec(i, 1)
	}
	var x mat.VecDense
	if err := x.SolveVec(rows, right); err != nil {
		return u, false
	}
	var abc [3]float64
	for j, k := range free {
		abc[k] = x.AtVec(j)
	}
	if abc[0] <= 0 || abc[1] < 0 || abc[2] < 0 {
		return u, false
	}
	return USL{Gamma: 1 / abc[0], Alpha: abc[1] / abc[0], Beta: abc[2] / abc[0]}, true
}
