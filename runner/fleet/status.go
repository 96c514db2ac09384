package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/wire"
)

// Status is what a hub has.
type Status struct {
	Runs   []wire.Run   // by when they began
	Agents []wire.Agent // by site and name
}

// ErrUnknown is returned for a run that the hub does not know.
var ErrUnknown = errors.New("the hub knows no such run; sweetspot status shows all")

// StatusOf returns what a hub has: all runs, or the only one that is named.
func StatusOf(ctx context.Context, nc *nats.Conn, only string) (s Status, err error) {
	b, err := openBuckets(ctx, nc, hub.Controller)
	if err != nil {
		return s, err
	}
	entries, err := hub.Entries(ctx, b.js, wire.RunsBucket, cmp.Or(only, ">"))
	if err != nil {
		return s, err
	}
	for id, e := range entries {
		var r wire.Run
		if err := wire.Decode(e.Value(), &r); err != nil {
			return s, fmt.Errorf("run %s: %w", id, err)
		}
		s.Runs = append(s.Runs, r)
	}
	if only != "" && len(s.Runs) == 0 {
		return s, fmt.Errorf("run %s: %w", only, ErrUnknown)
	}
	slices.SortFunc(s.Runs, func(a, b wire.Run) int { return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.ID, b.ID)) })
	there, err := whoIsThere(ctx, b.js)
	if err != nil {
		return s, err
	}
	s.Agents = slices.SortedFunc(maps.Values(there), func(a, b wire.Agent) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Name, b.Name))
	})
	return s, nil
}

// Cancel stops a run at its sites, and its controller. It can be resumed.
func Cancel(ctx context.Context, nc *nats.Conn, run string) error {
	b, err := openBuckets(ctx, nc, hub.Controller)
	if err != nil {
		return err
	}
	var r wire.Run
	err = persist(ctx, func() error { return get(ctx, b.runs, run, &r) })
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return fmt.Errorf("run %s: %w", run, ErrUnknown)
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", run, err)
	}
	return stop(ctx, b, nc, r)
}
