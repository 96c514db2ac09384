package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"sweetspot/analysis"
	"sweetspot/runner"
	"sweetspot/runner/cgroup"
	"sweetspot/runner/fleet"
	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// A run with embedded for its hub has one of its own.
const (
	embeddedHub  = "embedded"
	embeddedSite = "here"
)

// dial joins the hub with the key.
func (f *hubFlags) dial(ctx context.Context, opts ...nats.Option) (*nats.Conn, error) {
	switch {
	case f.hub == "":
		return nil, badInputf("which hub? give --hub, or set %s", hubVariable)
	case f.key == "":
		return nil, badInputf("who asks the hub? give --key with a file of sweetspot hub issue, or set %s", keyVariable)
	}
	nc, err := hub.Dial(ctx, f.hub, f.key, opts...)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("%w: %w", runner.ErrInterrupted, err)
	}
	return nc, badInput(err)
}

// again is how the same flags are given once more.
func (f *hubFlags) again() string {
	switch f.hub {
	case "":
		return ""
	case embeddedHub:
		return " --hub " + f.hub
	}
	return fmt.Sprintf(" --hub %s --key %s", f.hub, f.key)
}

// sites is the bench that the sites of a fleet are.
type sites struct {
	nc    *nats.Conn
	say   func(format string, args ...any)
	facts wire.Facts // of the site that was surveyed
	began bool       // the run that it was surveyed for
	end   []func() error
}

// join returns the sites of the hub. An embedded one gets this machine.
func (f *hubFlags) join(ctx context.Context, stderr io.Writer) (_ *sites, err error) {
	b := &sites{say: func(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }}
	if f.hub == embeddedHub {
		err = b.embed(ctx)
	} else if b.nc, err = f.dial(ctx, telling(b.say)); err == nil {
		b.end = append(b.end, func() error { b.nc.Close(); return nil })
	}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// embed starts a hub without a port in this process, and its only site.
func (b *sites) embed(ctx context.Context) error {
	h, err := hub.Start(hub.Options{NoSync: true}) // with the process all of it is gone
	if err != nil {
		return err
	}
	b.end = append(b.end, h.Close)
	connect := func() (*nats.Conn, error) {
		nc, err := h.Connect()
		if err == nil {
			b.end = append(b.end, func() error { nc.Close(); return nil })
		}
		return nc, err
	}
	if b.nc, err = connect(); err != nil {
		return err
	}
	js, err := jetstream.New(b.nc)
	if err != nil {
		return err
	}
	if err := hub.Prepare(ctx, js, 1); err != nil {
		return err
	}
	nc, err := connect()
	if err != nil {
		return err
	}
	ctx, leave := context.WithCancel(ctx)
	left := make(chan error, 1)
	go func() {
		left <- fleet.Serve(ctx, fleet.Agent{Conn: nc, Name: embeddedSite, Site: embeddedSite, Role: wire.Both, Version: version()})
	}()
	b.end = append(b.end, func() error { leave(); return <-left })
	return nil
}

// telling has a connection say when it breaks and comes back, and what the hub
// refuses.
func telling(say func(format string, args ...any)) nats.Option {
	return func(o *nats.Options) error {
		o.DisconnectedErrCB = func(_ *nats.Conn, err error) {
			if err != nil {
				say("cut off from the hub: %v; trying again", err)
			}
		}
		o.ReconnectedCB = func(nc *nats.Conn) { say("back at the hub %s", nc.ConnectedUrl()) }
		return nil
	}
}

// close implements bench: what was begun last ends first.
func (b *sites) close() error {
	var errs []error
	for i := len(b.end) - 1; i >= 0; i-- {
		errs = append(errs, b.end[i]())
	}
	return errors.Join(errs...)
}

// permitted implements bench: each trial says what its site could not enforce.
func (*sites) permitted(cgroup.Limits) error { return nil }

// survey implements bench.
func (b *sites) survey(ctx context.Context, m *rundir.Manifest, dir string) (err error) {
	if m.Scenario.Target != "" {
		return badInputf("target: the sites of a hub start what they measure; leave out target, or --hub")
	}
	if run, err := rundir.Read(dir); err == nil { // it goes on: its sites may be at visits, and each of them says anew what it is like
		then := run.Manifest
		m.Host, m.CPUs, m.Versions, m.Missing = then.Host, then.CPUs, then.Versions, then.Missing
		return nil
	}
	b.end = append(b.end, func() error { return b.withdraw(ctx, m.RunID) })
	m.Host, b.facts, err = fleet.Survey(ctx, b.nc, *m, shipped(&m.Scenario), b.say)
	switch {
	case ctx.Err() != nil:
		return runner.ErrInterrupted
	case err != nil:
		return noSite(err)
	}
	m.CPUs, m.Versions, m.Missing = b.facts.CPUs, b.facts.Versions, b.facts.Missing
	return nil
}

// withdraw has the hub forget that a run was to be, if it never began.
func (b *sites) withdraw(ctx context.Context, run string) error {
	if b.began {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return fleet.Withdraw(ctx, b.nc, run)
}

// measure implements bench.
func (b *sites) measure(ctx context.Context, run *rundir.Run, p *progress, t *telemetry) error {
	if len(run.Trials()) == 0 && run.Manifest.Calibration == nil {
		if b.facts.Note != "" {
			p.note("%s", b.facts.Note)
		}
		if err := run.Calibrated(b.facts.Calibration, b.facts.Note); err != nil {
			return err
		}
	}
	m := run.Manifest
	observe, watch := follow(run, p, t)
	b.began = true
	p.show("handing out", time.Duration(m.Scenario.Search.Budget))
	return noSite(fleet.Control(ctx, fleet.Config{
		Conn: b.nc, Run: run, App: shipped(&m.Scenario), Observe: observe, Watch: watch, Note: p.note,
		Strategy: analysis.Fleets[m.Scenario.Search.Strategy](searched(m), cellsOf(m)),
	}))
}

// noSite gives an error that no site can mend the exit code of a measurement
// that could not be made.
func noSite(err error) error {
	if errors.Is(err, fleet.ErrNoSite) {
		return exitError{exitInconclusive, err}
	}
	return err
}

// shipped is the folder that sites get a copy of; empty: the application comes
// with the program.
func shipped(s *scenarios.Scenario) string {
	if s.App.Interface == scenarios.Embedded || strings.HasPrefix(s.App.Dir, "fixture:") {
		return ""
	}
	return s.App.Dir
}
