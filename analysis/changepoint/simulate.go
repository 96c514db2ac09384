package changepoint

import (
	"math"
	"math/rand/v2"
)

// Truth is what a simulated series is like.
type Truth struct {
	Points      int
	At          int     // index of the first value of the new level; outside of the series: none changes
	Step        float64 // relative change there
	SD          float64 // of a value, as a share of its level
	Correlation float64 // of neighbours, lag 1
	Outliers    float64 // share of values that are slowed by another 5 SD in the mean
}

// Rates are shares of the simulated series, 0…1.
type Rates struct {
	Found    float64 // that show a change: false alarms where there is none
	Located  float64 // that show it at its place, or one beside it
	Covered  float64 // of those located: their interval has the true step
	Doubted  float64 // in which a correlation is seen
	Resemble float64 // mean of the estimated correlation
}

// Simulate finds changes in series of a known truth. The same seed gives the
// same rates.
func Simulate(t Truth, series int, seed uint64) Rates {
	var found, located, covered, doubted, resemble float64
	for i := range series {
		got := Find(t.series(rand.New(rand.NewPCG(seed, uint64(i)))))
		if len(got.Changes) > 0 {
			found++
		}
		for _, c := range got.Changes {
			if t.Step != 0 && c.Index >= t.At-1 && c.Index <= t.At+1 {
				located++
				if c.Low <= t.Step && t.Step <= c.High {
					covered++
				}
				break
			}
		}
		if got.Doubt != "" {
			doubted++
		}
		resemble += got.Correlation
	}
	n := float64(series)
	return Rates{found / n, located / n, covered / located, doubted / n, resemble / n}
}

func (t Truth) series(rng *rand.Rand) []float64 {
	out := make([]float64, t.Points)
	e := rng.NormFloat64()
	for i := range out {
		if i > 0 {
			e = t.Correlation*e + math.Sqrt(1-t.Correlation*t.Correlation)*rng.NormFloat64()
		}
		out[i] = math.Exp(t.SD * e)
		if rng.Float64() < t.Outliers {
			out[i] *= 1 + 5*t.SD*rng.ExpFloat64()
		}
		if i >= t.At {
			out[i] *= 1 + t.Step
		}
	}
	return out
}
