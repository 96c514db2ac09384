package lint

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// good is a run of three configurations for which every rule holds: one worker
// behind nginx, which wins, and without a proxy, and three, which are the
// folklore setting.
func good() Input {
	in := Input{
		Manifest: rundir.Manifest{
			RunID: "r", Tool: "v1.0.0", CommandLine: []string{"sweetspot", "run"}, Source: "name: shop\n", ScenarioHash: "00", Seed: 1,
			Host:     rundir.Host{OS: "Debian 12", Kernel: "6.1", CPUModel: "EPYC", Cores: 2},
			Versions: map[string]string{"gunicorn": "20.1.0", "nginx": "1.22.1", "python": "3.11.2"},
			CPUs:     rundir.CPUs{Generator: []int{1}, Proxy: []int{0}, App: []int{0}},
		},
		Result: &analysis.Result{Outcome: analysis.Recommended, Generator: []analysis.Answer{
			{Check: analysis.Check{Name: analysis.CheckLag, Value: "1ms", Limit: "at most 5ms", OK: true}, Trials: 9},
		}},
		Kept: func(int) []string { return []string{"trial.json", "nginx.conf", "app.log"} },
	}
	s := &in.Manifest.Scenario
	s.App.Wait = "/wait/"
	s.Traffic.Arrivals = scenarios.Poisson
	s.Traffic.Requests = []scenarios.Request{{Name: "home", Expect: scenarios.Expect{Status: 200}}}
	s.Matrix.Workers = scenarios.Counts{"1", "3"}
	s.Objectives = scenarios.Objectives{{Class: scenarios.All, Metric: "p99", Limit: time.Second}, {Class: scenarios.All, Metric: scenarios.Errors, Ratio: 0.01}}

	winner := cell("nginx", 1, 900)
	direct, three := cell("direct", 1, 700), cell("direct", 3, 600)
	direct.Folklore, three.Folklore = []string{scenarios.FolkloreCores}, []string{scenarios.FolkloreTwice}
	behind := cell("nginx", 3, 650)
	behind.Final, behind.Explored, behind.Dropped = nil, nil, "before heat 2: throughput 30 % below the leader's"
	r := in.Result
	r.Cells = []*analysis.Cell{direct, three, winner, behind}
	r.Winner, r.RunnerUp, r.Lead = winner, direct, figure(1.3)
	r.Folklore = []analysis.Comparison{{Name: scenarios.FolkloreTwice, Cell: three, Ratio: figure(1.5)}, {Name: scenarios.FolkloreCores, Cell: direct, Ratio: figure(1.3)}}
	r.ProxyTax = []analysis.Comparison{{Name: "proxy direct", Cell: direct, Ratio: figure(1.3)}}
	for round, order := range [][]*analysis.Cell{{winner, direct, three}, {three, winner, direct}, {direct, three, winner}} {
		for _, c := range order {
			r.Trials = append(r.Trials, trial(len(r.Trials)+1, c, 1000+round))
		}
	}
	return in
}

// fleet is the good run as two sites made it, of which each has a generator on a
// host of its own.
func fleet(in Input) Input {
	for i, site := range []string{"a", "b"} {
		h := rundir.FleetHost{Agent: site + "1", Site: site, Role: "subject", Version: "v1.0.0", Host: in.Manifest.Host, Versions: maps.Clone(in.Manifest.Versions)}
		h.Sets = &rundir.CPUs{Generator: []int{0, 1}, Proxy: []int{0}, App: []int{1}}
		in.Hosts = append(in.Hosts, h, rundir.FleetHost{Agent: site + "2", Site: site, Role: "generator", Version: "v1.0.0", Host: rundir.Host{Hostname: "gen" + site, Kernel: "5"}})
		for j := i; j < len(in.Result.Trials); j += 2 {
			in.Result.Trials[j].Placed = &rundir.Placed{Site: site, Agent: h.Agent, Generators: []rundir.Shooter{{Agent: site + "2", Hostname: "gen" + site, CPUs: 4}}}
		}
	}
	in.Manifest.Host, in.Manifest.Versions, in.Manifest.CPUs = rundir.Host{}, nil, rundir.CPUs{} // of the controller
	return in
}

