package analysis

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"sweetspot/scenarios"
)

// Barred names the constraint that a cell cannot keep whatever is measured of
// it, so that it is not measured at all; empty when none is known. The database
// may get a connection from every slot.
func Barred(l scenarios.Limits, c scenarios.Cell) string {
	if l.Connections == 0 || c.Slots()+l.Reserve <= l.Connections {
		return ""
	}
	return fmt.Sprintf("%d database connections for its slots and %d in reserve, limit %d", c.Slots(), l.Reserve, l.Connections)
}

// measurable returns the cells that are to be measured.
func measurable(l scenarios.Limits, cells []scenarios.Planned) (out []scenarios.Planned) {
	for _, c := range cells {
		if c.NotApplicable == "" && Barred(l, c.Cell) == "" {
			out = append(out, c)
		}
	}
	return out
}

// struck names the constraint that a cell breaks by the trials on starts below
// end; empty when it keeps all of them. Objectives are no constraints: a rate
// at which one is missed is not sustained.
func (g *grid) struck(c *Cell, end int) string {
	if c.NotApplicable != "" {
		return ""
	}
	return cmp.Or(Barred(g.scenario.Limits, c.Cell), g.overMemory(c, end), g.overCPU(c, end), g.overConnections(c, end))
}

// overMemory looks at the memory measured and at what that comes to when it
// goes on growing.
func (g *grid) overMemory(c *Cell, end int) string {
	limit := int64(g.scenario.Limits.Memory)
	if limit == 0 {
		return ""
	}
	if c.Memory > limit {
		return fmt.Sprintf("memory %s, limit %s", megabytes(c.Memory, limit), megabytes(limit, c.Memory))
	}
	if small, memory, ok := g.outsized(c.Cell, end); ok {
		return fmt.Sprintf("memory more than the %s of %d × %d, limit %s", megabytes(memory, limit), small.Processes(), small.Threads, megabytes(limit, memory))
	}
	growth := g.memoryGrowth(c, end)
	if growth == nil || c.Memory+int64(growth.Low) <= limit {
		return ""
	}
	return fmt.Sprintf("memory %s, and at least %.0f MB more in an hour at %.0f requests/s; limit %s", megabytes(c.Memory, limit), growth.Low/1e6, c.Sustainable().Value, megabytes(limit, c.Memory))
}

// megabytes writes a size beside another one: with a decimal where they would
// look the same without.
func megabytes(n, beside int64) string {
	if math.Round(float64(n)/1e6) == math.Round(float64(beside)/1e6) {
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f MB", float64(n)/1e6)
}

// outsized says whether trials on starts below end took more memory than there
// may be, of the cell itself or of one of its family that has no more workers
// and threads: it returns that one and what it took.
func (g *grid) outsized(c scenarios.Cell, end int) (small scenarios.Cell, memory int64, ok bool) {
	if g.scenario.Limits.Memory == 0 {
		return c, 0, false
	}
	for _, p := range g.cells {
		if !family(p.Cell, c) || p.Cell.Workers > c.Workers || p.Cell.Threads > c.Threads {
			continue
		}
		for _, t := range g.trialsOf(p.Cell, end) {
			if memory = footprint(t.Usage); memory > int64(g.scenario.Limits.Memory) {
				return p.Cell, memory, true
			}
		}
	}
	return c, 0, false
}

// fits says whether nothing is known by which a cell takes more memory than
// there may be.
func (g *grid) fits(c scenarios.Cell, end int) bool {
	_, _, outsized := g.outsized(c, end)
	return !outsized
}

// breaks says whether the starts below end show that a cell breaks a
// constraint, so that it can be no recommendation.
func (g *grid) breaks(c scenarios.Cell, end int) bool {
	if l := g.scenario.Limits; l.Memory == 0 && l.CPU == 0 && len(g.scenario.Services) == 0 {
		return false
	}
	return g.struck(g.until(g.planned(c), end), end) != ""
}

// overCPU looks at the CPU time that a cell takes at its sustainable rate,
// where no control group kept it from more than its quota.
func (g *grid) overCPU(c *Cell, end int) string {
	limit, rate := g.scenario.Limits.CPU, c.Sustainable()
	if limit == 0 || rate == nil {
		return ""
	}
	trials := g.trialsOf(c.Cell, end)
	if slices.ContainsFunc(trials, func(t Judged) bool { return t.Usage.Quota > 0 }) {
		return ""
	}
	spent := &Cell{Planned: c.Planned, Final: rate, speeds: g.speeds(end)}
	spent.costs(trials)
	if spent.AppCPU == nil || spent.AppCPU.Value/1000*rate.Value <= limit {
		return ""
	}
	return fmt.Sprintf("the application uses %.2f CPUs at %.0f requests/s, limit %g, to which nothing held it", spent.AppCPU.Value/1000*rate.Value, rate.Value, limit)
}

// cache is the service that is no database: its connections are not scarce.
const cache = "redis"

// overConnections looks at the connections that the databases beside the
// application had. An event loop takes as many as it likes, whatever its slots.
func (g *grid) overConnections(c *Cell, end int) string {
	l := g.scenario.Limits
	most := map[string]int{}
	limits := map[string]int{}
	for _, t := range g.trialsOf(c.Cell, end) {
		for name, use := range t.Usage.Databases {
			most[name], limits[name] = max(most[name], use.Connections), cmp.Or(l.Connections, use.Limit)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(most)) {
		if limit := limits[name]; name != cache && limit > 0 && most[name]+l.Reserve > limit {
			return fmt.Sprintf("it had %d connections to %s, with %d in reserve; limit %d", most[name], name, l.Reserve, limit)
		}
	}
	return ""
}

// trialsOf returns the trials on a cell's starts below end, in order.
func (g *grid) trialsOf(c scenarios.Cell, end int) (out []Judged) {
	for _, start := range g.starts(c, 0, end) {
		out = append(out, g.visits[visitKey{c, start}].trials...)
	}
	return out
}
