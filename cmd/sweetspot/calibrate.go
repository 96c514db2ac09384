package main

import (
	"context"
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

// calibrateRun calibrates before the first trial of a run.
func calibrateRun(ctx context.Context, run *rundir.Run, p *progress) error {
	m := run.Manifest
	if m.Calibration != nil || len(run.Trials()) > 0 {
		return nil
	}
	p.show("calibrating the generator", m.Scenario.Search.Budget.Std())
	c, note := calibrate.ForRun(ctx, m, run.Path("calibration"))
	if ctx.Err() != nil {
		return runner.ErrInterrupted
	}
	if note != "" {
		p.note("%s", note)
	}
	return run.Calibrated(c, note)
}

// calibrateHere calibrates as a run on all CPUs of this machine would.
func calibrateHere(ctx context.Context, progress io.Writer) ([]sample.Check, error) {
	const pairs = 6
	fmt.Fprintf(progress, "calibrating the generator, about %.0f s left\n", calibrate.Duration(pairs).Seconds())
	allowed, err := sample.Allowed()
	if err != nil {
		return nil, err
	}
	runID := newRunID()
	release, err := process.Watch(runID)
	if err != nil {
		return nil, err
	}
	defer release()
	cpus := sample.AutoCPUs(allowed)
	if err := favourSelf(cpus); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sweetspot-calibrate-") // last: InFolder removes it
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	c, err := calibrate.InFolder(ctx, calibrate.Config{CPUs: cpus.App, Procs: cpus.Procs(), Dir: dir, RunID: runID, Pairs: pairs})
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
