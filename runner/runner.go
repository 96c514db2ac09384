// Package runner is the loop: next step, start the stack, warm up, attack
// while sampling, commit.
package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// ErrInterrupted is returned when the context was done before the search was.
// Every committed trial is on disk, and the run can be resumed.
var ErrInterrupted = errors.New("interrupted")

// Config is what a run needs.
type Config struct {
	Run      *rundir.Run
	App      *stack.App
	Strategy rundir.Strategy
	Observe  func(Event) // told of every step; nil: nobody is
}

// Event tells of one step: Trial is nil when it begins.
type Event struct {
	Step  rundir.Step
	Trial *rundir.Trial
}

// Run measures until the strategy has no next step. A cell that does not start
// or dies is a failed trial and the search goes on; an error means that nothing
// more can be measured, such as a full disk.
func Run(ctx context.Context, c Config) (err error) {
	if c.Observe == nil {
		c.Observe = func(Event) {}
	}
	mix, err := scenarios.NewMix(c.Run.Manifest.Scenario.Traffic, c.Run.Manifest.Seed)
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	b := &bench{Config: c, mix: mix, mark: time.Now()}
	defer func() { err = errors.Join(err, b.stop()) }()
	for {
		step, ok := c.Strategy(c.Run.Trials())
		if !ok {
			return nil
		}
		if ctx.Err() != nil {
			return ErrInterrupted
		}
		c.Observe(Event{Step: step})
		t, err := b.trial(ctx, step)
		if err != nil {
			return remedy(err, c.Run.Dir)
		}
		c.Observe(Event{Step: step, Trial: t})
	}
}

// remedy says what to do about a machine that has run out of something.
func remedy(err error, dir string) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w\nthe disk is full: free some space and go on with --resume %s", err, dir)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("%w\nno file descriptors are left: raise the limit with ulimit -n and go on with --resume %s", err, dir)
	}
	return err
}

// bench holds the running stack between the trials that share it.
type bench struct {
	Config
	mix   *scenarios.Mix
	live  *stack.Stack
	cell  scenarios.Cell
	start int
	mark  time.Time // up to here the wall time is in the cost of some trial
}

// trial makes one trial and commits it.
func (b *bench) trial(ctx context.Context, step rundir.Step) (_ *rundir.Trial, err error) {
	p, err := b.Run.Begin()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Discard()) }()

	t := rundir.Trial{ID: p.ID, Step: step, Began: time.Now()}
	histograms, err := b.measure(ctx, p, &t)
	if ctx.Err() != nil {
		return nil, ErrInterrupted
	}
	if err != nil {
		return nil, err
	}
	if err := b.keep(p); err != nil {
		return nil, err
	}
	if t.Failure != "" {
		if err := b.stop(); err != nil {
			return nil, err
		}
	}
	t.Cost, b.mark = time.Since(b.mark), time.Now()
	if err := p.Commit(t, histograms); err != nil {
		return nil, err
	}
	return &t, nil
}

// measure brings the stack up, if it is not, and attacks it. What the subject
// does wrong ends up in the trial; an error is the machine's.
func (b *bench) measure(ctx context.Context, p *rundir.Pending, t *rundir.Trial) (map[string]rundir.Histograms, error) {
	switch err := b.bring(ctx, t); {
	case errors.Is(err, stack.ErrNotReady):
		t.Failure = err.Error()
		return nil, b.keepStart(p)
	case err != nil:
		return nil, err
	}
	return b.attack(ctx, p, t)
}

// bring makes the cell of a step run: it keeps the stack that runs if the step
// belongs to the same start, else replaces it.
func (b *bench) bring(ctx context.Context, t *rundir.Trial) error {
	step := t.Step
	if b.live != nil && b.cell == step.Cell && b.start == step.Start {
		return b.idle(ctx)
	}
	if err := b.stop(); err != nil {
		return err
	}
	dir := b.liveDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	m := b.Run.Manifest
	began := time.Now()
	live, err := stack.Start(ctx, stack.Config{
		App: b.App, Cell: step.Cell, Dir: dir,
		RunID: m.RunID, TrialID: fmt.Sprintf("%s-%d", m.RunID, t.ID),
		AppCPUs: m.CPUs.App, ProxyCPUs: m.CPUs.Proxy,
	})
	if err != nil {
		return err
	}
	b.live, b.cell, b.start = live, step.Cell, step.Start
	t.Fresh, t.StartTime = true, time.Since(began)
	return nil
}

// liveDir is where the running stack lives; it is gone when the run ends.
func (b *bench) liveDir() string { return b.Run.Path("live") }

// stop ends the running stack and removes its folder.
func (b *bench) stop() error {
	var err error
	if b.live != nil {
		err = b.live.Stop()
		b.live = nil
	}
	return errors.Join(err, os.RemoveAll(b.liveDir()))
}
