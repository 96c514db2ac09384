package runner

import (
	"errors"
	"fmt"
	"math"

	"sweetspot/runner/cgroup"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// Confinement is what holds the application of a trial on so many cores; on 0
// it is the scenario's limits alone. Cores take CPUs from the application's,
// and a quota where they are not whole.
func Confinement(l scenarios.Limits, cpus []int, cores float64) ([]int, cgroup.Limits, error) {
	limits := cgroup.Limits{CPU: l.CPU, Memory: int64(l.Memory)}
	if cores == 0 {
		return cpus, limits, nil
	}
	n := int(math.Ceil(cores))
	if n > len(cpus) {
		return nil, cgroup.Limits{}, fmt.Errorf("%g cores are more than the application's CPUs %v", cores, cpus)
	}
	limits.CPU = 0
	if cores < float64(n) {
		limits.CPU = cores
	}
	return cpus[:n], limits, nil
}

// confine fills in what holds the application in a step.
func (b *bench) confine(c *stack.Config, step rundir.Step) (err error) {
	m := &b.Run.Manifest
	c.OtherCPUs = m.CPUs.App
	c.AppCPUs, c.Limits, err = Confinement(m.Scenario.Limits, m.CPUs.App, step.Cores)
	c.MustLimit = step.Cores > 0 && c.Limits.CPU > 0
	return err
}

// sampling says how to sample the running stack.
func (b *bench) sampling() sample.Options {
	m := &b.Run.Manifest
	o := sample.Options{AppCPUs: b.appCPUs, OwnCPUs: ownCPUs(m.CPUs, b.cell), Server: b.live.Address}
	if m.Gate != nil {
		o.PaceOf = b.appCPUs
	}
	if g := b.live.Control(); g != nil {
		o.Control, o.Quota = g.Directories(), g.CPU
	}
	return o
}

// unready is a failure of the cell; what killed it for memory is said before
// what that came to.
func (b *bench) unready(err error) string {
	if b.live != nil && errors.Is(err, stack.ErrNotReady) {
		err = b.live.Blame(err)
	}
	return err.Error()
}
