package analysis

import (
	"cmp"
	"slices"
	"strconv"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// contestValue returns what a cell is in the dimension that a scenario
// compares; "" when it compares none, or one that has no values of its own.
func contestValue(s *scenarios.Scenario, p scenarios.Planned) string {
	switch s.Search.Compare {
	case scenarios.CompareProxy, scenarios.CompareClass:
		return p.Cell.Proxy
	case scenarios.CompareServer:
		return p.Cell.Server
	case scenarios.CompareInterface:
		return p.Interface
	case scenarios.CompareInstances:
		return strconv.Itoa(p.Cell.Servers())
	}
	return ""
}

// contestValues returns the values of the dimension that the scenario
// compares, in the order of the matrix.
func contestValues(s *scenarios.Scenario, cells []scenarios.Planned) (values []string) {
	for _, p := range cells {
		if v := contestValue(s, p); v != "" && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// byProxy says whether the finals hold the leader behind every proxy, rather
// than the best cell of every value.
func (g *grid) byProxy() bool {
	return slices.Contains([]string{"", scenarios.CompareProxy, scenarios.CompareClass, scenarios.CompareFolklore}, g.scenario.Search.Compare)
}

// contestants returns the cells that the finals need for what the scenario
// compares: for every value the best of the ranked cells, or, where proxies
// are compared, the leader behind each of them. Without a comparison they are
// the leader's twins.
func (g *grid) contestants(ranked []scenarios.Planned) (out []scenarios.Planned) {
	seen := map[string]bool{}
	for _, c := range ranked {
		v := contestValue(g.scenario, c)
		switch {
		case g.byProxy() && twins(c.Cell, ranked[0].Cell):
			out = append(out, c)
		case !g.byProxy() && v != "" && !seen[v]:
			seen[v] = true
			out = append(out, c)
		}
	}
	return out
}

// contest sets the best cell of every value against the reference. It is nil
// when the scenario compares nothing or fewer than two values have a cell that
// sustains a load.
func (g *grid) contest(res *Result) *Contest {
	dimension := g.scenario.Search.Compare
	if dimension == "" || dimension == scenarios.CompareFolklore {
		return nil
	}
	c := &Contest{Dimension: dimension, Entries: g.entries(res)}
	if len(c.Entries) < 2 {
		return nil
	}
	c.Absent = absent(g.scenario, res.Cells, c.Entries)
	slices.SortStableFunc(c.Entries, func(a, b Entry) int {
		switch {
		case better(a.Cell, b.Cell):
			return -1
		case better(b.Cell, a.Cell):
			return 1
		}
		return 0
	})
	ref := &c.Entries[c.reference()]
	ref.Reference = true
	for i := range c.Entries {
		if e := &c.Entries[i]; !e.Reference {
			g.against(e, ref)
		}
	}
	return c
}

// entries returns an entry for every value that has one: of the finalists, or
// of the leader's twins where proxies are compared, the one that sustains the
// most.
func (g *grid) entries(res *Result) (out []Entry) {
	from := g.finalists()
	if g.byProxy() {
		from = g.contestants(g.ranked())
	}
	for _, p := range from {
		c := res.Cells[slices.IndexFunc(res.Cells, func(c *Cell) bool { return c.Cell == p.Cell })]
		v := contestValue(g.scenario, p)
		i := slices.IndexFunc(out, func(e Entry) bool { return e.Value == v })
		switch {
		case v == "" || c.Sustainable() == nil || c.Mismatch != "":
		case i < 0:
			out = append(out, Entry{Value: v, Cell: c})
		case better(c, out[i].Cell):
			out[i].Cell = c
		}
	}
	return out
}

// absent says of every value without an entry why it has none. A cell that was
// tried tells more than one that does not apply.
func absent(s *scenarios.Scenario, cells []*Cell, entries []Entry) (out []Absent) {
	cells = slices.Clone(cells)
	slices.SortStableFunc(cells, func(a, b *Cell) int { return cmp.Compare(min(1, len(a.NotApplicable)), min(1, len(b.NotApplicable))) })
	for _, c := range cells {
		v := contestValue(s, c.Planned)
		known := v == "" || slices.ContainsFunc(entries, func(e Entry) bool { return e.Value == v })
		i := slices.IndexFunc(out, func(a Absent) bool { return a.Value == v })
		switch {
		case known:
		case i < 0:
			out = append(out, Absent{Value: v, Why: c.whyNot()})
		case out[i].Why == "":
			out[i].Why = c.whyNot()
		}
	}
	return out
}

// whyNot says why a cell cannot be compared; empty when nobody knows.
func (c *Cell) whyNot() string {
	return cmp.Or(c.NotApplicable, c.Mismatch, c.Infeasible, c.Failure)
}

// reference is the number of the entry that the others are set against: no
// proxy, WSGI, one instance; among servers the best.
func (c *Contest) reference() int {
	plain := map[string]string{
		scenarios.CompareProxy: scenarios.Direct, scenarios.CompareClass: scenarios.Direct,
		scenarios.CompareInterface: scenarios.WSGI, scenarios.CompareInstances: "1",
	}[c.Dimension]
	return max(0, slices.IndexFunc(c.Entries, func(e Entry) bool { return e.Value == plain }))
}

// against sets an entry against the reference, by pairs of final rounds.
func (g *grid) against(e, ref *Entry) {
	a, b := g.pairs(e.Cell.Cell, ref.Cell.Cell, g.lastStart())
	e.Ratio = RatioFigure(a, b)
	e.Classes, e.CPU, e.Latency = map[string]*Figure{}, map[string]*Figure{}, map[string]*Figure{}
	for _, class := range []string{scenarios.Static, scenarios.Dynamic} {
		x, y := g.paired(e.Cell.Cell, ref.Cell.Cell, func(v *visit, speed float64) float64 {
			if t := v.lastOf(rundir.Saturation, class); t != nil {
				return t.Load.Goodput / speed
			}
			return 0
		})
		// Of two lower bounds there is no ratio.
		if f := RatioFigure(x, y); f != nil && !g.bound(ref.Cell.Cell, class) {
			f.AtLeast = g.bound(e.Cell.Cell, class)
			e.Classes[class] = f
		}
		x, y = g.paired(e.Cell.Cell, ref.Cell.Cell, func(v *visit, speed float64) float64 {
			return cpuPerRequest(v.lastOf(rundir.Saturation, class)) * speed
		})
		if f := RatioFigure(x, y); f != nil {
			e.CPU[class] = f
		}
		x, y = g.paired(e.Cell.Cell, ref.Cell.Cell, func(v *visit, speed float64) float64 {
			if t := v.curve(false); t != nil {
				return float64(t.Load.Classes[class].Response.P50) * speed
			}
			return 0
		})
		if f := RatioFigure(x, y); f != nil {
			e.Latency[class] = f
		}
	}
}

// cpuPerRequest returns the CPU time of application and proxy per good request,
// ms; 0 when it is not known.
func cpuPerRequest(t *Judged) float64 {
	if t == nil {
		return 0
	}
	good := float64(t.Load.Classes[scenarios.All].Good)
	if good == 0 {
		return 0
	}
	return 1000 * (t.Usage.App.CPUSeconds + t.Usage.Proxy.CPUSeconds) / good
}

// classCPU returns the CPU time per request of a class alone, over the final
// starts of a cell; nil when it was not measured.
func (g *grid) classCPU(c scenarios.Cell, class string) *Figure {
	var each []float64
	for _, start := range g.starts(c, finalStart, g.lastStart()) {
		if ms := cpuPerRequest(g.visits[visitKey{c, start}].lastOf(rundir.Saturation, class)); ms > 0 {
			each = append(each, ms)
		}
	}
	return amount(each)
}

// paired returns a figure of two cells from the final rounds in which both have
// one, which takes the speed of the visit's site out.
func (g *grid) paired(a, b scenarios.Cell, of func(v *visit, speed float64) float64) (x, y []float64) {
	speeds := g.speeds(g.lastStart())
	for r := range g.scenario.Search.Finals {
		va, vb := g.visit(a, finalStart+r), g.visit(b, finalStart+r)
		if fa, fb := of(va, speeds.of(va.trials)), of(vb, speeds.of(vb.trials)); fa > 0 && fb > 0 {
			x, y = append(x, fa), append(y, fb)
		}
	}
	return x, y
}
