package analysis

import (
	"cmp"
	"slices"

	"github.com/montanaflynn/stats"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// States of a cell while a search goes on.
const (
	Crashed    = "does not start"
	Mismatched = "not what runs"
	Infeasible = "infeasible" // it meets the objectives at no rate
	AllVoid    = "void"       // none of its trials counts
	Waiting    = "waiting"    // it was not measured yet
	Burst      = "burst"      // only its throughput was measured
	RateFound  = "rate found"
	InFinals   = "finals"
)

// Standing is where a cell stands while a search goes on. What it says rests on
// the trials so far and no interval: it is for who waits, and backs no claim.
type Standing struct {
	Cell       scenarios.Cell
	State      string
	Sustained  float64 // requests/s, the mean over its final starts if there are any, else over those before; 0: none was found
	Throughput float64 // mean goodput of its closed-loop bursts, requests/s; 0: none counts
	Starts     int     // on which trials were made
}

// Standings returns what tells where the cells stand that a search looks at,
// after the trials done: the best first, by the sustained rate, those in the
// finals before the others, then by the throughput. Cells that are equal keep
// their order in the matrix.
func Standings(s *scenarios.Scenario, cells []scenarios.Planned) func(done []rundir.Trial) []Standing {
	cells = measurable(s.Limits, cells)
	r := recollection{scenario: s}
	return func(done []rundir.Trial) (out []Standing) {
		judged, conclusions := r.of(done)
		g := gridOf(s, cells, judged)
		g.conclusions = conclusions
		for _, p := range cells {
			out = append(out, g.stands(p.Cell))
		}
		slices.SortStableFunc(out, func(a, b Standing) int {
			return cmp.Or(
				-cmp.Compare(a.rank(), b.rank()),
				-cmp.Compare(a.Sustained, b.Sustained),
				-cmp.Compare(a.Throughput, b.Throughput),
			)
		})
		return out
	}
}

// rank orders the states.
func (s Standing) rank() int {
	return slices.Index([]string{Crashed, Mismatched, Infeasible, AllVoid, Waiting, Burst, RateFound, InFinals}, s.State)
}

// stands says where a cell stands.
func (g *grid) stands(c scenarios.Cell) Standing {
	final, explored := g.estimates(c, finalStart, g.lastStart()), g.estimates(c, 0, finalStart)
	out := Standing{Cell: c, Starts: len(g.starts(c, 0, g.lastStart())), Throughput: g.meanBurst(c, g.lastStart())}
	sustained := final
	if len(final) == 0 {
		sustained = explored
	}
	if len(sustained) > 0 {
		out.Sustained, _ = stats.Mean(sustained)
	}
	switch {
	case g.mismatch(c, g.lastStart()) != "":
		out.State = Mismatched
	case g.infeasible(&Cell{Planned: scenarios.Planned{Cell: c}, Explored: amount(sustained)}) != "":
		out.State = Infeasible
	case len(g.starts(c, finalStart, g.lastStart())) > 0:
		out.State = InFinals
	case out.Sustained > 0:
		out.State = RateFound
	case out.Throughput > 0:
		out.State = Burst
	case g.crashes(c) > 0:
		out.State = Crashed
	case out.Starts > 0:
		out.State = AllVoid
	default:
		out.State = Waiting
	}
	return out
}
