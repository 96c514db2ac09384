package analysis

import (
	"strings"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// goodTrial is an open-loop trial that nothing is wrong with.
func goodTrial() rundir.Trial {
	ms := time.Millisecond
	latency := rundir.Latency{Count: 1000, Mean: 12 * ms, P50: 10 * ms, P95: 30 * ms, P99: 60 * ms, Max: 90 * ms}
	class := rundir.Class{Sent: 1000, Good: 1000, Response: latency}
	return rundir.Trial{
		Step:      rundir.Step{Cell: scenarios.Cell{Server: "s", Proxy: scenarios.Direct, Workers: 2, Threads: 1}, Phase: rundir.Bracket, Rate: 100},
		Effective: rundir.Effective{Workers: 2},
		Load: rundir.Load{Offered: 100, Achieved: 100, Goodput: 100, Planned: 1000, Sent: 1000, Span: 10 * time.Second,
			Classes: map[string]rundir.Class{scenarios.All: class, scenarios.Dynamic: class}},
		Usage: rundir.Usage{Wall: 10 * time.Second, Cores: 2, AppCores: 2, BusySeconds: 10},
	}
}

// burstTrial is a closed-loop trial that nothing is wrong with.
func burstTrial() rundir.Trial {
	t := goodTrial()
	t.Step.Phase, t.Step.Rate, t.Step.Connections = rundir.Saturation, 0, 4
	t.Load.Offered, t.Load.InFlight = 0, 3.99
	for range 12 {
		t.Load.Windows = append(t.Load.Windows, rundir.Window{Good: 100})
	}
	return t
}

func TestJudge(t *testing.T) {
	s := testScenario(time.Minute, "p99 < 250ms", "static p95 < 50ms")
	late := func(l time.Duration) func(*rundir.Trial) {
		return func(t *rundir.Trial) { t.Load.StarveLag.P99 = l }
	}
	peak := func(seen, want int) func(*rundir.Trial) {
		return func(t *rundir.Trial) { t.Effective.Peak = &rundir.Peak{Seen: seen, Want: want, Offered: 64} }
	}
	all := func(change func(*rundir.Class)) func(*rundir.Trial) {
		return func(t *rundir.Trial) {
			c := t.Load.Classes[scenarios.All]
			change(&c)
			t.Load.Classes[scenarios.All] = c
		}
	}
	for _, tt := range []struct {
		name   string
		trial  rundir.Trial
		change func(*rundir.Trial)
		kind   string
		reason string
	}{
		{"good", goodTrial(), func(*rundir.Trial) {}, Passed, ""},
		{"good burst", burstTrial(), func(*rundir.Trial) {}, Passed, ""},
		{"slow", goodTrial(), all(func(c *rundir.Class) { c.Response.P99 = 300 * time.Millisecond }), Failed, "all p99 300ms, objective p99 < 250ms"},
		{"slow burst is no claim", burstTrial(), all(func(c *rundir.Class) { c.Response.P99 = time.Second }), Passed, ""},
		{"errors", goodTrial(), all(func(c *rundir.Class) { c.Good = 990; c.Faults = map[string]uint64{"timeout": 9, "reset": 1} }), Failed, "1.00 % errors (10 of 1000, mostly: timeout), objective errors < 0.1%"},
		{"slow class", goodTrial(), func(t *rundir.Trial) {
			t.Load.Classes[scenarios.Static] = rundir.Class{Sent: 5, Good: 5, Response: rundir.Latency{P95: time.Second}}
		}, Failed, "static p95 1s"},
		{"aborted", goodTrial(), func(t *rundir.Trial) { t.Load.Aborted, t.Load.Sent = "cannot be met any more", 300 }, Failed, "cannot be met any more"},
		{"did not start", goodTrial(), func(t *rundir.Trial) { t.Failure = "exit status 3" }, Failed, "exit status 3"},
		{"not measured", goodTrial(), func(t *rundir.Trial) { t.Broken = "sampler" }, Void, "sampler"},
		{"late generator", goodTrial(), late(20 * time.Millisecond), Void, "generator late"},
		{"lag that matters little", goodTrial(), late(2 * time.Millisecond), Passed, ""},
		{"generator starved", goodTrial(), func(t *rundir.Trial) { t.Load.Sent, t.Load.Unsent = 900, 100 }, Void, "generator sent 900 of 1000"},
		{"subject queued", goodTrial(), func(t *rundir.Trial) { t.Load.Sent, t.Load.Unsent, t.Load.LateBusy, t.Load.Workers = 900, 100, 400, 64 }, Failed, "all 64 in flight were unanswered"},
		{"generator's CPU", goodTrial(), func(t *rundir.Trial) { t.Usage.Generator.CPUSeconds = 8 }, Void, "generator used 80 %"},
		{"steal", goodTrial(), func(t *rundir.Trial) { t.Usage.StealSeconds = 0.5 }, Void, "stolen"},
		{"foreign load", goodTrial(), func(t *rundir.Trial) { t.Usage.ForeignSeconds = 2 }, Void, "other processes used 10.0 %"},
		{"not the cell", goodTrial(), func(t *rundir.Trial) { t.Effective.Workers = 1 }, Void, "runs 1 workers, the cell has 2"},
		{"not the cell, of several instances", goodTrial(), func(t *rundir.Trial) { t.Step.Cell.Instances, t.Effective.Workers = 3, 5 }, Void, "runs 5 workers, the cell has 6"},
		{"all instances", goodTrial(), func(t *rundir.Trial) { t.Step.Cell.Instances, t.Effective.Workers = 3, 6 }, Passed, ""},
		{"fewer at once", goodTrial(), peak(1, 2), Void, "works on 1 requests at once, the cell has 2 workers × 1 threads = 2"},
		{"more at once", goodTrial(), peak(8, 2), Void, "works on 8 requests at once, the cell has 2 workers × 1 threads = 2"},
		{"as many at once", goodTrial(), peak(2, 2), Passed, ""},
		{"an event loop promises no number", goodTrial(), peak(64, 0), Passed, ""},
		{"Little's law", burstTrial(), func(t *rundir.Trial) { t.Load.InFlight = 3 }, Void, "Little's law is off by 25 %"},
		{"drift", burstTrial(), func(t *rundir.Trial) {
			for i := range 4 {
				t.Load.Windows[i].Good = 60
			}
		}, Void, "drifted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.change(&tt.trial)
			got := Judge(s, tt.trial)
			if got.Kind != tt.kind || !strings.Contains(strings.Join(got.Reasons, "; "), tt.reason) {
				t.Errorf("got %s %q, want %s %q", got.Kind, got.Reasons, tt.kind, tt.reason)
			}
		})
	}
}

func TestNotesOnServices(t *testing.T) {
	s := testScenario(time.Minute, "p99 < 250ms")
	for _, tt := range []struct {
		name string
		use  rundir.ServiceUse
		want string
	}{
		{"near the limit", rundir.ServiceUse{Connections: 90, Limit: 100}, "mariadb had 90 connections of at most 100"},
		{"far from it", rundir.ServiceUse{Connections: 89, Limit: 100}, ""},
		{"no limit known", rundir.ServiceUse{Connections: 500}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trial := goodTrial()
			trial.Usage.Databases = map[string]rundir.ServiceUse{"mariadb": tt.use}
			if got := strings.Join(Judge(s, trial).Notes, "; "); got != tt.want {
				t.Errorf("notes %q, want %q", got, tt.want)
			}
		})
	}
}
