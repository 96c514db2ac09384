package rundir

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/scenarios"
)

var testCell = scenarios.Cell{Server: "embedded", Proxy: scenarios.Direct, Workers: 2, Threads: 4}

func testManifest() Manifest {
	s := scenarios.Scenario{Name: "shop", Matrix: scenarios.Matrix{Servers: []string{"embedded"}}}
	hash, err := HashScenario(s)
	if err != nil {
		panic(err)
	}
	return Manifest{
		RunID: "abc", Source: "name: shop\n", Scenario: s, ScenarioHash: hash,
		Host:     Host{Kernel: "6.1", Cores: 2, MemoryBytes: 8e9},
		Versions: map[string]string{"nginx": "1.22.1"},
	}
}

func commit(t *testing.T, r *Run, values ...int64) Trial {
	t.Helper()
	p, err := r.Begin()
	if err != nil {
		t.Fatal(err)
	}
	h := NewHistograms()
	for _, v := range values {
		for _, x := range []interface{ RecordValue(int64) error }{h.Response, h.Service, h.Lag} {
			if err := x.RecordValue(v); err != nil {
				t.Fatal(err)
			}
		}
	}
	trial := Trial{
		Step:  Step{Cell: testCell, Phase: Bracket, Rate: 12.5, Duration: time.Second},
		Began: time.Unix(1, 0).UTC(),
		Load:  Load{Classes: map[string]Class{scenarios.All: {Sent: 3, Good: 2, Response: Summary(h.Response)}}},
	}
	if err := p.Commit(trial, map[string]Histograms{scenarios.All: h}); err != nil {
		t.Fatal(err)
	}
	return r.Trials()[len(r.Trials())-1]
}

func TestTrialsSurviveReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r, err := Create(dir, testManifest())
	if err != nil {
		t.Fatal(err)
	}
	first := commit(t, r, 1000, 2000, 1_000_000)
	second := commit(t, r, 5)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Resume(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got, want := again.Trials(), []Trial{first, second}; !reflect.DeepEqual(got, want) {
		t.Errorf("trials\n%+v, want\n%+v", got, want)
	}
	if again.Manifest.ScenarioHash != r.Manifest.ScenarioHash || again.Manifest.Scenario.Name != "shop" {
		t.Errorf("manifest %+v", again.Manifest)
	}
	h, err := again.Histograms(first.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := Summary(h[scenarios.All].Response); got != first.Load.Classes[scenarios.All].Response {
		t.Errorf("histogram read back as %+v, want %+v", got, first.Load.Classes[scenarios.All].Response)
	}
}

// What an interrupted trial left does not count, and does not stay.
func TestResumeDropsAnUnfinishedTrial(t *testing.T) {
	dir := t.TempDir()
	r, err := Create(dir, testManifest())
	if err != nil {
		t.Fatal(err)
	}
	commit(t, r, 7)
	p, err := r.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Dir+"/trial.json", []byte("{half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Resume(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if len(again.Trials()) != 1 {
		t.Errorf("%d trials, want 1", len(again.Trials()))
	}
	if _, err := os.Stat(p.Dir); !os.IsNotExist(err) {
		t.Errorf("the unfinished trial is still there: %v", err)
	}
	if got := commit(t, again, 8); got.ID != 2 {
		t.Errorf("next trial has the number %d, want 2", got.ID)
	}
}

func TestOneWriterAtATime(t *testing.T) {
	dir := t.TempDir()
	r, err := Create(dir, testManifest())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(dir); err == nil || !strings.Contains(err.Error(), "in use by another sweetspot") {
		t.Errorf("second writer: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, testManifest()); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("create over a run: %v", err)
	}
	if _, err := Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a run directory") {
		t.Errorf("read of an empty folder: %v", err)
	}
}

func TestDifferences(t *testing.T) {
	then, now := testManifest(), testManifest()
	if d := Differences(then, now); len(d) != 0 {
		t.Errorf("same manifests differ: %q", d)
	}
	now.CPUs.App, now.Versions = []int{3}, map[string]string{"nginx": "1.26"}
	now.Scenario.Matrix.Servers = []string{"gunicorn-sync"}
	now.ScenarioHash = "other"
	want := []string{"scenario, matrix", "CPU sets: ", "version of nginx: 1.22.1 there, 1.26 here"}
	got := Differences(then, now)
	if len(got) != len(want) {
		t.Fatalf("differences %q, want %d", got, len(want))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("difference %d is %q, want %q…", i, got[i], want[i])
		}
	}
}

// A difference names the field, and of a part that has a name this.
func TestDifferencesNameFields(t *testing.T) {
	with := func(change func(*scenarios.Scenario)) Manifest {
		m := testManifest()
		m.Scenario.Objectives = scenarios.Objectives{{Class: scenarios.All, Metric: "p99", Limit: time.Second}, {Class: scenarios.All, Metric: scenarios.Errors, Ratio: 0.001}}
		m.Scenario.Traffic.Requests = []scenarios.Request{{Name: "home", Path: "/", Weight: 1}, {Name: "buy", Path: "/buy/", Weight: 2}}
		change(&m.Scenario)
		m.ScenarioHash, _ = HashScenario(m.Scenario)
		return m
	}
	base := with(func(*scenarios.Scenario) {})
	for _, tt := range []struct {
		name   string
		change func(*scenarios.Scenario)
		want   []string
	}{
		{"nothing", func(*scenarios.Scenario) {}, nil},
		{"a nested field", func(s *scenarios.Scenario) { s.Search.Budget = scenarios.Duration(time.Hour) }, []string{"scenario, search.budget: none there, 1h here"}},
		{"a request", func(s *scenarios.Scenario) { s.Traffic.Requests[1].Weight = 3 }, []string{"scenario, traffic.requests.buy.weight: 2 there, 3 here"}},
		{"one request more", func(s *scenarios.Scenario) {
			s.Traffic.Requests = append([]scenarios.Request{{Name: "new", Path: "/new/"}}, s.Traffic.Requests...)
		}, []string{"scenario, traffic.requests.new.name: none there, new here", "scenario, traffic.requests.new.path: none there, /new/ here"}},
		{"a list", func(s *scenarios.Scenario) { s.Services = []string{"redis", "postgresql"} }, []string{"scenario, services: none there, redis, postgresql here"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Differences(base, with(tt.change)); !slices.Equal(got, tt.want) {
				t.Errorf("differences %q, want %q", got, tt.want)
			}
		})
	}
	turned := Differing(base, with(func(s *scenarios.Scenario) { slices.Reverse(s.Objectives) }))
	if len(turned) != 1 || turned[0].What != "scenario, SHA-256" {
		t.Errorf("objectives in another order differ in %v, want in the hash alone", turned)
	}
}
