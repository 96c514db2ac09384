package main

import (
	"fmt"
	"math"

	"github.com/montanaflynn/stats"
	"gonum.org/v1/gonum/stat/distuv"
)

// ratio is a geometric mean of the ratios of pairs with its 95 % interval.
type ratio struct {
	mean, low, high float64 // low and high are NaN for a single pair
	pairs           int     // 0: there is no ratio
}

// ratioOf compares a with b, by pairs of the same round: what a round did to
// both cancels. The interval is Student's, of the mean log ratio. Rounds in
// which one of them has nothing above 0 are left out.
func ratioOf(a, b map[int]float64) ratio {
	var logs []float64
	for round, x := range a {
		if y := b[round]; x > 0 && y > 0 {
			logs = append(logs, math.Log(x/y))
		}
	}
	n := len(logs)
	if n == 0 {
		return ratio{}
	}
	mean, _ := stats.Mean(logs)
	r := ratio{mean: math.Exp(mean), low: math.NaN(), high: math.NaN(), pairs: n}
	if n > 1 {
		sd, _ := stats.StandardDeviationSample(logs)
		half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(n - 1)}.Quantile(0.975) * sd / math.Sqrt(float64(n))
		r.low, r.high = math.Exp(mean-half), math.Exp(mean+half)
	}
	return r
}

// String is the ratio as a table has it.
func (r ratio) String() string {
	switch {
	case r.pairs == 0:
		return "–"
	case r.pairs == 1:
		return fmt.Sprintf("%.2f", r.mean)
	}
	return fmt.Sprintf("%.2f [%.2f–%.2f]", r.mean, r.low, r.high)
}

// average is the mean of a figure over rounds; 0 for none.
func average(of map[int]float64) float64 {
	var sum float64
	for _, x := range of {
		sum += x
	}
	return sum / math.Max(1, float64(len(of)))
}
