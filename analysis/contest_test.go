package analysis

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// comparing is a scenario that compares, with traffic of both classes.
func comparing(dimension string, budget time.Duration, proxies ...string) *scenarios.Scenario {
	s := testScenario(budget, "p99 < 250ms")
	s.Search.Compare, s.Matrix.Proxies = dimension, proxies
	s.Traffic.Requests = []scenarios.Request{
		{Name: "page", Class: scenarios.Dynamic, Weight: 3, Path: "/"},
		{Name: "picture", Class: scenarios.Static, Weight: 1, Path: "/p.png"},
	}
	return s
}

// product is a matrix of single-threaded cells.
func product(servers, proxies []string, workers ...int) (cells []scenarios.Planned) {
	for _, server := range servers {
		for _, proxy := range proxies {
			for _, w := range workers {
				cells = append(cells, scenarios.Planned{Cell: scenarios.Cell{Server: server, Proxy: proxy, Workers: w, Threads: 1}})
			}
		}
	}
	return cells
}

// run searches to the end and sums up.
func run(t *testing.T, s *scenarios.Scenario, cells []scenarios.Planned, m *simulated) (*Result, []rundir.Trial) {
	t.Helper()
	done, ended := m.search(Grid(s, cells), 2000)
	if !ended {
		t.Fatalf("the search did not end in %d trials", len(done))
	}
	return conclude(t, s, cells, done), done
}

func entry(t *testing.T, c *Contest, value string) Entry {
	t.Helper()
	if c == nil {
		t.Fatal("there is no contest")
	}
	i := slices.IndexFunc(c.Entries, func(e Entry) bool { return e.Value == value })
	if i < 0 {
		t.Fatalf("no entry %q among %+v", value, c.Entries)
	}
	return c.Entries[i]
}

// holds says whether a figure has an interval and its estimate is near the truth.
func holds(t *testing.T, what string, f *Figure, truth float64) {
	t.Helper()
	switch {
	case f == nil || f.N < 2 || math.IsNaN(f.Low):
		t.Errorf("%s: %+v has no interval", what, f)
	case math.Abs(f.Value/truth-1) > 0.08:
		t.Errorf("%s is %.3f, the truth is %.3f", what, f.Value, truth)
	}
}

func TestContestValues(t *testing.T) {
	cells := []scenarios.Planned{
		{Cell: scenarios.Cell{Server: "b", Proxy: "nginx", Workers: 2, Threads: 1}, Interface: scenarios.ASGI},
		{Cell: scenarios.Cell{Server: "a", Proxy: scenarios.Direct, Workers: 2, Threads: 1}, Interface: scenarios.WSGI},
		{Cell: scenarios.Cell{Server: "a", Proxy: "nginx", Workers: 1, Threads: 1, Instances: 5}},
	}
	for _, tt := range []struct {
		compare string
		want    []string
	}{
		{"", nil},
		{scenarios.CompareProxy, []string{"nginx", scenarios.Direct}},
		{scenarios.CompareClass, []string{"nginx", scenarios.Direct}},
		{scenarios.CompareServer, []string{"b", "a"}},
		{scenarios.CompareInterface, []string{scenarios.ASGI, scenarios.WSGI}},
		{scenarios.CompareInstances, []string{"1", "5"}},
		{scenarios.CompareFolklore, nil},
	} {
		t.Run("compare "+tt.compare, func(t *testing.T) {
			if got := contestValues(comparing(tt.compare, time.Minute), cells); !slices.Equal(got, tt.want) {
				t.Errorf("values %q, want %q", got, tt.want)
			}
		})
	}
}

