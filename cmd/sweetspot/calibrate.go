package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner"
	"sweetspot/runner/calibrate"
	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
)

const (
	runPairs    = 4               // of attacks with and without observing, in the calibration of a run
	leastBudget = 3 * time.Minute // of a run that calibrates
)

// calibrateRun fills in the calibration of a run that has the time for it: it
// is a few per cent of the budget, which is of everything. A run goes on without
// one, and says so.
func calibrateRun(ctx context.Context, m *rundir.Manifest, p *progress) error {
	budget := time.Duration(m.Scenario.Search.Budget)
	note := func(format string, args ...any) {
		m.Notes = append(m.Notes, "the generator was not calibrated: "+fmt.Sprintf(format, args...))
		p.note("%s", m.Notes[len(m.Notes)-1])
	}
	if budget < leastBudget {
		note("a budget of %v has no time for it, %v has; or run sweetspot doctor --calibrate", budget, leastBudget)
		return nil
	}
	p.show("calibrating the generator", budget)
	c, err := calibrated(ctx, m.CPUs, runPairs)
	if ctx.Err() != nil {
		return runner.ErrInterrupted
	}
	if err != nil {
		note("%v", err)
	}
	m.Calibration = c
	return nil
}

// calibrated measures the generator where a run would have it.
func calibrated(ctx context.Context, cpus rundir.CPUs, pairs int) (_ *rundir.Calibration, err error) {
	dir, err := os.MkdirTemp("", "sweetspot-calibrate-")
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	runID := newRunID()
	release, err := process.Watch(runID)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := sample.PinSelf(cpus.Generator); err != nil {
		return nil, err
	}
	if _, err := sample.PreferSelf(); err != nil {
		return nil, err
	}
	return calibrate.Run(ctx, calibrate.Config{CPUs: cpus.App, Procs: cpus.Procs(), Dir: dir, RunID: runID, Pairs: pairs})
}

// calibrateHere calibrates as a run on all CPUs of this machine would.
func calibrateHere(ctx context.Context, progress io.Writer) ([]sample.Check, error) {
	const pairs = 10
	fmt.Fprintf(progress, "calibrating the generator, about %.0f s left\n", calibrate.Duration(pairs).Seconds())
	allowed, err := sample.Allowed()
	if err != nil {
		return nil, err
	}
	c, err := calibrated(ctx, sample.AutoCPUs(allowed), pairs)
	if err != nil {
		return nil, err
	}
	return calibrationChecks(c), nil
}

// calibrationChecks says what a calibration found, for the doctor.
func calibrationChecks(c *rundir.Calibration) []sample.Check {
	checks := []sample.Check{{
		Name: "generator ceiling",
		Value: fmt.Sprintf("%.0f requests/s against a server that answers at once, %v of CPU each; a search says so before it asks for more than %.0f",
			c.Ceiling, c.CPUPerRequest.Round(100*time.Nanosecond), analysis.MaxCeiling*c.Ceiling),
	}}
	for _, l := range c.Lags {
		checks = append(checks, sample.Check{
			Name:  fmt.Sprintf("lag at %.0f %%", 100*l.Share),
			Value: fmt.Sprintf("p50 %v, p99 %v, max %v at %.0f requests/s", l.P50, l.P99, l.Max, l.Rate),
		})
	}
	if cpu, latency := analysis.Observing(c.Observing); cpu != nil && latency != nil {
		checks = append(checks, sample.Check{
			Name: "cost of observing",
			Value: fmt.Sprintf("CPU of the generator × %.2f (%.2f–%.2f), median response × %.2f (%.2f–%.2f), with sampling and raw results over without, %d pairs at %.0f requests/s",
				cpu.Value, cpu.Low, cpu.High, latency.Value, latency.Low, latency.High, len(c.Observing), c.Observing[0].Rate),
		})
	}
	return checks
}
