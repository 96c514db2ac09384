package gate

import (
	"fmt"
	"math"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"
)

var normal = distuv.UnitNormal

// spending is how much of an error's probability a design may spend, and by
// which sample size all of it is.
type spending struct {
	total float64
	by    int
}

// levels returns the nominal one-sided level of every look, at rising sample
// sizes, so that the probability to cross at any of them is total by the end
// and total · (n/by)² by a sample size of n [Lan and DeMets 1983, Kim and DeMets
// 1987 with rho = 2]. The last look spends all that is left if it is final.
func (s spending) levels(looks []int, final bool) []float64 {
	id := fmt.Sprint(s, looks, final)
	if known, ok := boundaries.Load(id); ok {
		return known.([]float64)
	}
	out := s.integrate(looks, final)
	boundaries.Store(id, out)
	return out
}

// boundaries keeps what was integrated, by its arguments.
var boundaries sync.Map

// integrate follows the density of a Brownian motion, which the sum of the
// replicates is without an effect, through the looks: what is still below all
// bounds at one of them [Armitage, McPherson and Rowe 1969].
func (s spending) integrate(looks []int, final bool) []float64 {
	out := make([]float64, len(looks))
	var at, density []float64 // of what is below the bounds, on a grid
	spent, before := 0., 0.
	for j, n := range looks {
		share := min(1, float64(n)/float64(s.by))
		target := s.total * share * share
		if final && j == len(looks)-1 {
			target = s.total
		}
		step := max(1e-12, target-spent)
		time := float64(n)
		sd := math.Sqrt(time - before)
		above := func(bound float64) (p float64) {
			if j == 0 {
				return normal.Survival(bound / sd)
			}
			for i, u := range at {
				p += density[i] * normal.Survival((bound-u)/sd)
			}
			return p
		}
		low, high := -9*math.Sqrt(time), 9*math.Sqrt(time)
		for range 60 {
			if mid := (low + high) / 2; above(mid) > step {
				low = mid
			} else {
				high = mid
			}
		}
		out[j] = normal.Survival(high / math.Sqrt(time))
		at, density = advance(at, density, sd, math.Sqrt(time), high, j == 0)
		spent, before = max(spent, target), time
	}
	return out
}

// advance returns the weights of a grid below the bound one look later.
func advance(at, density []float64, sd, spread, bound float64, first bool) (grid, weights []float64) {
	const points = 240
	low := -7 * spread
	width := (bound - low) / points
	for i := range points {
		x := low + (float64(i)+0.5)*width
		p := 0.
		if first {
			p = math.Exp(-x*x/(2*sd*sd)) / (sd * math.Sqrt(2*math.Pi))
		}
		for k, u := range at {
			d := (x - u) / sd
			p += density[k] * math.Exp(-d*d/2) / (sd * math.Sqrt(2*math.Pi))
		}
		grid, weights = append(grid, x), append(weights, p*width)
	}
	return grid, weights
}
