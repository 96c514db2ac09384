package analysis

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis/simulate"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// measuredQueue is a cell whose latency curve was simulated at shares of its
// capacity.
func measuredQueue(w *simulate.World, cell scenarios.Cell, capacity float64, seed uint64) *Cell {
	s := &scenarios.Scenario{}
	m := simulate.NewMachine(w, s, simulate.Noise{}, seed)
	c := &Cell{Planned: scenarios.Planned{Cell: cell}, Saturation: &Figure{Value: capacity, N: 1}}
	var done []rundir.Trial
	for i, share := range []float64{0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.9, 0.85} {
		done = append(done, m.Trial(rundir.Step{Cell: cell, Start: i, Phase: rundir.Curve, Rate: share * capacity, Warmup: 10 * time.Second, Duration: 5 * time.Minute}))
	}
	c.curve(JudgeAll(s, done, nil))
	return c
}

// Plans agree with queueing theory within their own intervals: the load at
// which a percentile meets a limit, and the mean at a load.
func TestPlanAgreesWithQueueingTheory(t *testing.T) {
	const service = 10 * time.Millisecond
	cell := func(workers, threads int) scenarios.Cell {
		return scenarios.Cell{Server: "simulated", Proxy: scenarios.Direct, Workers: workers, Threads: threads}
	}
	t.Run("M/M/c", func(t *testing.T) {
		w := &simulate.World{Cores: 1, Wait: simulate.Time{Mean: service, Exponential: true}}
		held := 0
		for seed := range uint64(20) {
			c := measuredQueue(w, cell(1, 4), 400, seed)
			// At 320 requests/s the 99th percentile is 68.9 ms.
			p, err := NewPlan(c, nil, Demand{Rate: 3000, Objective: &scenarios.Objective{Class: scenarios.All, Metric: "p99", Limit: 68900 * time.Microsecond}})
			if err != nil {
				t.Fatal(err)
			}
			if p.Sustains.Low <= 320 && 320 <= p.Sustains.High {
				held++
			}
			if off := p.Sustains.Value/320 - 1; math.Abs(off) > 0.05 {
				t.Errorf("one machine sustains %.1f requests/s, theory has 320", p.Sustains.Value)
			}
		}
		if held < 17 {
			t.Errorf("%d of 20 intervals hold the truth, want about 19", held)
		}
	})
	t.Run("M/G/1-PS", func(t *testing.T) {
		w := &simulate.World{Cores: 1, CPU: simulate.Time{Mean: service, Sigma: 1}}
		held := 0
		for seed := range uint64(10) {
			k, err := NewLatencyCurve(measuredQueue(w, cell(80, 1), 100, seed), scenarios.Objective{Class: scenarios.All, Metric: scenarios.Mean})
			if err != nil {
				t.Fatal(err)
			}
			for _, load := range []float64{0.55, 0.65, 0.78} {
				f, err := k.At(100 * load)
				if err != nil {
					t.Fatal(err)
				}
				truth := service.Seconds() / (1 - load)
				if f.Low <= truth && truth <= f.High {
					held++
				}
				if off := f.Value/truth - 1; math.Abs(off) > 0.15 {
					t.Errorf("mean at a load of %.2f is %.1f ms, theory has %.1f", load, 1000*f.Value, 1000*truth)
				}
			}
		}
		if held < 25 {
			t.Errorf("%d of 30 intervals hold the truth, want about 28", held)
		}
	})
}

// curvedCell is a cell whose p99 doubles from 100 to 200 to 400 ms.
func curvedCell() *Cell {
	c := &Cell{Final: &Figure{Value: 300, Low: 280, High: 320, N: 3}, Saturation: &Figure{Value: 400, N: 3}}
	for i, rate := range []float64{100, 200, 300} {
		l := rundir.Latency{Count: 1000, P50: 10 * time.Millisecond, P95: 50 * time.Millisecond, P99: 100 * time.Millisecond << i}
		c.Curve = append(c.Curve, Point{Offered: rate, Verdict: Passed, Response: map[string]rundir.Latency{scenarios.All: l}})
	}
	return c
}

func TestPlanCountsMachines(t *testing.T) {
	p, err := NewPlan(curvedCell(), nil, Demand{Rate: 3000, Headroom: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	// 3000 / (300 · 0.7) = 14.3; 3000 / (320 · 0.7) = 13.4; 3000 / (280 · 0.7) = 15.3.
	if p.Machines != 15 || p.Low != 14 || p.High != 16 || p.Doubled != 29 {
		t.Errorf("%d machines (%d to %d), %d for twice the rate; want 15 (14 to 16), 29", p.Machines, p.Low, p.High, p.Doubled)
	}
	if got := p.Latency["p99"]; got == nil || got.Value < 0.2-1e-9 || got.Value > 0.2+1e-9 {
		t.Errorf("p99 at 200 requests/s each is %v, want the 200 ms measured", got)
	}
}

func TestPlanNeverExtrapolates(t *testing.T) {
	c := curvedCell()
	p, err := NewPlan(c, nil, Demand{Rate: 50})
	if err != nil {
		t.Fatal(err)
	}
	if p.Latency["p99"] != nil || !strings.Contains(p.Unknown["p99"], "beyond the 100 to 300") {
		t.Errorf("p99 at 50 requests/s is %v: %q", p.Latency["p99"], p.Unknown["p99"])
	}
	limit := func(d time.Duration) Demand {
		return Demand{Rate: 1000, Objective: &scenarios.Objective{Class: scenarios.All, Metric: "p99", Limit: d}}
	}
	if _, err := NewPlan(c, nil, limit(50*time.Millisecond)); err == nil || !strings.Contains(err.Error(), "100 ms already") {
		t.Errorf("error %v, want what the lowest load has", err)
	}
	if p, err = NewPlan(c, nil, limit(time.Second)); err != nil || !p.Sustains.AtLeast || p.Sustains.Value != 300 {
		t.Errorf("sustains %+v, %v; want at least 300", p.Sustains, err)
	}
	if _, err := NewPlan(&Cell{}, nil, Demand{Rate: 1}); !errors.Is(err, errNoRate) {
		t.Errorf("error %v, want %v", err, errNoRate)
	}
	for _, d := range []Demand{{}, {Rate: 1, Headroom: 1}, {Rate: 1, Headroom: -0.1}} {
		if _, err := NewPlan(c, nil, d); err == nil {
			t.Errorf("%+v: no error", d)
		}
	}
}
