package analysis

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Fleets is the table of search strategies for several sites, by the name a
// scenario uses. They are those of Strategies: the first of their visits, until
// it is complete, is what one site makes.
var Fleets = map[string]func(*scenarios.Scenario, []scenarios.Planned) rundir.Fleet{
	scenarios.Grid: func(s *scenarios.Scenario, cells []scenarios.Planned) rundir.Fleet {
		return newSearch(s, cells, scenarios.Grid).fleet()
	},
	scenarios.Adaptive: func(s *scenarios.Scenario, cells []scenarios.Planned) rundir.Fleet {
		return newSearch(s, cells, scenarios.Adaptive).fleet()
	},
}

// stage is a part of a search that rests on all that those before it found.
type stage struct {
	next func(*grid) *visit // of its visits that are not taken; nil when there is none, or none as long as others are taken
	end  int                // above the numbers of its visits
}

// search is a strategy: what it chooses rests on the trials done and on what
// other sites are at.
type search struct {
	cells  []scenarios.Planned
	stages []stage

	mu sync.Mutex // of what is remembered
	recollection
}

// newSearch is the search of a strategy, whichever one the scenario names: what
// is wanted of a visit goes by it, too.
func newSearch(s *scenarios.Scenario, cells []scenarios.Planned, strategy string) *search {
	own := *s
	own.Search.Strategy = strategy
	return &search{cells: measurable(s.Limits, cells), stages: stagesOf[strategy], recollection: recollection{scenario: &own}}
}

var stagesOf = map[string][]stage{scenarios.Grid: gridStages, scenarios.Adaptive: adaptiveStages}

func (s *search) fleet() rundir.Fleet { return rundir.Fleet{Visits: s.visits, Step: s.step} }

// grid is the state of the search after the trials done.
func (s *search) grid(done []rundir.Trial) *grid {
	judged, conclusions := s.of(done)
	g := gridOf(s.scenario, s.cells, judged)
	g.conclusions = conclusions
	return g
}

// next is the strategy of one site.
func (s *search) next(done []rundir.Trial) (rundir.Step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grid(done)
	v, ok := g.next(s.stages)
	if !ok {
		return rundir.Step{}, false
	}
	return g.stepOf(v)
}

// visits is rundir.Fleet's.
func (s *search) visits(done []rundir.Trial, busy []rundir.Visit, n int) (next []rundir.Visit, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grid(done)
	for _, v := range busy {
		g.take(v)
	}
	for len(next) < n {
		v, ok := g.next(s.stages)
		if !ok {
			return next, len(next)+len(busy) == 0
		}
		g.take(v)
		next = append(next, v)
	}
	return next, false
}

// step is rundir.Fleet's.
func (s *search) step(done []rundir.Trial, v rundir.Visit) (rundir.Step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grid(done).stepOf(v)
}

// next returns the first visit that has work left and is not taken; ok is false
// when there is none, for now or at all.
func (g *grid) next(stages []stage) (v rundir.Visit, ok bool) {
	for _, s := range stages {
		if v := s.next(g); v != nil {
			return v.unit(), true
		}
		if g.takenIn(0, s.end) {
			return v, false // the next stage rests on them
		}
	}
	return g.scaling()
}

// unit is the visit as others know it.
func (v *visit) unit() rundir.Visit { return rundir.Visit{Cell: v.cell, Start: v.start} }

// take leaves a visit that is not complete to the site that makes it. It counts
// with what it is expected to take, so that several sites keep to the budget.
func (g *grid) take(v rundir.Visit) {
	if g.made(v) {
		return
	}
	left := max(0, g.expectedCost(v)-g.spentOn(v))
	g.taken[v] = left
	g.spent += left
	clear(g.complete) // who is in a round goes by the budget, too
}

// made says whether a visit is complete.
func (g *grid) made(v rundir.Visit) bool {
	if v.Start >= scalingStart {
		return settledOn(g.onCores(v.Start-scalingStart, v.Cores))
	}
	return g.finished(g.visit(v.Cell, v.Start))
}

