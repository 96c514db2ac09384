package attack

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"time"

	"sweetspot/scenarios"
)

// course says how hits spread over the measured part when the rate moves. For
// a share of the hits expected, above 0 and below 1, it returns the share of
// the measured part after which they are expected: the inverse of the
// integrated rate. Both are shares, so the trial's rate is the mean.
type course func(share float64) float64

func newCourse(s Spec) course {
	switch s.Arrivals {
	case scenarios.Ramp:
		return ramp(s.Shape.From, s.Shape.To)
	case scenarios.Step:
		return steps(s.Shape.Steps)
	}
	cycles := 1.0
	if period := s.Shape.Period.Std(); period > 0 {
		cycles = s.Duration.Seconds() / period.Seconds()
	}
	return sine(s.Shape.Amplitude, cycles)
}

// ramp moves evenly from a to b, so x of the time brings a·x + (b − a)·x²/2 of
// the (a + b)/2: a quadratic equation for x.
func ramp(a, b float64) course {
	return func(share float64) float64 {
		sum := share * (a + b)
		return sum / (a + math.Sqrt(max(a*a+(b-a)*sum, 0)))
	}
}

// steps gives each multiple an equal part of the time.
func steps(multiples []float64) course {
	begins := make([]float64, len(multiples)+1) // how much has come when a part begins
	for i, m := range multiples {
		begins[i+1] = begins[i] + m
	}
	n := len(multiples)
	return func(share float64) float64 {
		sum := share * begins[n]
		i := sort.Search(n, func(i int) bool { return begins[i+1] > sum })
		if i == n {
			return 1
		}
		return (float64(i) + (sum-begins[i])/multiples[i]) / float64(n)
	}
}

// sine is 1 + a·sin φ over a number of cycles of φ, whose integral φ + a·(1 −
// cos φ) has no inverse in closed form, for it is Kepler's equation. Newton's
// method finds it, between bounds that it narrows, and by halves where the rate
// is near 0 and Newton's step too wide.
func sine(a, cycles float64) course {
	end := 2 * math.Pi * cycles
	total, near := end+a*(1-math.Cos(end)), 1e-13*end
	return func(share float64) float64 {
		sum := share * total
		low, high := max(sum-2*a, 0), min(sum, end)
		phi := low + (high-low)/2
		for range 100 {
			sin, cos := math.Sincos(phi)
			off := phi + a*(1-cos) - sum
			if off > 0 {
				high = phi
			} else {
				low = phi
			}
			next := phi - off/(1+a*sin)
			if !(next > low && next < high) {
				next = low + (high-low)/2
			}
			if math.Abs(next-phi) <= near {
				break
			}
			phi = next
		}
		return phi / end
	}
}

// follow plans Poisson hits about a rate that moves, from a time on: those of
// a process of rate 1, of which the integrated rate is the clock (Çinlar,
// Introduction to Stochastic Processes, 1975, chapter 4; Ross, Simulation,
// calls it inversion). rate × length of them come on average, with a standard
// deviation of the root of that.
func follow(c course, rate float64, from, length time.Duration, seed uint64) arrivals {
	expected := rate * length.Seconds()
	gaps := rand.New(rand.NewPCG(seed, 0x7368617065))
	share, last := 0.0, from
	return func() (time.Duration, bool) {
		share += gaps.ExpFloat64() / expected
		if share >= 1 {
			return 0, false
		}
		last = max(from+time.Duration(c(share)*float64(length)), last)
		return last, last < from+length
	}
}

// shapeFault says what is wrong with the shape of the arrivals; empty when
// nothing is.
func (s Spec) shapeFault() string {
	var shape scenarios.Shape
	if s.Shape != nil {
		shape = *s.Shape
	}
	bad, sum := false, 0.0
	for _, m := range append([]float64{shape.From, shape.To}, shape.Steps...) {
		bad = bad || !(m >= 0 && m <= math.MaxFloat32)
		sum += m
	}
	switch s.Arrivals {
	case scenarios.Ramp, scenarios.Step:
		if bad || sum == 0 {
			return fmt.Sprintf("shape of the %s %+v: want multiples of 0 or more, one of them above 0", s.Arrivals, shape)
		}
	case scenarios.Sine:
		if !(shape.Amplitude > 0 && shape.Amplitude <= 1) || shape.Period < 0 {
			return fmt.Sprintf("shape of the sine %+v: want an amplitude above 0 and up to 1, and no negative period", shape)
		}
	case scenarios.Replay:
		if n := len(s.Recording); n < 2 || s.Recording[0] != 0 || s.Recording[n-1] == 0 {
			return fmt.Sprintf("recording of %d times: want two or more that differ, the first at 0", n)
		}
	}
	return ""
}
