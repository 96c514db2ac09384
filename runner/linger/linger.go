// Package linger holds connections beside an attack, against the stack that
// the run itself started: slow clients, and WebSockets that echo now and then.
package linger

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

const (
	defaultTimeout     = 10 * time.Second
	defaultSlowEvery   = time.Second
	defaultSocketEvery = 5 * time.Second
)

// Spec says what to hold, and where.
type Spec struct {
	Network, Address string                                  // "tcp" and "127.0.0.1:8000", or "unix" and a path
	Host             string                                  // of the requests; empty means Address, or localhost for a Unix socket
	TLS              *tls.Config                             // clients speak TLS, and HTTP/1.1 over it; nil: they do not
	Slow             *scenarios.Slow                         // nil: none
	WebSockets       *scenarios.WebSockets                   // nil: none
	Timeout          time.Duration                           // for a connection, a handshake, an echo; 0 means 10 s
	Memory           func() (bytes uint64, err error)        // PSS of the stack, read before the WebSockets are opened and once they are; nil: not measured
	dial             func(context.Context) (net.Conn, error) // what tests replace to run on virtual time; nil: Network and Address
}

// Held is what lingers at a stack. Stop it.
type Held struct {
	sockets *sockets // nil: none
	slow    *clients // nil: none
	stop    func() rundir.Beside
}

// Start opens the WebSockets, then the slow clients. It returns when every
// WebSocket is held or refused and every slow client has begun its request or
// was refused. The stack refusing or dropping them is a result; the error is
// not nil when they could not be tried: a faulty spec, no files or ports left
// on this machine, memory that cannot be read, or ctx done. Then nothing is
// left open. When ctx is done later, everything is closed, as by Stop.
func Start(ctx context.Context, s Spec) (*Held, error) {
	s = s.withDefaults()
	if err := s.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	h := &Held{}
	h.stop = sync.OnceValue(func() rundir.Beside {
		cancel(context.Canceled)
		running.Wait()
		return h.beside()
	})
	c := crew{running: &running, fail: cancel}
	if s.WebSockets != nil {
		h.sockets = newSockets(s)
		if err := h.sockets.open(ctx, c, s.Memory); err != nil {
			h.Stop()
			return nil, fmt.Errorf("hold %d WebSockets at %s: %w", s.WebSockets.Connections, s.Address, err)
		}
	}
	if s.Slow != nil {
		h.slow = newClients(s)
		if err := h.slow.start(ctx, c); err != nil {
			h.Stop()
			return nil, fmt.Errorf("hold %d slow clients at %s: %w", s.Slow.Clients, s.Address, err)
		}
	}
	return h, nil
}

// Measure sets the counts of the slow clients and of the echoes to zero: what
// comes from now on is measured. How many WebSockets were refused or dropped
// counts from the start.
func (h *Held) Measure() {
	if h.sockets != nil {
		h.sockets.measure()
	}
	if h.slow != nil {
		h.slow.measure()
	}
}

// Stop closes all connections and says what became of them. It never waits for
// the stack. Further calls return the same.
func (h *Held) Stop() rundir.Beside { return h.stop() }

func (h *Held) beside() (b rundir.Beside) {
	if h.sockets != nil {
		b.WebSockets = h.sockets.summary()
	}
	if h.slow != nil {
		b.Slow = h.slow.summary()
	}
	return b
}

// crew is the goroutines of one Held, one a connection.
type crew struct {
	running *sync.WaitGroup
	fail    context.CancelCauseFunc // ends all of them, with the reason
}

func (s Spec) withDefaults() Spec {
	s.Timeout = cmp.Or(s.Timeout, defaultTimeout)
	if s.Host == "" {
		s.Host = s.Address
		if s.Network == "unix" {
			s.Host = "localhost"
		}
	}
	if s.Slow != nil {
		slow := *s.Slow
		slow.Path = cmp.Or(slow.Path, "/")
		slow.Every = cmp.Or(slow.Every, scenarios.Duration(defaultSlowEvery))
		s.Slow = &slow
	}
	if s.WebSockets != nil {
		sockets := *s.WebSockets
		sockets.Every = cmp.Or(sockets.Every, scenarios.Duration(defaultSocketEvery))
		s.WebSockets = &sockets
	}
	return s
}

func (s Spec) check() error {
	var errs []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("linger: "+format, args...))
		}
	}
	require(s.Network == "tcp" || s.Network == "unix", "network %q: want tcp or unix", s.Network)
	require(s.Timeout > 0, "timeout %v: want above 0", s.Timeout)
	if s.Slow != nil {
		require(requests[s.Slow.Kind] != nil, "kind of slow clients %q: want %s, %s or %s",
			s.Slow.Kind, scenarios.SlowHeaders, scenarios.SlowBody, scenarios.SlowRead)
		require(s.Slow.Clients > 0, "%d slow clients: want at least 1", s.Slow.Clients)
		require(s.Slow.Every > 0, "slow clients every %v: want above 0", s.Slow.Every)
	}
	if s.WebSockets != nil {
		require(s.WebSockets.Connections > 0, "%d WebSockets: want at least 1", s.WebSockets.Connections)
		require(s.WebSockets.Path != "", "WebSockets without a path: name an endpoint that echoes")
		require(s.WebSockets.Every > 0, "an echo every %v: want above 0", s.WebSockets.Every)
	}
	return errors.Join(errs...)
}
