package analysis

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Peak is the highest load of a day.
type Peak struct {
	Day  time.Time // midnight UTC
	Rate float64   // requests/s
}

// Growth is how daily peaks grow: exponentially, each weekday being so many
// times the mean, with noise that remembers the day before.
type Growth struct {
	Peaks     int
	First     time.Time
	Last      time.Time
	PerYear   *Figure // ratio of a year's growth, as 1.5; N is the number of days
	Weekdays  bool    // whether weekdays were told apart
	AutoCorr  float64 // of the noise from one day to the next
	mean      []float64
	factor    *mat.TriDense // of the covariance of mean
	free      float64       // degrees of freedom: of as many independent days, less 2 for level and growth
	intercept time.Time
}

const (
	leastPeaks   = 14      // days
	weekdayPeaks = 28      // days from which weekdays are told apart
	horizon      = 5 * 365 // days ahead that a forecast looks
	growthDraws  = 1000
)

// Reasons not to forecast.
var (
	ErrFewPeaks = errors.New("fewer than 14 daily peaks")
	ErrPeaks    = errors.New("daily peaks have to be above 0, a day each")
)

// FitGrowth fits the growth of daily peaks by least squares on their
// logarithms. The noise's memory of the day before widens all intervals, as
// though there were fewer days: by (1 + r)/(1 − r).
func FitGrowth(peaks []Peak) (*Growth, error) {
	peaks = slices.Clone(peaks)
	slices.SortFunc(peaks, func(a, b Peak) int { return a.Day.Compare(b.Day) })
	if len(peaks) < leastPeaks {
		return nil, fmt.Errorf("%w (%d)", ErrFewPeaks, len(peaks))
	}
	for i, p := range peaks {
		if !(p.Rate > 0) || math.IsInf(p.Rate, 0) {
			return nil, fmt.Errorf("%w: %g on %s", ErrPeaks, p.Rate, p.Day.Format(time.DateOnly))
		}
		if i > 0 && peaks[i-1].Day.Equal(p.Day) {
			return nil, fmt.Errorf("%w: %s is there twice", ErrPeaks, p.Day.Format(time.DateOnly))
		}
	}
	n := len(peaks)
	g := &Growth{Peaks: n, First: peaks[0].Day, Last: peaks[n-1].Day, intercept: peaks[n-1].Day}
	if g.Weekdays = n >= weekdayPeaks; g.Weekdays {
		seen := map[time.Weekday]bool{}
		for _, p := range peaks {
			seen[p.Day.Weekday()] = true
		}
		g.Weekdays = len(seen) == 7
	}
	columns := len(g.terms(g.Last))
	x, y := mat.NewDense(n, columns, nil), mat.NewVecDense(n, nil)
	for i, p := range peaks {
		x.SetRow(i, g.terms(p.Day))
		y.SetVec(i, math.Log(p.Rate))
	}
	var b, fitted mat.VecDense
	if err := b.SolveVec(x, y); err != nil {
		return nil, fmt.Errorf("fit growth: %w", err)
	}
	fitted.MulVec(x, &b)
	residuals := make([]float64, n)
	squares := 0.0
	for i := range residuals {
		residuals[i] = y.AtVec(i) - fitted.AtVec(i)
		squares += residuals[i] * residuals[i]
	}
	g.AutoCorr = memory(residuals)
	g.free = max(2, float64(n)*(1-g.AutoCorr)/(1+g.AutoCorr)-2)
	variance := squares / float64(n-columns) * (1 + g.AutoCorr) / (1 - g.AutoCorr)
	var xx mat.SymDense
	xx.SymOuterK(1, x.T())
	var chol mat.Cholesky
	if !chol.Factorize(&xx) {
		return nil, errors.New("fit growth: the days do not tell growth from weekdays")
	}
	var inverse mat.SymDense
	if err := chol.InverseTo(&inverse); err != nil {
		return nil, fmt.Errorf("fit growth: %w", err)
	}
	inverse.ScaleSym(max(variance, 1e-12), &inverse)
	if !chol.Factorize(&inverse) {
		return nil, errors.New("fit growth: the days do not tell growth from weekdays")
	}
	g.factor = mat.NewTriDense(columns, mat.Lower, nil)
	chol.LTo(g.factor)
	g.mean = b.RawVector().Data
	half := distuv.StudentsT{Sigma: 1, Nu: g.free}.Quantile(0.5+confidence/2) * math.Sqrt(inverse.At(1, 1))
	g.PerYear = &Figure{Value: math.Exp(365 * g.mean[1]), Low: math.Exp(365 * (g.mean[1] - half)), High: math.Exp(365 * (g.mean[1] + half)), N: n}
	return g, nil
}

