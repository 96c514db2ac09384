// Package fleet makes one run on several machines. Control owns the run: it
// asks the strategy for visits and hands them out over a hub. Serve is an agent
// at a site: it makes visits by the loop of package runner and hands the trials
// in, or attacks for a subject. What they say is in package wire, the hub is in
// package hub.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

const (
	again    = 200 * time.Millisecond // between two tries of what the hub did not answer
	farewell = 5 * time.Second        // for what is said when a context is done
)

// buckets are what all parts of a fleet read and write.
type buckets struct {
	js     jetstream.JetStream
	agents jetstream.KeyValue
	leases jetstream.KeyValue
	runs   jetstream.KeyValue
	raw    jetstream.ObjectStore
}

// openBuckets waits for a hub that does not answer until ctx is done. Leases are
// no business of a generator, whose key does not open them.
func openBuckets(ctx context.Context, nc *nats.Conn, role string) (b buckets, err error) {
	if b.js, err = jetstream.New(nc); err != nil {
		return b, err
	}
	kept := map[string]*jetstream.KeyValue{wire.AgentsBucket: &b.agents, wire.RunsBucket: &b.runs}
	if role != wire.Generator {
		kept[wire.LeasesBucket] = &b.leases
	}
	for name, into := range kept {
		err := persist(ctx, func() (err error) { *into, err = b.js.KeyValue(ctx, name); return err })
		if err != nil {
			return b, fmt.Errorf("bucket %s: %w", name, err)
		}
	}
	err = persist(ctx, func() (err error) { b.raw, err = b.js.ObjectStore(ctx, wire.RawBucket); return err })
	if err != nil {
		return b, fmt.Errorf("object store %s: %w", wire.RawBucket, err)
	}
	return b, nil
}

// persist does something again until it works, it fails for good, or ctx is
// done. A hub that is away, or a cluster that elects, is worth waiting for.
func persist(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil || forGood(err) {
			return err
		}
		if !pause(ctx, again) {
			return errors.Join(ctx.Err(), err)
		}
	}
}

// storeFailed is the code of a stream that takes no more: it is full.
const storeFailed = 10077

// forGood tells whether what the hub answered will not change by asking again.
func forGood(err error) bool {
	var e *jetstream.APIError
	if errors.As(err, &e) {
		return e.Code < 500 || e.ErrorCode == storeFailed
	}
	for _, passing := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrReconnectBufExceeded, nats.ErrDisconnected, nats.ErrNoServers,
		jetstream.ErrNoStreamResponse, jetstream.ErrNoHeartbeat, jetstream.ErrAsyncPublishTimeout, jetstream.ErrTooManyStalledMsgs,
		context.DeadlineExceeded,
	} {
		if errors.Is(err, passing) {
			return false
		}
	}
	return true
}

// pause waits, and tells whether ctx is not done meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// get reads a key of a bucket as a message.
func get(ctx context.Context, kv jetstream.KeyValue, key string, m wire.Message) error {
	entry, err := kv.Get(ctx, key)
	if err != nil {
		return err
	}
	return wire.Decode(entry.Value(), m)
}

// put writes a message as a key of a bucket.
func put(ctx context.Context, kv jetstream.KeyValue, key string, m wire.Message) (revision uint64, err error) {
	data, err := wire.Encode(m)
	if err != nil {
		return 0, err
	}
	return kv.Put(ctx, key, data)
}

// visitName is one token that no other visit of the run has.
func visitName(v rundir.Visit) string {
	name := strings.ReplaceAll(v.Cell.String(), "/", "+") + fmt.Sprintf("+start=%d", v.Start)
	if v.Cores > 0 {
		name += strings.ReplaceAll(fmt.Sprintf("+cores=%g", v.Cores), ".", "_")
	}
	return name
}

// Names of a run's objects.
func manifestObject(run string) string { return run + "/manifest" }
func appObject(run string) string      { return run + "/app" }
func trialObject(run, visit string, k int, unique string) string {
	return fmt.Sprintf("%s/%s/%d/%s", run, visit, k, unique)
}
