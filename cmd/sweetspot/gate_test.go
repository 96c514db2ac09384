package main

import (
	"bytes"
	"encoding/json"
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
	"sweetspot/runner/store"
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
gate: {fail: [throughput drops > 10%], rounds: 3, bursts: 1, burst: 60ms, open_bursts: 1, open_burst: 60ms, settle: 20ms, budget: 10s}
`

// Both builds of a duet run at once, and one that waits twice as long is caught:
// on a machine that others use it may end inconclusive, and never passes.
func TestDuet(t *testing.T) {
	run, apps := duet(t)
	apps[rundir.Candidate].Routes = []scenarios.Route{{Path: "/", Wait: scenarios.Duration(8 * time.Millisecond), Dist: scenarios.DistConstant}}
	err := runner.Run(t.Context(), runner.Config{Run: run, Apps: apps, Strategy: gate.Steps(gatePlan(&run.Manifest), 0)})
	if err != nil {
		t.Fatal(err)
	}
	res := gateResult(run, "")
	t.Logf("%s: %s; %d rounds, voids %v", res.Verdict, res.Because, res.Rounds, res.Voids)
	if res.Verdict != gate.Regressed && res.Verdict != gate.Inconclusive {
		t.Errorf("verdict %s: %s", res.Verdict, res.Because)
	}
	checkDuet(t, run, res)
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
	s, err := scenarios.Parse("wait.yaml", []byte(duetScenario), t.TempDir(), []scenarios.Override{{Path: "gate.rounds", Value: "9"}}, stack.Catalogue())
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

	again := begin(t, dir, "gate", "--resume", "out", "--json", "--store", "history.db")
	again.verdict(run, gate.Self)
	for name, content := range trialFiles(t, run) {
		if then, ok := before[name]; ok && then != content {
			t.Errorf("trial %s changed", name)
		}
		delete(before, name)
	}
	if len(before) > 0 {
		t.Errorf("%d trials were lost", len(before))
	}
	for _, left := range []string{"live", "checkout"} {
		if _, err := os.Stat(filepath.Join(run, left)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left", left)
		}
	}
}

// verdict waits for a gate and returns the JSON that it printed. Whatever the
// machine let it find, exit code and verdict agree, its files are there and no
// process is left. The store has a build that has rounds.
func (s *session) verdict(run, source string) (doc gateDocument) {
	s.t.Helper()
	code := s.end()
	if err := json.Unmarshal(s.out.Bytes(), &doc); err != nil {
		s.t.Fatalf("exit code %d, %v\n%s%s", code, err, s.out.String(), s.errors.String())
	}
	want := map[string]int{"pass": exitGood, "improved": exitGood, "regressed": exitNotMet, "inconclusive": exitInconclusive}
	if c, ok := want[doc.Verdict]; !ok || c != code || doc.Source != source {
		s.t.Errorf("exit code %d, source %q, verdict %q: %s\n%s", code, doc.Source, doc.Verdict, doc.Because, s.errors.String())
	}
	for _, name := range []string{"gate.txt", "gate.md", "gate-comment.md", "gate.xml", "gate.json", "gate.bench"} {
		if info, err := os.Stat(filepath.Join(run, name)); err != nil || info.Size() == 0 {
			s.t.Errorf("%s is not there, or empty: %v", name, err)
		}
	}
	if told := strings.Contains(s.errors.String(), "recorded 1 in "); told != (doc.Rounds > 0) {
		s.t.Errorf("of %d rounds, recorded: %v\n%s", doc.Rounds, told, s.errors.String())
	}
	nothingLeft(s.t, run)
	return doc
}

// gateDocument is what the tests read of a gate's JSON.
type gateDocument struct {
	Verdict, Source, Because string
	Rounds                   int
	Warnings                 []string
}

// Against a stored baseline only the candidate is started. One of another kind
// of machine, or of other loads, is refused before anything is measured.
func TestGateAgainstABaseline(t *testing.T) {
	dir := t.TempDir()
	scenarioFile(t, dir, duetScenario)
	s, _, _, err := scenarios.Open(filepath.Join(dir, "wait.yaml"), nil, stack.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	hash, err := measuredHash(*s)
	if err != nil {
		t.Fatal(err)
	}
	host, err := sample.Host()
	if err != nil {
		t.Fatal(err)
	}
	cell, _ := s.GateCell(1, stack.Catalogue())
	base := store.Summary{
		ID: "one", Kind: store.Gate, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Scenario: "wait", ScenarioHash: hash,
		Cell: cell.String(), Rate: 200, Host: host, Metrics: map[string]store.Metric{"throughput": {Unit: "requests/s", Higher: true, Values: []float64{400, 410, 405}}},
	}
	for _, tt := range []struct {
		name   string
		change func(*store.Summary)
		want   string
	}{
		{"machine", func(s *store.Summary) { s.Host.Cores++ }, "another kind of machine"},
		{"scenario", func(s *store.Summary) { s.ScenarioHash = "other" }, "measures something else"},
		{"kind", func(s *store.Summary) { s.Kind = store.Run }, "it is of searches"},
		{"rate", func(s *store.Summary) { s.Rate = 0 }, "requests/s"},
	} {
		other := base
		tt.change(&other)
		file := filepath.Join(dir, tt.name+".json")
		if err := store.WriteBaseline(file, []store.Summary{other}); err != nil {
			t.Fatal(err)
		}
		var out, said bytes.Buffer
		code := execute(t.Context(), []string{"gate", filepath.Join(dir, "wait.yaml"), "--baseline", file, "--out", filepath.Join(dir, tt.name)}, &out, &said)
		if code != exitBadInput || !strings.Contains(said.String(), tt.want) {
			t.Errorf("%s: exit code %d, want %d and …%s…\n%s", tt.name, code, exitBadInput, tt.want, said.String())
		}
	}
	run := begin(t, dir, "gate", "wait.yaml", "--baseline", "machine.json", "--allow-host-mismatch", "--out", "out", "--json", "--store", "history.db")
	doc := run.verdict(filepath.Join(dir, "out"), gate.Baseline)
	if all := strings.Join(doc.Warnings, "\n"); !strings.Contains(all, "duet of both builds is sharper") || !strings.Contains(all, "another kind of machine") {
		t.Errorf("warnings:\n%s", all)
	}
	trials, err := rundir.Read(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range trials.Trials() {
		if s := trial.Step; s.Build != rundir.Candidate || s.Rate != 0 && s.Rate != 200 {
			t.Errorf("a step is %+v", s)
		}
	}
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
