package attack

import (
	"context"
	"math"
	"net/http"
	"slices"
	"testing"
	"time"

	"sweetspot/scenarios"
)

const ms = time.Millisecond

func TestReplay(t *testing.T) {
	five := scenarios.Recording{0, 100 * ms, 150 * ms, 600 * ms, 800 * ms} // mean gap 200 ms
	for _, tt := range []struct {
		name      string
		recording scenarios.Recording
		rate      float64
		duration  time.Duration
		want      schedule
		speed     float64
	}{
		{"as recorded", five, 5, time.Second, schedule{0, 100 * ms, 150 * ms, 600 * ms, 800 * ms}, 1},
		{"twice as fast", five, 10, 500 * ms, schedule{0, 50 * ms, 75 * ms, 300 * ms, 400 * ms}, 2},
		{"twice as fast, twice", five, 10, time.Second, schedule{0, 50 * ms, 75 * ms, 300 * ms, 400 * ms, 500 * ms, 550 * ms, 575 * ms, 800 * ms, 900 * ms}, 2},
		{"half as fast", five, 2.5, 2 * time.Second, schedule{0, 200 * ms, 300 * ms, 1200 * ms, 1600 * ms}, 0.5},
		{"a part, to where the next begins", five, 30, 100 * ms, schedule{0, 100 * ms / 6, 25 * ms}, 6},
		{"one of many at the first moment", scenarios.Recording{0, 0, 0, 90 * ms}, 2, time.Second, schedule{0, 0}, 0.09},
		{"an end among many at one moment", scenarios.Recording{0, 80 * ms, 80 * ms, 90 * ms}, 20, 100 * ms, schedule{0, 100*ms - 1}, 0.8},
		{"no hit", five, 0.2, time.Second, schedule{}, 0.1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Spec{Arrivals: scenarios.Replay, Recording: tt.recording, Rate: tt.rate, Duration: tt.duration, Seed: 1}
			got := s.schedule()
			close := func(a, b time.Duration) bool { return (a - b).Abs() <= 1 }
			if !slices.EqualFunc(got, tt.want, close) {
				t.Errorf("schedule %v, want %v", got, tt.want)
			}
			if n := len(got); n > 0 && got[n-1] >= tt.duration {
				t.Errorf("the last of %d is due at %v, want before the end", n, got[n-1])
			}
			if math.Abs(s.speed()-tt.speed) > 1e-9 {
				t.Errorf("speed %v, want %v", s.speed(), tt.speed)
			}
		})
	}
}

// Gaps of whole nanoseconds, as recorded over a day.
func TestReplayAtSpeed1IsExact(t *testing.T) {
	r := scenarios.Recording{0}
	for i := range 9999 {
		r = append(r, r[i]+time.Duration(1+i*i*i%17_278_123_457))
	}
	n, span := len(r), r[len(r)-1]
	r[n-1] += time.Duration(n-1) - span%time.Duration(n-1) // so that the mean gap is whole
	length := r[n-1] + r[n-1]/time.Duration(n-1)
	s := Spec{Arrivals: scenarios.Replay, Recording: r, Rate: float64(n) / length.Seconds(), Duration: length}
	if got := s.schedule(); s.speed() != 1 || !slices.Equal(got, schedule(r)) {
		t.Errorf("speed %v, %d hits, not those of the recording", s.speed(), len(got))
	}
}

func TestReplayAfterTheWarmup(t *testing.T) {
	r := scenarios.Recording{0, 10 * ms, 40 * ms}
	s := Spec{Arrivals: scenarios.Replay, Recording: r, Rate: 50, Warmup: 20 * time.Second, Duration: 60 * ms, Seed: 1}
	sched := s.schedule()
	warm := sched.count(s.Warmup)
	if math.Abs(float64(warm)-1000) > 4*math.Sqrt(1000) {
		t.Errorf("%d hits in the warm-up, want 1000 ± 126", warm)
	}
	want := schedule{s.Warmup, s.Warmup + 10*ms, s.Warmup + 40*ms}
	if got := sched[warm:]; !slices.Equal(got, want) {
		t.Errorf("measured part %v, want %v", got, want)
	}
}

func TestLoadTellsTheSpeed(t *testing.T) {
	virtual(t, func(http.ResponseWriter, *http.Request) {}, func(t *testing.T, run func(context.Context, Spec) Result) {
		l := run(t.Context(), Spec{
			Arrivals: scenarios.Replay, Recording: scenarios.Recording{0, 10 * ms, 40 * ms}, Rate: 100,
			Duration: 3 * time.Second, Timeout: time.Second,
		}.requests(page)).Load
		if l.Speed != 2 || l.Offered != 100 || l.Sent != 300 {
			t.Errorf("speed %v, offered %v, sent %d, want 2, 100, 300", l.Speed, l.Offered, l.Sent)
		}
	})
}
