package compare

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// recordedRun has the cells of 1, 2, … workers with these rates; the highest is
// recommended.
func recordedRun(name string, rates ...float64) Recorded {
	res := &analysis.Result{Outcome: analysis.Recommended}
	for i, v := range rates {
		c := cell(i+1, &analysis.Figure{Value: v, Low: v - 10, High: v + 10, N: 5})
		c.AppCPU = &analysis.Figure{Value: 1000 / v, Low: 990 / v, High: 1010 / v, N: 5}
		res.Cells = append(res.Cells, c)
		if res.Winner == nil || v > res.Winner.Final.Value {
			res.Winner = c
		}
	}
	s := scenarios.Scenario{Name: "shop", Objectives: scenarios.Objectives{{Class: scenarios.All, Metric: "p99", Limit: 250 * time.Millisecond}}}
	s.Traffic.Arrivals, s.Traffic.Requests = scenarios.Poisson, []scenarios.Request{{Name: "home", Path: "/", Weight: 1}, {Name: "buy", Path: "/buy/", Weight: 1}}
	m := rundir.Manifest{RunID: name, Scenario: s, Versions: map[string]string{"django": "3.2"}, CPUs: rundir.CPUs{App: []int{0, 1}, Shared: true}}
	return Recorded{Run: Run{Dir: "/runs/" + name, Result: res}, Name: name, Manifest: m}
}

// differ is rundir's, with hashes that tell scenarios apart.
func differ(there, here rundir.Manifest) []rundir.Difference {
	for _, m := range []*rundir.Manifest{&there, &here} {
		m.ScenarioHash, _ = rundir.HashScenario(m.Scenario)
	}
	return rundir.Differing(there, here)
}

// groupNames are the names of the runs of each group.
func groupNames(s *Several) (out [][]string) {
	for _, g := range s.Groups {
		var names []string
		for _, r := range g.Runs {
			names = append(names, r.Name)
		}
		out = append(out, names)
	}
	return out
}

// What forbids to compare makes a group of its own, with the reason; what does
// not is told.
func TestOnlyLikeIsCompared(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*rundir.Manifest)
		apart  string // empty: compared
		told   string
	}{
		{"nothing", func(*rundir.Manifest) {}, "", ""},
		{"arrivals", func(m *rundir.Manifest) { m.Scenario.Traffic.Arrivals = scenarios.Constant }, "scenario, traffic.arrivals: poisson there, constant here", ""},
		{"weight of a request", func(m *rundir.Manifest) {
			m.Scenario.Traffic.Requests = slices.Clone(m.Scenario.Traffic.Requests)
			m.Scenario.Traffic.Requests[1].Weight = 2
		}, "scenario, traffic.requests.buy.weight: 1 there, 2 here", ""},
		{"slow clients", func(m *rundir.Manifest) {
			m.Scenario.Traffic.Slow = &scenarios.Slow{Clients: 3, Kind: scenarios.SlowRead}
		}, "scenario, traffic.slow.clients: none there, 3 here", ""},
		{"recording", func(m *rundir.Manifest) { m.ArrivalsHash = "ab" }, "recorded arrivals, SHA-256: none there, ab here", ""},
		{"objectives", func(m *rundir.Manifest) {
			m.Scenario.Objectives = scenarios.Objectives{{Class: scenarios.All, Metric: "p99", Limit: time.Second}}
		}, "scenario, objectives: p99 < 250ms there, p99 < 1s here", ""},
		{"CPU sets", func(m *rundir.Manifest) { m.CPUs = rundir.CPUs{Generator: []int{0}, App: []int{1}} },
			"CPU sets: proxy any, application 0-1, shared there, generator 0, proxy any, application 1 here", ""},
		{"quota", func(m *rundir.Manifest) { m.Scenario.Limits.CPU = 1.5 }, "scenario, limits.cpu: none there, 1.5 here", ""},
		{"clients speak TLS", func(m *rundir.Manifest) { m.Scenario.Proxy.TLS = true }, "scenario, proxy.tls: none there, true here", ""},
		{"server", func(m *rundir.Manifest) { m.Scenario.Matrix.Servers = []string{"uwsgi"} }, "", "scenario, matrix.servers"},
		{"application", func(m *rundir.Manifest) { m.Scenario.App.Module = "api:app" }, "", "scenario, app.module"},
		{"version", func(m *rundir.Manifest) { m.Versions = map[string]string{"django": "4.2"} }, "", "version of django"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			other := recordedRun("other", 100, 200)
			tt.change(&other.Manifest)
			s := OfSeveral([]Recorded{recordedRun("first", 100, 210), other}, 0, differ)
			if tt.apart != "" {
				if len(s.Groups) != 2 || len(s.Groups[1].Apart) == 0 || s.Groups[1].Apart[0].String() != tt.apart || len(s.Groups[0].Apart) != 0 {
					t.Errorf("groups %v, apart %v, want for %s", groupNames(s), s.Groups[len(s.Groups)-1].Apart, tt.apart)
				}
				return
			}
			g := s.Groups[0]
			if len(s.Groups) != 1 || g.Over[1] == nil || g.Over[1].Winners == nil {
				t.Fatalf("groups %v are not one that compares", groupNames(s))
			}
			if told := len(g.Facts) == 1 && g.Facts[0].What == tt.told; tt.told != "" && !told {
				t.Errorf("facts %+v, want %s", g.Facts, tt.told)
			}
		})
	}
}

