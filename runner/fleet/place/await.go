package place

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sweetspot/runner/fleet/wire"
)

// Wait is what Await needs.
type Wait struct {
	Expected []Agent
	Version  string                                          // of sweetspot, that all have to be of
	Deadline time.Duration                                   // 0 means 2 min
	Agents   func(ctx context.Context) ([]wire.Agent, error) // those whose beat the hub has
	Why      func(ctx context.Context) map[string]string     // by name, what keeps an agent that does not beat, where anything is known; may be nil
	Tell     func(Missing)                                   // is called with every change of what is missing, with nil at the end; may be nil
}

// Absent is an agent that a run cannot have, and why.
type Absent struct {
	Agent
	Why string
}

// Missing is who is not there. As an error it lists them all.
type Missing []Absent

// Error implements error.
func (m Missing) Error() string {
	var b strings.Builder
	if len(m) == 1 {
		b.WriteString("1 agent is missing:")
	} else {
		fmt.Fprintf(&b, "%d agents are missing:", len(m))
	}
	for _, a := range m {
		fmt.Fprintf(&b, "\n  %s: %s", a.Agent, a.Why)
	}
	return b.String()
}

// Await returns once all expected agents beat as what they are expected to be.
// others are those that beat at the sites without being expected. After the
// deadline the error is a Missing.
func Await(ctx context.Context, w Wait) (others []wire.Agent, err error) {
	deadline := w.Deadline
	if deadline == 0 {
		deadline = defaultDeadline
	}
	within, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	tick := time.NewTicker(wire.Beat / 2)
	defer tick.Stop()
	var missing Missing
	for first := true; ; first = false {
		now, others, err := w.look(within)
		if within.Err() == nil || first {
			if w.Tell != nil && (first || !slices.Equal(now, missing)) {
				w.Tell(now)
			}
			missing = now
			if len(missing) == 0 && err == nil {
				return others, nil
			}
		}
		select {
		case <-tick.C:
		case <-within.Done():
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("after %v %w", deadline, missing)
		}
	}
}

// look compares who is there with who is expected.
func (w *Wait) look(ctx context.Context) (missing Missing, others []wire.Agent, err error) {
	there, err := w.Agents(ctx)
	byName := map[string]wire.Agent{}
	for _, a := range there {
		byName[a.Name] = a
	}
	sites := map[string]bool{}
	for _, a := range w.Expected {
		sites[a.Site] = true
		has, beats := byName[a.Name]
		delete(byName, a.Name)
		why := ""
		switch {
		case err != nil:
			why = fmt.Sprintf("the hub does not say: %v", err)
		case !beats:
			why = noBeat
		default:
			why = a.differs(has, w.Version)
		}
		if why != "" {
			missing = append(missing, Absent{a, why})
		}
	}
	for _, a := range there {
		if _, unexpected := byName[a.Name]; unexpected && sites[a.Site] {
			others = append(others, a)
		}
	}
	w.explain(ctx, missing)
	return missing, others, err
}

const noBeat = "no beat"

// explain adds what keeps the silent ones.
func (w *Wait) explain(ctx context.Context, missing Missing) {
	silent := func(a Absent) bool { return a.Why == noBeat }
	if !slices.ContainsFunc(missing, silent) {
		return
	}
	known := map[string]string{}
	if w.Why != nil {
		known = w.Why(ctx)
	}
	for i, a := range missing {
		if !silent(a) {
			continue
		}
		if why := known[a.Name]; why != "" {
			missing[i].Why += ": " + why
		} else {
			missing[i].Why += "; start it, and read its log where that was done"
		}
	}
}

// differs says what is wrong with an agent that beats, with the remedy.
func (a Agent) differs(has wire.Agent, version string) string {
	switch {
	case has.Protocol != wire.Protocol || has.Version != version:
		return fmt.Sprintf("runs sweetspot %s (protocol %d), and this is %s (protocol %d); install the same one there", has.Version, has.Protocol, version, wire.Protocol)
	case has.Role != a.Role || has.Site != a.Site:
		return fmt.Sprintf("beats as %s of site %s; start it with a key for this: sweetspot hub issue %s --role %s --site %s", roleWords[has.Role], has.Site, a.Name, a.Role, a.Site)
	}
	return ""
}
