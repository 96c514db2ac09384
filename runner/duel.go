package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
)

const (
	quietWatch = time.Second      // for which the machine is watched at rest
	quietWait  = 30 * time.Second // for which a noisy one is waited for, at most
	waitShare  = 20               // of which a part of the gate's budget, at most
)

// errNoisy says that the machine had no rest to start the builds in.
var errNoisy = errors.New("the machine was not quiet")

// bringBoth makes the build of a Duel run, and beside it the other one. At a new
// start both are stopped first and started afresh, this one first, after a look
// at the machine at rest. Later steps of the start keep what runs; a build that
// has ended meanwhile is started again alone, which its trial tells by Fresh.
func (b *bench) bringBoth(ctx context.Context, t *rundir.Trial) error {
	step, mine := t.Step, b.slot
	same := b.cell == step.Cell && b.start == step.Start && b.cores == step.Cores
	if told := mine.begun; same && told != nil {
		mine.begun = nil
		if told.err != nil {
			return told.err
		}
		t.Fresh, t.StartTime = true, told.took
		return b.ready(ctx)
	}
	if same && b.live != nil {
		return b.ready(ctx)
	}
	if b.aside(step) {
		return b.replace(ctx, t)
	}
	if err := b.stopAll(); err != nil {
		return err
	}
	budget := b.Run.Manifest.Scenario.Gate.Budget.Std()
	q, err := watchQuiet(ctx, min(quietWatch, budget/waitShare), min(quietWait, budget/waitShare))
	if err != nil {
		return err
	}
	t.Quiet = &q
	if !q.Enough() {
		return fmt.Errorf("%w: for %v others used %.1f %% of it, at most %.0f %%, and %.1f %% was stolen by the hypervisor, at most %.0f %%",
			errNoisy, q.Waited.Round(time.Second), 100*q.ForeignShare, 100*rundir.MaxForeign, 100*q.StealShare, 100*rundir.MaxSteal)
	}
	if err := b.replace(ctx, t); err != nil {
		return err
	}
	defer func() { b.slot = mine }()
	for _, build := range slices.Sorted(maps.Keys(b.slots)) {
		if b.slots[build] == mine {
			continue
		}
		b.slot = b.slots[build]
		took, err := b.begin(ctx, t)
		if err != nil && !errors.Is(err, stack.ErrNotReady) {
			return err
		}
		b.cell, b.start, b.cores, b.begun = step.Cell, step.Start, step.Cores, &begun{took, err}
	}
	return nil
}

// ready waits until the running build answers, and gives one that was not seen
// to be its cell a second chance.
func (b *bench) ready(ctx context.Context) error {
	if err := b.idle(ctx); err != nil || b.proof.holds() {
		return err
	}
	return b.prove(ctx)
}

// aside tells whether another build runs that belongs to the start of the step.
func (b *bench) aside(step rundir.Step) bool {
	for _, s := range b.slots {
		if s != b.slot && s.live != nil && s.cell == step.Cell && s.start == step.Start && s.cores == step.Cores {
			return true
		}
	}
	return false
}

// watchQuiet watches the machine for a while, again and again until it is quiet
// or the patience ends, and returns the last that it saw.
func watchQuiet(ctx context.Context, each, patience time.Duration) (rundir.Quiet, error) {
	began := time.Now()
	for {
		q, err := sample.Quiet(ctx, each)
		if err != nil {
			return q, err
		}
		q.Waited = time.Since(began)
		if q.Enough() || q.Waited >= patience {
			return q, nil
		}
	}
}