// itself makes the sites of a fleet attack their own stacks.
func itself(in *Input) {
	for i := range in.Result.Trials {
		in.Result.Trials[i].Placed.Generators = nil
	}
}

func figure(v float64) *analysis.Figure {
	return &analysis.Figure{Value: v, Low: 0.9 * v, High: 1.1 * v, N: 3}
}

func cell(proxy string, workers int, rate float64) *analysis.Cell {
	c := &analysis.Cell{Final: figure(rate), Peak: &rundir.Peak{Seen: workers, Want: workers}, Passed: 3}
	c.Cell = scenarios.Cell{Server: "gunicorn-sync", Proxy: proxy, Workers: workers, Threads: 1}
	c.Latency = map[string]rundir.Latency{scenarios.All: {Count: 20_000}}
	return c
}

// trial passes a rate of the cell on a fresh start.
func trial(id int, c *analysis.Cell, start int) analysis.Judged {
	class := rundir.Class{Sent: 9000, Good: 8999, Response: rundir.Latency{Mean: 3 * time.Millisecond}, Service: rundir.Latency{Mean: 2 * time.Millisecond}}
	return analysis.Judged{
		Trial: rundir.Trial{
			ID: id, Fresh: true, Cost: 20 * time.Second,
			Step:      rundir.Step{Cell: c.Cell, Start: start, Phase: rundir.Final, Rate: 900},
			Effective: rundir.Effective{Workers: c.Cell.Processes(), Argv: map[string][]string{"app": {"gunicorn"}}},
			Load: rundir.Load{
				Offered: 900, Goodput: 899.9, Sent: 9000, Planned: 9000, Span: 10 * time.Second,
				Classes: map[string]rundir.Class{scenarios.All: class, scenarios.Dynamic: class},
			},
			Usage: rundir.Usage{Wall: 10 * time.Second, AppCores: 1, App: rundir.Group{CPUSeconds: 8}},
		},
		Verdict: analysis.Verdict{Kind: analysis.Passed, Checks: []analysis.Check{
			{Name: analysis.CheckLag, Value: "1ms", OK: true, Voids: true}, {Name: analysis.CheckCPU, Value: "20 % of a core", OK: true, Voids: true},
		}},
	}
}

func finding(t *testing.T, r Report, id string) Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no rule is called %s", id)
	}
	return r.Findings[i]
}

func TestEveryRuleHolds(t *testing.T) {
	r := Run(good())
	for _, f := range r.Findings {
		if f.Verdict != Holds || len(f.Evidence) == 0 || f.Remedy != "" {
			t.Errorf("%s %s: %q, remedy %q", f.ID, f.Verdict, f.Evidence, f.Remedy)
		}
	}
	if want := "Publishable: all 17 rules of measurement that apply hold."; !r.Publishable || r.Stamp() != want {
		t.Errorf("stamp %q, want %q", r.Stamp(), want)
	}
}

func TestEveryRuleHoldsOfAFleet(t *testing.T) {
	r := Run(fleet(good()))
	for _, f := range r.Findings {
		if f.Verdict != Holds || len(f.Evidence) == 0 {
			t.Errorf("%s %s: %q", f.ID, f.Verdict, f.Evidence)
		}
	}
	if want := "Publishable: all 18 rules of measurement that apply hold."; !r.Publishable || r.Stamp() != want {
		t.Errorf("stamp %q, want %q", r.Stamp(), want)
	}
	late := fleet(good())
	late.Result.Trials[2], late.Result.Trials[3] = late.Result.Trials[3], late.Result.Trials[2]
	if f := finding(t, Run(late), "interleaving"); f.Verdict != Holds {
		t.Errorf("with a round begun while the last visit of another was made: %s, %q", f.Verdict, f.Evidence)
	}
	want := []string{
		"at a (a1): proxy [0], application [1]", "at b (b1): proxy [0], application [1]",
		"generators on hosts of their own: a2 on gena (4 CPUs), b2 on genb (4 CPUs)",
	}
	if got := finding(t, r, "cpu-sets").Evidence; !slices.Equal(got, want) {
		t.Errorf("CPU sets: %q, want %q", got, want)
	}
}

