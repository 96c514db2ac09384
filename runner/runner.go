// Package runner is the loop: next step, start the stack, warm up, attack
// while sampling, commit.
package runner

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"sweetspot/runner/attack"
	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// ErrInterrupted is returned when the context was done before the search was.
// Every committed trial is on disk, and the run can be resumed.
var ErrInterrupted = errors.New("interrupted")

// ErrVoid marks an attack of others that says nothing about its cell: the trial
// is void, and the run goes on.
var ErrVoid = errors.New("the attack says nothing")

// Config is what a run needs.
type Config struct {
	Run      *rundir.Run
	App      *stack.App
	Apps     map[string]*stack.App // of a gate, by Step.Build; nil: the run has App alone
	Strategy rundir.Strategy
	Observe  func(Event) // told of every step; nil: nobody is

	// Watch is told every second of an attack what came back, by a goroutine of
	// its own; nil: nobody is. The next interval grows while it is busy, and the
	// attack does not end before it has returned.
	Watch func(rundir.Interval)

	// What a site of a fleet has beside that.
	Place  func(*rundir.Trial)                                       // fills in Placed before a trial is made; nil: the run is of one machine
	Attack func(context.Context, attack.Spec) (attack.Result, error) // by generators elsewhere, which call Spec.Begin once when they are ready; an error may be ErrVoid. nil: by this process
	Listen netip.Addr                                                // where the stack listens, an IPv4 address; zero: on loopback
}

// Event tells of one step: Trial is nil when it begins.
type Event struct {
	Step  rundir.Step
	Trial *rundir.Trial
	Site  string // of a fleet, where it is made; empty: the run is of one machine
}

// Run measures until the strategy has no next step. A cell that does not start
// or dies is a failed trial and the search goes on; an error means that nothing
// more can be measured, such as a full disk.
func Run(ctx context.Context, c Config) (err error) {
	if c.Observe == nil {
		c.Observe = func(Event) {}
	}
	b := &bench{Config: c, mark: time.Now()}
	m := &c.Run.Manifest
	if b.mixes, err = newMixes(m.Scenario.Traffic, m.Seed); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	if err := b.newSlots(); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	defer func() { err = errors.Join(err, b.stopAll()) }()
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

// newMixes returns the mix of the traffic, and that of every class alone which
// is in it.
func newMixes(t scenarios.Traffic, seed uint64) (map[string]*scenarios.Mix, error) {
	mixes := map[string]*scenarios.Mix{}
	classes := []string{""}
	for _, r := range t.Requests {
		if r.Weight > 0 {
			classes = append(classes, r.Class)
		}
	}
	for _, class := range classes {
		mix, err := scenarios.NewMix(t.Only(class), seed)
		if err != nil {
			return nil, err
		}
		mixes[class] = mix
	}
	return mixes, nil
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

// bench holds the running stacks between the trials that share them.
type bench struct {
	Config
	mixes map[string]*scenarios.Mix // by the class that alone is sent; "" for the whole mix
	slots map[string]*slot          // by build
	*slot                           // of the trial that is made

	mark time.Time // up to here the wall time is in the cost of some trial
}

// trial makes one trial and commits it.
func (b *bench) trial(ctx context.Context, step rundir.Step) (_ *rundir.Trial, err error) {
	if err := b.turnTo(step); err != nil {
		return nil, err
	}
	p, err := b.Run.Begin()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Discard()) }()

	t := rundir.Trial{ID: p.ID, Step: step, Began: time.Now()}
	if b.Place != nil {
		b.Place(&t)
	}
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
	bring := b.bring
	if t.Step.Phase == rundir.Duel {
		bring = b.bringBoth
	}
	switch err := bring(ctx, t); {
	case errors.Is(err, errNoisy):
		t.Broken = err.Error()
		return nil, nil
	case errors.Is(err, stack.ErrNotReady):
		t.Failure = b.unready(err)
		return nil, b.keepStart(p)
	case err != nil:
		return nil, err
	}
	return b.attack(ctx, p, t)
}

// bring makes the cell of a step run: it keeps the stack that runs if the step
// belongs to the same start, resizes it where the step allows and the server
// can, else replaces it.
func (b *bench) bring(ctx context.Context, t *rundir.Trial) error {
	step := t.Step
	if b.live != nil && b.cell == step.Cell && b.start == step.Start && b.cores == step.Cores {
		if err := b.idle(ctx); err != nil || b.proof.holds() {
			return err
		}
		return b.prove(ctx) // it gets a second chance
	}
	if b.live != nil && step.Hot {
		if err := b.idle(ctx); err != nil {
			return err
		}
		ok, err := b.live.Resize(ctx, step.Cell)
		if err != nil {
			return err
		}
		if ok {
			b.cell, b.start, t.Resized = step.Cell, step.Start, true
			return b.prove(ctx)
		}
	}
	return b.replace(ctx, t)
}

// replace starts the cell of a trial in the place of what runs.
func (b *bench) replace(ctx context.Context, t *rundir.Trial) (err error) {
	t.StartTime, err = b.begin(ctx, t)
	t.Fresh = b.live != nil
	return err
}

// begin starts the cell of a trial in the place of what runs, and tells how
// long that took.
func (b *bench) begin(ctx context.Context, t *rundir.Trial) (took time.Duration, err error) {
	if err := b.stop(); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(b.liveDir(), 0o755); err != nil {
		return 0, err
	}
	began, c := time.Now(), b.config(t)
	if err := b.confine(&c, t.Step); err != nil {
		return 0, err
	}
	live, err := stack.Start(ctx, c)
	if err != nil {
		return 0, err
	}
	b.live, b.cell, b.start, b.cores, b.appCPUs = live, t.Step.Cell, t.Step.Start, t.Step.Cores, c.AppCPUs
	took = time.Since(began)
	return took, b.prove(ctx)
}

// config is what to start for a trial.
func (b *bench) config(t *rundir.Trial) stack.Config {
	m := &b.Run.Manifest
	c := stack.Config{
		App: b.app, Cell: t.Step.Cell, Proxy: m.Scenario.Proxy, Dir: b.liveDir(),
		RunID: m.RunID, TrialID: fmt.Sprintf("%s-%d%s", m.RunID, number(t), b.suffix()),
		ProxyCPUs: m.CPUs.Proxy, Listen: b.Listen,
	}
	if t.Step.Hot {
		cores := len(m.CPUs.App)
		workers, _ := m.Scenario.Matrix.Workers.Expand(cores)
		c.Room = max(slices.Max(workers), 2*cores+1) // the folklore settings are measured, too
	}
	if m.Scenario.Target != "" {
		var secure bool
		_, c.Target, c.TargetHost, secure = m.Scenario.TargetAddress()
		if secure {
			c.TargetTLS = &tls.Config{ServerName: hostOnly(c.TargetHost)}
		}
	}
	return c
}

// hostOnly returns a Host header without its port.
func hostOnly(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
