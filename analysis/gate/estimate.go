package gate

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// estimate is a mean of paired differences, as far as the rounds tell.
type estimate struct {
	n    int
	mean float64
	se   float64 // of the mean; NaN with fewer than two rounds
	sd   float64 // of one round
	df   float64

	slope float64 // on the machine's pace, that was taken out; 0: none was
}

// estimateOf returns the mean of the differences. What goes with the pace of
// the machine is taken out of them (analysis of covariance) where that shows to
// lower their spread: see covariance.
func estimateOf(samples []sample, paced bool) estimate {
	e := plain(samples)
	if !paced {
		return e
	}
	if c, ok := covariance(samples, e); ok {
		return c
	}
	return e
}

func plain(samples []sample) estimate {
	e := estimate{n: len(samples), df: float64(len(samples) - 1), se: math.NaN(), sd: math.NaN(), mean: math.NaN()}
	if e.n == 0 {
		return e
	}
	sum := 0.
	for _, s := range samples {
		sum += s.diff
	}
	e.mean = sum / float64(e.n)
	if e.n < 2 {
		return e
	}
	squares := 0.
	for _, s := range samples {
		squares += (s.diff - e.mean) * (s.diff - e.mean)
	}
	e.sd = math.Sqrt(squares / e.df)
	e.se = e.sd / math.Sqrt(float64(e.n))
	return e
}

// Safeguards of the covariate.
const (
	leastCovered = 6     // rounds below which it is not used
	slopeLevel   = 0.05  // two-sided, at which the metric must go with the pace
	shiftLevel   = 0.001 // two-sided, at which the builds differ in the pace: then it is not the machine's alone
)

// covariance takes out of the differences what goes with the machine's pace:
// analysis of covariance. The slope is that of the bursts of a build around
// their mean in a round or, where a build has one burst only, that of the
// rounds' means of both builds on theirs. Both are independent of the
// difference of the builds, so that neither a true difference is in the slope,
// nor does choosing by it, or estimating it, make the test of the difference
// too sure. ok is false where the metric does not clearly go with the pace,
// where that does not lower the spread of the differences, and where the builds
// differ in the pace by more than chance: a build that changes the generator's
// work must not be corrected by it.
func covariance(samples []sample, e estimate) (estimate, bool) {
	if e.n < leastCovered || !(e.sd > 0) {
		return e, false
	}
	var x, y, shift []float64
	var around scatter
	for i := range samples {
		s := &samples[i]
		x, y, shift = append(x, s.paceMean), append(y, (s.base+s.candidate)/2), append(shift, s.pace)
		around = around.plus(s.around)
	}
	if around.df < 1 {
		around = scatterOf(x, y)
	}
	slope, p := around.slope()
	if !(p <= slopeLevel) {
		return e, false
	}
	if mean, squares := moments(shift); twoSided(mean/math.Sqrt(squares/(e.df*float64(e.n))), e.df) < shiftLevel {
		return e, false
	}
	freed := slices.Clone(samples)
	for i := range freed {
		freed[i].diff -= slope * freed[i].pace
	}
	out := plain(freed)
	out.slope = slope
	return out, out.sd < e.sd
}

// slope is that of y on x, with its two-sided p; NaN where the points do not tell.
func (s scatter) slope() (slope, p float64) {
	slope = s.xy / s.xx
	rest := (s.yy - slope*s.xy) / (s.df - 1)
	if !(rest > 0) {
		return slope, math.NaN()
	}
	return slope, twoSided(slope/math.Sqrt(rest/s.xx), s.df-1)
}

func twoSided(t, df float64) float64 { return 2 * student(df).Survival(math.Abs(t)) }

// moments returns the mean, and the sum of the squared deviations from it.
func moments(x []float64) (mean, squares float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return mean, squares
}

func student(df float64) distuv.StudentsT { return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df} }

// above is the one-sided p of a mean that is at most bound; NaN where the
// rounds do not tell.
func (e estimate) above(bound float64) float64 {
	switch {
	case e.n < 2 || math.IsNaN(e.se) || !(e.df >= 1):
		return math.NaN()
	case e.se == 0 && e.mean > bound:
		return 0
	case e.se == 0:
		return 1
	}
	return student(e.df).Survival((e.mean - bound) / e.se)
}

// below is the one-sided p of a mean that is at least bound.
func (e estimate) below(bound float64) float64 {
	e.mean = -e.mean
	return e.above(-bound)
}

// interval is the two-sided 95 % interval of the mean.
func (e estimate) interval() (low, high float64) {
	if e.n < 2 || math.IsNaN(e.se) {
		return math.NaN(), math.NaN()
	}
	half := 0.
	if e.se > 0 {
		half = student(e.df).Quantile(0.975) * e.se
	}
	return e.mean - half, e.mean + half
}

// visible is the smallest mean that shows at a one-sided level of 1 % with a
// power of 95 %; NaN where the rounds do not tell.
func (e estimate) visible() float64 {
	if e.n < 2 || math.IsNaN(e.se) {
		return math.NaN()
	}
	s := student(e.df)
	return (s.Quantile(0.99) + s.Quantile(0.95)) * e.se
}

// roundsFor is how many rounds a clear verdict on a margin takes at this
// spread, with some room for the looks; 0: not known.
func (e estimate) roundsFor(margin float64) int {
	if e.n < 2 || math.IsNaN(e.sd) || !(margin > 0) {
		return 0
	}
	k := 3.97 * e.sd / margin
	return int(math.Ceil(min(1e6, 1.5*k*k+6)))
}
