package analysis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Adaptive finds the best cell without measuring every one in full. Short
// bursts glance at half the cells, spread over the matrix, and at those of the
// others that a forecast does not rule out. The leaders race: in every heat
// each of them has a burst on a fresh start, and who cannot be better than the
// leader by the target drops out. The finals are those of Grid; only they
// measure a sustainable rate, and they go on until the recommendation is sure
// enough or the budget is spent.
//
// The scenario's strategy is scenarios.Adaptive.
func Adaptive(s *scenarios.Scenario, cells []scenarios.Planned) rundir.Strategy {
	return newSearch(s, cells, scenarios.Adaptive).next
}

var adaptiveStages = []stage{{(*grid).glancing, 1}, {(*grid).racing, finalStart}, {(*grid).finishing, scalingStart}}

const (
	heats     = 12  // of a race, at most
	dropSigma = 2.3 // standard errors by which a cell must be out of reach of the target to drop out
)

// glancing returns the next visit of the first round: the cells of one half,
// and then those with the highest forecast. It is nil when no other is worth
// it, or the budget says so.
func (g *grid) glancing() *visit {
	half, others := g.halves()
	if v := g.free(half, 0, func(v *visit) bool { return g.wanted(v, g.plan.Explore) }); v != nil {
		return v
	}
	// What has begun is carried to its end.
	if v := g.free(others, 0, func(v *visit) bool { return len(v.trials) > 0 && !g.finished(v) }); v != nil {
		return v
	}
	var next *visit
	f, most := g.forecast(), 0.0
	for _, c := range g.promising() {
		v := g.visit(c.Cell, 0)
		if guess := f.guess(c.Cell); !g.begun(v) && (next == nil || guess > most) {
			next, most = v, guess
		}
	}
	if next == nil || !g.wanted(next, g.plan.Explore) {
		return nil
	}
	return next
}

// promising returns the cells of the second half that are worth a look and have
// no trial yet.
func (g *grid) promising() []scenarios.Planned {
	_, others := g.halves()
	worth := g.worthSeeing()
	return slices.DeleteFunc(others, func(c scenarios.Planned) bool {
		return len(g.visit(c.Cell, 0).trials) > 0 || !worth(c)
	})
}

// worthSeeing returns a function that says whether a cell is to be looked at:
// an adaptive search leaves out those of the second half whose forecast is too
// low.
func (g *grid) worthSeeing() func(scenarios.Planned) bool {
	if !g.adaptive {
		return func(scenarios.Planned) bool { return true }
	}
	half, _ := g.halves()
	f := g.forecast()
	best := 0.0
	for _, k := range f.known {
		if g.fits(k.cell, 1) {
			best = max(best, k.rate)
		}
	}
	return func(c scenarios.Planned) bool {
		return among(half, c.Cell) || f.guess(c.Cell) >= g.plan.Race.Worth*best && g.fits(c.Cell, 1)
	}
}

// halves parts the cells as a chessboard does, in shuffled orders. The smallest
// cell of every family is in the first half, for forecasts to begin from, and
// so are the folklore settings.
func (g *grid) halves() (half, others []scenarios.Planned) {
	var workers, threads []int
	for _, c := range g.cells {
		workers, threads = append(workers, c.Cell.Workers), append(threads, c.Cell.Threads)
	}
	slices.Sort(workers)
	slices.Sort(threads)
	workers, threads = slices.Compact(workers), slices.Compact(threads)
	for _, c := range g.shuffled(g.cells, 0) {
		i, j := slices.Index(workers, c.Cell.Workers), slices.Index(threads, c.Cell.Threads)
		if (i+j)%2 == 0 || len(c.Folklore) > 0 || g.smallest(c.Cell) {
			half = append(half, c)
		} else {
			others = append(others, c)
		}
	}
	return half, others
}

// smallest says whether no cell of the family has fewer slots.
func (g *grid) smallest(c scenarios.Cell) bool {
	return !slices.ContainsFunc(g.cells, func(o scenarios.Planned) bool {
		return family(o.Cell, c) && o.Cell.Slots() < c.Slots()
	})
}

// racing returns the next visit of the race; nil when it is over. A heat begins
// once the one before it is complete.
func (g *grid) racing() *visit {
	field := g.cells
	for heat := 1; heat <= heats; heat++ {
		field = g.field(heat, field)
		if len(field) == 0 || heat > 1 && len(field) == 1 || heat > g.plan.Race.Heats && len(field) <= g.plan.Finalists { // the first heat also probes
			return nil
		}
		v := g.free(g.shuffled(field, heat), heat, func(v *visit) bool { return !g.finished(v) })
		switch {
		case v != nil && g.wanted(v, g.plan.Explore):
			return v
		case v != nil || g.takenIn(heat, heat+1):
			return nil
		}
	}
	return nil
}

