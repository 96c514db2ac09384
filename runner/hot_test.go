package runner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// A hot step resizes the running stack where the server can, and measures it
// as the cell that it is then; a cold one starts it anew.
func TestHotSteps(t *testing.T) {
	text := fmt.Sprintf(pairsScenario, scenarios.WSGI, "wsgi", plainPrepare, "gunicorn-sync, uwsgi, waitress")
	text = strings.Replace(text, "workers: [1, 2]", "workers: 1..3", 1)
	s, app := pairsApp(t, text)
	run, err := rundir.Create(t.TempDir(), rundir.Manifest{RunID: "hot", Scenario: *s, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Close() })
	step := func(server string, workers int, hot bool) rundir.Step {
		return rundir.Step{
			Cell: scenarios.Cell{Server: server, Proxy: "nginx", Workers: workers, Threads: 1},
			Hot:  hot, Phase: rundir.Saturation, Connections: 2, Duration: 300 * time.Millisecond,
		}
	}
	steps := []struct {
		step                   rundir.Step
		wantFresh, wantResized bool
	}{
		{step("gunicorn-sync", 1, true), true, false},
		{step("gunicorn-sync", 3, true), false, true},
		{step("gunicorn-sync", 2, true), false, true},
		{step("gunicorn-sync", 1, false), true, false},
		{step("uwsgi", 1, true), true, false},
		{step("uwsgi", 3, true), false, true},
		{step("uwsgi", 2, true), true, false},
		{step("waitress", 1, true), true, false},
		{step("waitress", 2, true), true, false},
	}
	var all []rundir.Step
	for _, s := range steps {
		all = append(all, s.step)
	}
	if err := Run(t.Context(), Config{Run: run, App: app, Strategy: plan(all...)}); err != nil {
		t.Fatal(err)
	}
	for i, trial := range run.Trials() {
		want := steps[i]
		if trial.Fresh != want.wantFresh || trial.Resized != want.wantResized {
			t.Errorf("step %d: fresh %v, resized %v; want %v, %v", i+1, trial.Fresh, trial.Resized, want.wantFresh, want.wantResized)
		}
		slots := want.step.Cell.Slots()
		if e := trial.Effective; e.Workers != slots || e.Peak == nil || e.Peak.Seen != slots || trial.Failure != "" {
			t.Errorf("step %d: %d workers, peak %+v, want %d; %s", i+1, e.Workers, e.Peak, slots, trial.Failure)
		}
	}
}
