package analysis

import (
	"math"

	"github.com/montanaflynn/stats"
	"gonum.org/v1/gonum/stat/distuv"
)

// confidence is the level of every interval.
const confidence = 0.95

// figure estimates the mean of replicates with Student's t interval. It
// returns nil for none.
func figure(replicates []float64) *Figure {
	n := len(replicates)
	if n == 0 {
		return nil
	}
	mean, _ := stats.Mean(replicates)
	f := &Figure{Value: mean, Low: math.NaN(), High: math.NaN(), N: n}
	if n > 1 {
		half := tQuantile(n-1) * standardError(replicates)
		f.Low, f.High = mean-half, mean+half
	}
	return f
}

// amount is figure for what is never negative, such as rates and times.
func amount(replicates []float64) *Figure {
	f := figure(replicates)
	if f != nil && f.N > 1 {
		f.Low = max(f.Low, 0)
	}
	return f
}

// RatioFigure estimates the ratio of pairs, a over b, by the mean of their log
// ratios: the pair is the replicate, so that what a round did to both cancels.
// Pairs that are not positive are left out; it returns nil for none.
func RatioFigure(a, b []float64) *Figure {
	f := figure(logRatios(a, b))
	if f == nil {
		return nil
	}
	f.Value, f.Low, f.High = math.Exp(f.Value), math.Exp(f.Low), math.Exp(f.High)
	return f
}

// UnpairedRatio estimates the ratio of two means, a over b, of independent
// replicates on the log scale, with Welch's degrees of freedom. It returns nil
// when either has none.
func UnpairedRatio(a, b []float64) *Figure {
	la, lb := logs(a), logs(b)
	if len(la) == 0 || len(lb) == 0 {
		return nil
	}
	ma, _ := stats.Mean(la)
	mb, _ := stats.Mean(lb)
	f := &Figure{Value: math.Exp(ma - mb), Low: math.NaN(), High: math.NaN(), N: min(len(la), len(lb))}
	if f.N > 1 {
		va, vb := square(standardError(la)), square(standardError(lb))
		if va+vb > 0 {
			df := square(va+vb) / (square(va)/float64(len(la)-1) + square(vb)/float64(len(lb)-1))
			half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(0.5+confidence/2) * math.Sqrt(va+vb)
			f.Low, f.High = math.Exp(ma-mb-half), math.Exp(ma-mb+half)
		} else {
			f.Low, f.High = f.Value, f.Value
		}
	}
	return f
}

// RatioOfFigures estimates the ratio of two figures of independent replicates,
// a over b, from the figures alone: the spread of each is read from its interval,
// and taken for that of its logarithm (delta method), with Welch's degrees of
// freedom. It returns nil when either is missing or not positive.
func RatioOfFigures(a, b *Figure) *Figure { return RatioAt(a, b, confidence) }

// RatioAt is RatioOfFigures with an interval of another level, as 0.99; those of
// a and b are the project's all the same.
func RatioAt(a, b *Figure, level float64) *Figure {
	if a == nil || b == nil || !(a.Value > 0 && b.Value > 0) {
		return nil
	}
	f := &Figure{Value: a.Value / b.Value, Low: math.NaN(), High: math.NaN(), N: min(a.N, b.N)}
	if f.N < 2 {
		return f
	}
	va, vb := square(a.relativeError()), square(b.relativeError())
	if va+vb == 0 {
		f.Low, f.High = f.Value, f.Value
		return f
	}
	df := square(va+vb) / (square(va)/float64(a.N-1) + square(vb)/float64(b.N-1))
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(0.5+level/2) * math.Sqrt(va+vb)
	f.Low, f.High = f.Value*math.Exp(-half), f.Value*math.Exp(half)
	return f
}

// relativeError is the standard error of a figure as a share of it. Its upper
// bound tells, for the lower one may have been cut at 0.
func (f *Figure) relativeError() float64 { return (f.High - f.Value) / tQuantile(f.N-1) / f.Value }

func logRatios(a, b []float64) []float64 {
	var out []float64
	for i := range min(len(a), len(b)) {
		if a[i] > 0 && b[i] > 0 {
			out = append(out, math.Log(a[i]/b[i]))
		}
	}
	return out
}

func logs(x []float64) []float64 {
	var out []float64
	for _, v := range x {
		if v > 0 {
			out = append(out, math.Log(v))
		}
	}
	return out
}

// standardError returns the standard error of the mean; 0 for fewer than two.
func standardError(x []float64) float64 {
	if len(x) < 2 {
		return 0
	}
	sd, _ := stats.StandardDeviationSample(x)
	return sd / math.Sqrt(float64(len(x)))
}

// tQuantile returns the two-sided quantile of Student's t at the project's
// confidence.
func tQuantile(df int) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(df)}.Quantile(0.5 + confidence/2)
}

func square(x float64) float64 { return x * x }
