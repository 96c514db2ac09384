package compare

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"sweetspot/analysis"
)

// measuredRate is a true rate as n fresh starts show it, each off by noise of
// that share.
func measuredRate(r *rand.Rand, truth float64, n int, noise float64) *analysis.Figure {
	x := make([]float64, n)
	for i := range x {
		x[i] = truth * math.Exp(noise*r.NormFloat64())
	}
	mean, sd := stat.MeanStdDev(x, nil)
	half := distuv.StudentsT{Sigma: 1, Nu: float64(n - 1)}.Quantile(0.975) * sd / math.Sqrt(float64(n))
	return &analysis.Figure{Value: mean, Low: mean - half, High: mean + half, N: n}
}

// leads counts in how many worlds the first is among those that may lead, in how
// many all are, and in how many the first is alone.
func leads(truth []float64, n int, noise float64, worlds int) (first, all, alone float64) {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for range worlds {
		rates := make([]*analysis.Figure, len(truth))
		for i, v := range truth {
			rates[i] = measuredRate(r, v, n, noise)
		}
		l := LeadOf(rates)
		if slices.Contains(l.First, 0) {
			first++
		}
		if len(l.First) == len(truth) {
			all++
		}
		if len(l.First) == 1 && l.First[0] == 0 {
			alone++
		}
	}
	w := float64(worlds)
	return first / w, all / w, alone / w
}

// Where the truth is known: the run that sustains the most is left out, and runs
// that are alike are told apart, in at most one of twenty worlds, however many
// runs there are; and one that sustains clearly more is found.
func TestLeadKeepsItsConfidence(t *testing.T) {
	const worlds, slack = 1500, 0.012
	for _, tt := range []struct {
		name  string
		truth []float64
		n     int
	}{
		{"two alike", []float64{400, 400}, 5},
		{"eight alike", []float64{400, 400, 400, 400, 400, 400, 400, 400}, 5},
		{"eight alike of three starts", []float64{400, 400, 400, 400, 400, 400, 400, 400}, 3},
		{"a little ahead", []float64{404, 400, 400, 396, 390}, 5},
		{"far apart", []float64{400, 200, 100}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first, all, _ := leads(tt.truth, tt.n, 0.02, worlds)
			t.Logf("of %d worlds the highest is among the first in %.1f %%, all are in %.1f %%", worlds, 100*first, 100*all)
			if first < 0.95-slack {
				t.Errorf("the highest is among the first in %.3f of the worlds, want 0.95", first)
			}
			if alike := slices.Max(tt.truth) == slices.Min(tt.truth); alike && all < 0.95-slack {
				t.Errorf("runs that are alike are told apart in %.3f of the worlds, want 0.05", 1-all)
			}
		})
	}
	if _, _, alone := leads([]float64{440, 400, 400, 396, 390}, 5, 0.02, 500); alone < 0.9 {
		t.Errorf("a run that sustains 10 %% more is found in %.3f of the worlds, want 0.9", alone)
	}
}

func TestLeadOf(t *testing.T) {
	figure := func(v, half float64) *analysis.Figure {
		return &analysis.Figure{Value: v, Low: v - half, High: v + half, N: 5}
	}
	once := &analysis.Figure{Value: 90, Low: math.NaN(), High: math.NaN(), N: 1}
	bound := figure(80, 1)
	bound.AtLeast = true
	nan := &analysis.Figure{Value: math.NaN(), N: 5}
	for _, tt := range []struct {
		name                 string
		rates                []*analysis.Figure
		order, first, untold []int
	}{
		{"none", nil, nil, nil, nil},
		{"unknown only", []*analysis.Figure{nil, nan}, nil, nil, nil},
		{"one", []*analysis.Figure{nil, figure(100, 2)}, []int{1}, []int{1}, nil},
		{"apart", []*analysis.Figure{figure(80, 1), figure(100, 2), nil}, []int{1, 0}, []int{1}, nil},
		{"tied", []*analysis.Figure{figure(99, 2), figure(100, 2), figure(50, 1)}, []int{1, 0, 2}, []int{1, 0}, nil},
		{"of one start", []*analysis.Figure{figure(100, 2), once}, []int{0, 1}, []int{0, 1}, []int{1}},
		{"the highest of one start", []*analysis.Figure{figure(80, 1), once, figure(50, 1)}, []int{1, 0, 2}, []int{1, 0}, []int{1}},
		{"the generator was the limit", []*analysis.Figure{figure(100, 2), bound}, []int{0, 1}, []int{0, 1}, []int{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := LeadOf(tt.rates)
			if !slices.Equal(l.Order, tt.order) || !slices.Equal(l.First, tt.first) || !slices.Equal(l.Untold, tt.untold) {
				t.Errorf("order %v, first %v, untold %v; want %v, %v, %v", l.Order, l.First, l.Untold, tt.order, tt.first, tt.untold)
			}
		})
	}
	rates := []*analysis.Figure{figure(100, 2), figure(80, 1), figure(50, 1)}
	l := LeadOf(rates)
	one := analysis.RatioOfFigures(rates[0], rates[1])
	if math.Abs(l.Level-(1-0.05/3)) > 1e-12 || l.Over[0].Ratio != nil || l.Over[1].Ratio.Value != one.Value || !(l.Over[1].Ratio.Low < one.Low && l.Over[1].Ratio.High > one.High) {
		t.Errorf("level %v, over %+v; one by one %+v", l.Level, l.Over[1], one)
	}
	if l := LeadOf(rates[:2]); *l.Over[1].Ratio != *one {
		t.Errorf("of two, over %+v, want %+v", l.Over[1].Ratio, one)
	}
	if l := LeadOf([]*analysis.Figure{figure(80, 1), once, figure(50, 1)}); l.Over[2].Of != 0 || l.Over[0].Of != 1 {
		t.Errorf("what exceeds is %+v: of the last the first, which has an interval", l.Over)
	}
}
