package analysis

import (
	"math"

	"sweetspot/scenarios"
)

// walk approaches the sustainable rate of one started cell: from its first
// rate by steps that double, down while trials fail and up while they pass,
// then by halves between the highest that passed and the lowest that failed.
type walk struct {
	start      float64 // first rate, requests/s
	cap        float64 // saturation throughput: nothing above it is tried; 0 unknown
	resolution float64 // ratio less 1 at which the bracket is narrow enough
	most       int     // tries, once one has passed and one has failed
	tries      []try
}

type try struct {
	rate   float64 // requests/s
	passed bool
}

// giveUp is how many tries in a row may fail before a cell counts as unable to
// meet the objectives. By then the steps have come down to a twentieth.
const giveUp = 7

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
	low, high := w.bounds()
	switch n := len(w.tries); {
	case n == 0:
		return w.start, true
	case low == 0:
		return w.down(n), n < giveUp
	case high == 0:
		return w.up(low, n)
	case n >= w.most:
		return 0, false
	}
	median, sd := newPosterior(w.start, w.tries).summary()
	if w.cap > 0 {
		median = min(median, w.cap)
	}
	return median, sd > w.resolution*0.6
}

// down returns the rate after n failures: the k-th step down is 2^k steps wide.
func (w walk) down(n int) float64 {
	fall := w.resolution * (math.Pow(2, float64(n)) - 1)
	return w.start * max(1-fall, floor)
}

// up returns the rate after n passes, the k-th step up being 2^k steps wide. A
// step that would pass the cap ends at it, and the walk ends when low is as
// good as there.
func (w walk) up(low float64, n int) (rate float64, ok bool) {
	rate = w.start * (1 + w.resolution*(math.Pow(2, float64(n))-1))
	if w.cap == 0 || rate <= w.cap {
		return rate, true
	}
	return w.cap, low*(1+w.resolution/2) < w.cap
}

// estimate returns the sustainable rate that the walk has found: the geometric
// middle of its bounds, or the highest that passed when none failed; 0 when
// none passed.
func (w walk) estimate() float64 {
	low, high := w.bounds()
	if low == 0 || high == 0 {
		return low
	}
	median, _ := newPosterior(w.tries[0].rate, w.tries).summary()
	return median
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
