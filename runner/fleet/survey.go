package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// Survey asks a site what it is like for a run that has no directory yet, or
// goes on: its machine, the CPUs of each part, what is installed. It waits until
// a site is there. The error is ErrNoSite when the site cannot make the run.
func Survey(ctx context.Context, nc *nats.Conn, m rundir.Manifest, app string, note func(format string, args ...any)) (h rundir.Host, f wire.Facts, err error) {
	b, err := openBuckets(ctx, nc, hub.Controller)
	if err != nil {
		return h, f, fmt.Errorf("run on a hub: %w", err)
	}
	if err := announceDraft(ctx, b, m, app); err != nil {
		return h, f, fmt.Errorf("run on a hub: %w", err)
	}
	a, err := survey(ctx, nc, b, m.RunID, note)
	if err == nil {
		var agent wire.Agent
		if err = persist(ctx, func() error { return get(ctx, b.agents, a.Agent, &agent) }); err == nil {
			return agent.Host, *a.Facts, nil
		}
	}
	return h, f, err
}

// Withdraw takes back what Survey made the hub know of a run that never began,
// or did not go on: what was handed in of it is made again.
func Withdraw(ctx context.Context, nc *nats.Conn, run string) error {
	b, err := openBuckets(ctx, nc, hub.Controller)
	if err != nil {
		return err
	}
	return forget(ctx, b, run)
}

// announceDraft makes the hub know a run by its manifest alone.
func announceDraft(ctx context.Context, b buckets, m rundir.Manifest, app string) (err error) {
	dir, err := os.MkdirTemp("", "sweetspot-survey-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	run, err := rundir.Create(dir, m)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	_, err = announce(ctx, b, run, app)
	return err
}

// survey hands out a visit that starts nothing, and returns what a site says to
// it.
func survey(ctx context.Context, nc *nats.Conn, b buckets, run string, note func(string, ...any)) (wire.Ask, error) {
	asks := make(chan *nats.Msg, 10)
	s, err := nc.ChanSubscribe(wire.Next(run, "*"), asks)
	if err != nil {
		return wire.Ask{}, err
	}
	defer s.Unsubscribe()
	work, err := b.js.Stream(ctx, wire.WorkStream)
	if err != nil {
		return wire.Ask{}, err
	}
	data, err := wire.Encode(&wire.Visit{Run: run, Name: wire.Survey, Protocol: wire.Protocol})
	if err != nil {
		return wire.Ask{}, err
	}
	hear := time.NewTicker(2 * hub.AckWait)
	defer hear.Stop()
	note("asking a site what it is like")
	for {
		sequence, err := enqueue(ctx, b.js, work, wire.Work(run, wire.Survey), data)
		if err != nil {
			return wire.Ask{}, err
		}
		select {
		case <-ctx.Done():
			return wire.Ask{}, ctx.Err()
		case <-hear.C: // sites may have taken it, and died, too often
			note("no site has answered yet: start one with sweetspot agent, or see sweetspot status")
			if err := remove(ctx, work, sequence); err != nil {
				return wire.Ask{}, err
			}
		case m := <-asks:
			if a, err := askOf(m); err == nil && a.Visit == wire.Survey {
				return a, errors.Join(surveyed(ctx, m, a), remove(ctx, work, sequence))
			}
		}
	}
}

// surveyed lets the site go; the error is why it cannot make the run.
func surveyed(ctx context.Context, m *nats.Msg, a wire.Ask) error {
	data, err := wire.Encode(&wire.Answer{Over: true})
	if err != nil {
		return err
	}
	_ = m.Respond(data) // a site that does not hear it gives the visit back, which is gone
	switch {
	case a.Refuse != "":
		return fmt.Errorf("%w: %s: %s", ErrNoSite, a.Site, a.Refuse)
	case a.Facts == nil:
		return fmt.Errorf("%w: %s: it says nothing of itself", ErrNoSite, a.Site)
	}
	return nil
}
