package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/process"
)

const (
	progressEvery = 5 * time.Second // between two words that a visit is still made
	patience      = 2 * time.Minute // with a controller that does not answer
	sitOut        = 5 * time.Second // after a visit that this site does not make: others may
)

// Why a visit ends before it is complete.
var (
	errStopped   = errors.New("the run is over")
	errRefused   = errors.New("refused")
	errGivenBack = errors.New("given back")
)

// site is the subject of its site: it makes visits.
type site struct {
	*Agent
	*presence
	work  jetstream.Consumer
	ready *prepared // the run that it works for; nil: none yet
}

// serve makes visits whenever it has the lease of the site, until ctx is done.
func (s *site) serve(ctx context.Context) error {
	ended, err := process.Sweep()
	for _, e := range ended {
		s.Say("ended a leftover of a dead run: %s", e)
	}
	if err != nil {
		return err
	}
	defer s.abandon()
	err = persist(ctx, func() (err error) {
		s.work, err = s.js.Consumer(ctx, wire.WorkStream, wire.SitesConsumer)
		return err
	})
	if err != nil {
		return fmt.Errorf("consumer %s: %w", wire.SitesConsumer, err)
	}
	for ctx.Err() == nil {
		l, err := acquire(ctx, s.leases, s.Site, s.Name, func(holder string) {
			s.Say("agent %s is the subject of site %s: waiting until it leaves", holder, s.Site)
		})
		if err != nil {
			return err
		}
		s.under(l)
		l.release()
		_ = s.set(ctx, func(a *wire.Agent) { a.Token = 0 }) // the next beat says it
		if errors.Is(context.Cause(l.ctx), errLost) {
			s.Say("%v", context.Cause(l.ctx))
		}
	}
	return nil
}

// under makes visits while a lease lasts.
func (s *site) under(l *lease) {
	err := persist(l.ctx, func() error { return s.set(l.ctx, func(a *wire.Agent) { a.Token = l.token }) })
	if err != nil {
		return
	}
	s.handInLate(l.ctx)
	for alone := false; l.ctx.Err() == nil; {
		if s.Role == wire.Subject && len(s.generators(l.ctx)) == 0 {
			if !alone {
				s.Say("waiting for a generator at site %s", s.Site)
			}
			alone = true
			pause(l.ctx, wire.Beat)
			continue
		}
		m, err := s.pull(l.ctx)
		switch {
		case err == nil:
			s.take(l, m)
		case !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout):
			pause(l.ctx, again)
		}
	}
}

// pull waits for a visit, and gives up after a while.
func (s *site) pull(ctx context.Context) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, wire.Expiry)
	defer cancel()
	return s.work.Next(jetstream.FetchContext(ctx))
}

// generators are the other agents of the site that can attack; none as well
// when the hub is away.
func (s *site) generators(ctx context.Context) (all []wire.Agent) {
	there, err := whoIsThere(ctx, s.js)
	if err != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if a := there[name]; a.Site == s.Site && a.Name != s.Name && a.Role != wire.Subject {
			all = append(all, a)
		}
	}
	return all
}

// take makes the visit of a message, and acknowledges it when it is complete.
func (s *site) take(l *lease, m jetstream.Msg) {
	q, err := newQueue(s, l, m)
	if err != nil {
		s.drop(l.ctx, m.Subject(), err)
		_ = m.Term()
		return
	}
	ctx, cancel := context.WithCancelCause(l.ctx)
	defer cancel(nil)
	stop, err := s.Conn.Subscribe(wire.Stop(q.visit.Run), func(*nats.Msg) { cancel(errStopped) })
	if err != nil {
		return // the connection is closed
	}
	defer stop.Unsubscribe()
	go keepAlive(ctx, m)
	s.Say("visit %s of run %s, delivery %d", q.visit.Name, q.visit.Run, q.delivery)
	err = q.make(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	s.settle(l, m, err)
	_ = s.set(l.ctx, func(a *wire.Agent) { a.Run, a.Visit, a.Delivery = "", "", 0 }) // the next beat says it
}

// settle tells the queue how a visit ended. Of one that another site may have by
// now it says nothing: that would be taken for the other's word.
func (s *site) settle(l *lease, m jetstream.Msg, err error) {
	if err != nil {
		s.Say("visit ended: %v", err)
	}
	switch {
	case err == nil:
		ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), farewell)
		defer cancel()
		_ = m.DoubleAck(ctx) // else the visit comes again, and is over at once
	case errors.Is(err, errStopped):
		_ = m.Term()
	case errors.Is(err, errRefused):
		pause(l.ctx, sitOut)
	case !errors.Is(err, errLost):
		_ = m.Nak()
	}
}

// keepAlive tells the queue that a visit is still made.
func keepAlive(ctx context.Context, m jetstream.Msg) {
	for pause(ctx, progressEvery) {
		_ = m.InProgress() // the lease tells when nobody hears that
	}
}

// drop counts a message that cannot be read.
func (s *site) drop(ctx context.Context, subject string, why error) {
	s.Say("dropped a message on %s: %v", subject, why)
	s.dropped(ctx)
}

// abandon removes the folder of the run that the site works for.
func (s *site) abandon() {
	if s.ready != nil {
		if err := os.RemoveAll(s.ready.dir); err != nil {
			s.Say("%v", err)
		}
	}
	s.ready = nil
}

// inScratch is a path in the folder for what is needed meanwhile.
func (s *site) inScratch(name ...string) string {
	return filepath.Join(append([]string{s.Scratch}, name...)...)
}
