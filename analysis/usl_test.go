package analysis

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func scalings(u USL, sd float64, replicates int, seed uint64, cores ...float64) (out []ScalingPoint) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, n := range cores {
		for range replicates {
			out = append(out, ScalingPoint{Cores: n, Rate: u.At(n) * math.Exp(sd*rng.NormFloat64())})
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

// The knee is where throughput times efficiency is largest.
func TestUSLKnee(t *testing.T) {
	for _, u := range []USL{{100, 0.05, 0.0005}, {100, 0.1, 0}, {100, 0, 0.004}, {70, 0.02, 0.05}} {
		best, most := 0.0, 0.0
		for n := 0.1; n < 100; n += 0.01 {
			if power := u.At(n) * u.At(n) / n; power > most {
				best, most = n, power
			}
		}
		if got := u.Knee(); math.Abs(got-best) > 0.02 {
			t.Errorf("%+v has its knee at %.3f cores, want %.2f", u, got, best)
		}
	}
	if got := (USL{Gamma: 100}).Knee(); !math.IsInf(got, 1) {
		t.Errorf("without contention the knee is at %g cores, want none", got)
	}
	if got := (USL{100, 1.2, 0}).Knee(); got != 0 {
		t.Errorf("where one core does the most the knee is at %g cores, want 0", got)
	}
}

// Of 500 fits at 2 % noise the intervals of the throughput hold the truth as
// often as they say: within what was measured, and at twice the largest. So do
// those of the parameters where no parameter is 0.
func TestUSLIntervalsCover(t *testing.T) {
	whole, most := []float64{1, 2, 3, 4, 6, 8}, []float64{1, 4, 8, 12, 16}
	for _, tt := range []struct {
		name       string
		truth      USL
		starts     int
		cores, at  []float64
		parameters bool
	}{
		{"both", USL{100, 0.05, 0.002}, 3, whole, most, true},
		{"contention", USL{100, 0.05, 0}, 3, whole, most, false},
		{"coherency", USL{100, 0, 0.004}, 3, whole, most, false},
		{"a straight line", USL{100, 0, 0}, 3, whole, most, false},
		{"shares of cores", USL{100, 0.1, 0.02}, 3, []float64{0.5, 0.75, 1, 1.5, 2}, []float64{0.5, 1, 2, 4}, true},
		{"one start each", USL{100, 0.08, 0.003}, 1, whole, most, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const fits = 500
			held, of := map[string]int{}, []string{}
			count := func(name string, truth, low, high float64) {
				if _, seen := held[name]; !seen {
					of, held[name] = append(of, name), 0
				}
				if low <= truth && truth <= high {
					held[name]++
				}
			}
			for seed := range uint64(fits) {
				s, err := FitUSL(scalings(tt.truth, 0.02, tt.starts, seed, tt.cores...), seed)
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range tt.at {
					low, high := s.interval(n)
					count(fmt.Sprintf("X(%g)", n), tt.truth.At(n), low, high)
				}
				for name, of := range map[string]func(USL) float64{
					"gamma": func(u USL) float64 { return u.Gamma }, "alpha": func(u USL) float64 { return u.Alpha },
					"beta": func(u USL) float64 { return u.Beta }, "knee": USL.Knee,
				} {
					if tt.parameters {
						low, high := s.Interval(of)
						count(name, of(tt.truth), low, high)
					}
				}
			}
			for _, name := range of {
				if share := float64(held[name]) / fits; share < 0.90 || share > 0.97 {
					t.Errorf("%.1f %% of the 95 %% intervals of %s hold the truth, want 90 to 97 %%", 100*share, name)
				}
			}
		})
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
		if _, err := FitUSL([]ScalingPoint{{Cores: 1}}, 1); err == nil {
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
	t.Run("too few", func(t *testing.T) {
		s := fit(t, law, 0.01)
		if _, err := s.Predict(0.5); err != nil {
			t.Errorf("half the smallest: %v", err)
		}
		if _, err := s.Predict(0.4); !errors.Is(err, ErrTooFew) {
			t.Errorf("error %v, want %v", err, ErrTooFew)
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
