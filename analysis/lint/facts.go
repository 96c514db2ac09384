package lint

import (
	"math"
	"slices"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// leastStarts is how many fresh starts a figure that decides rests on.
const leastStarts = 3

// facts are the input, and what several rules ask of it.
type facts struct {
	Input
	scenario *scenarios.Scenario
	counted  []analysis.Judged // trials that are not void
	compared []*analysis.Cell  // what the report sets against each other, the winner first
}

func newFacts(in Input) *facts {
	f := &facts{Input: in, scenario: &in.Manifest.Scenario}
	if f.Result == nil {
		f.Result = &analysis.Result{Outcome: analysis.Inconclusive, Because: "nothing was measured"}
	}
	for _, t := range f.Result.Trials {
		if t.Verdict.Kind != analysis.Void {
			f.counted = append(f.counted, t)
		}
	}
	f.compare()
	return f
}

// placed tells whether a fleet made the run.
func (f *facts) placed() bool {
	return len(f.Hosts) > 0 || slices.ContainsFunc(f.Result.Trials, func(t analysis.Judged) bool { return t.Placed != nil })
}

// apart tells whether all load on the stacks of an agent came from other hosts.
func (f *facts) apart(agent string) bool {
	return !slices.ContainsFunc(f.counted, func(t analysis.Judged) bool {
		return t.Load.Sent > 0 && t.Placed != nil && t.Placed.Agent == agent && !t.Placed.Apart()
	})
}

// compare collects what the report sets against each other: the winner, those
// tied with it, the runner-up, and what a ratio is told of.
func (f *facts) compare() {
	add := func(c *analysis.Cell) {
		if c != nil && !slices.ContainsFunc(f.compared, func(o *analysis.Cell) bool { return o.Cell == c.Cell }) {
			f.compared = append(f.compared, c)
		}
	}
	r := f.Result
	add(r.Winner)
	for _, c := range r.Ties {
		add(c)
	}
	if r.Winner != nil {
		add(r.RunnerUp)
	}
	for _, c := range slices.Concat(r.Folklore, r.ProxyTax) {
		if c.Ratio != nil {
			add(c.Cell)
		}
	}
	if r.Contest != nil {
		for _, e := range r.Contest.Entries {
			add(e.Cell)
		}
	}
}

// openPhases are those whose trials claim latencies.
var openPhases = []string{rundir.Probe, rundir.Bracket, rundir.Final, rundir.Curve}

// claims tells whether latencies of a trial are claimed.
func claims(t analysis.Judged) bool {
	return slices.Contains(openPhases, t.Step.Phase) && t.Load.Sent > 0
}

// visit is one fresh start of a cell.
type visit struct {
	cell  scenarios.Cell
	start int
}

// visits are the starts that final trials were made on, in the order of their
// first one.
func (f *facts) visits() (out []visit) {
	for _, t := range f.Result.Trials {
		if v := (visit{t.Step.Cell, t.Step.Start}); t.Step.Phase == rundir.Final && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// started counts the fresh starts among the final visits of a cell.
func (f *facts) started(c scenarios.Cell) (n int) {
	for _, v := range f.visits() {
		if v.cell == c && slices.ContainsFunc(f.Result.Trials, func(t analysis.Judged) bool {
			return t.Fresh && t.Step.Cell == c && t.Step.Start == v.start
		}) {
			n++
		}
	}
	return n
}

// ruledOut says why a cell was not measured to the end; empty when nobody
// knows.
func ruledOut(c *analysis.Cell) string {
	for _, why := range []string{c.NotApplicable, c.Struck, c.Infeasible, c.Mismatch, c.Dropped, c.Failure} {
		if why != "" {
			return why
		}
	}
	return ""
}

// seen tells whether anything was measured of a cell.
func seen(c *analysis.Cell) bool { return c.Passed+c.Failed+c.Void > 0 }

// hasInterval tells whether a figure has an interval that it lies in.
func hasInterval(f *analysis.Figure) bool {
	return f != nil && f.N >= 2 && !math.IsNaN(f.Low) && !math.IsNaN(f.High) && f.Low <= f.Value && f.Value <= f.High
}
