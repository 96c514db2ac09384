package analysis

import (
	"cmp"
	"math"
	"slices"

	"github.com/montanaflynn/stats"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// finalists returns the cells to measure again on fresh starts: of those that
// fit in the memory the leaders, and what the scenario compares or else the
// leader's twins behind the other proxies; and of every folklore setting the
// better proxy. Only trials before the finals choose them, once.
func (g *grid) finalists() []scenarios.Planned {
	if g.chosen == nil {
		g.chosen = g.chooseFinalists()
	}
	return g.chosen
}

func (g *grid) chooseFinalists() []scenarios.Planned {
	ranked := g.ranked()
	var out []scenarios.Planned
	add := func(c scenarios.Planned) {
		if !among(out, c.Cell) {
			out = append(out, c)
		}
	}
	fitting := slices.DeleteFunc(slices.Clone(ranked), func(c scenarios.Planned) bool { return !g.fits(c.Cell, finalStart) })
	for i, c := range fitting {
		if i < g.plan.Finalists {
			add(c)
		}
	}
	for _, setting := range []string{scenarios.FolkloreTwice, scenarios.FolkloreCores} {
		for _, c := range ranked {
			if slices.Contains(c.Folklore, setting) {
				add(c)
				break
			}
		}
	}
	for _, c := range g.contestants(fitting) {
		add(c)
	}
	return out
}

// among says whether a cell is one of those.
func among(cells []scenarios.Planned, c scenarios.Cell) bool {
	return slices.ContainsFunc(cells, func(p scenarios.Planned) bool { return p.Cell == c })
}

// twins says whether two cells differ in the proxy only.
func twins(a, b scenarios.Cell) bool {
	a.Proxy = b.Proxy
	return a == b
}

// ranked returns the cells that can hold some load and ran as what they are,
// best first: by what exploring found, and, where no walk was made, after those
// by saturation throughput.
func (g *grid) ranked() []scenarios.Planned {
	type ranking struct {
		cell   scenarios.Planned
		found  float64
		bursts float64
	}
	var all []ranking
	bursts := g.bursted()
	for _, c := range g.cells {
		if g.mismatch(c.Cell, finalStart) != "" {
			continue
		}
		found, _ := stats.Mean(g.estimates(c.Cell, 0, finalStart))
		r := ranking{cell: c, found: found, bursts: bursts(c.Cell)}
		if !(found > 0) {
			r.found = 0
			if r.bursts == 0 || g.walked(c.Cell) {
				continue
			}
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b ranking) int {
		if a.found != b.found {
			return cmp.Compare(b.found, a.found)
		}
		return cmp.Compare(b.bursts, a.bursts)
	})
	out := make([]scenarios.Planned, len(all))
	for i, r := range all {
		out[i] = r.cell
	}
	return out
}

// bursted returns a function that tells the saturation throughput of a cell
// before the finals; 0 unknown.
func (g *grid) bursted() func(scenarios.Cell) float64 {
	if !g.adaptive {
		return func(c scenarios.Cell) float64 { return g.meanBurst(c, finalStart) }
	}
	e, s := g.effects(finalStart), g.surface(finalStart)
	return func(c scenarios.Cell) float64 {
		if i, leads := s.index[c]; leads {
			return math.Exp(s.mean[i])
		}
		if log, seen := e.log[c]; seen {
			return math.Exp(log - s.best)
		}
		return 0
	}
}

// walked says whether exploring told more of a cell than that it holds a tenth
// of its throughput.
func (g *grid) walked(c scenarios.Cell) bool {
	for _, start := range g.starts(c, 0, finalStart) {
		for _, t := range g.visits[visitKey{c, start}].trials {
			if openLoop(t) && (t.Step.Phase != rundir.Probe || t.Verdict.Kind == Failed) {
				return true
			}
		}
	}
	return false
}
