package linger

import (
	"context"
	"sync"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// leastWait is between two requests of a client.
const leastWait = 50 * time.Millisecond

// clients are the slow clients. Each makes its one request over and over.
type clients struct {
	place  place
	slow   scenarios.Slow
	mu     sync.Mutex
	open   int // connections
	counts rundir.SlowClients
}

func newClients(s Spec) *clients {
	receive := 0
	if s.Slow.Kind == scenarios.SlowRead {
		receive = readSize
	}
	return &clients{
		place: newPlace(s, receive), slow: *s.Slow,
		counts: rundir.SlowClients{Clients: s.Slow.Clients, Kind: s.Slow.Kind},
	}
}

// start starts all clients and returns when each has begun its first request
// or was refused.
func (c *clients) start(ctx context.Context, crew crew) error {
	var begun sync.WaitGroup
	now := time.Now()
	for i := range c.slow.Clients {
		begun.Add(1)
		begin := sync.OnceFunc(begun.Done)
		crew.running.Go(func() {
			defer begin()
			c.client(ctx, crew, beats(now, c.slow.Every.Std(), i, c.slow.Clients), begin)
		})
	}
	begun.Wait()
	return context.Cause(ctx)
}

// client makes requests until ctx is done. That this machine has no file or
// port left is a failure at first; later it is the attack that takes them, and
// the client waits for its turn.
func (c *clients) client(ctx context.Context, crew crew, b beat, begin func()) {
	for first := true; ctx.Err() == nil; first = false {
		err := c.request(ctx, b, begin)
		begin()
		switch trouble := exhausted(err); {
		case ctx.Err() != nil:
		case trouble == nil:
			c.count(err)
		case first:
			crew.fail(trouble)
		}
		_ = sleep(ctx, b.next(time.Now().Add(leastWait))) // the loop sees the end
	}
}

// request makes one request on a connection of its own, and returns nil when
// it was answered in full.
func (c *clients) request(ctx context.Context, b beat, begin func()) error {
	conn, err := c.place.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c.opened(1)
	defer c.opened(-1)
	return requests[c.slow.Kind](ctx, exchange{link: conn, place: c.place, path: c.slow.Path, beat: b, begin: begin})
}

func (c *clients) opened(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open += n
	c.counts.Most = max(c.counts.Most, c.open)
}

func (c *clients) count(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.counts.Served++
	} else {
		c.counts.Dropped++
	}
}

func (c *clients) measure() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Served, c.counts.Dropped, c.counts.Most = 0, 0, c.open
}

func (c *clients) summary() *rundir.SlowClients {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts
	return &counts
}
