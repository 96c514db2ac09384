// Package changepoint finds where the level of a series changed: E-divisive
// with means (Matteson and James 2014), as Hunter and Otava use it on the
// figures of commit after commit.
package changepoint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/montanaflynn/stats"
	"gonum.org/v1/gonum/stat/distuv"
)

// Parameters, chosen by simulated truth. With noise of 2 % this test finds a
// change in 1.2 % of series of 50 values without one, in 2.0 % where every
// twentieth is an outlier, and a step of 5 % five commits ago in 92 to 95 %,
// after 20 to 50 before it. The t test of Hunter at p < 0.001 has 1.5 % and 5 %
// of false alarms there, for 90 to 96 %.
const (
	// Least is how many values a level has: of one or two nobody knows whether
	// they are a level or outliers.
	Least = 3

	level        = 0.02 // of the test of a change, and so of a false alarm in a series of independent values
	permutations = 499
	confidence   = 0.95 // of intervals
)

// Change is where a level ends and another begins.
type Change struct {
	Index         int     // of the first value of the new level; 0 is the first of the series
	Before, After float64 // means of the levels: geometric where all values are positive
	Effect        float64 // relative change, 0.05 is 5 % more; NaN from a level that is not positive
	Low, High     float64 // 95 % interval of Effect, as if the place were known
	P             float64 // of no change within the part of the series that it parts
}

// Result is what is found in a series.
type Result struct {
	Changes     []Change // by rising index
	Correlation float64  // of neighbours, lag 1, after the levels are removed; NaN: too few values
	Doubt       string   // why the changes may be none; empty when nothing speaks for that
}

// Find returns where the level of a series of finite values changes. The same
// series gives the same result. A series of positive values is looked at on
// the log scale, where noise is in proportion.
//
// It takes a time that grows with the square of the length: 500 values take a
// few tenths of a second.
func Find(series []float64) Result {
	x, positive := scale(series)
	var f finder
	f.split(x, 0)
	slices.SortFunc(f.changes, func(a, b Change) int { return a.Index - b.Index })
	cuts := []int{0}
	for _, c := range f.changes {
		cuts = append(cuts, c.Index)
	}
	cuts = append(cuts, len(x))
	r := Result{Changes: f.changes, Correlation: correlation(x, cuts)}
	r.Doubt = doubt(r.Correlation, len(x))
	widen := 1.0
	if r.Doubt != "" && r.Correlation > 0 {
		widen = math.Sqrt((1 + r.Correlation) / (1 - r.Correlation))
	}
	for i := range r.Changes {
		r.Changes[i].measure(x[cuts[i]:cuts[i+1]], x[cuts[i+1]:cuts[i+2]], positive, widen)
	}
	return r
}

func scale(series []float64) (x []float64, positive bool) {
	if positive = len(series) > 0 && slices.Min(series) > 0; !positive {
		return slices.Clone(series), false
	}
	for _, v := range series {
		x = append(x, math.Log(v))
	}
	return x, true
}

// finder parts a series, and the parts again, until no part shows a change.
type finder struct{ changes []Change }

func (f *finder) split(x []float64, offset int) {
	at, p := test(x)
	if p > level {
		return
	}
	f.changes = append(f.changes, Change{Index: offset + at, P: p})
	f.split(x[:at], offset)
	f.split(x[at:], offset+at)
}

// test returns the likeliest place of a change and how often a random order of
// the values shows one as clear. Where that is certain to be more often than
// level, p is 1.
func test(x []float64) (at int, p float64) {
	at, q := divergence(x)
	if at == 0 || q <= 0 {
		return 0, 1
	}
	rng := rand.New(rand.NewPCG(uint64(len(x)), 1))
	shuffled := slices.Clone(x)
	beyond := 1 // the order as it is counts, too
	for range permutations {
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if _, v := divergence(shuffled); v >= q*(1-1e-12) {
			beyond++
		}
		if float64(beyond) > level*(permutations+1) {
			return at, 1
		}
	}
	return at, float64(beyond) / (permutations + 1)
}

