package attack

import (
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"sweetspot/scenarios"
)

// maxPlanned bounds a schedule, which takes 8 bytes a hit.
const maxPlanned = 50e6

// schedule holds when each hit is due, from the start of the attack, in order.
type schedule []time.Duration

// schedule plans the hits of an open loop. A rate that moves, and a replay,
// begin after the warm-up, which has Poisson arrivals at the mean rate: it is
// there to warm the subject up, and a ramp from 0 would not.
func (s Spec) schedule() schedule {
	if s.Arrivals == scenarios.Poisson || s.Arrivals == scenarios.Constant {
		return newSchedule(s.Arrivals, s.Rate, s.Warmup+s.Duration, s.Seed)
	}
	warm := newSchedule(scenarios.Poisson, s.Rate, s.Warmup, s.Seed)
	warm = slices.Grow(warm, capacity(s.Rate*s.Duration.Seconds()))
	if s.Arrivals == scenarios.Replay {
		return warm.replay(newPlayback(s.Recording, s.Rate, s.Duration), s.Warmup, s.Duration)
	}
	return warm.follow(newCourse(s), s.Rate, s.Warmup, s.Duration, s.Seed)
}

// newSchedule plans hits for the time from 0 to end at the mean rate, in hits
// per second. Constant spaces them evenly, the first at 0: round(rate × end)
// of them. Poisson draws exponential gaps from the seed: rate × end of them on
// average, with a standard deviation of the root of that. The result is never
// nil.
func newSchedule(arrivals string, rate float64, end time.Duration, seed uint64) schedule {
	expected := rate * end.Seconds()
	s := make(schedule, 0, capacity(expected))
	if arrivals == scenarios.Constant {
		for k := range int(expected + 0.5) {
			s = append(s, seconds(float64(k)/rate))
		}
		return s
	}
	gaps := rand.New(rand.NewPCG(seed, 0x6172726976616c73))
	for at := gaps.ExpFloat64() / rate; ; at += gaps.ExpFloat64() / rate {
		due := seconds(at)
		if due >= end {
			return s
		}
		s = append(s, due)
	}
}

// capacity is room for a random number of hits, with their expectation given.
func capacity(expected float64) int { return int(expected*1.1) + 16 }

// due returns when hit k is due.
func (s schedule) due(k uint64) time.Duration { return s[k] }

// count returns how many hits are due before t.
func (s schedule) count(t time.Duration) uint64 {
	return uint64(sort.Search(len(s), func(i int) bool { return s[i] >= t }))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
