package fleet

import (
	"context"
	"sync"
	"time"

	"sweetspot/runner/fleet/wire"
)

// presence tells the hub every Beat that an agent is there, and what it does.
type presence struct {
	buckets
	now func() time.Time

	mu    sync.Mutex
	agent wire.Agent
	clock clock
}

// keep beats until ctx is done, and then says that the agent leaves.
func (p *presence) keep(ctx context.Context) {
	t := time.NewTicker(wire.Beat)
	defer t.Stop()
	for {
		_ = p.beat(ctx) // a beat that fails is not missed before Expiry
		select {
		case <-t.C:
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
			defer cancel()
			_ = p.agents.Delete(ctx, p.agent.Name) // else it expires
			return
		}
	}
}

// set changes what the agent says of itself, and says it. When it returns
// without an error, whoever hears from the agent afterwards can know it.
func (p *presence) set(ctx context.Context, change func(*wire.Agent)) error {
	p.mu.Lock()
	change(&p.agent)
	p.mu.Unlock()
	return p.beat(ctx)
}

// self is the agent as it describes itself now.
func (p *presence) self() wire.Agent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.agent
}

// dropped counts a message that could not be read.
func (p *presence) dropped(ctx context.Context) {
	_ = p.set(ctx, func(a *wire.Agent) { a.Dropped++ }) // the next beat says it
}

// beat describes the agent once. The time at which the hub stored that tells
// what its clock says.
func (p *presence) beat(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.agent.Offset, p.agent.Bound = p.clock.offset()
	sent, said := time.Now(), p.now()
	revision, err := put(ctx, p.agents, p.agent.Name, &p.agent)
	if err != nil {
		return err
	}
	took := time.Since(sent)
	entry, err := p.agents.GetRevision(ctx, p.agent.Name, revision)
	if err != nil {
		return nil // it was told
	}
	p.clock.add(said, took, entry.Created())
	return nil
}

// clock is what is known of the hub's clock.
type clock struct{ seen []sight }

// sight is one look at it: off by at most bound.
type sight struct{ offset, bound time.Duration }

const sights = 30 // that are kept: about a minute, in which no clock drifts much

// add takes note of what the hub's clock was at some time within took of sent.
func (c *clock) add(sent time.Time, took time.Duration, hub time.Time) {
	c.seen = append(c.seen, sight{sent.Add(took / 2).Sub(hub), took / 2})
	c.seen = c.seen[max(0, len(c.seen)-sights):]
}

// offset is by how much the own clock is ahead of the hub's, as the closest
// look at it tells, and how far that may be off; 0, 0 when there was none.
func (c *clock) offset() (offset, bound time.Duration) {
	for i, s := range c.seen {
		if i == 0 || s.bound <= bound {
			offset, bound = s.offset, s.bound
		}
	}
	return offset, bound
}