// divergence returns where two parts of x, of Least values or more, differ
// most, and by how much: ab/(a+b) · (2·mean|X−Y| − mean|X−X'| − mean|Y−Y'|),
// the energy distance of parts of a and b values. At is 0 for a series too
// short.
func divergence(x []float64) (at int, most float64) {
	n := len(x)
	if n < 2*Least {
		return 0, 0
	}
	var across, left, right float64 // sums over pairs
	for i := range x {
		for _, other := range x[i+1:] {
			right += math.Abs(x[i] - other)
		}
	}
	for t, v := range x[:n-Least] {
		var before, after float64 // distances of v, which goes from right to left
		for _, other := range x[:t] {
			before += math.Abs(v - other)
		}
		for _, other := range x[t+1:] {
			after += math.Abs(v - other)
		}
		across, left, right = across+after-before, left+before, right-after
		a, b := float64(t+1), float64(n-t-1)
		if q := a * b / (a + b) * 2 * (across/(a*b) - left/(a*a) - right/(b*b)); t+1 >= Least && q > most {
			at, most = t+1, q
		}
	}
	return at, most
}

// measure estimates a change from the values of the levels on both sides, with
// Welch's interval, widened for correlation.
func (c *Change) measure(before, after []float64, positive bool, widen float64) {
	a, va := meanAndVariance(before)
	b, vb := meanAndVariance(after)
	half := 0.0
	if va+vb > 0 {
		df := (va + vb) * (va + vb) / (va*va/float64(len(before)-1) + vb*vb/float64(len(after)-1))
		half = widen * math.Sqrt(va+vb) * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(0.5+confidence/2)
	}
	switch {
	case positive:
		c.Before, c.After = math.Exp(a), math.Exp(b)
		c.Effect, c.Low, c.High = math.Expm1(b-a), math.Expm1(b-a-half), math.Expm1(b-a+half)
	case a > 0:
		c.Before, c.After = a, b
		c.Effect, c.Low, c.High = (b-a)/a, (b-a-half)/a, (b-a+half)/a
	default:
		c.Before, c.After = a, b
		c.Effect, c.Low, c.High = math.NaN(), math.NaN(), math.NaN()
	}
}

// meanAndVariance returns the mean and its own variance.
func meanAndVariance(x []float64) (mean, variance float64) {
	mean, _ = stats.Mean(x)
	v, _ := stats.SampleVariance(x)
	return mean, v / float64(len(x))
}

// fewest is of how many values a correlation is told.
const fewest = 20

// correlation estimates the lag-1 correlation of what is left when every level
// between cuts is removed. To remove k levels from n values takes some of it
// away, about (k/n)(1 + 3ρ), which is added again. It is NaN of too few values
// or of constant ones.
func correlation(x []float64, cuts []int) float64 {
	if len(x) < fewest {
		return math.NaN()
	}
	var lagged, all float64
	for i, from := range cuts[:len(cuts)-1] {
		part := x[from:cuts[i+1]]
		mean, _ := stats.Mean(part)
		for j, v := range part {
			all += (v - mean) * (v - mean)
			if j > 0 {
				lagged += (v - mean) * (part[j-1] - mean)
			}
		}
	}
	if all == 0 {
		return math.NaN()
	}
	taken := float64(len(cuts)-1) / float64(len(x))
	r := (lagged/all + taken) / max(0.3, 1-3*taken)
	return min(max(r, -0.95), 0.95)
}

// alarms is how many of 100 series of 50 values without any change show one, by
// the correlation of neighbours: Simulate with 1,500 series each.
var alarms = []struct{ correlation, of100 float64 }{{0, 1}, {0.2, 7}, {0.4, 20}, {0.6, 44}, {0.8, 76}, {0.95, 94}}

// doubt says in words what a correlation means for changes.
func doubt(r float64, n int) string {
	switch {
	case math.IsNaN(r) && n < fewest:
		return fmt.Sprintf("from fewer than %d values (%d) nobody can tell whether neighbours resemble each other, and where they do, changes are found that are none", fewest, n)
	case !(r > max(0.2, 1.64/math.Sqrt(float64(n)))):
		return ""
	}
	return fmt.Sprintf("neighbours resemble each other (correlation %.2f): the machine drifts more slowly than values follow each other. "+
		"Of 100 series like that without any change, about %.0f show one: measure the commits before and after again, in a duet (sweetspot gate --base)", r, alarmsAt(r))
}

// alarmsAt reads the table between its lines.
func alarmsAt(r float64) float64 {
	for i, to := range alarms[1:] {
		if from := alarms[i]; r <= to.correlation {
			return from.of100 + (to.of100-from.of100)*(r-from.correlation)/(to.correlation-from.correlation)
		}
	}
	return alarms[len(alarms)-1].of100
}