// memory is the correlation of residuals with those of the day before, between
// 0 and 0.9. Taking level and growth out of n days takes (2 + 4r)/n from it,
// which is put back.
func memory(residuals []float64) float64 {
	var with, all float64
	for i, r := range residuals {
		all += r * r
		if i > 0 {
			with += r * residuals[i-1]
		}
	}
	if all == 0 {
		return 0
	}
	r := with / all
	return min(max(r+(2+4*r)/float64(len(residuals)), 0), 0.9)
}

// terms are what the logarithm of a day's peak is made of: 1, days, and, where
// they are told apart, the weekdays but Sunday.
func (g *Growth) terms(day time.Time) []float64 {
	out := []float64{1, day.Sub(g.intercept).Hours() / 24}
	if g.Weekdays {
		week := make([]float64, 6)
		if d := int(day.Weekday()); d > 0 {
			week[d-1] = 1
		}
		out = append(out, week...)
	}
	return out
}

// Full is when the expected peak of a day first reaches a capacity.
type Full struct {
	Already bool      // it did within the last week there are peaks of
	Day     time.Time // zero: not within five years
	Low     time.Time // of its 95 % interval
	High    time.Time // zero: not within five years
	Beyond  int       // days from the last peak to Day
}

// Full forecasts when the machines are full that hold so many requests/s.
func (g *Growth) Full(capacity float64) Full {
	f := Full{}
	day := g.reaches(g.mean, capacity)
	if f.Already = day == 0; f.Already {
		f.Day, f.Low, f.High = g.Last, g.Last, g.Last
		return f
	}
	f.Day, f.Beyond = g.date(day), day
	rng := rand.New(rand.NewPCG(1, uint64(g.Peaks)))
	days := make([]float64, growthDraws)
	for i := range days {
		days[i] = float64(g.reaches(g.draw(rng), capacity))
	}
	low, high := middle(days)
	f.Low, f.High = g.date(int(low)), g.date(int(high))
	return f
}

// draw returns coefficients that fit as well: of a multivariate t.
func (g *Growth) draw(rng *rand.Rand) []float64 {
	z := mat.NewVecDense(len(g.mean), nil)
	wide := math.Sqrt(g.free / distuv.ChiSquared{K: g.free, Src: rng}.Rand())
	for i := range g.mean {
		z.SetVec(i, wide*rng.NormFloat64())
	}
	var out mat.VecDense
	out.MulVec(g.factor, z)
	out.AddVec(&out, mat.NewVecDense(len(g.mean), slices.Clone(g.mean)))
	return out.RawVector().Data
}

// reaches returns how many days after the last peak the expected one is first
// that high; 0 when it is within the last week that is known, and more than
// horizon for never.
func (g *Growth) reaches(coefficients []float64, capacity float64) int {
	target, first := math.Log(capacity), horizon+1
	growth := 7 * coefficients[1] // a week
	for d := -6; d <= 0; d++ {
		// One weekday after the other: along one, growth is all there is.
		sum := 0.0
		for i, t := range g.terms(g.Last.AddDate(0, 0, d)) {
			sum += t * coefficients[i]
		}
		switch {
		case sum >= target:
			return 0
		case growth > 0:
			weeks := math.Ceil((target - sum) / growth)
			if day := float64(d) + 7*weeks; day < float64(first) {
				first = int(day)
			}
		}
	}
	return max(first, 1)
}

// date is so many days after the last peak; zero beyond the horizon.
func (g *Growth) date(days int) time.Time {
	if days > horizon {
		return time.Time{}
	}
	return g.Last.AddDate(0, 0, days)
}
