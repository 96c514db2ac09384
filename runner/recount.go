package runner

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"sweetspot/runner/attack"
	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
)

// Recount computes from the raw results of a committed trial what its attack
// should have recorded: see attack.Recount. A replay needs what the run replays
// in its manifest. The error is fs.ErrNotExist when the trial kept none.
func Recount(run *rundir.Run, t rundir.Trial) (_ rundir.Load, _ map[string]rundir.Histograms, err error) {
	raw, err := rundir.OpenRaw(filepath.Join(run.TrialDir(t.ID), rundir.RawFile))
	if err != nil {
		return rundir.Load{}, nil, err
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	mixes, err := newMixes(run.Manifest.Scenario.Traffic, run.Manifest.Seed)
	if err != nil {
		return rundir.Load{}, nil, err
	}
	if mixes[t.Step.Class] == nil {
		return rundir.Load{}, nil, fmt.Errorf("recount trial %d: the traffic has no requests of class %q", t.ID, t.Step.Class)
	}
	recorded := attack.Result{Load: t.Load}
	if recorded.Histograms, err = run.Histograms(t.ID); err != nil {
		return rundir.Load{}, nil, err
	}
	b := &bench{Config: Config{Run: run}, mixes: mixes, slot: &slot{live: &stack.Stack{}}}
	res, err := attack.Recount(b.spec(&t, nil), recorded, raw)
	if err != nil {
		return rundir.Load{}, nil, err
	}
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return rundir.Load{}, nil, fmt.Errorf("read raw results: %w", err)
	}
	return res.Load, res.Histograms, nil
}