func TestReference(t *testing.T) {
	for _, tt := range []struct {
		dimension string
		values    []string
		want      string
	}{
		{scenarios.CompareProxy, []string{"nginx", scenarios.Direct}, scenarios.Direct},
		{scenarios.CompareProxy, []string{"nginx", "caddy"}, "nginx"},
		{scenarios.CompareClass, []string{"nginx", scenarios.Direct}, scenarios.Direct},
		{scenarios.CompareServer, []string{"uwsgi", "gunicorn-sync"}, "uwsgi"},
		{scenarios.CompareInterface, []string{scenarios.ASGI, scenarios.WSGI}, scenarios.WSGI},
		{scenarios.CompareInstances, []string{"5", "1"}, "1"},
	} {
		t.Run(fmt.Sprint(tt.dimension, tt.values), func(t *testing.T) {
			c := &Contest{Dimension: tt.dimension}
			for _, v := range tt.values {
				c.Entries = append(c.Entries, Entry{Value: v})
			}
			if got := c.Entries[c.reference()].Value; got != tt.want {
				t.Errorf("reference %q, want %q", got, tt.want)
			}
		})
	}
}

// The same cell behind every proxy: known effects on either class come out,
// paired and with intervals.
func TestContestOfProxies(t *testing.T) {
	proxies := []string{scenarios.Direct, "nginx", "haproxy"}
	s := comparing(scenarios.CompareProxy, 12*time.Minute, proxies...)
	cells := product([]string{"sim"}, proxies, 1, 2)
	m := newSimulated(2, 8*time.Millisecond, 0, 3)
	m.faster = func(step rundir.Step) float64 {
		switch {
		case step.Cell.Proxy == "nginx" && step.Class == scenarios.Static:
			return 4
		case step.Cell.Proxy == "nginx":
			return 1.2
		case step.Cell.Proxy == "haproxy":
			return 0.9
		}
		return 1
	}
	res, done := run(t, s, cells, m)
	if got := len(res.Contest.Entries); got != 3 {
		t.Fatalf("%d entries, want 3", got)
	}
	for _, e := range res.Contest.Entries {
		if !twins(e.Cell.Cell, res.Contest.Entries[0].Cell.Cell) {
			t.Errorf("%v and %v differ in more than the proxy", e.Cell.Cell, res.Contest.Entries[0].Cell.Cell)
		}
	}
	nginx, haproxy, direct := entry(t, res.Contest, "nginx"), entry(t, res.Contest, "haproxy"), entry(t, res.Contest, scenarios.Direct)
	if !direct.Reference || direct.Ratio != nil || nginx.Reference {
		t.Errorf("the reference is not the cell without a proxy: %+v", res.Contest.Entries)
	}
	holds(t, "nginx, sustained", nginx.Ratio, 1.2)
	holds(t, "nginx, static", nginx.Classes[scenarios.Static], 4)
	holds(t, "nginx, dynamic", nginx.Classes[scenarios.Dynamic], 1.2)
	holds(t, "haproxy, sustained", haproxy.Ratio, 0.9)
	holds(t, "haproxy, static", haproxy.Classes[scenarios.Static], 0.9)
	holds(t, "static throughput without a proxy", direct.Cell.Classes[scenarios.Static], 250)
	if nginx.Latency[scenarios.Dynamic] == nil || nginx.Latency[scenarios.Static] != nil {
		t.Errorf("median response times %v, want those of dynamic requests, the only ones simulated", nginx.Latency)
	}
	checkParted(t, done)
}

// checkParted sees that bursts of one class belong to the finals, one of each
// to a visit.
func checkParted(t *testing.T, done []rundir.Trial) {
	t.Helper()
	bursts := map[visitKey][]string{}
	for _, tr := range done {
		if tr.Step.Phase == rundir.Saturation {
			key := visitKey{tr.Step.Cell, tr.Step.Start}
			bursts[key] = append(bursts[key], tr.Step.Class)
		} else if tr.Step.Class != "" {
			t.Errorf("trial %d, %s, is of one class", tr.ID, tr.Step.Phase)
		}
	}
	for key, got := range bursts {
		want := []string{""}
		if key.start >= finalStart {
			want = []string{"", scenarios.Static, scenarios.Dynamic}
		}
		if !slices.Equal(got, want) {
			t.Errorf("start %d of %v has bursts of %q, want %q", key.start, key.cell, got, want)
		}
	}
}

