package main

import (
	"fmt"
	"math"

	"sweetspot/analysis"
)

// ratio is a geometric mean of the ratios of pairs with its 95 % interval.
type ratio struct {
	mean, low, high float64 // low and high are NaN for a single pair
	pairs           int     // 0: there is no ratio
}

// ratioOf compares a with b, by pairs of the same round. Rounds in which one of
// them has nothing above 0 are left out.
func ratioOf(a, b map[int]float64) ratio {
	var x, y []float64
	for round := range a {
		x, y = append(x, a[round]), append(y, b[round])
	}
	f := analysis.RatioFigure(x, y)
	if f == nil {
		return ratio{}
	}
	return ratio{mean: f.Value, low: f.Low, high: f.High, pairs: f.N}
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
