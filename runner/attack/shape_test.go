package attack

import (
	"math"
	"slices"
	"testing"
	"time"

	"sweetspot/scenarios"
)

// moving are arrivals whose rate moves, each with the multiple of the rate, up
// to a factor, after a share of the measured part, which lasts 20 s.
var moving = []struct {
	name     string
	arrivals string
	shape    scenarios.Shape
	multiple func(x float64) float64
}{
	{"ramp from 0", scenarios.Ramp, scenarios.Shape{To: 2}, func(x float64) float64 { return x }},
	{"ramp to 0", scenarios.Ramp, scenarios.Shape{From: 3}, func(x float64) float64 { return 1 - x }},
	{"gentle ramp", scenarios.Ramp, scenarios.Shape{From: 4, To: 5}, func(x float64) float64 { return 4 + x }},
	{"steps", scenarios.Step, scenarios.Shape{Steps: []float64{0.5, 1, 1.5}}, func(x float64) float64 { return 1 + math.Floor(3*x) }},
	{"steps with pauses", scenarios.Step, scenarios.Shape{Steps: []float64{0, 7, 0, 14, 0}}, func(x float64) float64 {
		return []float64{0, 1, 0, 2, 0}[int(5*x)]
	}},
	{"one swing", scenarios.Sine, scenarios.Shape{Amplitude: 0.5}, func(x float64) float64 { return 1 + 0.5*math.Sin(2*math.Pi*x) }},
	{"swings to 0", scenarios.Sine, scenarios.Shape{Amplitude: 1, Period: scenarios.Duration(6 * time.Second)}, func(x float64) float64 {
		return 1 + math.Sin(2*math.Pi*x*20/6)
	}},
	{"less than a swing", scenarios.Sine, scenarios.Shape{Amplitude: 0.9, Period: scenarios.Duration(50 * time.Second)}, func(x float64) float64 {
		return 1 + 0.9*math.Sin(2*math.Pi*x*20/50)
	}},
}

const movingFor = 20 * time.Second

// integrated returns what share of the hits is expected in a first share of
// the measured part, from the definition of a shape alone.
func integrated(multiple func(x float64) float64) func(x float64) float64 {
	const n = 300_000
	sums := make([]float64, n+1)
	for i := range n {
		sums[i+1] = sums[i] + multiple((float64(i)+0.5)/n)
	}
	return func(x float64) float64 {
		i := min(int(x*n), n-1)
		return (sums[i] + (x*n-float64(i))*(sums[i+1]-sums[i])) / sums[n]
	}
}

// distance is Kolmogorov and Smirnov's, of samples from a distribution. It is
// below 1.63/√n with probability 0.99.
func distance(samples []float64, distribution func(float64) float64) (got, limit float64) {
	slices.Sort(samples)
	n := float64(len(samples))
	for i, x := range samples {
		f := distribution(x)
		got = max(got, f-float64(i)/n, float64(i+1)/n-f)
	}
	return got, 1.63 / math.Sqrt(n)
}

func TestCourseInvertsTheIntegratedRate(t *testing.T) {
	for _, tt := range moving {
		t.Run(tt.name, func(t *testing.T) {
			share := integrated(tt.multiple)
			c := newCourse(Spec{Arrivals: tt.arrivals, Shape: &tt.shape, Duration: movingFor})
			last := 0.0
			for i := range 2000 {
				want := (float64(i) + 0.5) / 2000
				x := c(want)
				if got := share(x); math.Abs(got-want) > 1e-5 || x < last || x > 1 {
					t.Fatalf("%v of the hits are expected by %v, which is said of %v; %v before", got, x, want, last)
				}
				last = x
			}
		})
	}
}

func TestHitsFollowTheShape(t *testing.T) {
	const rate, warmup = 500, 4 * time.Second
	for _, tt := range moving {
		t.Run(tt.name, func(t *testing.T) {
			share := integrated(tt.multiple)
			s := Spec{Arrivals: tt.arrivals, Shape: &tt.shape, Rate: rate, Warmup: warmup, Duration: movingFor, Seed: 3}.schedule()
			if !slices.IsSorted(s) || s[0] < 0 || s[len(s)-1] >= warmup+movingFor {
				t.Fatal("not in order within the attack")
			}
			expect := func(what string, from, to time.Duration, want float64) {
				got := float64(s.count(to) - s.count(from))
				if math.Abs(got-want) > 4*math.Sqrt(want) {
					t.Errorf("%s: %v hits, want %.1f ± %.1f", what, got, want, 4*math.Sqrt(want))
				}
			}
			expect("warm-up", 0, warmup, rate*warmup.Seconds())
			const total = rate * 20
			expect("measured part", warmup, warmup+movingFor, total)
			for i := range 20 {
				from, to := float64(i)/20, float64(i+1)/20
				begin := warmup + time.Duration(i)*movingFor/20
				expect(begin.String(), begin, begin+movingFor/20, total*(share(to)-share(from)))
			}
			var at, gaps []float64
			last := 0.0
			for _, due := range s[s.count(warmup):] {
				x := (due - warmup).Seconds() / movingFor.Seconds()
				at = append(at, x)
				gaps = append(gaps, total*(share(x)-last))
				last = share(x)
			}
			if got, limit := distance(at, share); got > limit {
				t.Errorf("distance from the shape = %.4f, want below %.4f", got, limit)
			}
			// On the clock of the integrated rate, the gaps are exponential.
			if got, limit := distance(gaps, func(gap float64) float64 { return 1 - math.Exp(-gap) }); got > limit {
				t.Errorf("distance of the gaps from the exponential distribution = %.4f, want below %.4f", got, limit)
			}
		})
	}
}

func TestShapesDependOnTheSeed(t *testing.T) {
	for _, tt := range moving {
		plan := func(seed uint64) schedule {
			return Spec{Arrivals: tt.arrivals, Shape: &tt.shape, Rate: 100, Duration: movingFor, Seed: seed}.schedule()
		}
		if !slices.Equal(plan(3), plan(3)) {
			t.Errorf("%s: the same seed gave different schedules", tt.name)
		}
		if slices.Equal(plan(3), plan(4)) {
			t.Errorf("%s: different seeds gave the same schedule", tt.name)
		}
	}
}

func BenchmarkSchedule(b *testing.B) {
	const hits = 100_000
	recording := make(scenarios.Recording, 1000)
	for i := range recording {
		recording[i] = time.Duration(i*i) * time.Microsecond
	}
	for _, bb := range []struct {
		arrivals string
		shape    scenarios.Shape
	}{
		{scenarios.Poisson, scenarios.Shape{}},
		{scenarios.Constant, scenarios.Shape{}},
		{scenarios.Ramp, scenarios.Shape{To: 2}},
		{scenarios.Step, scenarios.Shape{Steps: []float64{0.5, 1, 1.5}}},
		{scenarios.Sine, scenarios.Shape{Amplitude: 1, Period: scenarios.Duration(time.Second)}},
		{scenarios.Replay, scenarios.Shape{}},
	} {
		b.Run(bb.arrivals, func(b *testing.B) {
			s := Spec{Arrivals: bb.arrivals, Shape: &bb.shape, Recording: recording, Rate: 1000, Duration: hits * time.Millisecond}
			for b.Loop() {
				s.arrivals().count(0)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/hits, "ns/hit")
		})
	}
}
