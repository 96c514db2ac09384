package shard

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"sweetspot/runner/attack"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// handedIn is how long after its last response a generator may take to hand its
// raw results in.
const handedIn = handIn + 10*time.Second

// attack has all generators attack, and returns when each has a part.
func (r *round) attack(ctx context.Context) error {
	if err := r.each(ctx, func(ctx context.Context, g *generatorAt) (err error) {
		g.fired = r.now()
		g.before, err = g.clock(ctx)
		return err
	}); err != nil {
		return err
	}
	if err := r.each(ctx, r.arm); err != nil {
		return err
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	if err := r.each(ctx, r.fire); err != nil {
		return err
	}
	if err := r.follow(ctx); err != nil {
		return err
	}
	return r.each(context.WithoutCancel(ctx), r.collect)
}

func (r *round) arm(ctx context.Context, g *generatorAt) error {
	order := r.order
	order.Shard = g.shard
	var armed wire.Armed
	if err := g.ask(ctx, wire.AskArm, &order, &armed, askArmed); err != nil {
		return err
	}
	switch {
	case armed.Busy:
		return g.void("%s", armed.Err)
	case armed.Err != "":
		return fmt.Errorf("generator %s refuses: %s", g.Name, armed.Err)
	}
	return nil
}

// begin decides when the attack begins.
func (r *round) begin(ctx context.Context) (err error) {
	r.began = time.Now().Add(lead)
	if r.spec.Begin != nil {
		r.began, err = r.spec.Begin(ctx)
	}
	return err
}

func (r *round) fire(ctx context.Context, g *generatorAt) error {
	at := r.now().Add(time.Until(r.began)) // by the leader's clock
	var armed wire.Armed
	if err := g.ask(ctx, wire.AskFire, &wire.Fire{Trial: r.order.Trial, At: at.Add(g.before.Offset)}, &armed, ask); err != nil {
		return err
	}
	if armed.Err != "" {
		return g.void("it does not begin: %s", armed.Err)
	}
	return nil
}

// follow waits until all shards are over. One that ends early ends all, and so
// does ctx.
func (r *round) follow(ctx context.Context) error {
	over := r.began.Add(r.order.Warmup + r.order.Duration)
	last := over.Add(r.spec.Timeout + handedIn)
	free, cancel := context.WithDeadlineCause(context.WithoutCancel(ctx), last, errors.New("it does not end"))
	defer cancel()
	end := sync.OnceFunc(func() { r.tell(free, wire.AskEnd) })
	defer context.AfterFunc(ctx, end)()
	live := newLive(len(r.all), r.began, r.spec.Tell)
	defer live.close()
	silence := cmp.Or(r.Silence, wire.Expiry)
	return r.each(free, func(ctx context.Context, g *generatorAt) error {
		for heard := time.Now(); ; {
			var s wire.Status
			err := g.ask(ctx, wire.AskPoll, &wire.About{Trial: r.order.Trial}, &s, ask)
			switch {
			case ctx.Err() != nil:
				return g.void("%v", context.Cause(ctx))
			case err == nil && s.Err != "":
				return g.void("%s", s.Err)
			case err == nil:
				heard = time.Now()
				live.add(g.shard, s.Ticks)
			case time.Since(heard) > silence:
				return g.void("it has not been heard of for %v: it died, or is cut off", time.Since(heard).Round(time.Millisecond))
			}
			if s.Done {
				if s.Aborted {
					end()
				}
				return nil
			}
			pause(ctx, min(max(time.Until(over), pollFast), silence/pollsIn))
		}
	})
}

// pause waits for d, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// collect takes a generator's part, once its clock has shown that it can be
// trusted.
func (r *round) collect(ctx context.Context, g *generatorAt) (err error) {
	if g.after, err = g.clock(ctx); err != nil {
		return err
	}
	if by := g.after.moved(g.before, r.now().Sub(g.fired)); by > 0 {
		return g.void("its clock has moved by %v during the attack, against that of agent %s: one of them was set", by.Round(time.Microsecond), r.Agent.Name)
	}
	if err := g.ask(ctx, wire.AskPart, &wire.About{Trial: r.order.Trial}, &g.part, ask); err != nil {
		return err
	}
	if g.part.Shard != g.shard || g.part.Shards != len(r.all) {
		return g.void("its part is of shard %d of %d, not of %d of %d", g.part.Shard, g.part.Shards, g.shard, len(r.all))
	}
	return nil
}

// merge makes one result of all parts, and one file of their raw results.
func (r *round) merge(ctx context.Context) (attack.Result, error) {
	var parts []attack.Part
	for _, g := range r.all {
		parts = append(parts, g.part)
	}
	res, err := attack.Merge(r.spec, parts)
	if err == nil && r.spec.Raw != nil {
		err = r.mergeRaw(ctx, parts)
	}
	var shard *attack.PartError
	if errors.As(err, &shard) {
		return attack.Result{}, r.all[shard.Shard].void("%s", shard.Reason)
	}
	return res, err
}

func (r *round) mergeRaw(ctx context.Context, parts []attack.Part) (err error) {
	ctx, cancel := context.WithTimeout(ctx, handIn)
	defer cancel()
	var raw []io.Reader
	for _, g := range r.all {
		in, err := r.Objects.Get(ctx, rawObject(r.order.Run, r.order.Trial, g.shard))
		if err != nil {
			return g.void("fetch its raw results: %v", err)
		}
		defer in.Close()
		z, err := gzip.NewReader(in)
		if err != nil {
			return g.void("read its raw results: %v", err)
		}
		raw = append(raw, z)
	}
	return attack.MergeRaw(r.spec, r.began, parts, raw)
}

// shooters is what each generator did.
func (r *round) shooters() (all []rundir.Shooter, err error) {
	for _, g := range r.all {
		lag, err := g.part.Lag()
		if err != nil {
			return nil, err
		}
		all = append(all, rundir.Shooter{
			Agent: g.Name, Hostname: g.Host.Hostname, Shard: g.shard, Sent: g.part.Sent, Lag: lag,
			CPUSeconds: g.part.CPUSeconds, CPUs: len(g.CPUs), Offset: g.before.Offset, Bound: g.before.Bound,
		})
	}
	return all, nil
}

// tell has all generators end their shards, or forget them. One that does not
// hear it ends by itself.
func (r *round) tell(ctx context.Context, verb string) {
	var all sync.WaitGroup
	for _, g := range r.all {
		all.Go(func() { _ = g.ask(ctx, verb, &wire.About{Trial: r.order.Trial}, &wire.Armed{}, ask) })
	}
	all.Wait()
}
