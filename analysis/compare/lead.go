package compare

import (
	"cmp"
	"math"
	"slices"

	"sweetspot/analysis"
)

// together is the confidence in all intervals of a Lead at once.
const together = 0.95

// Lead says which of several rates is the highest, as far as the data tell.
type Lead struct {
	Order  []int   // the rates that are known, highest estimate first
	First  []int   // of these, in that order, those that none is shown to exceed: the highest true rate is among them with 95 %. One alone is the highest
	Over   []Ahead // by rate: what exceeds it; that of the highest estimate and of an unknown one has no ratio
	Level  float64 // of each interval of Over, so that those of all pairs hold together with 95 % (Bonferroni)
	Untold []int   // of First, those that have too few starts for an interval, or of which the load generator was the limit
}

// Ahead is a rate over another: of those that are shown to exceed it the
// highest, or else the highest of all.
type Ahead struct {
	Of    int
	Ratio *analysis.Figure
}

// LeadOf ranks rates of independent runs; nil is unknown.
//
// A rate is not in First when the interval of another's ratio to it is above 1.
// With n rates there are n(n−1)/2 pairs; each interval is of 1 − 5 % over that
// number. The highest true rate is left out only when the interval of one pair
// with it is wrong, whichever estimates came out highest: their choice is paid
// for.
func LeadOf(rates []*analysis.Figure) Lead {
	l := Lead{Over: make([]Ahead, len(rates)), Level: together}
	for i, f := range rates {
		if f != nil && f.Value > 0 && !math.IsInf(f.Value, 1) {
			l.Order = append(l.Order, i)
		}
	}
	slices.SortStableFunc(l.Order, func(a, b int) int { return cmp.Compare(rates[b].Value, rates[a].Value) })
	if n := len(l.Order); n > 1 {
		l.Level = 1 - (1-together)/float64(n*(n-1)/2)
	}
	for n, i := range l.Order {
		if n > 0 {
			l.Over[i] = l.ahead(rates, l.Order[:n], i)
		}
		if r := l.Over[i].Ratio; r != nil && exceeds(r) {
			continue
		}
		l.First = append(l.First, i)
		if rates[i].N < 2 || rates[i].AtLeast {
			l.Untold = append(l.Untold, i)
		}
	}
	return l
}

// ahead finds what exceeds rate i among those with higher estimates.
func (l Lead) ahead(rates []*analysis.Figure, higher []int, i int) (out Ahead) {
	for _, j := range higher {
		f := analysis.RatioAt(rates[j], rates[i], l.Level)
		f.AtLeast = rates[j].AtLeast
		if rates[i].AtLeast {
			f.Low, f.High = math.NaN(), math.NaN() // its true rate is higher by what nobody knows
		}
		if out.Ratio == nil || exceeds(f) {
			out = Ahead{j, f}
		}
		if exceeds(f) {
			break
		}
	}
	return out
}

// exceeds tells a ratio that is shown to be above 1.
func exceeds(ratio *analysis.Figure) bool { return ratio.Low > 1 }