// Five servers of known speed: the best cell of each is in the finals, however
// far it is behind.
func TestContestOfServers(t *testing.T) {
	servers := []string{"slug", "snail", "hare", "hound", "horse"}
	s := comparing(scenarios.CompareServer, 15*time.Minute, scenarios.Direct)
	s.Search.Budget = scenarios.Duration(15 * time.Minute)
	cells := product(servers, s.Matrix.Proxies, 1, 2)
	speed := map[string]float64{"slug": 0.6, "snail": 0.8, "hare": 1, "hound": 1.2, "horse": 1.5}
	m := newSimulated(2, 8*time.Millisecond, 0, 4)
	m.faster = func(step rundir.Step) float64 { return speed[step.Cell.Server] }
	res, _ := run(t, s, cells, m)
	var order []string
	for _, e := range res.Contest.Entries {
		order = append(order, e.Value)
		if e.Cell.Final == nil || e.Cell.Cell.Workers != 2 {
			t.Errorf("%s stands for %s, want its cell of 2 workers, measured in the finals", e.Cell.Cell, e.Value)
		}
		if !e.Reference {
			holds(t, e.Value, e.Ratio, speed[e.Value]/1.5)
		}
	}
	if want := []string{"horse", "hound", "hare", "snail", "slug"}; !slices.Equal(order, want) || !res.Contest.Entries[0].Reference {
		t.Errorf("order %q, reference %v; want %q and the first", order, res.Contest.Entries[0].Reference, want)
	}
	if res.Contest.Entries[0].Cell != res.Winner {
		t.Errorf("the best of the contest is %v, recommended is %v", res.Contest.Entries[0].Cell.Cell, res.Winner.Cell)
	}
}

// The interface comes from what is known of a cell, not from its name.
func TestContestOfInterfaces(t *testing.T) {
	s := comparing(scenarios.CompareInterface, 10*time.Minute, scenarios.Direct)
	cells := product([]string{"one", "two", "three"}, s.Matrix.Proxies, 2)
	for i, face := range []string{scenarios.ASGI, scenarios.WSGI, scenarios.ASGI} {
		cells[i].Interface = face
	}
	m := newSimulated(2, 8*time.Millisecond, 0, 4)
	m.faster = func(step rundir.Step) float64 {
		return map[string]float64{"one": 0.6, "two": 1, "three": 0.8}[step.Cell.Server]
	}
	res, _ := run(t, s, cells, m)
	asgi := entry(t, res.Contest, scenarios.ASGI)
	if asgi.Cell.Cell.Server != "three" || !entry(t, res.Contest, scenarios.WSGI).Reference {
		t.Errorf("%v stands for ASGI, want server three, set against WSGI", asgi.Cell.Cell)
	}
	holds(t, "ASGI", asgi.Ratio, 0.8)
}

func TestContestOfInstances(t *testing.T) {
	s := comparing(scenarios.CompareInstances, 10*time.Minute, "nginx")
	cells := product([]string{"sim"}, s.Matrix.Proxies, 2, 1)
	cells[1].Cell.Instances = 2
	m := newSimulated(2, 8*time.Millisecond, 0, 4)
	m.faster = func(step rundir.Step) float64 { return 1 - 0.1*float64(step.Cell.Instances/2) }
	res, _ := run(t, s, cells, m)
	if !entry(t, res.Contest, "1").Reference {
		t.Error("one instance is not the reference")
	}
	holds(t, "two instances", entry(t, res.Contest, "2").Ratio, 0.9)
}

