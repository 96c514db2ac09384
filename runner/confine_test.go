package runner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/cgroup"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

func TestConfinement(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits scenarios.Limits
		cores  float64
		cpus   []int
		want   cgroup.Limits
		err    string
	}{
		{"nothing", scenarios.Limits{}, 0, []int{2, 3, 5}, cgroup.Limits{}, ""},
		{"limits", scenarios.Limits{CPU: 1.5, Memory: 64 << 20}, 0, []int{2, 3, 5}, cgroup.Limits{CPU: 1.5, Memory: 64 << 20}, ""},
		{"whole cores", scenarios.Limits{}, 2, []int{2, 3}, cgroup.Limits{}, ""},
		{"cores in the place of the CPU limit", scenarios.Limits{CPU: 1.5, Memory: 64 << 20}, 2, []int{2, 3}, cgroup.Limits{Memory: 64 << 20}, ""},
		{"part of a core", scenarios.Limits{}, 0.5, []int{2}, cgroup.Limits{CPU: 0.5}, ""},
		{"part of the third", scenarios.Limits{}, 2.25, []int{2, 3, 5}, cgroup.Limits{CPU: 2.25}, ""},
		{"more than there are", scenarios.Limits{}, 3.5, nil, cgroup.Limits{}, "more than the application's CPUs [2 3 5]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cpus, limits, err := Confinement(tt.limits, []int{2, 3, 5}, tt.cores)
			if !slices.Equal(cpus, tt.cpus) || limits != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("CPUs %v, limits %+v, error %v; want %v, %+v, %q", cpus, limits, err, tt.cpus, tt.want, tt.err)
			}
		})
	}
}

// permitted skips where no group can be made.
func permitted(t *testing.T) {
	t.Helper()
	if err := cgroup.Permitted(cgroup.Limits{CPU: 1, Memory: 1 << 30}); err != nil {
		t.Skip(err)
	}
}

// controlled is a bed whose application has CPUs and limits, and uses CPU.
func controlled(t *testing.T, l scenarios.Limits) (*rundir.Run, *stack.App) {
	t.Helper()
	run, app := bed(t)
	allowed, err := sample.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	run.Manifest.CPUs = rundir.CPUs{Generator: allowed, Proxy: allowed, App: allowed, Shared: true}
	run.Manifest.Scenario.Limits = l
	app.Routes = []scenarios.Route{{Path: "/", CPU: scenarios.Duration(2 * time.Millisecond)}}
	t.Cleanup(func() { noGroupLeft(t) })
	return run, app
}

func noGroupLeft(t *testing.T) {
	t.Helper()
	seen := func(name string) bool {
		if strings.HasPrefix(name, "loop") {
			t.Errorf("control group %s is left", name)
		}
		return false
	}
	if err := cgroup.Sweep(seen); err != nil {
		t.Error(err)
	}
}

// The limits of a scenario hold the application, a number of cores takes the
// place of that of the CPU, and the trials tell.
func TestApplicationIsConfined(t *testing.T) {
	permitted(t)
	run, app := controlled(t, scenarios.Limits{CPU: 0.2, Memory: 256 << 20}) // little, so that it is used up on a busy machine, too
	limited := step("embedded", 1, 0, 0)
	limited.Duration = time.Second
	whole, part := limited, limited
	whole.Phase, whole.Cores = rundir.Scaling, 1
	part.Phase, part.Cores = rundir.Scaling, 0.1
	if err := Run(t.Context(), Config{Run: run, App: app, Strategy: plan(limited, whole, part)}); err != nil {
		t.Fatal(err)
	}
	all := len(run.Manifest.CPUs.App)
	for i, want := range []struct {
		quota float64
		cores int
	}{{0.2, all}, {0, 1}, {0.1, 1}} {
		trial := run.Trials()[i]
		u := trial.Usage
		if trial.Failure != "" || trial.Broken != "" || !trial.Fresh || trial.Unlimited != "" {
			t.Errorf("trial %d: failure %q, broken %q, fresh %v, unlimited %q", trial.ID, trial.Failure, trial.Broken, trial.Fresh, trial.Unlimited)
		}
		if u.Quota != want.quota || u.AppCores != want.cores {
			t.Errorf("trial %d: quota %g on %d cores, want %g on %d", trial.ID, u.Quota, u.AppCores, want.quota, want.cores)
		}
		if throttled := u.AppThrottled > 0; throttled != (want.quota > 0) || u.AppThrottled > u.AppPeriods {
			t.Errorf("trial %d: throttled in %d of %d periods with a quota of %g", trial.ID, u.AppThrottled, u.AppPeriods, want.quota)
		}
		if u.Throttled > 0 {
			t.Errorf("trial %d: the generator was throttled in %d periods", trial.ID, u.Throttled)
		}
	}
	nothingLeft(t, run)
}

// A cell that needs more memory than it may have fails, and says so.
func TestOutOfMemory(t *testing.T) {
	permitted(t)
	run, app := controlled(t, scenarios.Limits{Memory: 3 << 20}) // less than a program of Go needs
	app.Deadline = 5 * time.Second
	if err := Run(t.Context(), Config{Run: run, App: app, Strategy: plan(step("direct", 1, 0, 0))}); err != nil {
		t.Fatal(err)
	}
	const want = "out of memory: the application's group reached limits.memory 3MiB"
	if got := run.Trials()[0].Failure; !strings.Contains(got, want) {
		t.Errorf("failure %q, want %q in it", got, want)
	}
	nothingLeft(t, run)
}

// More cores than there are end the run: no trial can be made of them.
func TestTooManyCores(t *testing.T) {
	run, app := controlled(t, scenarios.Limits{})
	s := step("direct", 1, 0, 0)
	s.Cores = float64(len(run.Manifest.CPUs.App)) + 0.5
	err := Run(t.Context(), Config{Run: run, App: app, Strategy: plan(s)})
	if err == nil || !strings.Contains(err.Error(), "more than the application's CPUs") {
		t.Errorf("error %v, want one of the CPUs", err)
	}
	nothingLeft(t, run)
}
