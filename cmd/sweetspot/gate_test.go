package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sweetspot/analysis/gate"
	"sweetspot/runner"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// duetScenario is a small gate on the embedded stack; its bursts are short.
const duetScenario = `
name: wait
app:
  interface: embedded
  routes: [{path: /, wait: 4ms}]
matrix: {servers: [embedded], workers: [1], threads: [2]}
traffic:
  requests: [{name: io, path: /}]
gate: {fail: [throughput drops > 10%], rounds: 10, burst: 200ms, settle: 50ms, budget: 20s}
`

// Both builds of a duet run at once; the same build passes, and one that waits
// twice as long is caught. On a machine that others use it may end inconclusive,
// and never the wrong way.
func TestDuet(t *testing.T) {
	for _, tt := range []struct {
		name  string
		wait  time.Duration // of the candidate
		right gate.Verdict
	}{
		{"the same", 4 * time.Millisecond, gate.Pass},
		{"slower", 8 * time.Millisecond, gate.Regressed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run, apps := duet(t)
			apps[rundir.Candidate].Routes = []scenarios.Route{{Path: "/", Wait: scenarios.Duration(tt.wait), Dist: scenarios.DistConstant}}
			err := runner.Run(t.Context(), runner.Config{Run: run, Apps: apps, Strategy: gate.Steps(gatePlan(&run.Manifest), 0)})
			if err != nil {
				t.Fatal(err)
			}
			res := gateResult(run, "")
			t.Logf("%s: %s; %d rounds, voids %v", res.Verdict, res.Because, res.Rounds, res.Voids)
			if res.Verdict != tt.right && res.Verdict != gate.Inconclusive {
				t.Errorf("verdict %s, want %s: %s", res.Verdict, tt.right, res.Because)
			}
			checkDuet(t, run, res)
		})
	}
}

// checkDuet looks at the trials: every round that counts has one start of each
// build, and the machine was watched before it.
func checkDuet(t *testing.T, run *rundir.Run, res gate.Result) {
	t.Helper()
	fresh, watched := map[int]map[string]int{}, map[int]bool{}
	for _, trial := range run.Trials() {
		if trial.Step.Phase != rundir.Duel {
			continue
		}
		n := trial.Step.Start
		if fresh[n] == nil {
			fresh[n] = map[string]int{}
		}
		if trial.Fresh {
			fresh[n][trial.Step.Build]++
		}
		watched[n] = watched[n] || trial.Quiet != nil
	}
	whole := 0
	for n, starts := range fresh {
		if starts[rundir.Base] == 1 && starts[rundir.Candidate] == 1 {
			whole++
		}
		if !watched[n] {
			t.Errorf("the machine was not watched before start %d", n)
		}
	}
	if whole < res.Rounds {
		t.Errorf("%d starts of both builds for %d rounds", whole, res.Rounds)
	}
}

// duet is a run directory and its two builds, prepared.
func duet(t *testing.T) (*rundir.Run, map[string]*stack.App) {
	t.Helper()
	s, err := scenarios.Parse("wait.yaml", []byte(duetScenario), t.TempDir(), nil, stack.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	allowed, err := sample.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	cell, _ := s.GateCell(len(allowed), stack.Catalogue())
	run, err := rundir.Create(t.TempDir(), rundir.Manifest{
		RunID: newRunID(), Scenario: *s, Seed: 1, CPUs: sample.AutoCPUs(allowed),
		Gate: &rundir.Gate{Source: gate.Duet, Cell: cell, Base: rundir.Build{Dir: s.App.Dir}, Candidate: rundir.Build{Dir: s.App.Dir}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Close() })
	apps := map[string]*stack.App{}
	for _, build := range []string{rundir.Base, rundir.Candidate} {
		if err := os.MkdirAll(run.Path(build), 0o755); err != nil {
			t.Fatal(err)
		}
		if apps[build], err = stack.Prepare(t.Context(), buildScenario(&run.Manifest, build, run.Dir), run.Path(build), t.Output()); err != nil {
			t.Fatal(err)
		}
	}
	return run, apps
}

// A gate that is killed in mid-round goes on: what was measured stays, and the
// round is made again, for its bursts would be of two starts.
func TestKilledGateIsResumed(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "out")
	scenarioFile(t, dir, duetScenario)
	s := begin(t, dir, "gate", "wait.yaml", "--aa", "--out", "out")
	s.committed(run, 3)
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.end()
	nothingLeft(t, run)
	before := trialFiles(t, run)

	again := begin(t, dir, "gate", "--resume", "out")
	if code := again.end(); code != exitGood && code != exitInconclusive {
		t.Fatalf("resume: exit code %d\n%s", code, again.errors.String())
	}
	for name, content := range trialFiles(t, run) {
		if then, ok := before[name]; ok && then != content {
			t.Errorf("trial %s changed", name)
		}
		delete(before, name)
	}
	if len(before) > 0 {
		t.Errorf("%d trials were lost", len(before))
	}
	b, err := os.ReadFile(filepath.Join(run, "gate.txt"))
	if err != nil || !strings.Contains(string(b), " of at most ") {
		t.Errorf("no report: %v\n%s", err, b)
	}
	for _, left := range []string{"live", "checkout"} {
		if _, err := os.Stat(filepath.Join(run, left)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left", left)
		}
	}
	nothingLeft(t, run)
}

// The base of a revision is the same folder in a checkout, with the static files
// that lie in it.
func TestBuildsOfARevision(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	app := filepath.Join(root, "services", "shop")
	if err := os.MkdirAll(app, 0o755); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	for _, tt := range []struct {
		name            string
		base, candidate rundir.Build
		build           string
		dir, static     string
	}{
		{"candidate", rundir.Build{Dir: "services/shop", Repo: root, Checkout: "abc"}, rundir.Build{Dir: app}, rundir.Candidate, app, filepath.Join(app, "static")},
		{"base", rundir.Build{Dir: "services/shop", Repo: root, Checkout: "abc"}, rundir.Build{Dir: app}, rundir.Base, "/run/checkout/services/shop", "/run/checkout/services/shop/static"},
		{"another folder", rundir.Build{Dir: other}, rundir.Build{Dir: app}, rundir.Base, other, filepath.Join(other, "static")},
		{"another candidate", rundir.Build{Dir: app}, rundir.Build{Dir: other}, rundir.Candidate, other, filepath.Join(other, "static")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := rundir.Manifest{Gate: &rundir.Gate{Base: tt.base, Candidate: tt.candidate}}
			m.Scenario.App.Dir = app
			m.Scenario.App.Static = []scenarios.Mount{{URL: "/static/", Dir: filepath.Join(app, "static")}, {URL: "/media/", Dir: "{run}/media"}}
			s := buildScenario(&m, tt.build, "/run")
			if s.App.Dir != tt.dir || s.App.Static[0].Dir != tt.static || s.App.Static[1].Dir != "{run}/media" {
				t.Errorf("dir %s, static %v; want %s, %s", s.App.Dir, s.App.Static, tt.dir, tt.static)
			}
		})
	}
}
