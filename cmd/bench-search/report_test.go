package main

import (
	"fmt"
	"strings"
	"testing"

	"sweetspot/scenarios"
)

// verdicts are the lines of a report below its last heading.
func verdicts(report string) string {
	_, after, _ := strings.Cut(report, "### What must hold\n\n")
	return after
}

func TestVerdictsOnSimulatedMachines(t *testing.T) {
	searches := func(regret, cost, confidence float64) (all []result) {
		for i := range 20 {
			world := fmt.Sprint(i)
			all = append(all,
				result{World: world, Noise: 0.05, Strategy: fullGrid, Seconds: 1000, Wall: 1000},
				result{World: world, Noise: 0.05, Strategy: adaptive25, Regret: regret, Seconds: 1000 * cost, Wall: 250, Confidence: confidence})
		}
		return all
	}
	rates := func(found ...float64) (all []result) {
		for i, f := range found {
			all = append(all, result{World: fmt.Sprint(i), Noise: 0.05, Strategy: rateOfVisit, Truth: 100, Found: f, Seconds: 150})
		}
		return all
	}
	for _, tt := range []struct {
		name string
		all  []result
		want string
	}{
		{"all holds", searches(0.005, 0.24, 0.96), "- yes: noise 5 %: mean regret 0.50 % (at most 0.7), 95th percentile 0.5 % (at most 2.5), at 24.0 % of the grid's trial-seconds (at most 25)\n" +
			"- yes: noise 5 %: of 20 recommendations made at 95 %, 20 have a regret of at most 2 % (at least 93 %)\n"},
		{"too much regret, surely", searches(0.03, 0.24, 0.96), "- no: noise 5 %: mean regret 3.00 % (at most 0.7), 95th percentile 3.0 % (at most 2.5), at 24.0 % of the grid's trial-seconds (at most 25)\n" +
			"- no: noise 5 %: of 20 recommendations made at 95 %, 0 have a regret of at most 2 % (at least 93 %)\n"},
		{"too much time, unsure", searches(0.005, 0.3, 0.9), "- no: noise 5 %: mean regret 0.50 % (at most 0.7), 95th percentile 0.5 % (at most 2.5), at 30.0 % of the grid's trial-seconds (at most 25)\n" +
			"- yes: noise 5 %: of 0 recommendations made at 95 %, 0 have a regret of at most 2 % (at least 93 %)\n"},
		{"rates without bias", rates(99, 101), "- yes: rate of one start at 5 % noise: bias -0.0 % (within 2), standard deviation 1.4 % (at most 3), in 150 trial-seconds\n"},
		{"rates too high", rates(103, 104), "- no: rate of one start at 5 % noise: bias +3.4 % (within 2), standard deviation 0.7 % (at most 3), in 150 trial-seconds\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := verdicts(report(tt.all, nil)); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

// What several sites search has rows of its own, and no part in the promises.
func TestSeveralSites(t *testing.T) {
	var all []result
	for _, r := range searches(3) {
		r.World, r.Noise, r.Seconds, r.Wall = "cpu-1", 0.05, 100, 1000
		if r.Sites > 1 {
			r.Wall = 350
		}
		all = append(all, r)
	}
	text := report(all, nil)
	for _, want := range []string{"| grid, 3 sites | 0.00 | 0.0 | 1.00 | 100.0 | 35.0 |", "| adaptive, 25 %, 3 sites | 0.00 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no row %q:\n%s", want, text)
		}
	}
	if got := strings.Count(verdicts(text), "\n"); got != 3 {
		t.Errorf("%d promises, want 3:\n%s", got, verdicts(text))
	}
}

// searchedBy are both searches of a stack with a seed.
func searchedBy(stack string, seed int, grid, adaptive string) []recommendation {
	outcome := func(winner string) string {
		if winner == "" {
			return "inconclusive"
		}
		return "recommended"
	}
	return []recommendation{
		{Stack: stack, Seed: seed, Strategy: scenarios.Grid, Outcome: outcome(grid), Winner: grid, Ties: []string{third}, Seconds: 400, Wall: 600},
		{Stack: stack, Seed: seed, Strategy: scenarios.Adaptive, Outcome: outcome(adaptive), Winner: adaptive, Trials: 9, Void: 7, Confidence: 0.93, Seconds: 150, Wall: 240},
	}
}

func TestVerdictOnTheRealStack(t *testing.T) {
	const text = "gunicorn-gthread: adaptive and grid recommend the same or a tied cell in %d of %d seeds (in all of at least 3): %d the same, %d tied, 0 not told apart on the final starts\n"
	for _, tt := range []struct {
		name string
		all  [][]recommendation
		want string
	}{
		{"the same or tied", [][]recommendation{searchedBy(promised, 1, small, small), searchedBy(promised, 2, large, third), searchedBy(promised, 3, large, large)},
			"- yes: " + fmt.Sprintf(text, 3, 3, 2, 1)},
		{"another cell once", [][]recommendation{searchedBy(promised, 1, small, small), searchedBy(promised, 2, large, small), searchedBy(promised, 3, large, large)},
			"- no: " + fmt.Sprintf(text, 2, 3, 2, 0)},
		{"inconclusive once", [][]recommendation{searchedBy(promised, 1, small, small), searchedBy(promised, 2, large, ""), searchedBy(promised, 3, large, large)},
			"- no: " + fmt.Sprintf(text, 2, 3, 2, 0)},
		{"too few seeds", [][]recommendation{searchedBy(promised, 1, small, small)}, "- no: " + fmt.Sprintf(text, 1, 1, 1, 0)},
		{"half a pair does not count", [][]recommendation{searchedBy(promised, 1, small, small), searchedBy(promised, 2, small, small)[:1]}, "- no: " + fmt.Sprintf(text, 1, 1, 1, 0)},
		{"searched again with another budget", [][]recommendation{searchedBy(promised, 1, small, large), searchedBy(promised, 1, small, small)}, "- no: " + fmt.Sprintf(text, 1, 1, 1, 0)},
		{"other stacks promise nothing", [][]recommendation{searchedBy("uvicorn", 1, small, large)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []recommendation
			for _, both := range tt.all {
				all = append(all, both...)
			}
			if got := verdicts(report(nil, all)); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

func TestRealTable(t *testing.T) {
	all := append(searchedBy("uvicorn", 1, small, "")[:1], searchedBy(promised, 2, large, "")...)
	all = append(all, searchedBy(promised, 1, large, third)...)
	got := report(nil, all)
	for _, want := range []string{
		"| gunicorn-gthread | 1 | nginx 2 × 4 | nginx 5 × 1 | a tied cell | 400, 600 | 150, 240 | 93 |\n" +
			"| gunicorn-gthread | 2 | nginx 2 × 4 | inconclusive (7 of 9 trials void) | no: nothing recommended | 400, 600 | 150, 240 | 93 |\n" +
			"| uvicorn | 1 | direct 1 × 4 |  | not both searched | 400, 600 |  |  |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got:\n%s\nwant in it:\n%s", got, want)
		}
	}
}
