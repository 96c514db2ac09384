package analysis

import (
	"maps"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// conclusions are what was concluded from the starts below a number, by that number.
type conclusions struct {
	settling map[int]*standing
	fitted   map[int]fit
	surfaces map[int]*surface
}

func newConclusions() conclusions {
	return conclusions{settling: map[int]*standing{}, fitted: map[int]fit{}, surfaces: map[int]*surface{}}
}

// recollection carries judgements and conclusions of a search from one step to
// the next, so that a step does not come to them again where the last trial has
// not changed them. It only saves time: without it, each step is the same.
type recollection struct {
	scenario *scenarios.Scenario
	judged   []Judged
	conclusions
}

// of returns the trials done, judged, and what is remembered of them, where they
// go on from those remembered; else nothing.
func (r *recollection) of(done []rundir.Trial) ([]Judged, conclusions) {
	known := len(r.judged)
	if known == 0 || known > len(done) || r.judged[known-1].ID != done[known-1].ID || r.judged[0].ID != done[0].ID {
		r.judged, r.conclusions, known = nil, newConclusions(), 0
	}
	for _, t := range done[known:] {
		r.forget(t.Step)
	}
	r.judged = append(r.judged, JudgeAll(r.scenario, done[known:], nil)...)
	return r.judged, r.conclusions
}

// forget drops what rests on the start of a step: whatever ends above it, and
// of a probe what ends at it, for a heat takes others in the place of cells
// that it finds to be infeasible.
func (r *recollection) forget(step rundir.Step) {
	end := step.Start
	if step.Phase != rundir.Probe {
		end++
	}
	forget(r.settling, end)
	forget(r.fitted, end)
	forget(r.surfaces, end)
}

func forget[V any](m map[int]V, from int) {
	maps.DeleteFunc(m, func(end int, _ V) bool { return end >= from })
}
