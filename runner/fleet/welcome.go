package fleet

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// welcome says why a site cannot make this run; empty: it can, and its host is
// noted.
func (c *controller) welcome(ctx context.Context, a wire.Ask) (why string, err error) {
	var agent wire.Agent
	err = persist(ctx, func() error { return get(ctx, c.agents, a.Agent, &agent) })
	if err != nil {
		return fmt.Sprintf("nothing is known of agent %s: %v", a.Agent, err), nil
	}
	m, f := c.Run.Manifest, a.Facts
	if agent.Protocol != wire.Protocol {
		return speaks(agent), nil
	}
	for _, name := range slices.Sorted(maps.Keys(f.Missing)) {
		if _, known := m.Missing[name]; !known {
			return f.Missing[name], nil
		}
	}
	if then, now := len(m.CPUs.App), len(f.CPUs.App); then != now {
		return fmt.Sprintf("its application has %d CPUs, that of the run has %d; give it as many, by cpus of the scenario or at the host", now, then), nil
	}
	if then, now := apart(m.CPUs), apart(f.CPUs); then != now {
		return fmt.Sprintf("generators on hosts of their own: %s there, %s in the run", yesNo(now), yesNo(then)), nil
	}
	h := hostOf(agent)
	h.Versions, h.Sets = f.Versions, &f.CPUs
	return "", c.Run.KeepHost(h)
}

// apart tells whether the generators have hosts of their own.
func apart(c rundir.CPUs) bool { return len(c.Generator) == 0 }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// hostOf is an agent as a run directory keeps it.
func hostOf(a wire.Agent) rundir.FleetHost {
	return rundir.FleetHost{Agent: a.Name, Site: a.Site, Role: a.Role, Version: a.Version, CPUs: a.CPUs, Offset: a.Offset, Bound: a.Bound, Host: a.Host}
}
