package calibrate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"sweetspot/runner/rundir"
)

const (
	runPairs    = 4               // of attacks with and without observing, in the calibration of a run
	leastBudget = 3 * time.Minute // of a run that calibrates more than the ceiling
)

// ForRun calibrates before the first trial of a run, as far as it takes a few
// per cent of the budget, which is of everything. A run goes on without: then
// the calibration is nil. The note is what its reader must know; empty: nothing.
func ForRun(ctx context.Context, m rundir.Manifest, dir string) (c *rundir.Calibration, note string) {
	budget := m.Scenario.Search.Budget.Std()
	c, err := InFolder(ctx, Config{
		CPUs: m.CPUs.App, Procs: m.CPUs.Procs(), Dir: dir, RunID: m.RunID,
		Brief: budget < leastBudget, Pairs: runPairs,
	})
	switch {
	case err != nil:
		return nil, err.Error()
	case budget < leastBudget:
		note = fmt.Sprintf("of the generator only the ceiling was calibrated: its lag and the cost of observing take a budget of %v, or sweetspot doctor --calibrate", leastBudget)
	}
	return c, note
}

// InFolder is Run in a folder that it makes and removes.
func InFolder(ctx context.Context, c Config) (_ *rundir.Calibration, err error) {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.Dir)) }()
	return Run(ctx, c)
}
