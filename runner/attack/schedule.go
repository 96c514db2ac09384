package attack

import (
	"math/rand/v2"
	"time"

	"sweetspot/scenarios"
)

// maxPlanned bounds the hits of an open loop.
const maxPlanned = 50e6

// arrivals tells when hits are due, from the start of the attack: one a call,
// in order; false when there are no more. It keeps none of them, so that an
// attack takes the same memory however long it is.
type arrivals func() (due time.Duration, ok bool)

// arrivals plans the hits of an open loop; every call begins anew. A rate that
// moves, and a replay, begin after the warm-up, which has Poisson arrivals at
// the mean rate: it is there to warm the subject up, and a ramp from 0 would
// not.
func (s Spec) arrivals() arrivals {
	switch s.Arrivals {
	case scenarios.Constant:
		return constant(s.Rate, s.Warmup+s.Duration)
	case scenarios.Poisson:
		return poisson(s.Rate, s.Warmup+s.Duration, s.Seed)
	}
	warm := poisson(s.Rate, s.Warmup, s.Seed)
	if s.Arrivals == scenarios.Replay {
		return warm.then(replayed(newPlayback(s.Recording, s.Rate, s.Duration), s.Warmup, s.Duration))
	}
	return warm.then(follow(newCourse(s), s.Rate, s.Warmup, s.Duration, s.Seed))
}

// constant spaces hits evenly, the first at 0, at a rate in hits per second:
// round(rate × end) of them.
func constant(rate float64, end time.Duration) arrivals {
	k, n := 0, int(rate*end.Seconds()+0.5)
	return func() (time.Duration, bool) {
		due := seconds(float64(k) / rate)
		k++
		return due, k <= n
	}
}

// poisson draws exponential gaps from the seed, at a mean rate in hits per
// second: rate × end of them on average, with a standard deviation of the root
// of that.
func poisson(rate float64, end time.Duration, seed uint64) arrivals {
	gaps := rand.New(rand.NewPCG(seed, 0x6172726976616c73))
	at := 0.0
	return func() (time.Duration, bool) {
		at += gaps.ExpFloat64() / rate
		due := seconds(at)
		return due, due < end
	}
}

// then has the hits of another plan follow.
func (a arrivals) then(more arrivals) arrivals {
	ended := false
	return func() (time.Duration, bool) {
		if !ended {
			if due, ok := a(); ok {
				return due, true
			}
			ended = true
		}
		return more()
	}
}

// count returns how many hits there are, and how many are due before t.
func (a arrivals) count(t time.Duration) (all, before uint64) {
	for due, ok := a(); ok; due, ok = a() {
		all++
		if due < t {
			before++
		}
	}
	return all, before
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