// fields returns the cells of a heat, and those of the one before it.
func (g *grid) fields(heat int) (before, field []scenarios.Planned) {
	field = g.cells
	for h := 1; h <= heat; h++ {
		before, field = field, g.field(h, field)
	}
	return before, field
}

// departures tells which cells a heat leaves out, and why; empty for none.
func (g *grid) departures(heat int, before, field []scenarios.Planned) string {
	var out []string
	for _, c := range before {
		_, seen := g.effects(heat).log[c.Cell]
		if seen && len(field) > 0 && !among(field, c.Cell) {
			out = append(out, g.departed(heat, c.Cell, field[0].Cell))
		}
	}
	switch n := len(out); {
	case n == 0:
		return ""
	case n > namedOut:
		out = append(out[:namedOut], fmt.Sprintf("%d more", n-namedOut))
	}
	return "; out are " + strings.Join(out, ", ")
}

// namedOut is how many cells a progress line names.
const namedOut = 3

// departed names a cell that a heat leaves out, and why.
func (g *grid) departed(heat int, c, leader scenarios.Cell) string {
	switch why := g.mismatch(c, heat); {
	case why != "":
		return fmt.Sprintf("%v (%s)", c, why)
	case g.hopeless(c, heat+1):
		return fmt.Sprintf("%v (meets the objectives at no rate)", c)
	case g.breaks(c, heat):
		return fmt.Sprintf("%v (breaks a limit)", c)
	}
	return fmt.Sprintf("%v (%s)", c, g.surface(heat).behind(c, leader))
}

// field returns the cells of a heat: of those in the heat before, the ones that
// may still be better than the leader by the target, and no more than the heat
// holds. It rests on the heats before only, but that the first one takes
// others in the place of cells that turn out to be infeasible.
func (g *grid) field(heat int, in []scenarios.Planned) (out []scenarios.Planned) {
	var cells []scenarios.Cell
	for _, c := range in {
		if g.mismatch(c.Cell, heat) == "" && !g.hopeless(c.Cell, heat+1) && g.fits(c.Cell, heat) {
			cells = append(cells, c.Cell)
		}
	}
	s := g.surface(heat)
	ranking := s.sorted(cells)
	for _, c := range ranking {
		by, se := s.ahead(c, ranking[0])
		if c != ranking[0] && by+dropSigma*se < g.target() {
			continue
		}
		if len(out) < max(g.plan.Race.Entrants-g.plan.Race.Narrowing*(heat-1), g.plan.Finalists) {
			out = append(out, g.planned(c))
		}
	}
	return out
}

// hopeless says whether a start below end found that a cell meets the
// objectives at no rate.
func (g *grid) hopeless(c scenarios.Cell, end int) bool {
	for _, start := range g.starts(c, 0, end) {
		if p := g.visits[visitKey{c, start}].last(rundir.Probe); p != nil && p.Verdict.Kind == Failed {
			return true
		}
	}
	return false
}

// probed says whether a start below end probed a cell.
func (g *grid) probed(c scenarios.Cell, end int) bool {
	return slices.ContainsFunc(g.starts(c, 0, end), func(start int) bool {
		return g.visits[visitKey{c, start}].last(rundir.Probe) != nil
	})
}

func (g *grid) planned(c scenarios.Cell) scenarios.Planned {
	return g.cells[slices.IndexFunc(g.cells, func(p scenarios.Planned) bool { return p.Cell == c })]
}

// target is the regret that the search is content with, as a logarithm.
func (g *grid) target() float64 { return -math.Log(1 - float64(g.scenario.Search.Regret)) }

// warmth is the load before the first trial of a visit. A glance and a heat
// take less: what they lose to the warm-up they all lose.
func (g *grid) warmth(v *visit) time.Duration {
	if !g.adaptive || v.start >= finalStart {
		return g.plan.Warmup
	}
	return min(g.plan.Warmup, g.burstLength(v, "")/2)
}

// burstLength is how long the burst of a visit with a class, or with the whole
// mix, is. A long one tells more of a cell for its time than a walk does, and
// more than several short ones, whose first requests all leave at once.
func (g *grid) burstLength(v *visit, class string) time.Duration {
	switch {
	case g.adaptive && v.start == 0:
		return g.plan.Glance
	case g.adaptive && v.start < finalStart:
		return g.plan.Heat
	case class == "" && g.plan.Prolonged > 1 && !g.beaten(v):
		return time.Duration(g.plan.Prolonged) * g.plan.Burst
	}
	return g.plan.Burst
}

