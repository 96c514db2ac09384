package attack

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sweetspot/scenarios"
)

func TestScheduleIsInOrderAndAsDense(t *testing.T) {
	for _, arrivals := range []string{scenarios.Poisson, scenarios.Constant} {
		for _, rate := range []float64{0.5, 7.3, 200, 9000} {
			for seed := range uint64(5) {
				const end = 10 * time.Second
				s := newSchedule(arrivals, rate, end, seed)
				if !slices.IsSorted(s) || (len(s) > 0 && (s[0] < 0 || s[len(s)-1] >= end)) {
					t.Errorf("%s %v/s seed %d: not in order within 0 … %v", arrivals, rate, seed, end)
				}
				expected := rate * end.Seconds()
				tolerance := 0.5
				if arrivals == scenarios.Poisson {
					tolerance = 4 * math.Sqrt(expected)
				}
				if math.Abs(float64(len(s))-expected) > tolerance {
					t.Errorf("%s %v/s seed %d: %d hits, want %v ± %v", arrivals, rate, seed, len(s), expected, tolerance)
				}
			}
		}
	}
}

func TestPoissonGapsAreExponential(t *testing.T) {
	const rate = 1000.0
	s := newSchedule(scenarios.Poisson, rate, 20*time.Second, 1)
	gaps := make([]float64, 0, len(s))
	last := time.Duration(0)
	for _, due := range s {
		gaps = append(gaps, (due - last).Seconds())
		last = due
	}
	slices.Sort(gaps)
	// Kolmogorov–Smirnov: below 1.63/√n with probability 0.99.
	worst := 0.0
	n := float64(len(gaps))
	for i, g := range gaps {
		f := 1 - math.Exp(-rate*g)
		worst = max(worst, f-float64(i)/n, float64(i+1)/n-f)
	}
	if limit := 1.63 / math.Sqrt(n); worst > limit {
		t.Errorf("distance from the exponential distribution = %.4f, want below %.4f", worst, limit)
	}
}

func TestConstantGapsAreEven(t *testing.T) {
	s := newSchedule(scenarios.Constant, 300, 10*time.Second, 1)
	for k := range s {
		want := time.Duration(float64(k) * float64(time.Second) / 300)
		if diff := (s.due(uint64(k)) - want).Abs(); diff > time.Nanosecond {
			t.Fatalf("due(%d) = %v, want %v", k, s.due(uint64(k)), want)
		}
	}
}

func TestCount(t *testing.T) {
	s := schedule{0, time.Second, time.Second, 3 * time.Second}
	for _, tt := range []struct {
		before time.Duration
		want   uint64
	}{{0, 0}, {1, 1}, {time.Second, 1}, {time.Second + 1, 3}, {time.Hour, 4}} {
		if all, got := s.arrivals().count(tt.before); got != tt.want || all != 4 {
			t.Errorf("count(%v) = %d, %d, want 4, %d", tt.before, all, got, tt.want)
		}
	}
}

func TestScheduleDependsOnTheSeed(t *testing.T) {
	plan := func(seed uint64) schedule { return newSchedule(scenarios.Poisson, 100, 10*time.Second, seed) }
	if !slices.Equal(plan(3), plan(3)) {
		t.Error("the same seed gave different schedules")
	}
	if slices.Equal(plan(3), plan(4)) {
		t.Error("different seeds gave the same schedule")
	}
}

func TestTimerNeverWakesEarly(t *testing.T) {
	timer, err := newTimer()
	if err != nil {
		t.Fatal(err)
	}
	defer timer.Close()
	for _, d := range []time.Duration{1, 50 * time.Microsecond, 3 * time.Millisecond, 20 * time.Millisecond} {
		began := time.Now()
		if !timer.Sleep(d) {
			t.Fatalf("Sleep(%v) was stopped", d)
		}
		if took := time.Since(began); took < d {
			t.Errorf("Sleep(%v) took %v", d, took)
		}
	}
}

func TestTimerStops(t *testing.T) {
	timer, err := newTimer()
	if err != nil {
		t.Fatal(err)
	}
	defer timer.Close()
	ended := make(chan bool)
	go func() { ended <- timer.Sleep(time.Hour) }()
	timer.Stop()
	if <-ended {
		t.Error("a stopped sleep says that it was slept to its end")
	}
	if timer.Sleep(time.Hour) {
		t.Error("a sleep after Stop says that it was slept to its end")
	}
}

// Hits leave one by one at low rates, and in groups of a millisecond where a
// wake-up for each would cost the CPU that is being measured.
func TestGroups(t *testing.T) {
	for _, tt := range []struct {
		name string
		rate float64
		want []time.Duration // sleeps between hits that are due every 300 µs
	}{
		{"one by one", coarseRate - 1, []time.Duration{300 * time.Microsecond, 300 * time.Microsecond, 300 * time.Microsecond, 300 * time.Microsecond}},
		{"in groups", coarseRate, []time.Duration{time.Millisecond}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				noted := &notedAlarm{}
				sched := schedule{0, 300e3, 600e3, 900e3, 1200e3}
				p := &pacer{plan: plan{arrivals: sched.arrivals, hits: 5, deadline: time.Hour, workers: 8}, next: sched.arrivals(), began: time.Now(), alarm: noted, least: leastSleep(tt.rate), pool: &pool{}}
				for hit := range uint64(4 + 1) {
					if _, stop := p.Pace(0, hit); stop {
						t.Fatalf("stopped at hit %d", hit)
					}
					if late := p.elapsed() - sched.due(hit); late < 0 || late > leastSleep(tt.rate) {
						t.Errorf("hit %d left %v after it was due", hit, late)
					}
				}
				if got := noted.sleeps[:min(len(noted.sleeps), len(tt.want))]; !slices.Equal(got, tt.want) {
					t.Errorf("sleeps %v, want %v first", noted.sleeps, tt.want)
				}
			})
		})
	}
}

// notedAlarm keeps how long it slept.
type notedAlarm struct{ sleeps []time.Duration }

func (a *notedAlarm) Sleep(d time.Duration) bool {
	a.sleeps = append(a.sleeps, d)
	time.Sleep(d)
	return true
}

func (a *notedAlarm) Stop()  {}
func (a *notedAlarm) Close() {}
