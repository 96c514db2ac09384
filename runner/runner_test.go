package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

func TestMain(m *testing.M) {
	process.Main()
	stack.Main()
	os.Exit(m.Run())
}

const scenario = `
name: loop
app:
  interface: embedded
  deadline: 20s
  routes: [{path: /, wait: 2ms}]
matrix: {servers: [embedded], proxies: [direct, embedded], workers: [1, 2]}
traffic:
  requests: [{name: io, path: /}]
`

// bed is a run directory with the embedded application prepared in it.
func bed(t *testing.T) (*rundir.Run, *stack.App) {
	t.Helper()
	s, err := scenarios.Parse("loop.yaml", []byte(scenario), t.TempDir(), nil, stack.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	run, err := rundir.Create(t.TempDir(), rundir.Manifest{RunID: "loop" + filepath.Base(t.TempDir()), Scenario: *s, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Close() })
	app, err := stack.Prepare(t.Context(), s, run.Dir, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	return run, app
}

// plan is a strategy that measures these steps in order.
func plan(steps ...rundir.Step) rundir.Strategy {
	return func(done []rundir.Trial) (rundir.Step, bool) {
		if len(done) == len(steps) {
			return rundir.Step{}, false
		}
		return steps[len(done)], true
	}
}

func step(proxy string, workers, start int, rate float64) rundir.Step {
	s := rundir.Step{
		Cell:  scenarios.Cell{Server: "embedded", Proxy: proxy, Workers: workers, Threads: 1},
		Start: start, Rate: rate, Warmup: 20 * time.Millisecond, Duration: 200 * time.Millisecond,
	}
	if rate == 0 {
		s.Phase, s.Connections = rundir.Saturation, 2
	}
	return s
}

// Steps of one start share the running stack; any other step gets a new one.
func TestStacksAreShared(t *testing.T) {
	run, app := bed(t)
	began := time.Now()
	err := Run(t.Context(), Config{Run: run, App: app, Strategy: plan(
		step("direct", 1, 0, 0), step("direct", 1, 0, 50), step("direct", 1, 1, 50),
		step("embedded", 2, 0, 50), step("direct", 1, 1, 50),
	)})
	if err != nil {
		t.Fatal(err)
	}
	var fresh []bool
	var cost time.Duration
	for _, trial := range run.Trials() {
		fresh = append(fresh, trial.Fresh)
		cost += trial.Cost
		if trial.Failure != "" || trial.Broken != "" {
			t.Errorf("trial %d: failure %q, broken %q", trial.ID, trial.Failure, trial.Broken)
		}
		if trial.Load.Sent == 0 || trial.Load.Classes[scenarios.All].Good != trial.Load.Sent {
			t.Errorf("trial %d: %d of %d good", trial.ID, trial.Load.Classes[scenarios.All].Good, trial.Load.Sent)
		}
		if trial.Effective.Workers != trial.Step.Cell.Workers {
			t.Errorf("trial %d: %d workers, want %d", trial.ID, trial.Effective.Workers, trial.Step.Cell.Workers)
		}
		for _, name := range []string{"app.log", rundir.RawFile} {
			if _, err := os.Stat(filepath.Join(run.TrialDir(trial.ID), name)); err != nil {
				t.Errorf("trial %d keeps no %s: %v", trial.ID, name, err)
			}
		}
	}
	if want := []bool{true, false, true, true, true}; !slices.Equal(fresh, want) {
		t.Errorf("fresh stacks %v, want %v", fresh, want)
	}
	if wall := time.Since(began); cost > wall {
		t.Errorf("the trials cost %v, the run took %v", cost, wall)
	}
	nothingLeft(t, run)
}

// Who watches is told what comes back in every trial before it has ended.
func TestWatch(t *testing.T) {
	run, app := bed(t)
	told := map[int]uint64{}
	var ended []int
	steps := []rundir.Step{step("direct", 1, 0, 0), step("direct", 1, 0, 50)}
	err := Run(t.Context(), Config{
		Run: run, App: app, Strategy: plan(steps...),
		Observe: func(e Event) {
			if e.Trial != nil {
				ended = append(ended, e.Trial.ID)
			}
		},
		Watch: func(i rundir.Interval) {
			told[i.Trial] += i.Good
			if slices.Contains(ended, i.Trial) {
				t.Errorf("trial %d is told after its end", i.Trial)
			}
			if i.Step != steps[i.Trial-1] {
				t.Errorf("trial %d is told with step %+v", i.Trial, i.Step)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range run.Trials() {
		if good := trial.Load.Classes[scenarios.All].Good; told[trial.ID] < good || good == 0 { // the warm-up is told, too
			t.Errorf("trial %d: %d good ones were told, %d are kept", trial.ID, told[trial.ID], good)
		}
	}
}

// A cell that does not start is a failed trial, and the search goes on.
func TestCellThatDoesNotStart(t *testing.T) {
	run, app := bed(t)
	broken := *app
	broken.Ready, broken.Deadline = "/", time.Nanosecond
	if err := Run(t.Context(), Config{Run: run, App: &broken, Strategy: plan(step("direct", 1, 0, 0), step("direct", 2, 0, 0))}); err != nil {
		t.Fatal(err)
	}
	for _, trial := range run.Trials() {
		if trial.Failure == "" || trial.Load.Sent != 0 {
			t.Errorf("trial %d: failure %q, %d sent; want a failure and none", trial.ID, trial.Failure, trial.Load.Sent)
		}
	}
	if n := len(run.Trials()); n != 2 {
		t.Errorf("%d trials, want 2", n)
	}
	nothingLeft(t, run)
}

// An interrupt in mid-trial commits nothing of it and leaves nothing running.
func TestInterrupt(t *testing.T) {
	run, app := bed(t)
	ctx, cancel := context.WithCancel(t.Context())
	long := step("direct", 1, 0, 20)
	long.Duration = time.Minute
	observe := func(e Event) {
		if e.Trial == nil && e.Step.Duration == time.Minute {
			time.AfterFunc(100*time.Millisecond, cancel)
		}
	}
	err := Run(ctx, Config{Run: run, App: app, Strategy: plan(step("direct", 1, 0, 0), long), Observe: observe})
	if !errors.Is(err, ErrInterrupted) {
		t.Errorf("error %v, want ErrInterrupted", err)
	}
	if n := len(run.Trials()); n != 1 {
		t.Errorf("%d trials committed, want 1", n)
	}
	if parts, _ := filepath.Glob(run.Path("trials", "*.part")); len(parts) > 0 {
		t.Errorf("unfinished trials are left: %v", parts)
	}
	nothingLeft(t, run)
}

func nothingLeft(t *testing.T, run *rundir.Run) {
	t.Helper()
	left, err := process.Marked(run.Manifest.RunID)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
	if _, err := os.Stat(run.Path("live")); !os.IsNotExist(err) {
		t.Errorf("the folder of the running stack is left: %v", err)
	}
}
