package analysis

import (
	"math"

	"sweetspot/scenarios"
)

// walk approaches the sustainable rate of one started cell: each try is made
// where it is somewhat more likely to fail, for that is cut short and costs
// less, until the rate is known as exactly as is wanted.
type walk struct {
	start      float64 // first rate, requests/s
	resolution float64 // standard deviation of the rate's logarithm that ends the walk
	most       int     // tries, once one has passed and one has failed
	tries      []try
}

type try struct {
	rate   float64 // requests/s
	passed bool
}

// giveUp is how many tries in a row may fail before a cell counts as unable to
// meet the objectives. By then they have come down to a twentieth. And so many
// that pass end a walk that finds no end.
const giveUp, mostUp = 7, 12

// floor is the lowest rate of a walk, as a share of its first.
const floor = 0.05

// bounds returns the highest rate that passed and the lowest that failed; 0
// where there is none. Noise can make low exceed high.
func (w walk) bounds() (low, high float64) {
	for _, t := range w.tries {
		switch {
		case t.passed:
			low = max(low, t.rate)
		case high == 0 || t.rate < high:
			high = t.rate
		}
	}
	return low, high
}

// next returns the rate to try next; ok is false when the walk is over.
func (w walk) next() (rate float64, ok bool) {
	if len(w.tries) == 0 {
		return w.start, true
	}
	low, high := w.bounds()
	p := newPosterior(w.tries)
	switch n := len(w.tries); {
	case low == 0 && n >= giveUp, high == 0 && n >= mostUp:
		return 0, false
	case low > 0 && high > 0 && (n >= w.most || p.spread() <= w.resolution):
		return 0, false
	}
	if low == 0 {
		return max(p.quantile(1-tryAt), w.start*floor), true
	}
	return p.quantile(tryAt), true
}

// tryAt is the chance of a try to fail, once one has passed.
const tryAt = 0.7

// estimate returns the sustainable rate that the walk has found, at which half
// of its tries would pass; 0 when none passed.
func (w walk) estimate() float64 {
	low, high := w.bounds()
	if low == 0 || high == 0 {
		return low
	}
	return newPosterior(w.tries).quantile(0.5)
}

// firstRate guesses the sustainable rate of a cell from its saturation
// throughput, to begin a walk near its end. With Poisson arrivals the guess is
// the heavy-traffic approximation of a queue's tail (Kingman),
// P(W > t) ≈ exp(−2(1 − ρ)·X·t/(ca² + cs²)), solved for ρ at every latency
// objective, with ca = 1 and cs² = 0.5. Where the rate moves, it is its peak
// that is guessed. It steers the search and decides nothing; it is rather high
// than low, for a trial that must fail is cut short.
func firstRate(s *scenarios.Scenario, saturation float64) float64 {
	const most, least, variability = 0.97, 0.3, 1.5
	rho := most
	for _, o := range s.Objectives {
		q, ok := o.Quantile()
		if !ok || o.Class == scenarios.Static || s.Traffic.Arrivals == scenarios.Constant {
			continue // a proxy may answer static requests without the queue
		}
		rho = min(rho, 1-math.Log(1/(1-q))*variability/(2*saturation*o.Limit.Seconds()))
	}
	return saturation * max(rho, least) / s.Traffic.Peak()
}