// breaches are ways to break one rule each, with what its evidence then says.
var breaches = []struct {
	id, name, says string
	breach         func(in *Input)
}{
	{"conclusion", "nothing is answered", "inconclusive: too little", func(in *Input) {
		in.Result.Outcome, in.Result.Because = analysis.Inconclusive, "too little could be measured to say"
	}},
	{"conclusion", "the budget ended", "2 of 3 final rounds", func(in *Input) {
		in.Result.Partial = "the budget ended the search: 2 of 3 final rounds were measured"
	}},
	{"conclusion", "a busy machine", "3 of 9 trials are void", func(in *Input) {
		for i := range 3 {
			in.Result.Trials[i].Verdict = analysis.Verdict{Kind: analysis.Void, Reasons: []string{"steal"}}
		}
	}},
	{"open-loop", "a closed loop", "trial 2 of phase final had no schedule", func(in *Input) { in.Result.Trials[1].Load.Offered = 0 }},
	{"open-loop", "service times", "does not count from the schedule", func(in *Input) {
		in.Result.Trials[1].Load.Classes[scenarios.All] = rundir.Class{Sent: 9000, Good: 8999, Service: rundir.Latency{Mean: 1}}
	}},
	{"open-loop", "bursts only", "no open-loop trial", func(in *Input) {
		for i := range in.Result.Trials {
			in.Result.Trials[i].Step.Phase = rundir.Saturation
		}
	}},
	{"generator", "no lag", "trial 4 does not tell the send lag p99", func(in *Input) { in.Result.Trials[3].Verdict.Checks = in.Result.Trials[3].Verdict.Checks[1:] }},
	{"generator", "late and counted", "trial 1 counts although generator late", func(in *Input) {
		in.Result.Trials[0].Verdict.Checks[0] = analysis.Check{Name: analysis.CheckLag, Value: "9ms", Voids: true, Reason: "generator late"}
	}},
	{"generator", "near its ceiling", "80 % of its ceiling", func(in *Input) { in.Result.AboveCeiling = "the rate is 80 % of its ceiling" }},
	{"fresh-starts", "two starts", "workers=1/threads=1 rests on 2 final starts", func(in *Input) { in.Result.Winner.Final.N = 2 }},
	{"fresh-starts", "a start that went on", "of which 2 were fresh", func(in *Input) { in.Result.Trials[0].Fresh = false }},
	{"fresh-starts", "a rival without finals", "has no final start", func(in *Input) { in.Result.RunnerUp.Final = nil }},
	{"fresh-starts", "nothing", "no configuration", func(in *Input) { *in.Result = analysis.Result{} }},
	{"interleaving", "one after the other", "had its start", func(in *Input) {
		slices.SortStableFunc(in.Result.Trials, func(a, b analysis.Judged) int {
			return strings.Compare(a.Step.Cell.String(), b.Step.Cell.String())
		})
	}},
	{"interleaving", "alone", "round 2 holds one configuration alone", func(in *Input) {
		in.Result.Trials = append(in.Result.Trials[:4:4], in.Result.Trials[6:]...)
	}},
	{"interleaving", "one round after the other at two sites", "had its start", func(in *Input) {
		*in = fleet(*in)
		in.Result.Trials[2], in.Result.Trials[8] = in.Result.Trials[8], in.Result.Trials[2]
	}},
	{"intervals", "one start", "the rate of server=gunicorn-sync/proxy=nginx", func(in *Input) {
		*in.Result.Winner.Final = analysis.Figure{Value: 900, Low: math.NaN(), High: math.NaN(), N: 1}
	}},
	{"intervals", "a bare ratio", "the ratio to server=gunicorn-sync/proxy=direct/workers=3", func(in *Input) {
		in.Result.Folklore[0].Ratio = &analysis.Figure{Value: 1.5, Low: math.NaN(), High: math.NaN(), N: 1}
	}},
	{"intervals", "a bare contest", "the ratio of nginx", func(in *Input) {
		in.Result.Contest = &analysis.Contest{Entries: []analysis.Entry{{Value: "nginx", Cell: in.Result.Winner, Ratio: &analysis.Figure{Value: 1, N: 1}}}}
	}},
	{"samples", "too few", "all p99 rests on 9999 samples, 99 beyond it", func(in *Input) {
		in.Result.Winner.Latency[scenarios.All] = rundir.Latency{Count: 9999}
	}},
	{"baselines", "no default", "gunicorn-sync was not measured with one worker", func(in *Input) {
		for _, c := range in.Result.Cells {
			c.Cell.Workers += 2
		}
	}},
	{"baselines", "no folklore", scenarios.FolkloreCores + ": not measured", func(in *Input) { in.Result.Folklore = in.Result.Folklore[:1] }},
	{"baselines", "folklore dropped", "was not measured on final starts", func(in *Input) {
		c := in.Result.Folklore[0]
		c.Cell.Final, c.Ratio, c.Cell.Dropped = nil, nil, "before heat 1"
		in.Result.Folklore[0] = c
	}},
	{"tuning", "another range", "gunicorn-sync with nginx was not given 3 workers", func(in *Input) { in.Result.Cells = in.Result.Cells[:3] }},
	{"tuning", "left out", "workers=3/threads=1 was neither measured nor ruled out", func(in *Input) {
		c := in.Result.Cells[3]
		c.Passed, c.Dropped = 0, ""
	}},
	{"errors", "no objective", "no objective bounds", func(in *Input) { in.Manifest.Scenario.Objectives = in.Manifest.Scenario.Objectives[:1] }},
	{"errors", "anything goes", "request home", func(in *Input) { in.Manifest.Scenario.Traffic.Requests[0].Expect = scenarios.Expect{} }},
	{"errors", "counted", "trial 1: a goodput of 900.0", func(in *Input) { in.Result.Trials[0].Load.Goodput = 900 }},
	{"versions", "no version", "the version of nginx", func(in *Input) { delete(in.Manifest.Versions, "nginx") }},
	{"versions", "no kernel", "the kernel is not recorded", func(in *Input) { in.Manifest.Host.Kernel = "" }},
	{"versions", "a build of its own", "built without a version", func(in *Input) { in.Manifest.Tool = "devel" }},
	{"versions", "a target", "was running already", func(in *Input) { in.Result.Target = "http://127.0.0.1:8000" }},
	{"configs", "no source", "the scenario is not recorded", func(in *Input) { in.Manifest.Source = "" }},
	{"configs", "no file", "no rendered configuration of the proxy", func(in *Input) { in.Kept = func(int) []string { return []string{"app.log", "trial.json"} } }},
	{"configs", "no command", "no command line of the application server", func(in *Input) {
		for i := range in.Result.Trials {
			in.Result.Trials[i].Effective.Argv = nil
		}
	}},
	{"configs", "a target", "was running already", func(in *Input) { in.Result.Target = "http://127.0.0.1:8000" }},
	{"read-back", "slots", "were not counted, though app.wait", func(in *Input) { in.Result.Winner.Peak = nil }},
	{"read-back", "workers", "trial 1 of server=gunicorn-sync/proxy=nginx/workers=1/threads=1: 0 live workers", func(in *Input) { in.Result.Trials[0].Effective.Workers = 0 }},
	{"read-back", "another stack", "it runs 2", func(in *Input) { in.Result.Winner.Mismatch = "it runs 2 workers" }},
	{"read-back", "a target", "was running already", func(in *Input) { in.Result.Target = "http://127.0.0.1:8000" }},
	{"cpu-sets", "none", "no CPUs are stated for the application", func(in *Input) { in.Manifest.CPUs.App = nil }},
	{"cpu-sets", "an overlap", "the report does not say so", func(in *Input) { in.Manifest.CPUs.App = []int{0, 1} }},
	{"versions", "no version at a site", "at b (b1) the version of nginx is not recorded", func(in *Input) {
		*in = fleet(*in)
		delete(in.Hosts[2].Versions, "nginx")
	}},
	{"versions", "no site", "nothing is recorded of the hosts", func(in *Input) {
		*in = fleet(*in)
		in.Hosts = nil
	}},
	{"cpu-sets", "no site", "nothing is recorded of the hosts", func(in *Input) {
		*in = fleet(*in)
		in.Hosts = nil
	}},
	{"cpu-sets", "none at a site", "at a (a1): no CPUs are stated", func(in *Input) {
		*in = fleet(*in)
		in.Hosts[0].Sets = nil
	}},
	{"cpu-sets", "an overlap at a site", "at b (b1): the CPUs of the generator [0 1] overlap", func(in *Input) {
		*in = fleet(*in)
		itself(in)
	}},
	{"sites", "another kernel", "kernel: 6.1 at a (a1), 6.5 at b (b1)", func(in *Input) {
		*in = fleet(*in)
		in.Hosts[2].Host.Kernel = "6.5"
	}},
	{"ties", "unnamed", "is tied and not named", func(in *Input) { in.Result.Cells[1].Tied = true }},
	{"ties", "not told apart", "nothing says so", func(in *Input) {
		in.Result.Lead = &analysis.Figure{Value: 1.1, Low: 0.9, High: 1.3, N: 3}
	}},
	{"reasons", "a failure", "trial 5 of", func(in *Input) { in.Result.Trials[4].Verdict = analysis.Verdict{Kind: analysis.Failed} }},
	{"physics", "too much CPU", "trial 6: the application used 12.00 s", func(in *Input) { in.Result.Trials[5].Usage.App.CPUSeconds = 12 }},
	{"physics", "counts", "8999 in all classes together", func(in *Input) {
		in.Result.Trials[5].Load.Classes[scenarios.All] = rundir.Class{Sent: 8999, Good: 8999}
	}},
}

