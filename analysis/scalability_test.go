package analysis

import (
	"errors"
	"math"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// lawful are bursts of a law, with CPU time of 5 ms a request and a machine
// of 8 cores; they are not in order.
func lawful(law USL, cores ...float64) (out []Judged) {
	for start := range 3 {
		for i := range cores {
			n := cores[len(cores)-1-i]
			rate := law.At(n) * (1 + 0.004*float64(start-1))
			good := uint64(10 * rate)
			out = append(out, Judged{Verdict: Verdict{Kind: Passed}, Trial: rundir.Trial{
				Step:  rundir.Step{Cell: scenarios.Cell{Workers: int(math.Ceil(n)), Threads: 1}, Start: start, Phase: rundir.Scaling, Cores: n},
				Load:  rundir.Load{Goodput: rate, Classes: map[string]rundir.Class{scenarios.All: {Good: good}}},
				Usage: rundir.Usage{Wall: 10 * time.Second, Cores: 8, App: rundir.Group{CPUSeconds: 0.005 * float64(good)}, BusySeconds: 40},
			}})
		}
	}
	return out
}

func TestScalingOfBursts(t *testing.T) {
	law := USL{190, 0.05, 0.003}
	bursts := lawful(law, 0.5, 0.75, 1.5, 2, 4)
	other := bursts[0]
	other.Step.Phase = rundir.Saturation
	void := bursts[1]
	void.Verdict.Kind, void.Load.Goodput = Void, 1
	s := newScaling(append(bursts, other, void), 1)
	if len(s.Points) != len(bursts) || len(s.Cores()) != 5 || s.Cores()[0] != 0.5 || len(s.On(4)) != 3 {
		t.Errorf("%d points on %v cores, want those of %d bursts by rising cores", len(s.Points), s.Cores(), len(bursts))
	}
	if got := s.Rate(4); math.Abs(got.Value/law.At(4)-1) > 1e-9 || got.N != 3 {
		t.Errorf("4 cores did %+v, want %.1f of 3 starts", got, law.At(4))
	}
	if s.DemandAt != 0.75 || math.Abs(s.Demand.Value-0.005) > 1e-6 || math.Abs(s.Bound(4)/800-1) > 1e-3 {
		t.Errorf("a request takes %v s on %g cores and 4 cores do at most %.1f, want 5 ms, 0.75 and 800", s.Demand.Value, s.DemandAt, s.Bound(4))
	}
	if len(s.Crowded) > 0 {
		t.Errorf("crowded on %v cores, want none", s.Crowded)
	}
	if r, err := s.Ratio(8, 4); err != nil || math.Abs(r.Value/(law.At(8)/law.At(4))-1) > 0.02 || r.Low > r.Value || r.High < r.Value {
		t.Errorf("8 cores over 4: %+v, %v", r, err)
	}
	if newScaling([]Judged{other}, 1) != nil {
		t.Error("a run without bursts on numbers of cores has a scaling")
	}
}

// A machine that is full shows what others take of it, too.
func TestScalingIsCrowded(t *testing.T) {
	bursts := lawful(USL{190, 0.05, 0.003}, 1, 2, 4, 6, 8)
	for i := range bursts {
		if bursts[i].Step.Cores == 8 {
			bursts[i].Usage.BusySeconds, bursts[i].Usage.App.CPUSeconds = 79, 70
		}
	}
	if s := newScaling(bursts, 1); len(s.Crowded) != 1 || s.Crowded[0] != 8 {
		t.Errorf("crowded on %v cores, want 8", s.Crowded)
	}
}

// No prediction is above what the CPU time of a request allows.
func TestScalingKeepsTheBound(t *testing.T) {
	bursts := lawful(USL{205, 0.02, 0}, 1, 2, 3, 4, 6) // 205 × 5 ms: more than there is
	s := newScaling(bursts, 1)
	for _, n := range []float64{1, 6, 12} {
		f, err := s.Predict(n)
		if err != nil {
			t.Fatal(err)
		}
		if bound := s.Bound(n); f.Value > bound || f.High > bound*1.001 {
			t.Errorf("%g cores: %.1f (to %.1f) requests/s, the bound is %.1f", n, f.Value, f.High, bound)
		}
	}
	s.Demand = nil
	if f, err := s.Predict(1); err != nil || f.Value < 204 {
		t.Errorf("without a known CPU time one core does %v, %v; want the law's 205", f, err)
	}
}

// What cannot be told is refused with the law's own reason.
func TestScalingRefuses(t *testing.T) {
	few := newScaling(lawful(USL{190, 0.05, 0.003}, 1, 2, 3, 4), 1)
	law := newScaling(lawful(USL{190, 0.05, 0.003}, 1, 2, 3, 4, 6), 1)
	straight := newScaling(lawful(USL{190, 0, 0}, 1, 2, 3, 4, 6), 1)
	for _, tt := range []struct {
		name        string
		of          *Scaling
		cores, over float64
		want        error
	}{
		{"nothing measured", nil, 2, 1, ErrFewPoints},
		{"four numbers of cores", few, 2, 1, ErrFewPoints},
		{"too far", law, 13, 4, ErrTooFar},
		{"from too far", law, 4, 13, ErrTooFar},
		{"too few cores", law, 0.4, 4, ErrTooFew},
		{"no contention", straight, 8, 4, ErrNoContention},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.of.Ratio(tt.cores, tt.over); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			c := curvedCell()
			c.Cores = tt.over
			if _, err := NewPlan(c, tt.of, Demand{Rate: 100, Cores: tt.cores}); !errors.Is(err, tt.want) {
				t.Errorf("planning: error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestPlanForOtherCores(t *testing.T) {
	law := USL{190, 0.05, 0.003}
	s := newScaling(lawful(law, 1, 2, 3, 4, 6), 1)
	c := curvedCell()
	c.Cell, c.Cores = scenarios.Cell{Workers: 3, Threads: 2}, 2
	p, err := NewPlan(c, s, Demand{Rate: 3000, Headroom: 0.3, Cores: 4})
	if err != nil {
		t.Fatal(err)
	}
	ratio := law.At(4) / law.At(2)
	if math.Abs(p.Sustains.Value/(300*ratio)-1) > 0.01 || p.Sustains.Low < 280*ratio*0.98 || p.Sustains.High > 320*ratio*1.02 {
		t.Errorf("one sustains %+v, want about %.0f with the interval of the measured one", p.Sustains, 300*ratio)
	}
	if got := p.Run(); got.Workers != 6 || got.Threads != 2 {
		t.Errorf("each runs %v, want 6 workers of 2 threads", got)
	}
	if len(p.Latency) > 0 || p.Unknown["p99"] == "" {
		t.Errorf("response times %v, %v; want none, and why", p.Latency, p.Unknown)
	}
	if want := law.At(8) / law.At(4); p.Twice == nil || math.Abs(p.Twice.Value/want-1) > 0.03 {
		t.Errorf("twice the cores give %v times as much (%s), want %.2f", p.Twice, p.NoTwice, want)
	}
	if same, err := NewPlan(c, nil, Demand{Rate: 3000, Cores: 2}); err != nil || same.Ratio != nil || same.Sustains != c.Final {
		t.Errorf("on the measured cores: %+v, %v; want what was measured", same, err)
	}
	c.Cores = 0
	if _, err := NewPlan(c, s, Demand{Rate: 3000, Cores: 2}); err == nil {
		t.Error("no error where the measured cores are not known")
	}
	if p, err := NewPlan(c, s, Demand{Rate: 3000}); err != nil || p.NoTwice == "" {
		t.Errorf("%+v, %v; want a plan that does not know what twice the cores give", p, err)
	}
}
