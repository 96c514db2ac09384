package analysis

import (
	"maps"

	"sweetspot/runner/rundir"
)

// conclusions are what was concluded from the starts below a number, by that number.
type conclusions struct {
	settling map[int]*standing
	fitted   map[int]effects
	surfaces map[int]*surface
}

func newConclusions() conclusions {
	return conclusions{settling: map[int]*standing{}, fitted: map[int]effects{}, surfaces: map[int]*surface{}}
}

// recollection carries the conclusions of a search from one step to the next, so
// that a step does not conclude again what the last trial has not changed. It
// only saves time: without it, each step is the same.
type recollection struct {
	trials []rundir.Trial // that they are of
	conclusions
}

// of returns what is remembered of a search whose trials are done, where they
// go on from those remembered; else nothing.
func (r *recollection) of(done []rundir.Trial) conclusions {
	if known := len(r.trials); known == 0 || known > len(done) || r.trials[known-1].ID != done[known-1].ID || r.trials[0].ID != done[0].ID {
		r.conclusions, r.trials = newConclusions(), nil
	}
	for _, t := range done[len(r.trials):] {
		r.forget(t.Step)
	}
	r.trials = done
	return r.conclusions
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
