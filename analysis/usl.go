package analysis

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"sweetspot/scenarios"
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

// Peak returns the number of cores beyond which the throughput falls,
// √((1 − Alpha)/Beta) (Gunther); +Inf when it never does.
func (u USL) Peak() float64 {
	if u.Beta <= 0 {
		return math.Inf(1)
	}
	return math.Sqrt(max(0, 1-u.Alpha) / u.Beta)
}

// Knee returns the number of cores with the largest product of throughput and
// throughput a core, X²/n: beyond, a core more costs a larger share than it
// gives. The definition is that of Eager, Zahorjan and Lazowska, "Speedup
// versus efficiency in parallel systems" (1989); the efficiency there is about
// a half. It is +Inf without contention.
func (u USL) Knee() float64 {
	a, b := max(0, u.Alpha), max(0, u.Beta)
	if a >= 1 {
		return 0
	}
	// The root of 3·b·n² + (a − b)·n − (1 − a) = 0, which is 1/0 for a = b = 0.
	return 2 * (1 - a) / (a - b + math.Sqrt(square(a-b)+12*b*(1-a)))
}

// ScalingPoint is a closed-loop burst of one fresh start on a number of cores.
type ScalingPoint struct {
	Cores float64
	Rate  float64        // goodput, requests/s
	App   float64        // CPU s of the application a good request; 0 unknown
	Proxy float64        // the same of the proxy
	Cell  scenarios.Cell // its workers are in proportion to the cores
}

// Scalability is a law fitted to what was measured, with what may be said
// beyond.
type Scalability struct {
	USL
	SD      float64 // of a measurement about the law, as a share of it
	Least   float64 // fewest cores measured
	Largest float64 // most cores measured

	samples []USL // of laws that fit as well
}

