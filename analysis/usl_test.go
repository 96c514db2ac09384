package analysis

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func scalings(u USL, sd float64, replicates int, seed uint64, cores ...float64) (out []Scaling) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, n := range cores {
		for range replicates {
			out = append(out, Scaling{n, u.At(n) * math.Exp(sd*rng.NormFloat64())})
		}
	}
	return out
}

// Exact data give the parameters back, and the peak that the law has.
func TestUSLRecoversExactData(t *testing.T) {
	for _, want := range []USL{
		{100, 0.05, 0.0005},
		{250, 0.2, 0},
		{40, 0, 0.01},
		{90, 0, 0},
	} {
		s, err := FitUSL(scalings(want, 0, 1, 1, 0.5, 1, 1.5, 2, 4, 8, 16), 1)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(s.Gamma/want.Gamma-1) > 1e-6 || math.Abs(s.Alpha-want.Alpha) > 1e-6 || math.Abs(s.Beta-want.Beta) > 1e-6 {
			t.Errorf("fitted %+v, want %+v", s.USL, want)
		}
	}
	if peak := (USL{100, 0.05, 0.0005}).Peak(); math.Abs(peak-43.59) > 0.01 {
		t.Errorf("peak at %.2f cores, want 43.59", peak)
	}
}

// Of 500 fits at 2 % noise the interval holds the truth as often as it says:
// inside what was measured, and beyond.
func TestUSLIntervalsCover(t *testing.T) {
	truth := USL{100, 0.05, 0.002}
	for _, n := range []float64{8, 12, 16} {
		held, told := 0, 0
		for seed := range uint64(500) {
			s, err := FitUSL(scalings(truth, 0.02, 3, seed, 1, 2, 3, 4, 6, 8), seed)
			if err != nil {
				t.Fatal(err)
			}
			told++
			if low, high := s.interval(n); low <= truth.At(n) && truth.At(n) <= high {
				held++
			}
		}
		if share := float64(held) / float64(told); share < 0.90 || share > 0.97 {
			t.Errorf("on %g cores %.1f %% of the 95 %% intervals hold the truth, want 90 to 97 %%", n, 100*share)
		}
	}
}

func TestUSLRefuses(t *testing.T) {
	law := USL{100, 0.08, 0.001}
	t.Run("fewer than five points", func(t *testing.T) {
		_, err := FitUSL(scalings(law, 0, 9, 1, 1, 2, 4, 8), 1)
		if !errors.Is(err, ErrFewPoints) {
			t.Errorf("error %v, want %v", err, ErrFewPoints)
		}
	})
	t.Run("noise", func(t *testing.T) {
		_, err := FitUSL(scalings(law, 0.4, 1, 3, 1, 2, 3, 4, 6), 1)
		if !errors.Is(err, ErrNoise) {
			t.Errorf("error %v, want %v", err, ErrNoise)
		}
	})
	t.Run("rates that are none", func(t *testing.T) {
		if _, err := FitUSL([]Scaling{{1, 0}}, 1); err == nil {
			t.Error("no error")
		}
	})
	fit := func(t *testing.T, u USL, sd float64) *Scalability {
		t.Helper()
		s, err := FitUSL(scalings(u, sd, 3, 5, 1, 2, 3, 4, 6, 8), 1)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("too far", func(t *testing.T) {
		s := fit(t, law, 0.01)
		if f, err := s.Predict(16); err != nil || math.Abs(f.Value/law.At(16)-1) > 0.1 {
			t.Errorf("on 16 cores %v, %v; want about %.0f", f, err, law.At(16))
		}
		if _, err := s.Predict(17); !errors.Is(err, ErrTooFar) {
			t.Errorf("error %v, want %v", err, ErrTooFar)
		}
	})
	t.Run("no contention visible", func(t *testing.T) {
		s := fit(t, USL{100, 0, 0}, 0.02)
		if _, err := s.Predict(6); err != nil {
			t.Errorf("within what was measured: %v", err)
		}
		if _, err := s.Predict(12); !errors.Is(err, ErrNoContention) {
			t.Errorf("error %v, want %v", err, ErrNoContention)
		}
	})
	t.Run("noise beyond what was measured", func(t *testing.T) {
		s, err := FitUSL(scalings(law, 0.08, 2, 8, 1, 2, 3, 4, 6, 8), 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Predict(16); !errors.Is(err, ErrNoise) {
			t.Errorf("error %v, want %v", err, ErrNoise)
		}
	})
}
