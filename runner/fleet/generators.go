package fleet

import (
	"slices"

	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/scenarios"
)

// divide gives every part its CPUs: the scenario's, or what suits the machine.
// Generators on hosts of their own take none of it.
func divide(c scenarios.CPUSets, allowed []int, apart bool) (rundir.CPUs, error) {
	if !apart {
		return sample.Choose(c, allowed)
	}
	c.Generator = ""
	sets, err := sample.Choose(c, allowed)
	if c.Proxy == "" {
		sets.Proxy = slices.Clone(allowed)
	}
	if c.App == "" {
		sets.App = slices.Clone(allowed)
	}
	sets.Generator, sets.Shared = nil, false
	return sets, err
}
