package analysis

import (
	"cmp"
	"fmt"
	"slices"

	"sweetspot/scenarios"
)

// recommend decides the outcome: of the cells that ran as what they are, were
// re-measured on final starts and keep the limits, those as good as the best are tied, and the cheapest of
// them wins.
func (g *grid) recommend(res *Result) {
	var candidates []*Cell
	for _, c := range res.Cells {
		if c.Final != nil && c.Struck == "" && c.Mismatch == "" {
			candidates = append(candidates, c)
		}
	}
	if len(candidates) == 0 {
		g.withoutWinner(res)
		return
	}
	tied := g.choose(candidates, g.lastStart())

	res.Outcome, res.Winner = Recommended, tied[0]
	res.Ties = tied[1:]
	res.RunnerUp = runnerUp(candidates, res.Winner)
	g.doubtRunnerUp(res)
	res.Folklore = g.folklore(res)
	res.ProxyTax = g.proxyTwins(res)
	res.Limit = limitOf(res.Winner.Cell, res.Trials)
	res.Usable = res.Winner.Final.Value * (1 - res.Headroom)
	res.Because = because(res, candidates)
}

// pairs returns the estimates of two cells from the final starts below end in
// which both have one.
func (g *grid) pairs(a, b scenarios.Cell, end int) (x, y []float64) {
	for start := finalStart; start < end; start++ {
		if ea, eb := g.estimate(a, start, end), g.estimate(b, start, end); ea > 0 && eb > 0 {
			x, y = append(x, ea), append(y, eb)
		}
	}
	return x, y
}

// runnerUp returns the best of the candidates that is not the winner.
func runnerUp(candidates []*Cell, winner *Cell) *Cell {
	for _, c := range candidates {
		if c != winner {
			return c
		}
	}
	return nil
}

// doubtRunnerUp compares the winner with the runner-up, and warns when the
// final rounds do not tell them apart: the interval of their ratio holds 1, or
// there is none.
func (g *grid) doubtRunnerUp(res *Result) {
	if res.RunnerUp == nil {
		return
	}
	res.Lead = g.compare("runner-up", res.Winner, res.RunnerUp).Ratio
	if res.RunnerUp.Tied || res.Lead == nil || res.Lead.Low > 1 {
		return
	}
	res.Warnings = append(res.Warnings, NotToldApart+" at 95 %: another run may name the other; a longer budget tells more")
}

// NotToldApart begins the warning that the final rounds do not tell the winner
// from a runner-up that is not tied.
const NotToldApart = "these starts do not tell the winner from the runner-up"

// folklore compares the winner with the better proxy of every folklore
// setting, and names what limits that.
func (g *grid) folklore(res *Result) (out []Comparison) {
	for _, setting := range []string{scenarios.FolkloreTwice, scenarios.FolkloreCores} {
		var best *Cell
		for _, c := range res.Cells {
			if slices.Contains(c.Folklore, setting) && (best == nil || better(c, best)) {
				best = c
			}
		}
		if best != nil {
			c := g.compare(setting, res.Winner, best)
			c.Limit = limitOf(best.Cell, res.Trials)
			out = append(out, c)
		}
	}
	return out
}

// better orders cells by the figure that speaks for them; one that was
// measured on final starts comes before one that was not.
func better(a, b *Cell) bool {
	if (a.Final != nil) != (b.Final != nil) {
		return a.Final != nil
	}
	fa, fb := a.Sustainable(), b.Sustainable()
	return fa != nil && (fb == nil || fa.Value > fb.Value)
}

// proxyTwins compares the winner with the cells that differ in the proxy only.
func (g *grid) proxyTwins(res *Result) (out []Comparison) {
	for _, c := range res.Cells {
		if c != res.Winner && twins(c.Cell, res.Winner.Cell) {
			out = append(out, g.compare("proxy "+c.Cell.Proxy, res.Winner, c))
		}
	}
	return out
}

// compare sets a cell against the winner, by pairs of final rounds where there
// are any.
func (g *grid) compare(name string, winner, c *Cell) Comparison {
	out := Comparison{Name: name, Cell: c}
	if a, b := g.pairs(winner.Cell, c.Cell, g.lastStart()); len(a) > 0 {
		out.Ratio, out.Paired = RatioFigure(a, b), true
		return out
	}
	out.Ratio = UnpairedRatio(g.estimates(winner.Cell, finalStart, g.lastStart()), g.estimates(c.Cell, 0, g.lastStart()))
	return out
}

// because states the outcome in one sentence.
func because(res *Result, candidates []*Cell) string {
	w := res.Winner
	text := fmt.Sprintf("it sustains the most of the %d cells measured, on %d fresh starts", measured(res), w.Final.N)
	if len(res.Ties) > 0 {
		text = fmt.Sprintf("it is statistically as good as the best of the %d cells measured and the cheapest of the %d tied ones", measured(res), len(res.Ties)+1)
	}
	most := slices.MaxFunc(candidates, func(a, b *Cell) int { return cmp.Compare(a.Final.Value, b.Final.Value) })
	if !most.Tied {
		text += fmt.Sprintf(", by short bursts and final starts together: by the final ones alone %v does more", most.Cell)
	}
	return text
}

func measured(res *Result) (n int) {
	for _, c := range res.Cells {
		if c.Sustainable() != nil || c.Saturation != nil {
			n++
		}
	}
	return n
}

// withoutWinner tells a matrix in which nothing meets the objectives from one
// of which too little is known.
func (g *grid) withoutWinner(res *Result) {
	absent, infeasible, struck, failed, other, unseen := 0, 0, 0, 0, 0, 0
	var leader *Cell
	for _, c := range res.Cells {
		switch {
		case c.NotApplicable != "":
			absent++
		case c.Mismatch != "":
			other++
		case c.Infeasible != "":
			infeasible++
		case c.Struck != "":
			struck++
		case c.Failure != "" && c.Sustainable() == nil:
			failed++
		case c.Dropped != "" && c.Saturation == nil:
			unseen++
		}
		if c.Struck == "" && c.Mismatch == "" && c.Explored != nil && (leader == nil || c.Explored.Value > leader.Explored.Value) {
			leader = c
		}
	}
	n := len(res.Cells) - absent
	switch {
	case leader != nil:
		res.Outcome = Inconclusive
		res.Because = fmt.Sprintf("no cell was measured again on fresh starts; the best so far is %v at about %.0f requests/s", leader.Cell, leader.Explored.Value)
		res.RunnerUp = leader
	case n > 0 && infeasible+struck+failed+unseen == n && infeasible+struck > 0:
		res.Outcome = NotMet
		res.Because = fmt.Sprintf("none of the %d cells meets the objectives within the limits: %d at no rate, %d beyond a limit, %d did not run", n-unseen, infeasible, struck, failed)
	case n > 0 && other == n:
		res.Outcome = Inconclusive
		res.Because = fmt.Sprintf("none of the %d cells ran as what it is", n)
	case n > 0 && failed == n:
		res.Outcome = Inconclusive
		res.Because = fmt.Sprintf("none of the %d cells would start and keep running", n)
	default:
		res.Outcome = Inconclusive
		res.Because = "too little could be measured to say"
	}
}
