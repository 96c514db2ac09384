package analysis

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// beset is a simulation in which slow clients halve the speed, or stop the
// cells of one worker altogether.
func beset(s *scenarios.Scenario) *simulated {
	m := newSimulated(2, 4*time.Millisecond, 0, 5)
	m.faster = func(step rundir.Step) float64 {
		if step.Alone {
			return 1
		}
		return 0.5
	}
	m.broken = func(step rundir.Step, tr *rundir.Trial) {
		if step.Alone {
			return
		}
		tr.Beside = &rundir.Beside{
			Slow:       &rundir.SlowClients{Clients: s.Traffic.Slow.Clients, Kind: s.Traffic.Slow.Kind, Served: 3},
			WebSockets: &rundir.WebSockets{Wanted: 10, Held: 10, BytesBefore: 50e6, BytesAfter: 51e6},
		}
		if step.Cell.Workers == 1 {
			all := tr.Load.Classes[scenarios.All]
			all.Good = all.Sent / 4
			tr.Load.Classes[scenarios.All] = all
		}
	}
	return m
}

func besetScenario() *scenarios.Scenario {
	s := testScenario(8*time.Minute, "p99 < 250ms")
	s.Traffic.Slow = &scenarios.Slow{Clients: 12, Kind: scenarios.SlowHeaders}
	return s
}

// The load that slow clients leave is searched for with them; bursts, and the
// twin of every point of the latency curve, are alone.
func TestStepsBesideSlowClients(t *testing.T) {
	s := besetScenario()
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1})
	m := beset(s)
	slow := m.broken
	m.broken = func(step rundir.Step, tr *rundir.Trial) {
		if slow(step, tr); tr.Beside != nil {
			tr.Beside.WebSockets.Held = 8
		}
	}
	res, done := run(t, s, cells, m)
	type pair struct{ with, alone float64 }
	curves := map[visitKey]*pair{}
	probed := map[visitKey]bool{}
	for _, tr := range done {
		key := visitKey{tr.Step.Cell, tr.Step.Start}
		switch {
		case tr.Step.Phase == rundir.Probe:
			probed[key] = true
		case tr.Step.Phase == rundir.Bracket && !probed[key]:
			t.Errorf("trial %d: no probe comes before the walk", tr.ID)
		case tr.Step.Phase == rundir.Curve && curves[key] == nil:
			curves[key] = &pair{}
		}
		if want := tr.Step.Phase == rundir.Saturation; tr.Step.Phase != rundir.Curve && tr.Step.Alone != want {
			t.Errorf("trial %d, %s: alone is %v", tr.ID, tr.Step.Phase, tr.Step.Alone)
		}
		if tr.Step.Phase == rundir.Curve && tr.Step.Alone {
			curves[key].alone = tr.Step.Rate
		} else if tr.Step.Phase == rundir.Curve {
			curves[key].with = tr.Step.Rate
		}
	}
	if res.Winner == nil || !slices.ContainsFunc(res.Warnings, func(w string) bool { return strings.Contains(w, "held 8 of 10 WebSockets") }) {
		t.Errorf("warnings %q, want one of the WebSockets that the winner does not hold", res.Warnings)
	}
	if len(curves) != s.Search.Finals {
		t.Errorf("%d final visits have a curve, want %d", len(curves), s.Search.Finals)
	}
	for key, p := range curves {
		if p.with == 0 || p.with != p.alone {
			t.Errorf("start %d: at %g requests/s beside slow clients, %g alone; want one rate", key.start, p.with, p.alone)
		}
	}
}

// A probe that passed is no walk: with a budget too short for walks on every
// cell, the best of those that were probed still have their finals.
func TestShortBudgetBeside(t *testing.T) {
	s := besetScenario()
	s.Search.Budget = scenarios.Duration(time.Minute)
	res, _ := run(t, s, cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{3, 1}, [2]int{4, 1}, [2]int{5, 1}, [2]int{6, 1}), beset(s))
	if res.Outcome != Recommended {
		t.Errorf("outcome %s: %s; want a recommendation", res.Outcome, res.Because)
	}
}

func TestBesideFigures(t *testing.T) {
	s := besetScenario()
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1})
	res, done := run(t, s, cells, beset(s))
	stopped, held := res.Cells[0], res.Cells[1]
	if stopped.Infeasible == "" || stopped.Beside.Answered < 0.2 || stopped.Beside.Answered > 0.26 || stopped.Beside.Rate != 0 {
		t.Errorf("one worker: infeasible %q, beside %+v; want a reason, a quarter answered and no rate to compare at", stopped.Infeasible, stopped.Beside)
	}
	b := held.Beside
	if b == nil || b.Answered != 1 || b.Slow.Served != 3 || b.BytesEach != 1e5 {
		t.Fatalf("two workers: beside %+v; want all answered and 100 kB a WebSocket", b)
	}
	if b.Rate == 0 || b.With.P50 <= b.Alone.P50 {
		t.Errorf("p50 %v beside, %v alone at %g requests/s; want it slower beside", b.With.P50, b.Alone.P50, b.Rate)
	}
	lowest := b.AnsweredAt
	for _, tr := range done {
		if tr.Step.Cell == held.Cell && tr.Beside != nil && tr.Step.Rate > 0 {
			lowest = min(lowest, tr.Step.Rate)
		}
	}
	if b.AnsweredAt != lowest {
		t.Errorf("answered at %g requests/s, the lowest rate tried is %g", b.AnsweredAt, lowest)
	}
	for _, p := range held.Curve {
		if p.Offered == b.Rate && p.Response[scenarios.All] == b.Alone {
			t.Error("the latency curve holds a trial that was alone")
		}
	}
}

func TestNothingBeside(t *testing.T) {
	s := testScenario(5*time.Minute, "p99 < 250ms")
	res, _ := run(t, s, cellsOf([2]int{2, 1}), newSimulated(2, 4*time.Millisecond, 0, 5))
	if res.Cells[0].Beside != nil {
		t.Errorf("beside %+v, want none", res.Cells[0].Beside)
	}
}

func TestBytesEach(t *testing.T) {
	socket := func(held int, before, after uint64) Judged {
		return Judged{Trial: rundir.Trial{Beside: &rundir.Beside{WebSockets: &rundir.WebSockets{Held: held, BytesBefore: before, BytesAfter: after}}}}
	}
	for _, tt := range []struct {
		name   string
		trials []Judged
		want   float64
	}{
		{"none held", []Judged{socket(0, 100, 200)}, 0},
		{"memory not read", []Judged{socket(10, 0, 200)}, 0},
		{"memory fell", []Judged{socket(10, 200, 100)}, 0},
		{"median", []Judged{socket(10, 100, 200), socket(10, 100, 300), socket(10, 100, 9100)}, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := bytesEach(tt.trials); got != tt.want {
				t.Errorf("%g bytes, want %g", got, tt.want)
			}
		})
	}
}