// expectedCost estimates the wall time of a visit.
func (g *grid) expectedCost(v rundir.Visit) time.Duration {
	switch {
	case v.Start >= scalingStart:
		return g.plan.scaling(1)
	case v.Start >= finalStart:
		return g.finalCost(g.known(v.Start - finalStart))
	}
	own := g.visit(v.Cell, v.Start)
	d := g.cost(own)
	if own.walk {
		d += g.plan.visitCost(false, g.plan.Tries) - g.plan.visitCost(false, own.tries())
	}
	return d
}

// spentOn is what the trials of a visit took so far.
func (g *grid) spentOn(v rundir.Visit) time.Duration {
	if v.Start >= scalingStart {
		return cost(g.onCores(v.Start-scalingStart, v.Cores))
	}
	return cost(g.visit(v.Cell, v.Start).trials)
}

func (g *grid) isTaken(v rundir.Visit) bool {
	_, is := g.taken[v]
	return is
}

// begun says whether a visit has trials, or some site is about to make some.
func (g *grid) begun(v *visit) bool { return len(v.trials) > 0 || g.isTaken(v.unit()) }

// free returns the first visit, of those with a number on some cells, that is
// not taken and wanted. Cells that no other site is at come first: what an
// earlier visit tells of a cell shortens the next.
func (g *grid) free(cells []scenarios.Planned, start int, wanted func(*visit) bool) (second *visit) {
	for _, c := range cells {
		v := g.visit(c.Cell, start)
		switch {
		case g.isTaken(v.unit()) || !wanted(v):
		case !g.occupied(c.Cell):
			return v
		case second == nil:
			second = v
		}
	}
	return second
}

// takenIn says whether some site is at a visit with a number in [from, to).
func (g *grid) takenIn(from, to int) bool {
	for v := range g.taken {
		if v.Start >= from && v.Start < to {
			return true
		}
	}
	return false
}

// occupied says whether some site is at a cell.
func (g *grid) occupied(c scenarios.Cell) bool {
	for v := range g.taken {
		if v.Cell == c {
			return true
		}
	}
	return false
}

// stepOf returns the next trial of a visit, with what there is to say of it; ok
// is false when the visit is complete or given up.
func (g *grid) stepOf(v rundir.Visit) (step rundir.Step, ok bool) {
	if v.Start >= scalingStart {
		return g.burstOn(v)
	}
	own := g.visit(v.Cell, v.Start)
	if step, ok = g.step(own); ok {
		step.Note, step.Left = g.label(own), g.left()
	}
	return step, ok
}

// label says where in the search a visit is.
func (g *grid) label(v *visit) string {
	switch {
	case v.start >= finalStart:
		r := v.start - finalStart
		return fmt.Sprintf("round %d of %d%s", r+1, max(r+1, g.scenario.Search.Finals), place(", cell %d of %d", g.order(r), v.cell))
	case g.adaptive && v.start == 0:
		return g.glanceLabel(v)
	case g.adaptive:
		return g.heatLabel(v)
	case v.start%2 == 0:
		return place("cell %d of %d", g.exploringOrder(v.start/2), v.cell)
	}
	i := slices.IndexFunc(g.byThroughput(), func(p scenarios.Planned) bool { return p.Cell == v.cell })
	return fmt.Sprintf("cell %d by throughput", i+1)
}

// place tells the number of a cell among others, and how many they are; empty
// for one that is none of them any more.
func place(format string, order []scenarios.Planned, c scenarios.Cell) string {
	i := slices.IndexFunc(order, func(p scenarios.Planned) bool { return p.Cell == c })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf(format, i+1, len(order))
}

func (g *grid) glanceLabel(v *visit) string {
	half, _ := g.halves()
	switch {
	case among(half, v.cell):
		return "looking at " + place("cell %d of %d", half, v.cell)
	case len(v.trials) > 0:
		return "looking at a promising cell once more"
	}
	return fmt.Sprintf("looking at the most promising of %d cells", len(g.promising()))
}

func (g *grid) heatLabel(v *visit) string {
	before, field := g.fields(v.start)
	order := g.shuffled(field, v.start)
	text := fmt.Sprintf("heat %d%s", v.start, place(", cell %d of the %d in the race", order, v.cell))
	if len(order) > 0 && order[0].Cell == v.cell {
		text += g.departures(v.start, before, field)
	}
	return text
}
