package analysis

import (
	"math"
	"testing"
)

// Values worked by hand: t(2 degrees of freedom) = 4.3027 at 95 %.
func TestFigure(t *testing.T) {
	f := figure([]float64{90, 100, 110})
	half := 4.302653 * 10 / math.Sqrt(3)
	if f.Value != 100 || math.Abs(f.Low-(100-half)) > 1e-4 || math.Abs(f.High-(100+half)) > 1e-4 || f.N != 3 {
		t.Errorf("figure = %+v, want 100 ± %.4f", f, half)
	}
	if f := figure([]float64{5}); !math.IsNaN(f.Low) || !math.IsNaN(f.High) {
		t.Errorf("one replicate has the interval %v to %v, want none", f.Low, f.High)
	}
	if f := figure(nil); f != nil {
		t.Errorf("no replicates give %+v, want nil", f)
	}
}

// What a round does to both sides cancels in the ratio.
func TestRatioFigureIsPaired(t *testing.T) {
	f := RatioFigure([]float64{200, 100, 400}, []float64{100, 50, 200})
	if math.Abs(f.Value-2) > 1e-9 || math.Abs(f.Low-2) > 1e-9 || math.Abs(f.High-2) > 1e-9 {
		t.Errorf("ratio = %+v, want exactly 2", f)
	}
	u := UnpairedRatio([]float64{200, 100, 400}, []float64{100, 50, 200})
	if math.Abs(u.Value-2) > 1e-9 || u.Low > 1 || u.High < 4 {
		t.Errorf("unpaired ratio = %+v, want 2 with a wide interval", u)
	}
}

func TestAmount(t *testing.T) {
	f := amount([]float64{90, 10})
	if f.Value != 50 || f.Low != 0 || f.High < 500 {
		t.Errorf("amount = %+v, want 50 from 0 on", f)
	}
	if f := amount([]float64{5}); !math.IsNaN(f.Low) {
		t.Errorf("amount of one = %+v, want no interval", f)
	}
	if f := amount(nil); f != nil {
		t.Errorf("amount of none = %+v", f)
	}
}

// Where the spread is small, the ratio of figures is that of their replicates.
func TestRatioOfFigures(t *testing.T) {
	a, b := []float64{1000, 1010, 990, 1005}, []float64{900, 910, 890, 905, 899}
	got, want := RatioOfFigures(figure(a), figure(b)), UnpairedRatio(a, b)
	if math.Abs(got.Value-want.Value) > 1e-3 || math.Abs(got.Low-want.Low) > 1e-3 || math.Abs(got.High-want.High) > 1e-3 || got.N != want.N {
		t.Errorf("ratio of figures %+v, of replicates %+v", got, want)
	}
	if f := RatioOfFigures(figure(a), figure([]float64{5})); f.Value != 200.25 || !math.IsNaN(f.Low) {
		t.Errorf("with one replicate %+v, want no interval", f)
	}
	if f := RatioOfFigures(figure(a), nil); f != nil {
		t.Errorf("without a figure %+v", f)
	}
	if f := RatioOfFigures(figure([]float64{2, 2}), figure([]float64{1, 1})); f.Low != 2 || f.High != 2 {
		t.Errorf("without a spread %+v", f)
	}
}