func TestEveryRuleCanFail(t *testing.T) {
	broken := map[string]bool{}
	for _, tt := range breaches {
		broken[tt.id] = true
		t.Run(tt.id+"/"+tt.name, func(t *testing.T) {
			in := good()
			tt.breach(&in)
			r := Run(in)
			f := finding(t, r, tt.id)
			if f.Verdict != Fails || !strings.Contains(strings.Join(f.Evidence, "\n"), tt.says) || f.Remedy == "" {
				t.Errorf("%s: %q, remedy %q; want that it does not hold: …%s…", f.Verdict, f.Evidence, f.Remedy, tt.says)
			}
			if r.Publishable || !strings.Contains(r.Stamp(), tt.id) || !strings.HasPrefix(r.Stamp(), "Not publishable: ") {
				t.Errorf("publishable: %v, stamp %q", r.Publishable, r.Stamp())
			}
		})
	}
	for _, rule := range rules {
		if !broken[rule.id] {
			t.Errorf("no test breaks the rule %s", rule.id)
		}
	}
}

func TestRulesThatDoNotApply(t *testing.T) {
	for _, tt := range []struct {
		id    string
		other func(in *Input)
	}{
		{"interleaving", func(in *Input) {
			in.Result.Trials = slices.DeleteFunc(in.Result.Trials, func(t analysis.Judged) bool { return t.Step.Cell != in.Result.Winner.Cell })
		}},
		{"samples", func(in *Input) { in.Manifest.Scenario.Objectives = in.Manifest.Scenario.Objectives[1:] }},
		{"baselines", func(in *Input) { in.Result.Target = "http://127.0.0.1:8000" }},
		{"tuning", func(in *Input) { in.Result.Cells = in.Result.Cells[:2] }},
		{"ties", func(in *Input) { in.Result.RunnerUp = nil }},
	} {
		t.Run(tt.id, func(t *testing.T) {
			in := good()
			tt.other(&in)
			if f := finding(t, Run(in), tt.id); f.Verdict != Moot || len(f.Evidence) != 1 {
				t.Errorf("%s: %q, want that it does not apply", f.Verdict, f.Evidence)
			}
		})
	}
}

// What a rule says stays short, however much is wrong.
func TestEvidenceIsBounded(t *testing.T) {
	in := good()
	for len(in.Result.Trials) < 50 {
		x := in.Result.Trials[0]
		x.ID = len(in.Result.Trials) + 1
		x.Verdict = analysis.Verdict{Kind: analysis.Failed}
		in.Result.Trials = append(in.Result.Trials, x)
	}
	f := finding(t, Run(in), "reasons")
	if n := len(f.Evidence); n != mostNamed+1 || f.Evidence[n-1] != "and 33 more" {
		t.Errorf("%d lines of evidence, the last %q", n, f.Evidence[n-1])
	}
}
