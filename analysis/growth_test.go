package analysis

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var firstDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// expectedPeak is of peaks that double in a year, with a weekend of 0.6.
func expectedPeak(day time.Time) float64 {
	rate := 100 * math.Pow(2, day.Sub(firstDay).Hours()/24/365)
	if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		rate *= 0.6
	}
	return rate
}

// reached is the first day on which the expected peak is that high.
func reached(rate float64) time.Time {
	day := firstDay
	for expectedPeak(day) < rate {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// growing are daily peaks with noise and a memory of the day before.
func growing(days int, sd, memory float64, seed uint64) (out []Peak) {
	rng := rand.New(rand.NewPCG(seed, 2))
	noise := 0.0
	for d := range days {
		day := firstDay.AddDate(0, 0, d)
		noise = memory*noise + sd*math.Sqrt(1-memory*memory)*rng.NormFloat64()
		out = append(out, Peak{day, expectedPeak(day) * math.Exp(noise)})
	}
	return out
}

// Without noise the day is the one on which the curve crosses the capacity,
// never a day at the weekend.
func TestGrowthIsExactWithoutNoise(t *testing.T) {
	g, err := FitGrowth(growing(90, 0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(g.PerYear.Value-2) > 1e-6 || !g.Weekdays {
		t.Errorf("grows by %v a year, weekdays told apart %v; want 2 and true", g.PerYear.Value, g.Weekdays)
	}
	for _, rate := range []float64{125, 150.5, 200, 210, 333} {
		if got := g.Full(rate); !got.Day.Equal(reached(rate)) || got.Already {
			t.Errorf("%g requests/s are reached on %v, want %v", rate, got.Day, reached(rate))
		}
	}
}

// What was reached in the last week is reached, though the last day is a
// Sunday.
func TestGrowthIsFullAlready(t *testing.T) {
	peaks := growing(95, 0, 0, 1)
	if last := peaks[len(peaks)-1].Day.Weekday(); last != time.Sunday {
		t.Fatalf("the last day is a %v", last)
	}
	g, err := FitGrowth(peaks)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Full(110); !got.Already || !got.Low.Equal(g.Last) {
		t.Errorf("%+v, want full already", got)
	}
}

// The intervals hold the day as often as they say, whatever the noise remembers
// of the day before and however far ahead the day is.
func TestGrowthIntervalsCover(t *testing.T) {
	for _, tt := range []struct {
		name               string
		days               int
		sd, memory, target float64
	}{
		{"without memory", 120, 0.08, 0, 200},
		{"some memory", 120, 0.08, 0.5, 200},
		{"long memory", 120, 0.08, 0.8, 200},
		{"two months", 60, 0.05, 0.3, 180},
		{"a year", 365, 0.1, 0.5, 300},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const fits = 500
			truth, held, grown := reached(tt.target), 0, 0
			for seed := range uint64(fits) {
				g, err := FitGrowth(growing(tt.days, tt.sd, tt.memory, seed))
				if err != nil {
					t.Fatal(err)
				}
				full := g.Full(tt.target)
				if !full.Low.IsZero() && !full.Low.After(truth) && (full.High.IsZero() || !full.High.Before(truth)) {
					held++
				}
				if g.PerYear.Low <= 2 && 2 <= g.PerYear.High {
					grown++
				}
			}
			for what, n := range map[string]int{"day": held, "growth": grown} {
				if share := float64(n) / fits; share < 0.90 || share > 0.97 {
					t.Errorf("%.1f %% of the 95 %% intervals hold the %s, want 90 to 97 %%", 100*share, what)
				}
			}
		})
	}
}

func TestGrowthRefuses(t *testing.T) {
	if _, err := FitGrowth(growing(13, 0, 0, 1)); !errors.Is(err, ErrFewPeaks) {
		t.Errorf("error %v, want %v", err, ErrFewPeaks)
	}
	none := growing(20, 0, 0, 1)
	none[3].Rate = 0
	if _, err := FitGrowth(none); !errors.Is(err, ErrPeaks) {
		t.Errorf("error %v, want %v", err, ErrPeaks)
	}
	twice := growing(20, 0, 0, 1)
	twice[4].Day = twice[3].Day
	if _, err := FitGrowth(twice); !errors.Is(err, ErrPeaks) {
		t.Errorf("error %v, want %v", err, ErrPeaks)
	}
}

// What does not grow is never full, and the forecast says so.
func TestGrowthOfWhatDoesNotGrow(t *testing.T) {
	peaks := growing(60, 0, 0, 1)
	rng := rand.New(rand.NewPCG(4, 4))
	for i := range peaks {
		peaks[i].Rate = 100 * math.Exp(0.05*rng.NormFloat64())
	}
	g, err := FitGrowth(peaks)
	if err != nil {
		t.Fatal(err)
	}
	if full := g.Full(1e9); !full.Day.IsZero() || !full.High.IsZero() {
		t.Errorf("full on %v (to %v), want never", full.Day, full.High)
	}
}
