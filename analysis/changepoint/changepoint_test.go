package changepoint

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// repeat returns n values around a level, with a small wave.
func repeat(level float64, n int) (out []float64) {
	for i := range n {
		out = append(out, level*(1+0.002*float64(i*7%5-2)))
	}
	return out
}

func join(parts ...[]float64) (out []float64) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name    string
		series  []float64
		want    []int
		effects []float64
	}{
		{"nothing", nil, nil, nil},
		{"too few", []float64{1, 1, 2, 2, 2}, nil, nil},
		{"constant", make([]float64, 40), nil, nil},
		{"one level", repeat(100, 40), nil, nil},
		{"a step", join(repeat(100, 20), repeat(105, 20)), []int{20}, []float64{0.05}},
		{"a step three commits ago", join(repeat(100, 40), repeat(95, 3)), []int{40}, []float64{-0.05}},
		{"up and down", join(repeat(100, 15), repeat(110, 15), repeat(100, 15)), []int{15, 30}, []float64{0.1, -1. / 11}},
		{"an outlier", join(repeat(100, 20), []float64{150}, repeat(100, 20)), nil, nil},
		{"errors begin", join(make([]float64, 20), repeat(0.5, 10)), []int{20}, []float64{math.NaN()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Find(tt.series)
			var at []int
			for i, c := range got.Changes {
				at = append(at, c.Index)
				if i < len(tt.effects) && !near(c.Effect, tt.effects[i]) {
					t.Errorf("effect %v, want %v", c.Effect, tt.effects[i])
				}
				if !math.IsNaN(c.Effect) && !(c.Low <= c.Effect && c.Effect <= c.High) || c.P > level {
					t.Errorf("%+v: effect outside of its interval, or not clear", c)
				}
			}
			if !reflect.DeepEqual(at, tt.want) {
				t.Errorf("changes at %v, want %v", at, tt.want)
			}
		})
	}
}

func near(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 0.003
}

func TestFindIsDeterministic(t *testing.T) {
	series := Truth{Points: 60, At: 30, Step: 0.03, SD: 0.02, Correlation: 0.5}.series(rand.New(rand.NewPCG(1, 2)))
	first := Find(series)
	for range 3 {
		if again := Find(series); !reflect.DeepEqual(again, first) {
			t.Fatalf("%+v, first %+v", again, first)
		}
	}
}

// Simulated truth. -v prints the table; more series than these tell more.
func TestKnownTruth(t *testing.T) {
	for _, tt := range []struct {
		name           string
		truth          Truth
		series         int
		least, most    float64 // of Found
		least2         float64 // of Located
		doubted, trust float64 // least, most of Doubted
	}{
		{"independent, 50", Truth{Points: 50, At: 50, SD: 0.02}, 400, 0, 0.04, 0, 0, 0.1},
		{"independent, 100", Truth{Points: 100, At: 100, SD: 0.02}, 100, 0, 0.04, 0, 0, 0.1},
		{"with outliers, 50", Truth{Points: 50, At: 50, SD: 0.02, Outliers: 0.05}, 200, 0, 0.06, 0, 0, 0.12},
		{"correlated 0.6, 50", Truth{Points: 50, At: 50, SD: 0.02, Correlation: 0.6}, 60, 0.3, 0.75, 0, 0.85, 1},
		{"5 % five commits ago, 30 before", Truth{Points: 35, At: 30, Step: 0.05, SD: 0.02}, 100, 0.88, 1, 0.78, 0, 0.15},
		{"5 % ten commits ago, 30 before", Truth{Points: 40, At: 30, Step: 0.05, SD: 0.02}, 60, 0.97, 1, 0.8, 0, 0.15},
		{"5 % in the middle of 60", Truth{Points: 60, At: 30, Step: 0.05, SD: 0.02}, 40, 1, 1, 0.8, 0, 0.15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Simulate(tt.truth, tt.series, 1)
			t.Logf("%-32s found %.3f located %.3f covered %.3f doubted %.3f correlation %.2f", tt.name, r.Found, r.Located, r.Covered, r.Doubted, r.Resemble)
			if r.Found < tt.least || r.Found > tt.most || r.Located < tt.least2 || r.Doubted < tt.doubted || r.Doubted > tt.trust {
				t.Errorf("%+v, want %+v", r, tt)
			}
		})
	}
}

func TestDoubt(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    float64
		n    int
		want string
	}{
		{"independent", 0.1, 50, ""},
		{"alternating", -0.5, 50, ""},
		{"within the noise of few", 0.3, 25, ""},
		{"as much of many", 0.3, 100, "about 14 show one"},
		{"drifting", 0.6, 50, "(correlation 0.60)"},
		{"drifting much", 0.95, 50, "about 94 show one"},
		{"too few", math.NaN(), 12, "from fewer than 20 values (12)"},
		{"constant", math.NaN(), 50, ""},
	} {
		if got := doubt(tt.r, tt.n); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{50, 500} {
		series := Truth{Points: n, At: n / 2, Step: 0.05, SD: 0.02}.series(rand.New(rand.NewPCG(1, 1)))
		b.Run(map[int]string{50: "50 values", 500: "500 values"}[n], func(b *testing.B) {
			for b.Loop() {
				Find(series)
			}
		})
	}
}
