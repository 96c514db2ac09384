package lint

import (
	"fmt"
	"slices"
	"strings"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func conclusion(f *facts) verdict {
	var wrong []string
	r := f.Result
	if r.Outcome != analysis.Recommended && r.Outcome != analysis.NotMet {
		wrong = append(wrong, "inconclusive: "+r.Because)
	}
	if r.Partial != "" {
		wrong = append(wrong, r.Partial)
	}
	void := len(r.Trials) - len(f.counted)
	if void*5 > len(r.Trials) {
		wrong = append(wrong, fmt.Sprintf("%d of %d trials are void, more than a fifth: the machine was too busy or too small", void, len(r.Trials)))
	}
	return unless(wrong, holds("%s; %d of %d trials count", r.Outcome, len(f.counted), len(r.Trials)))
}

func freshStarts(f *facts) verdict {
	if len(f.compared) == 0 {
		return fails("no configuration was measured on final fresh starts")
	}
	var wrong, good []string
	for _, c := range f.compared {
		n := f.started(c.Cell)
		switch {
		case c.Final == nil:
			wrong = append(wrong, fmt.Sprintf("%v has no final start", c.Cell))
		case c.Final.N < leastStarts || n < c.Final.N:
			wrong = append(wrong, fmt.Sprintf("%v rests on %d final starts, of which %d were fresh", c.Cell, c.Final.N, min(n, c.Final.N)))
		default:
			good = append(good, fmt.Sprintf("%v on %d", c.Cell, c.Final.N))
		}
	}
	return unless(wrong, holds("%s fresh starts", strings.Join(good, ", ")))
}

// interleaving looks at the order of the final visits. Each is of a round, by
// the number of its start. Sites of a fleet that have nothing left to do in a
// round begin with the next.
func interleaving(f *facts) verdict {
	visits := f.visits()
	var cells []scenarios.Cell
	for _, v := range visits {
		if !slices.Contains(cells, v.cell) {
			cells = append(cells, v.cell)
		}
	}
	ahead, how := 0, "each measured through before the next began"
	if f.placed() {
		ahead, how = 1, "at most two of them at a time"
	}
	var wrong []string
	rounds := map[int]int{}
	for i, v := range visits {
		rounds[v.start]++
		if i > 0 && v.start < visits[i-1].start-ahead {
			wrong = append(wrong, fmt.Sprintf("%v had its start %d before %v its start %d", visits[i-1].cell, visits[i-1].start, v.cell, v.start))
		}
	}
	if len(cells) < 2 || len(rounds) < 2 {
		return moot("final starts: %d of %d configurations, and nothing to interleave", len(visits), len(cells))
	}
	first := visits[0].start
	for r := range leastStarts {
		if n := rounds[first+r]; n == 1 {
			wrong = append(wrong, fmt.Sprintf("round %d holds one configuration alone", r+1))
		}
	}
	return unless(wrong, holds("%d final rounds of up to %d configurations, %s", len(rounds), len(cells), how))
}

// baselines asks for one worker of every server, which is what servers start
// with, and for both folklore settings.
func baselines(f *facts) verdict {
	if f.Result.Target != "" {
		return moot("the run measured a server that was running already")
	}
	wrong, good := f.defaults()
	switch compare := f.scenario.Search.Compare; {
	case compare != "" && compare != scenarios.CompareFolklore:
		good = append(good, "no folklore, for the scenario compares another thing: "+compare)
	default:
		w, g := f.folklore()
		wrong, good = append(wrong, w...), append(good, g...)
	}
	if len(wrong)+len(good) == 0 {
		return fails("no configuration was planned")
	}
	return unless(wrong, verdict{Holds, good})
}

func (f *facts) defaults() (wrong, good []string) {
	for _, server := range f.servers() {
		var why string
		ok := false
		for _, c := range f.Result.Cells {
			if c.Cell.Server == server && c.Cell.Processes() == 1 {
				ok = ok || seen(c)
				why = ruledOut(c)
			}
		}
		switch {
		case ok:
			good = append(good, fmt.Sprintf("%s was measured with one worker, which it has by default", server))
		case why != "":
			good = append(good, fmt.Sprintf("%s with one worker was ruled out: %s", server, why))
		default:
			wrong = append(wrong, fmt.Sprintf("%s was not measured with one worker, which it has by default", server))
		}
	}
	return wrong, good
}

// servers are the servers that were compared with anything.
func (f *facts) servers() (out []string) {
	for _, c := range f.Result.Cells {
		if !slices.Contains(out, c.Cell.Server) && c.NotApplicable == "" {
			out = append(out, c.Cell.Server)
		}
	}
	return out
}

func (f *facts) folklore() (wrong, good []string) {
	for _, setting := range []string{scenarios.FolkloreTwice, scenarios.FolkloreCores} {
		i := slices.IndexFunc(f.Result.Folklore, func(c analysis.Comparison) bool { return c.Name == setting })
		if i < 0 {
			wrong = append(wrong, setting+": not measured")
			continue
		}
		switch c := f.Result.Folklore[i]; {
		case c.Cell.Final != nil && c.Ratio != nil:
			good = append(good, fmt.Sprintf("%s: %v, on %d final starts", setting, c.Cell.Cell, c.Cell.Final.N))
		case c.Cell.Dropped == "" && ruledOut(c.Cell) != "":
			good = append(good, fmt.Sprintf("%s: %v, ruled out: %s", setting, c.Cell.Cell, ruledOut(c.Cell)))
		default:
			wrong = append(wrong, fmt.Sprintf("%s: %v was not measured on final starts", setting, c.Cell.Cell))
		}
	}
	return wrong, good
}

// rival is a server behind a proxy, with what its tuning took.
type rival struct {
	name        string
	workers     []int // processes that it was given
	cells, seen int   // that apply, and those of them that were measured
	unsettled   []string
	seconds     float64 // of wall time
}

// tuning compares what was done for every rival. A setting that was ruled out
// was so by the rule that all of them are under.
func tuning(f *facts) verdict {
	rivals := f.rivals()
	if f.Result.Target != "" || len(rivals) < 2 {
		return moot("the run has no rivals: %d server behind one proxy", len(rivals))
	}
	var wrong, good []string
	for _, r := range rivals {
		for _, w := range f.workers() {
			if !slices.Contains(r.workers, w) {
				wrong = append(wrong, fmt.Sprintf("%s was not given %d workers, as others were", r.name, w))
			}
		}
		wrong = append(wrong, r.unsettled...)
		good = append(good, fmt.Sprintf("%s: %d of %d settings measured, the others ruled out, in %.0f s", r.name, r.seen, r.cells, r.seconds))
	}
	return unless(wrong, verdict{Holds, good})
}

// workers are the numbers of workers of the matrix.
func (f *facts) workers() []int {
	out, _ := f.scenario.Matrix.Workers.Expand(max(1, len(f.Manifest.CPUs.App)))
	return out
}

func (f *facts) rivals() (out []*rival) {
	by := map[string]*rival{}
	for _, c := range f.Result.Cells {
		name := c.Cell.Server + " with " + c.Cell.Proxy
		if c.Cell.Proxy == scenarios.Direct {
			name = c.Cell.Server + " without a proxy"
		}
		r := by[name]
		if r == nil {
			r = &rival{name: name}
			by[name] = r
			out = append(out, r)
		}
		r.workers = append(r.workers, c.Cell.Workers)
		switch {
		case c.NotApplicable != "":
			continue
		case seen(c):
			r.seen++
		case ruledOut(c) == "":
			r.unsettled = append(r.unsettled, fmt.Sprintf("%v was neither measured nor ruled out", c.Cell))
		}
		r.cells++
		r.seconds += f.seconds(c.Cell)
	}
	return slices.DeleteFunc(out, func(r *rival) bool { return r.cells == 0 })
}

// seconds is the wall time that the trials of a cell took.
func (f *facts) seconds(c scenarios.Cell) (sum float64) {
	for _, t := range f.Result.Trials {
		if t.Step.Cell == c && t.Step.Phase != rundir.Scaling {
			sum += t.Cost.Seconds()
		}
	}
	return sum
}

// tieStatements makes sure that no cell which the rounds do not tell from the
// winner goes without a word.
func tieStatements(f *facts) verdict {
	r := f.Result
	if r.Winner == nil || r.RunnerUp == nil {
		return moot("nothing else was measured to the end")
	}
	var wrong []string
	for _, c := range r.Cells {
		if c.Tied && c.Cell != r.Winner.Cell && !slices.ContainsFunc(r.Ties, func(t *analysis.Cell) bool { return t.Cell == c.Cell }) {
			wrong = append(wrong, fmt.Sprintf("%v is tied and not named", c.Cell))
		}
	}
	told := r.RunnerUp.Tied || slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.HasPrefix(w, analysis.NotToldApart) })
	if r.Lead != nil && !(r.Lead.Low > 1) && !told {
		wrong = append(wrong, fmt.Sprintf("the starts do not tell the winner from %v (%.2f × its rate, %.2f–%.2f), and nothing says so", r.RunnerUp.Cell, r.Lead.Value, r.Lead.Low, r.Lead.High))
	}
	var names []string
	for _, c := range r.Ties {
		names = append(names, c.Cell.String())
	}
	switch {
	case len(names) > 0:
		return unless(wrong, holds("tied with the winner: %s", strings.Join(names, ", ")))
	case told:
		return unless(wrong, holds("not told from the winner, which the report says: %v", r.RunnerUp.Cell))
	}
	return unless(wrong, holds("no other is as good within the noise; the runner-up is %v", r.RunnerUp.Cell))
}
