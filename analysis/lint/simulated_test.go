package lint

import (
	"fmt"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/analysis/simulate"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

const simulated = `
name: simulated
app: {interface: wsgi, module: "shop:app", wait: /wait/}
matrix: {servers: [gunicorn-sync], proxies: [direct, nginx], workers: [1, 2], threads: [1]}
traffic: {requests: [{name: home, path: /}]}
objectives: [p99 < 300ms, errors < 1%%]
search: {strategy: grid, budget: 200m, finals: %d, trial: 2m, warmup: 5s, burst: 10s}
`

// searched lets a search measure on a simulated machine, and adds what a
// machine of the real world tells beside.
func searched(t *testing.T, finals int) Input {
	t.Helper()
	cat := scenarios.Catalogue{Servers: []string{"gunicorn-sync"}, Proxies: []string{"direct", "nginx"}}
	s, err := scenarios.Parse("simulated.yaml", fmt.Appendf(nil, simulated, finals), ".", nil, cat)
	if err != nil {
		t.Fatal(err)
	}
	world := &simulate.World{Cores: 2, CPU: simulate.Time{Mean: 10 * time.Millisecond, Sigma: 0.4}, Proxies: map[string]simulate.Proxy{"nginx": {CPU: 500 * time.Microsecond}}}
	machine := simulate.NewMachine(world, s, simulate.Noise{Start: 0.01}, 1)
	cells := s.Cells(2, cat)
	trials, ended := machine.Search(analysis.Strategies[scenarios.Grid](s, cells), 1000)
	if !ended {
		t.Fatal("the search does not end")
	}
	for i := range trials {
		x := &trials[i]
		slots := x.Step.Cell.Slots()
		x.Effective.Peak = &rundir.Peak{Seen: slots, Want: slots, Offered: 3 * slots}
		x.Effective.Argv = map[string][]string{"app": {"gunicorn"}}
	}
	in := Input{Manifest: good().Manifest, Kept: func(int) []string { return []string{"gunicorn.conf.py", "nginx.conf"} }}
	in.Manifest.Scenario = *s
	in.Result, err = analysis.Summarise(analysis.Input{Scenario: s, Cells: cells, Trials: trials, Histograms: func(id int) (map[string]rundir.Histograms, error) {
		h := rundir.NewHistograms()
		l := trials[id-1].Load.Classes[scenarios.All].Response
		if err := h.Response.RecordValues(l.P50.Microseconds(), l.Count); err != nil {
			return nil, err
		}
		return map[string]rundir.Histograms{scenarios.All: h}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// A search with three final rounds that went to its end is publishable; one
// with two is not, and that is why.
func TestASearchIsPublishable(t *testing.T) {
	r := Run(searched(t, 3))
	if !r.Publishable {
		t.Errorf("%s\n%+v", r.Stamp(), r.Missing())
	}
	r = Run(searched(t, 2))
	if missing := r.Missing(); len(missing) != 1 || missing[0].ID != "fresh-starts" {
		t.Errorf("two final rounds: %s\n%+v", r.Stamp(), missing)
	}
}