// A value that cannot be compared is named with its reason, never left out.
func TestContestNamesTheAbsent(t *testing.T) {
	proxies := []string{scenarios.Direct, "nginx", "apache", "caddy"}
	s := comparing(scenarios.CompareProxy, 10*time.Minute, proxies...)
	cells := product([]string{"sim"}, proxies, 2)
	cells[3].NotApplicable = "caddy is not installed"
	m := newSimulated(2, 8*time.Millisecond, 0, 4)
	m.broken = func(step rundir.Step, tr *rundir.Trial) {
		if step.Cell.Proxy == "apache" {
			*tr = rundir.Trial{Step: step, Failure: "start apache: exit status 1", Cost: time.Second}
		}
	}
	res, _ := run(t, s, cells, m)
	want := []Absent{{"apache", "start apache: exit status 1"}, {"caddy", "caddy is not installed"}}
	if !slices.Equal(res.Contest.Absent, want) {
		t.Errorf("absent %q, want %q", res.Contest.Absent, want)
	}
	if len(res.Contest.Entries) != 2 {
		t.Errorf("%d entries, want the two that ran", len(res.Contest.Entries))
	}
}

// A reference that sustains nothing leaves no hole: another stands in, and
// with nobody to set against there is no contest.
func TestContestWithoutItsReference(t *testing.T) {
	proxies := []string{scenarios.Direct, "nginx", "caddy"}
	for _, tt := range []struct {
		name string
		dead []string
		want string // the reference; empty: no contest
	}{
		{"the plain one is dead", []string{scenarios.Direct}, "nginx"},
		{"one is left", []string{scenarios.Direct, "nginx"}, ""},
		{"none is left", proxies, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := comparing(scenarios.CompareProxy, 10*time.Minute, proxies...)
			m := newSimulated(2, 8*time.Millisecond, 0, 4)
			m.faster = func(step rundir.Step) float64 { return map[string]float64{"nginx": 1.5}[step.Cell.Proxy] + 1 }
			m.broken = func(step rundir.Step, tr *rundir.Trial) {
				if slices.Contains(tt.dead, step.Cell.Proxy) {
					*tr = rundir.Trial{Step: step, Failure: "exit status 1", Cost: time.Second}
				}
			}
			res, _ := run(t, s, product([]string{"sim"}, proxies, 2), m)
			if tt.want == "" {
				if res.Contest != nil {
					t.Fatalf("a contest of %+v", res.Contest.Entries)
				}
				return
			}
			if !entry(t, res.Contest, tt.want).Reference || !strings.Contains(res.Contest.Absent[0].Why, "exit status 1") {
				t.Errorf("contest %+v, want %s for its reference", res.Contest, tt.want)
			}
		})
	}
}

// An interrupted run has entries, and no ratios that its finals do not back.
func TestContestBeforeTheFinals(t *testing.T) {
	proxies := []string{scenarios.Direct, "nginx"}
	s := comparing(scenarios.CompareProxy, 10*time.Minute, proxies...)
	cells := product([]string{"sim"}, proxies, 2, 4)
	done, _ := newSimulated(2, 8*time.Millisecond, 0, 4).search(Grid(s, cells), 2000)
	done = done[:slices.IndexFunc(done, func(tr rundir.Trial) bool { return tr.Step.Start >= finalStart })]
	res := conclude(t, s, cells, done)
	if e := entry(t, res.Contest, "nginx"); e.Ratio != nil || len(e.Classes) > 0 || e.Cell.Explored == nil {
		t.Errorf("entry %+v, want an explored rate and no ratio", e)
	}
}

// Where every cell is going to be in the finals, all walks are made there.
func TestSettledContestWalksInTheFinals(t *testing.T) {
	proxies := []string{scenarios.Direct, "nginx"}
	s := comparing(scenarios.CompareProxy, 5*time.Minute, proxies...)
	cells := product([]string{"sim"}, proxies, 2)
	done, _ := newSimulated(2, 8*time.Millisecond, 0, 4).search(Grid(s, cells), 2000)
	finals := 0
	for _, tr := range done {
		if tr.Step.Start < finalStart && tr.Step.Phase != rundir.Saturation {
			t.Errorf("trial %d before the finals is a %s", tr.ID, tr.Step.Phase)
		}
		if tr.Step.Phase == rundir.Final {
			finals++
		}
	}
	if finals == 0 {
		t.Error("no walk in the finals")
	}
}