// Whatever is the reference, every run is in one group, in the order given.
func TestNoRunIsDropped(t *testing.T) {
	var runs []Recorded
	for i := range 8 {
		r := recordedRun(fmt.Sprint("run", i), 100, 200+float64(i))
		if i%3 == 1 {
			r.Manifest.Scenario.Traffic.Arrivals = scenarios.Constant
		}
		if i == 6 {
			r.Manifest.CPUs.Shared = false
		}
		if i == 5 {
			r.Result = &analysis.Result{Outcome: analysis.NotMet, Because: "p99"}
		}
		runs = append(runs, r)
	}
	for _, tt := range []struct {
		reference int
		want      [][]string
	}{
		{0, [][]string{{"run0", "run2", "run3", "run5"}, {"run1", "run4", "run7"}, {"run6"}}},
		{4, [][]string{{"run1", "run4", "run7"}, {"run0", "run2", "run3", "run5"}, {"run6"}}},
		{6, [][]string{{"run6"}, {"run0", "run2", "run3", "run5"}, {"run1", "run4", "run7"}}},
	} {
		s := OfSeveral(runs, tt.reference, differ)
		if got := groupNames(s); !slices.EqualFunc(got, tt.want, slices.Equal) {
			t.Errorf("reference %d: groups %v, want %v", tt.reference, got, tt.want)
		}
		if g := s.Groups[0]; g.Runs[g.Reference].Name != runs[tt.reference].Name || g.Over[g.Reference] != nil {
			t.Errorf("reference %d: %s is it", tt.reference, g.Runs[g.Reference].Name)
		}
	}
}

func TestFiguresOfSeveral(t *testing.T) {
	a, b, c := recordedRun("a", 500, 1000), recordedRun("b", 505, 900, 700), recordedRun("c", 250)
	c.Result.Limit.What = analysis.LimitGenerator
	c.Manifest.Versions = map[string]string{"django": "3.2", "nginx": "1.22"}
	c.Result.Cells = append(c.Result.Cells, cell(9, nil))
	g := OfSeveral([]Recorded{a, b, c}, 0, differ).Groups[0]
	if got := g.Over[1]; math.Abs(got.Winners.Value-0.9) > 1e-9 || math.Abs(got.CPU.Value-1/0.9) > 1e-9 || got.Bound != "" {
		t.Errorf("b over a: %+v", got)
	}
	if got := g.Over[2]; got.Winners.Value != 0.25 || !got.Winners.AtLeast {
		t.Errorf("c over a, where the generator was the limit: %+v", got.Winners)
	}
	if g := OfSeveral([]Recorded{a, b, c}, 2, differ).Groups[0]; g.Over[0].Winners != nil || g.Over[0].Bound == "" {
		t.Errorf("a ratio to a lower bound: %+v", g.Over[0])
	}
	if len(g.Facts) != 1 || g.Facts[0].What != "version of nginx" || !slices.Equal(g.Facts[0].Values, []string{"", "", "1.22"}) {
		t.Errorf("facts %+v", g.Facts)
	}
	if len(g.Rows) != 4 {
		t.Fatalf("rows %+v, want 4", g.Rows)
	}
	shared := []bool{true, true, false, false}
	for i, r := range g.Rows {
		if r.Shared() != shared[i] {
			t.Errorf("%s is shared: %v", r.Name, r.Shared())
		}
	}
	one := g.Rows[0]
	if one.Over[0] != nil || one.Over[1].Sustained.Value != 1.01 || one.Over[2].Sustained.Value != 0.5 || g.Rows[1].Over[2] != nil {
		t.Errorf("ratios of the first cell %+v, of the second %+v", one.Over, g.Rows[1].Over)
	}
}
