package main

import (
	"errors"
	"fmt"

	"sweetspot/runner"
	"sweetspot/runner/cgroup"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// confinable tells, before anything is started, what of a scenario's limits and
// numbers of cores this machine cannot enforce; permitted says why it lets no
// control group be made. Limits are left out then, which the note tells; what
// else could not be measured at all is an error.
func confinable(s *scenarios.Scenario, cpus rundir.CPUs, permitted func(cgroup.Limits) error) (note string, err error) {
	if n := s.Limits.CPU; n > float64(len(cpus.App)) {
		err = fmt.Errorf("limits.cpu: the application cannot use %g cores on its CPUs %v; lower it, name more in cpus.app, or measure on a larger machine", n, cpus.App)
	}
	refused := error(nil)
	for i, n := range s.Search.Cores {
		_, l, e := runner.Confinement(s.Limits, cpus.App, n)
		switch {
		case e != nil:
			err = errors.Join(err, fmt.Errorf("search.cores[%d]: %w; leave them out, name more in cpus.app, or measure on a larger machine", i, e))
		case l.CPU > 0 && refused == nil:
			if refused = permitted(l); refused != nil {
				err = errors.Join(err, fmt.Errorf("search.cores[%d]: %g cores take a CPU quota: %w; or measure on whole cores only", i, n, refused))
			}
		}
	}
	if err != nil {
		return "", err
	}
	if _, l, _ := runner.Confinement(s.Limits, cpus.App, 0); l != (cgroup.Limits{}) {
		if why := permitted(l); why != nil {
			note = fmt.Sprintf("the limits will not be enforced: %v", why)
		}
	}
	return note, nil
}