// contenders returns the cells of a final round: all finalists in the first
// ones, and then the recommended one and those that may still be better by the
// target, the likeliest first, as many as the budget does for. It rests on the
// rounds before only.
func (g *grid) contenders(finalists []scenarios.Planned, round int) []scenarios.Planned {
	if round < g.scenario.Search.Finals {
		return finalists
	}
	end := g.known(round)
	s := g.standing(end)
	if s.winner == nil {
		return nil
	}
	out := []scenarios.Planned{s.winner.Planned}
	for _, c := range finalists {
		if s.better[c.Cell] > contending {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out[1:], func(a, b scenarios.Planned) int { return cmp.Compare(s.better[b.Cell], s.better[a.Cell]) })
	most := int((g.plan.Budget - g.spentBefore(finalStart+round)) / g.finalCost(end))
	if min(len(out), most) < 2 {
		return nil // one cell alone says nothing of another
	}
	return out[:min(len(out), most)]
}

// spentBefore adds up what the starts below end took from the budget, and are
// still expected to take at other sites.
func (g *grid) spentBefore(end int) (spent time.Duration) {
	for key, v := range g.visits {
		if key.start < end {
			spent += cost(v.trials) + g.taken[v.unit()]
		}
	}
	return spent
}

// beaten says whether the starts before a final visit leave no doubt that
// another cell is better, so that how much better need not be known exactly.
func (g *grid) beaten(v *visit) bool {
	if !g.adaptive || v.start < finalStart {
		return false
	}
	s := g.surface(g.known(v.start - finalStart))
	var cells []scenarios.Cell
	for _, c := range g.finalists() {
		cells = append(cells, c.Cell)
	}
	ranking := s.sorted(cells)
	if len(ranking) == 0 {
		return false
	}
	by, sd := s.ahead(v.cell, ranking[0])
	return by+3*sd < 0
}

// A walk on a cell that is beaten.
const (
	beatenTries      = 3
	beatenResolution = 0.05
)

// contending is the probability of being better than the recommended cell by
// the target from which a cell has a place in further final rounds.
const contending = 0.005

// pick returns the cell that final starts below end recommend; nil for none.
func (g *grid) pick(end int) *Cell {
	var candidates []*Cell
	for _, p := range g.cells {
		c := g.until(p, end)
		if c.Final != nil && g.mismatch(p.Cell, end) == "" && g.struck(c, end) == "" {
			candidates = append(candidates, c)
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	return g.choose(candidates, end)[0]
}

// until sums up what starts below end tell of a cell: what it sustains and what
// it takes.
func (g *grid) until(p scenarios.Planned, end int) *Cell {
	c := &Cell{Planned: p, Final: amount(g.estimates(p.Cell, finalStart, end))}
	for _, t := range g.trialsOf(p.Cell, end) {
		c.count(t)
	}
	return c
}

// dropped tells of every cell that was not in the finals at which point it
// dropped out, and why.
func (g *grid) dropped() map[scenarios.Cell]string {
	if !g.adaptive {
		return nil
	}
	out := map[scenarios.Cell]string{}
	f, worth := g.forecast(), g.worthSeeing()
	for _, c := range g.cells {
		if len(g.starts(c.Cell, 0, finalStart)) == 0 && !worth(c) {
			out[c.Cell] = fmt.Sprintf("not looked at: a forecast of %.0f requests/s", f.guess(c.Cell))
		}
	}
	field := g.cells
	for heat := 1; heat <= heats; heat++ {
		next := g.field(heat, field)
		if len(next) == 0 {
			break
		}
		s := g.surface(heat)
		for _, c := range field {
			if _, seen := g.effects(heat).log[c.Cell]; seen && !g.hopeless(c.Cell, heat+1) && !among(next, c.Cell) {
				out[c.Cell] = fmt.Sprintf("before heat %d: %s", heat, s.behind(c.Cell, next[0].Cell))
			}
		}
		field = next
		if !slices.ContainsFunc(field, func(c scenarios.Planned) bool { return len(g.starts(c.Cell, heat, heat+1)) > 0 }) {
			break
		}
	}
	s, finalists := g.surface(finalStart), g.finalists()
	for _, c := range field {
		if len(finalists) > 0 && !among(finalists, c.Cell) && !g.hopeless(c.Cell, finalStart) {
			out[c.Cell] = "not among the finalists: " + s.behind(c.Cell, finalists[0].Cell)
		}
	}
	return out
}

// behind says by how much a cell is behind the leader.
func (s *surface) behind(c, leader scenarios.Cell) string {
	if _, ok := s.index[c]; !ok {
		return fmt.Sprintf("throughput more than %.0f %% below the leader's", -100*math.Expm1(-outclassed))
	}
	by, sd := s.ahead(c, leader)
	return fmt.Sprintf("throughput %.1f ± %.1f %% below the leader's, by estimate", -100*math.Expm1(by), 100*sd)
}
