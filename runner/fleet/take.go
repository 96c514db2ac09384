package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner"
	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// collect takes the trials of a visit that were handed in, one after the
// other. What is refused leaves the stream, so that whoever has the visit now
// can hand in its own.
func (c *controller) collect(ctx context.Context, v *visit) error {
	for {
		k := c.made(v)
		m, err := lastOn(ctx, c.results, wire.Result(c.record.ID, v.name, k))
		if m == nil || err != nil {
			return err
		}
		why, err := c.take(ctx, v, k, m.Data)
		if err != nil {
			return err
		}
		if why == "" {
			continue
		}
		c.record.Refused++
		c.Note("refused trial %d of visit %s: %s", k, v.name, why)
		if err := remove(ctx, c.results, m.Sequence); err != nil {
			return err
		}
		if v.spoilt++; v.spoilt >= hub.Deliveries {
			return c.void(ctx, v, fmt.Sprintf("%d results were refused, the last because %s", v.spoilt, why))
		}
		return nil
	}
}

// take commits a trial that was handed in, or says why not. An error is the
// controller's own, such as a full disk.
func (c *controller) take(ctx context.Context, v *visit, k int, message []byte) (refused string, err error) {
	var d wire.Done
	if err := wire.Decode(message, &d); err != nil {
		c.record.Dropped++
		return err.Error(), nil
	}
	if d.Visit != v.name || d.Number != k {
		return fmt.Sprintf("it says that it is trial %d of visit %s", d.Number, d.Visit), nil
	}
	if why, err := c.late(ctx, v, d); why != "" || err != nil {
		return why, err
	}
	p, err := c.Run.Begin()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, p.Discard()) }()
	t, histograms, err := c.fetch(ctx, p, d)
	if err != nil {
		if own(err) || ctx.Err() != nil {
			return "", err
		}
		return err.Error(), nil
	}
	if s := t.Step; s.Cell != v.Cell || s.Start != v.Start || s.Cores != v.Cores {
		return fmt.Sprintf("it is of %v, start %d", s.Cell, s.Start), nil
	}
	placed := rundir.Placed{Site: d.Site, Agent: d.Agent, Token: d.Token, Delivery: d.Delivery, Visit: v.name, Number: k}
	if t.Placed != nil {
		placed.Generators = t.Placed.Generators
	}
	t.Placed = &placed
	if err := c.commit(p, t, histograms); err != nil {
		return "", err
	}
	_ = c.raw.Delete(ctx, d.Object) // else it goes with the run
	return "", nil
}

// late says why a trial comes from who is not to make the visit any more.
func (c *controller) late(ctx context.Context, v *visit, d wire.Done) (why string, err error) {
	var a wire.Agent
	err = persist(ctx, func() error { return get(ctx, c.agents, d.Agent, &a) })
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", err
	}
	switch h := v.holder; {
	case d.Token < max(c.tokens[d.Site], a.Token):
		return fmt.Sprintf("it is late: the lease of site %s that it was made under is lost", d.Site), nil
	case h.Site != "" && (h.Site != d.Site || h.Token != d.Token):
		return fmt.Sprintf("it is late: the visit was given from site %s to site %s", d.Site, h.Site), nil
	}
	return "", nil
}

// fetch reads a trial and its histograms from the hub into the folder of a
// pending one.
func (c *controller) fetch(ctx context.Context, p *rundir.Pending, d wire.Done) (rundir.Trial, map[string]rundir.Histograms, error) {
	err := persist(ctx, func() error {
		if err := os.RemoveAll(p.Dir); err != nil { // what a try before this one left
			return err
		}
		return download(ctx, c.raw, d.Object, p.Dir, d.Digest)
	})
	if err != nil {
		return rundir.Trial{}, nil, err
	}
	return p.Read()
}

// commit puts a trial into the run directory, and tells of it.
func (c *controller) commit(p *rundir.Pending, t rundir.Trial, histograms map[string]rundir.Histograms) error {
	if err := p.Commit(t, histograms); err != nil {
		return err
	}
	t.ID = p.ID
	for _, g := range t.Placed.Generators {
		if a, ok := c.there[g.Agent]; ok {
			if err := c.Run.KeepHost(hostOf(a)); err != nil {
				return err
			}
		}
	}
	c.record.Trials, c.changed = len(c.Run.Trials()), true
	c.Observe(runner.Event{Step: t.Step, Trial: &t, Site: t.Placed.Site})
	return nil
}

// void commits a trial that says why its visit came to nothing, and takes the
// visit back. Whether it is made once more is up to the strategy.
func (c *controller) void(ctx context.Context, v *visit, why string) error {
	step, ok := c.Strategy.Step(c.Run.Trials(), v.Visit)
	if !ok {
		return c.settle(ctx, v)
	}
	p, err := c.Run.Begin()
	if err != nil {
		return err
	}
	t := rundir.Trial{
		ID: p.ID, Step: step, Began: time.Now(), Broken: why,
		Placed: &rundir.Placed{Site: v.holder.Site, Agent: v.holder.Agent, Token: v.holder.Token, Delivery: v.deliveries, Visit: v.name, Number: c.made(v)},
	}
	if err := errors.Join(c.commit(p, t, nil), p.Discard()); err != nil {
		return err
	}
	return c.settle(ctx, v)
}

// own tells whether an error is that of this machine, and not of what it was
// given.
func own(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
