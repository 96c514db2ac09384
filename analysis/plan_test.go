package analysis

import (
	"strings"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// The comparisons that a budget of minutes has to do for: every value is seen,
// the search ends within its budget, and the finals have the two rounds that an
// interval takes.
func TestBudgetDoesForAComparison(t *testing.T) {
	shootout := product([]string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}, []string{"nginx"}, 1, 2, 4)
	for _, c := range shootout[:12] {
		c.Cell.Threads = 4
		shootout = append(shootout, c)
	}
	proxies := []string{scenarios.Direct, "nginx", "apache", "caddy", "haproxy"}
	for _, tt := range []struct {
		name    string
		compare string
		budget  time.Duration
		proxies []string
		cells   []scenarios.Planned
	}{
		{"nine servers in 8 minutes", scenarios.CompareServer, 8 * time.Minute, []string{"nginx"}, shootout},
		{"five proxies in 5 minutes", scenarios.CompareProxy, 5 * time.Minute, proxies, product([]string{"a"}, proxies, 4)},
		{"five proxies and three sizes in 5 minutes", scenarios.CompareProxy, 5 * time.Minute, proxies, product([]string{"a"}, proxies, 1, 2, 4)},
		{"two proxies by class in 4 minutes", scenarios.CompareClass, 4 * time.Minute, proxies[:2], product([]string{"a"}, proxies[:2], 2, 4)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := comparing(tt.compare, tt.budget, tt.proxies...)
			m := newSimulated(2, 6*time.Millisecond, 4*time.Millisecond, 9)
			m.startCost = 3 * time.Second
			m.faster = func(step rundir.Step) float64 { return 1 - 0.02*float64(step.Cell.Server[0]-'a') }
			res, _ := run(t, s, tt.cells, m)
			if m.seconds > tt.budget.Seconds() {
				t.Errorf("spent %.0f s of %v", m.seconds, tt.budget)
			}
			if res.Contest == nil || len(res.Contest.Entries) != len(contestValues(s, tt.cells)) {
				t.Fatalf("contest %+v, want an entry for each of %q", res.Contest, contestValues(s, tt.cells))
			}
			for _, e := range res.Contest.Entries {
				if e.Cell.Final == nil || e.Cell.Final.N < 2 {
					t.Errorf("%s: %+v, want two final rounds or more", e.Value, e.Cell.Final)
				}
				if !e.Reference && (e.Ratio == nil || e.Ratio.N < 2) {
					t.Errorf("%s: ratio %+v, want one with an interval", e.Value, e.Ratio)
				}
			}
			if strings.Contains(res.Partial, "were not measured") {
				t.Errorf("partial: %s", res.Partial)
			}
		})
	}
}

func TestFinalCells(t *testing.T) {
	proxies := []string{scenarios.Direct, "nginx"}
	folklore := product([]string{"a"}, proxies, 1, 2, 4, 5)
	folklore[3].Folklore, folklore[1].Folklore = []string{scenarios.FolkloreTwice}, []string{scenarios.FolkloreCores}
	for _, tt := range []struct {
		name  string
		s     *scenarios.Scenario
		cells []scenarios.Planned
		want  int
	}{
		{"no comparison: two leaders, two folklore settings, one twin", comparing("", time.Minute, proxies...), folklore, 5},
		{"servers: two leaders, one more for each other server", comparing(scenarios.CompareServer, time.Minute, scenarios.Direct), product([]string{"a", "b", "c"}, proxies[:1], 1, 2), 4},
		{"never more than there are", comparing(scenarios.CompareProxy, time.Minute, proxies...), product([]string{"a"}, proxies, 2), 2},
		{"a target is one", comparing("", time.Minute, scenarios.Direct), product([]string{scenarios.TargetServer}, proxies[:1], 1), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := newPlan(tt.s, tt.cells).FinalCells; got != tt.want {
				t.Errorf("%d cells in the finals, want %d", got, tt.want)
			}
		})
	}
}
