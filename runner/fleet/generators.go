package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"sweetspot/runner"
	"sweetspot/runner/attack"
	"sweetspot/runner/fleet/shard"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/scenarios"
)

// aim has the generators of the site attack, if it has any, and the stack listen
// where they reach it.
func (q *queue) aim(c *runner.Config, p *prepared) error {
	if !p.apart {
		return nil
	}
	i := slices.IndexFunc(q.IPs, netip.Addr.Is4)
	if i < 0 {
		return fmt.Errorf("agent %s has no IPv4 address at which its generators reach it; name one by --ip", q.Name)
	}
	c.Listen, c.Attack = q.IPs[i], q.attack
	return nil
}

// attack is attack.Run by the generators of the site.
func (q *queue) attack(ctx context.Context, spec attack.Spec) (attack.Result, error) {
	m := q.run.Manifest
	leader := shard.Leader{Conn: q.Conn, Agent: q.self(), Generators: q.generators(ctx), Clock: q.Clock}
	res, shooters, err := leader.Attack(ctx, spec, shard.Job{
		Run: q.visit.Run, Trial: attempt(), Token: q.token, Traffic: m.Scenario.Traffic, Class: q.class, MixSeed: m.Seed,
	})
	q.placed.Generators = shooters
	var void *shard.Void
	if errors.As(err, &void) {
		err = fmt.Errorf("%w: %w", runner.ErrVoid, err)
	}
	return res, err
}

// divide gives every part its CPUs: the scenario's, or what suits the machine.
// Generators on hosts of their own take none of it.
func divide(c scenarios.CPUSets, allowed []int, apart bool) (rundir.CPUs, error) {
	if !apart {
		return sample.Choose(c, allowed)
	}
	c.Generator = ""
	sets, err := sample.Choose(c, allowed)
	if c.Proxy == "" {
		sets.Proxy = slices.Clone(allowed)
	}
	if c.App == "" {
		sets.App = slices.Clone(allowed)
	}
	sets.Generator, sets.Shared = nil, false
	return sets, err
}
