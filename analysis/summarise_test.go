package analysis

import (
	"slices"
	"testing"

	"sweetspot/runner/rundir"
)

func TestReadBack(t *testing.T) {
	c := &Cell{}
	c.Cell = goodTrial().Step.Cell
	trial := func(change func(*rundir.Trial)) Judged {
		tr := goodTrial()
		change(&tr)
		return Judged{Trial: tr}
	}
	c.readBack([]Judged{
		trial(func(tr *rundir.Trial) {
			tr.Effective.Upstream, tr.Effective.Peak = "unix", &rundir.Peak{Seen: 2, Want: 2}
			tr.Effective.Static = []rundir.StaticAnswer{{Path: "/a"}}
			tr.Usage.Databases = map[string]rundir.ServiceUse{"mariadb": {Connections: 9, Limit: 151}}
		}),
		trial(func(tr *rundir.Trial) {
			tr.Usage.Databases = map[string]rundir.ServiceUse{"mariadb": {Connections: 4, Limit: 151}}
		}),
		trial(func(tr *rundir.Trial) { tr.Broken, tr.Effective = "sampler", rundir.Effective{} }),
		trial(func(tr *rundir.Trial) { tr.Failure, tr.Effective.Upstream = "exit status 1", "tcp" }),
		trial(func(tr *rundir.Trial) { tr.Step.Cell.Workers, tr.Effective.Upstream = 9, "tcp" }),
	})
	if c.Upstream != "unix" || c.Peak.Seen != 2 || len(c.Static) != 1 || c.Databases["mariadb"] != (rundir.ServiceUse{Connections: 9, Limit: 151}) {
		t.Errorf("read back upstream %q, peak %+v, static %v, services %v", c.Upstream, c.Peak, c.Static, c.Databases)
	}
}

// Limits that could not be enforced are a doubt about the whole run.
func TestLimitsNotEnforced(t *testing.T) {
	trial := goodTrial()
	trial.Unlimited = "no control group can be made here: permission denied"
	res := &Result{Trials: []Judged{{Trial: goodTrial()}, {Trial: trial}}}
	want := "the limits were not enforced: " + trial.Unlimited
	if got := warnings(res); !slices.Equal(got, []string{want}) {
		t.Errorf("warnings %q, want %q", got, want)
	}
}
