package analysis

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var firstDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// growing are daily peaks that double in a year, with a weekend of 0.6, noise
// and a memory of the day before.
func growing(days int, sd, memory float64, seed uint64) (out []Peak) {
	rng := rand.New(rand.NewPCG(seed, 2))
	noise := 0.0
	for d := range days {
		day := firstDay.AddDate(0, 0, d)
		rate := 100 * math.Pow(2, float64(d)/365)
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			rate *= 0.6
		}
		noise = memory*noise + sd*math.Sqrt(1-memory*memory)*rng.NormFloat64()
		out = append(out, Peak{day, rate * math.Exp(noise)})
	}
	return out
}

// Without noise the day is the one on which the curve crosses the capacity.
func TestGrowthIsExactWithoutNoise(t *testing.T) {
	g, err := FitGrowth(growing(90, 0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(g.PerYear.Value-2) > 1e-6 || !g.Weekdays {
		t.Errorf("grows by %v a year, weekdays told apart %v; want 2 and true", g.PerYear.Value, g.Weekdays)
	}
	full := g.Full(200.5)
	// 200 are reached on day 365, 200.5 some one and a half days later: on the
	// next working day.
	if want := firstDay.AddDate(0, 0, 367); full.Day.Sub(want).Abs() > 72*time.Hour || full.Already {
		t.Errorf("full on %v, want about %v", full.Day, want)
	}
	if got := g.Full(10); !got.Already {
		t.Errorf("%+v, want full already", got)
	}
}

// The intervals hold the truth as often as they say, though the noise
// remembers.
func TestGrowthIntervalsCover(t *testing.T) {
	truth := 365.0 // 200 requests/s
	held, n := 0, 200
	for seed := range uint64(n) {
		g, err := FitGrowth(growing(120, 0.08, 0.5, seed))
		if err != nil {
			t.Fatal(err)
		}
		full := g.Full(200)
		low := full.Low.Sub(firstDay).Hours()/24 - 3
		high := math.Inf(1)
		if !full.High.IsZero() {
			high = full.High.Sub(firstDay).Hours()/24 + 3
		}
		if low <= truth && truth <= high {
			held++
		}
	}
	if share := float64(held) / float64(n); share < 0.88 {
		t.Errorf("%.0f %% of the intervals hold the day, want about 95 %%", 100*share)
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
