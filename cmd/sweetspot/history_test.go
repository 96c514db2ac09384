package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis/gate"
	"sweetspot/runner/rundir"
	"sweetspot/runner/store"
	"sweetspot/scenarios"
)

func TestMoment(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		text string
		want time.Time
	}{
		{"", time.Time{}},
		{"2026-01-31", time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)},
		{"90d", now.AddDate(0, 0, -90)},
		{"36h", now.Add(-36 * time.Hour)},
	} {
		if got, err := moment("--since", tt.text, now); err != nil || !got.Equal(tt.want) {
			t.Errorf("%q: %v, %v, want %v", tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{"yesterday", "-3d", "-1h", "d", "NaNd", "2026-13-01"} {
		if _, err := moment("--since", text, now); exitCode(err) != exitBadInput {
			t.Errorf("%q: error %v, want bad input", text, err)
		}
	}
}

// Series are of what compares, and their points are commits.
func TestSeries(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	of := func(revision string, committed, at int, values ...float64) store.Summary {
		return store.Summary{ID: "at" + day(at).Format("02"), Kind: store.Run, Scenario: "shop", Branch: "main", Revision: revision, Committed: day(committed), Time: day(at),
			Metrics: map[string]store.Metric{"cpu": {Unit: "ms", Values: values}}}
	}
	late, twice, first := of("c3", 3, 5, 3), of("c2", 2, 7, 4), of("c1", 1, 6, 1)
	again := of("c2", 2, 8, 9, 6)
	changed, changedToo := of("c4+changes", 4, 9, 7), of("c4+changes", 4, 10, 8)
	side, kind, host, text := of("c5", 5, 11, 1), of("c5", 5, 12, 1), of("c5", 5, 13, 1), of("c5", 5, 14, 1)
	side.Branch, kind.Kind, host.Host.Cores, text.ScenarioHash = "side", store.Gate, 8, "other"
	for _, tt := range []struct {
		name string
		all  []store.Summary
		want []string // revision and value of each point, a series each
	}{
		{"by commit, all starts of one together", []store.Summary{late, first, twice, again}, []string{"c1 1, c2 6, c3 3"}},
		{"what is not committed is for itself", []store.Summary{first, changed, changedToo}, []string{"c1 1, c4+changes 7, c4+changes 8"}},
		{"what does not compare", []store.Summary{first, side, kind, host, text}, []string{"c1 1", "c5 1", "c5 1", "c5 1", "c5 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, s := range seriesOf(tt.all, "") {
				var points []string
				for _, p := range s.Points {
					points = append(points, fmt.Sprintf("%s %.3g", p.Revision, p.Value))
				}
				got = append(got, strings.Join(points, ", "))
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	unknown := of("c0", 1, 9, 5)
	unknown.Committed = time.Time{}
	if got := seriesOf([]store.Summary{late, first, unknown}, "cpu")[0].Points; got[0].Revision != "c3" || got[2].Revision != "c0" {
		t.Errorf("where a commit's time is not known: %+v, want the order of the runs", got)
	}
	if got := seriesOf([]store.Summary{late}, "p95"); len(got) != 0 {
		t.Errorf("another metric: %+v", got)
	}
}

func TestGateSummary(t *testing.T) {
	cell := scenarios.Cell{Server: "gunicorn-sync", Proxy: scenarios.Direct, Workers: 2, Threads: 1}
	res := &gate.Result{Base: gate.Build{Name: "base"}, Candidate: gate.Build{Name: "candidate"}, Cell: cell, Metrics: []gate.Metric{
		{Name: "throughput", Unit: "requests/s", Higher: true, Rounds: []gate.Pair{{Base: 100, Candidate: 90}, {Base: 101, Candidate: math.NaN()}}},
		{Name: "p95", Scope: "checkout", Unit: "ms"},
	}}
	about := store.Summary{ID: "one", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Scenario: "shop", Host: rundir.Host{Cores: 4}}
	for side, want := range map[string][]float64{"base": {100, 101}, "candidate": {90}} {
		s := gateSummary(res, side, about)
		if s.Kind != store.Gate || s.Cell != cell.String() || s.Scenario != "shop" || s.ID != "one-"+side {
			t.Errorf("%s: %+v", side, s)
		}
		if m := map[string]store.Metric{"throughput": {Unit: "requests/s", Higher: true, Values: want}}; !reflect.DeepEqual(s.Metrics, m) {
			t.Errorf("%s: metrics %+v, want %+v", side, s.Metrics, m)
		}
	}
}

func TestCommitOf(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	for _, name := range branchVariables {
		t.Setenv(name, "")
	}
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	if c, err := commitOf(t.Context(), dir, ""); err != nil || c != (commit{}) {
		t.Errorf("no repository: %+v, %v", c, err)
	}
	for name, value := range map[string]string{"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
		"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z"} {
		t.Setenv(name, value)
	}
	do := func(args ...string) {
		t.Helper()
		if _, err := git(t.Context(), dir, args...); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "app.py")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	do("init", "-q", "-b", "trunk")
	do("add", ".")
	do("commit", "-q", "-m", "first")
	first, err := commitOf(t.Context(), dir, "")
	if err != nil || len(first.Revision) != 40 || first.Branch != "trunk" || first.Ordinal != 1 || !first.Committed.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("first: %+v, %v", first, err)
	}
	write("second")
	if c, err := commitOf(t.Context(), dir, ""); err != nil || c.Revision != first.Revision+"+changes" {
		t.Errorf("with changes: %+v, %v", c, err)
	}
	do("commit", "-q", "-a", "-m", "second")
	if c, err := commitOf(t.Context(), dir, "HEAD~1"); err != nil || c != first {
		t.Errorf("by name: %+v, %v, want %+v", c, err, first)
	}
	for _, revision := range []string{"v99", "--output=x"} {
		if _, err := commitOf(t.Context(), dir, revision); err == nil || !strings.Contains(err.Error(), revision) {
			t.Errorf("%s: error %v", revision, err)
		}
	}
	m := rundir.Manifest{Began: first.Committed.Add(-time.Hour), Scenario: scenarios.Scenario{App: scenarios.App{Interface: "wsgi", Dir: dir}}}
	if _, err := commitOfRun(t.Context(), m, ""); err == nil || !strings.Contains(err.Error(), "is younger than the run") {
		t.Errorf("a run before the commit: %v", err)
	}
	unfetched := strings.Repeat("ab", 20)
	if c, err := commitOfRun(t.Context(), m, unfetched); err != nil || c.Revision != unfetched {
		t.Errorf("a commit that is not here: %+v, %v", c, err)
	}
	m.Scenario.App.Dir = "fixture:django"
	if c, err := commitOfRun(t.Context(), m, ""); err != nil || c != (commit{}) {
		t.Errorf("a fixture: %+v, %v", c, err)
	}
}