// Reasons not to fit a law, or not to ask it.
var (
	ErrFewPoints    = errors.New("fewer than 5 different numbers of cores were measured")
	ErrNoise        = errors.New("the measurements are too noisy")
	ErrNoContention = errors.New("no contention is visible in what was measured")
	ErrTooFar       = errors.New("more than twice the largest number of cores measured")
	ErrTooFew       = errors.New("fewer than half the smallest number of cores measured")
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
func FitUSL(points []ScalingPoint, seed uint64) (*Scalability, error) {
	distinct := map[float64]bool{}
	s := &Scalability{Least: math.Inf(1)}
	for _, p := range points {
		if !(p.Cores > 0 && p.Rate > 0) {
			return nil, fmt.Errorf("fit scalability: %g requests/s on %g cores", p.Rate, p.Cores)
		}
		distinct[p.Cores] = true
		s.Least, s.Largest = min(s.Least, p.Cores), max(s.Largest, p.Cores)
	}
	if len(distinct) < leastPoints {
		return nil, fewPoints(len(distinct))
	}
	s.USL = leastSquares(points)
	s.bootstrap(points, rand.New(rand.NewPCG(seed, 11)))
	low, high := s.interval(s.Largest)
	if at := s.At(s.Largest); low < at*(1-widestUSL) || high > at*(1+widestUSL) {
		return nil, fmt.Errorf("%w: %.0f to %.0f requests/s on %g cores, where %.0f fits best; measure more fresh starts of each, or on a quieter machine", ErrNoise, low, high, s.Largest, at)
	}
	return s, nil
}

// Furthest is the largest number of cores that the law can be asked for.
func (s *Scalability) Furthest() float64 { return furthest * s.Largest }

// fewPoints says how many numbers of cores there are, and how to get more.
func fewPoints(n int) error {
	return fmt.Errorf("%w (%d); add search.cores: [0.5, 0.75, 1, 1.5, 2] to the scenario, or more of the machine's, and run again", ErrFewPoints, n)
}

// Predict returns the throughput on n cores with its 95 % interval. Outside
// what was measured it goes by a factor of two at most; beyond the largest it
// needs contention that can be seen, too.
func (s *Scalability) Predict(n float64) (*Figure, error) {
	f := &Figure{Value: s.At(n), N: len(s.samples)}
	f.Low, f.High = s.interval(n)
	switch {
	case n*furthest < s.Least:
		return nil, fmt.Errorf("%g cores are %w (%g); measure on fewer", n, ErrTooFew, s.Least)
	case n <= s.Largest:
		return f, nil
	case n > s.Furthest():
		return nil, fmt.Errorf("%g cores are %w (%g); measure on %g or more", n, ErrTooFar, s.Largest, n/furthest)
	case !s.contended():
		return nil, fmt.Errorf("%w on up to %g cores, so that where it begins cannot be told; measure on more", ErrNoContention, s.Largest)
	case f.Low < f.Value*(1-widestUSL) || f.High > f.Value*(1+widestUSL):
		return nil, fmt.Errorf("%w for %g cores: %.0f to %.0f requests/s; measure more fresh starts of each, or on a quieter machine", ErrNoise, n, f.Low, f.High)
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

// interval returns the 95 % interval of the law at n cores. It holds the law
// itself.
func (s *Scalability) interval(n float64) (low, high float64) {
	at := make([]float64, len(s.samples))
	for i, u := range s.samples {
		at[i] = s.beyond(u, n)
	}
	low, high = middle(at)
	return min(low, s.At(n)), max(high, s.At(n))
}

// beyond is what a law that was drawn has at n cores. One with Alpha or Beta
// below 0 may rise without end: beyond what was measured none does more than in
// proportion.
func (s *Scalability) beyond(u USL, n float64) float64 {
	if n <= s.Largest {
		return u.At(n)
	}
	most := u.At(s.Largest) * n / s.Largest
	if at := u.At(n); at > 0 {
		return min(at, most)
	}
	return most
}

// Interval returns the 95 % interval of something that a law has, such as its
// knee.
func (s *Scalability) Interval(of func(USL) float64) (low, high float64) {
	values := make([]float64, len(s.samples))
	for i, u := range s.samples {
		values[i] = of(USL{u.Gamma, max(0, u.Alpha), max(0, u.Beta)})
	}
	return middle(values)
}

// middle returns the bounds of the central part of the values; it sorts them.
func middle(values []float64) (low, high float64) {
	slices.Sort(values)
	n := float64(len(values) - 1)
	return values[int(math.Round(n*(1-confidence)/2))], values[int(math.Round(n*(1+confidence)/2))]
}

// bootstrap draws laws that fit as well: the noise from what its estimate
// leaves open, then measurements, then their law. Neither the law that they are
// drawn about nor those that are drawn are held at Alpha and Beta from 0 on: a
// truth near 0 would be in too few of the intervals (88 % of 500 at 2 % noise,
// for 95 %). It sets SD.
func (s *Scalability) bootstrap(points []ScalingPoint, rng *rand.Rand) {
	all := []int{0, 1, 2}
	centre, ok := solve(points, all)
	if !ok {
		centre = s.USL
	}
	free := float64(len(points) - uslParameters)
	s.SD = math.Sqrt(centre.squares(points) / free)
	chi := distuv.ChiSquared{K: free, Src: rng}
	drawn := make([]ScalingPoint, len(points))
	for range uslSamples {
		sd := s.SD * math.Sqrt(free/chi.Rand())
		for i, p := range points {
			drawn[i] = ScalingPoint{Cores: p.Cores, Rate: centre.At(p.Cores) * math.Exp(sd*rng.NormFloat64())}
		}
		if u, ok := solve(drawn, all); ok {
			s.samples = append(s.samples, u)
		}
	}
}

// leastSquares returns the best law with neither Alpha nor Beta below 0: where
// the best of all is none, the best of those with one or both of them at 0.
func leastSquares(points []ScalingPoint) (best USL) {
	least := math.Inf(1)
	for _, free := range [][]int{{0, 1, 2}, {0, 1}, {0, 2}, {0}} {
		u, ok := solve(points, free)
		if !ok || u.Alpha < 0 || u.Beta < 0 {
			continue
		}
		if len(free) == uslParameters {
			return u
		}
		if squares := u.squares(points); squares < least {
			best, least = u, squares
		}
	}
	return best
}

// squares sums up the squares of what measurements are off the law, as shares
// of it.
func (u USL) squares(points []ScalingPoint) (sum float64) {
	for _, p := range points {
		sum += square(p.Rate/u.At(p.Cores) - 1)
	}
	return sum
}

// solve fits n/X = a + b·(n − 1) + c·n·(n − 1) with the free ones of a, b and c,
// weighing every equation by the inverse of its left side. ok is false where
// there is no such law, or the throughput of one core is not above 0.
func solve(points []ScalingPoint, free []int) (u USL, ok bool) {
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
	if abc[0] <= 0 {
		return u, false
	}
	return USL{Gamma: 1 / abc[0], Alpha: abc[1] / abc[0], Beta: abc[2] / abc[0]}, true
}
