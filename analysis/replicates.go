package analysis

import (
	"maps"
	"slices"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Measured is one metric of a cell, a value of every start that has it. Names
// and units are those of a gate, and sustainable beside them.
type Measured struct {
	Name   string // sustainable, throughput, cpu, p50, p95, p99, errors, memory, startup
	Scope  string // class or request; empty: all traffic
	Unit   string
	Higher bool // more is better
	Values []float64
}

// storedShare is the share of the sustainable rate at which latencies are kept
// for comparison with other runs: closer to it they are noise.
const storedShare = 0.75

// Replicates returns what the starts of a cell came to: its sustainable rate on
// final starts, else on those before; goodput of closed-loop bursts; CPU time
// of application and proxy per good request; response times and errors at
// three quarters of the sustainable rate; the largest memory; and the time
// until it answers. A metric that no start has is not in the list.
func Replicates(in Input, cell scenarios.Cell) []Measured {
	g := newGrid(in.Scenario, measurable(in.Scenario.Limits, in.Cells), in.Trials)
	sustained := g.estimates(cell, finalStart, g.lastStart())
	if len(sustained) == 0 {
		sustained = g.estimates(cell, 0, finalStart)
	}
	out := []Measured{
		{Name: "sustainable", Unit: "requests/s", Higher: true, Values: sustained},
		{Name: "throughput", Unit: "requests/s", Higher: true, Values: g.saturations(cell, "", g.lastStart())},
	}
	var cpu, memory, startup []float64
	for _, start := range g.starts(cell, 0, g.lastStart()) {
		v := g.visits[visitKey{cell, start}]
		cpu, memory, startup = appendPositive(cpu, v.cpu()), appendPositive(memory, v.memory()), appendPositive(startup, v.startup())
	}
	out = append(out, Measured{Name: "cpu", Unit: "ms/request", Values: cpu}, Measured{Name: "memory", Unit: "MB", Values: memory},
		Measured{Name: "startup", Unit: "s", Values: startup})
	out = append(out, g.below(cell)...)
	return slices.DeleteFunc(out, func(m Measured) bool { return len(m.Values) == 0 })
}

func appendPositive(values []float64, v float64) []float64 {
	if v > 0 {
		return append(values, v)
	}
	return values
}

// cpu is the CPU time of application and proxy per good request in a visit's
// trials, ms; 0 where too few say.
func (v *visit) cpu() float64 {
	const enough = 50 // good requests: below, the CPU clock's ticks blur the quotient
	var seconds, good float64
	for _, t := range v.trials {
		n := float64(t.Load.Classes[scenarios.All].Good)
		if t.Step.Class == "" && t.Verdict.Kind != Void && t.Load.Aborted == "" && n >= enough {
			seconds, good = seconds+t.Usage.App.CPUSeconds+t.Usage.Proxy.CPUSeconds, good+n
		}
	}
	if good == 0 {
		return 0
	}
	return 1000 * seconds / good
}

// memory is the largest footprint of a visit, MB.
func (v *visit) memory() float64 {
	most := int64(0)
	for _, t := range v.trials {
		most = max(most, footprint(t.Usage))
	}
	return float64(most) / 1e6
}

// startup is the time from spawning to ready, s; 0 where the visit's first
// trial found the stack running.
func (v *visit) startup() float64 {
	for _, t := range v.trials {
		if t.Fresh && t.Failure == "" && t.StartTime > 0 {
			return t.StartTime.Seconds()
		}
	}
	return 0
}

// leastBeyond is how many responses must lie beyond a quantile that is claimed.
const leastBeyond = 100

var quantiles = []struct {
	name string
	of   float64
	in   func(rundir.Latency) time.Duration
}{
	{"p50", 0.5, func(l rundir.Latency) time.Duration { return l.P50 }},
	{"p95", 0.95, func(l rundir.Latency) time.Duration { return l.P95 }},
	{"p99", 0.99, func(l rundir.Latency) time.Duration { return l.P99 }},
}

// below returns response times and errors at storedShare, of all traffic, by
// class and by request.
func (g *grid) below(cell scenarios.Cell) (out []Measured) {
	found := map[[2]string]*Measured{}
	add := func(name, scope, unit string, v float64) {
		key := [2]string{name, scope}
		if found[key] == nil {
			found[key] = &Measured{Name: name, Scope: scope, Unit: unit}
		}
		found[key].Values = append(found[key].Values, v)
	}
	for _, start := range g.starts(cell, finalStart, g.lastStart()) {
		v := g.visits[visitKey{cell, start}]
		t := v.curve(false)
		if t == nil || g.curveShare(v) != storedShare {
			continue
		}
		groups := map[string]rundir.Class{}
		maps.Copy(groups, t.Load.Requests)
		maps.Copy(groups, t.Load.Classes)
		for scope, c := range groups {
			if scope == scenarios.All {
				scope = ""
			}
			for _, q := range quantiles {
				if float64(c.Response.Count)*(1-q.of) >= leastBeyond {
					add(q.name, scope, "ms", float64(q.in(c.Response))/float64(time.Millisecond))
				}
			}
			if c.Sent > 0 {
				add("errors", scope, "%", 100*float64(c.Errors())/float64(c.Sent))
			}
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(found), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		out = append(out, *found[key])
	}
	return out
}
