package hub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

// What the metadata of WORK says about the hub, for Dial.
const (
	protocolKey = "sweetspot-protocol"
	versionKey  = "sweetspot-version"
)

// Limits of the work queue.
const (
	AckWait    = 15 * time.Second // a visit of which nothing is heard is given to another site
	Deliveries = 3                // of one visit, at most
	maxSites   = 1000
)

// Bytes that a stream takes, headers included; a full one refuses.
const (
	workBytes   = 256 << 20
	resultBytes = 256 << 20
	bucketBytes = 64 << 20
)

// announcedFor is how long an announcement holds that nobody takes back: longer
// than any stack runs.
const announcedFor = 24 * time.Hour

// Prepare makes the streams, the consumer, the buckets and the object store of
// a fleet, each kept by so many servers: 1, or 3 in a cluster. What is there
// already is left as it is; where it is of another form the error says what
// differs. A cluster that is still electing is waited for until ctx is done.
func Prepare(ctx context.Context, js jetstream.JetStream, replicas int) error {
	for _, want := range streams(replicas) {
		if err := persist(ctx, func() error { return prepareStream(ctx, js, want) }); err != nil {
			return fmt.Errorf("prepare the hub: stream %s: %w", want.Name, err)
		}
	}
	err := persist(ctx, func() error { return prepareConsumer(ctx, js, replicas) })
	if err != nil {
		return fmt.Errorf("prepare the hub: consumer %s: %w", wire.SitesConsumer, err)
	}
	return nil
}

// streams are all that a hub keeps. No agent can remove what others wrote: keys
// have no rollups, and no message is deleted by who wrote it. None is read
// directly: see api.
func streams(replicas int) []jetstream.StreamConfig {
	work := stream(wire.WorkStream, workBytes, wire.Work("*", "*"))
	work.Retention = jetstream.WorkQueuePolicy
	work.DiscardNewPerSubject = true
	work.Metadata = map[string]string{protocolKey: strconv.Itoa(wire.Protocol), versionKey: version()}
	results := stream(wire.ResultStream, resultBytes, "result.*.*.*")
	results.DiscardNewPerSubject = true // a second one is refused, whatever it expects

	object := stream(raw, -1, chunks, metas)
	object.MaxMsgsPerSubject = -1
	object.AllowRollup = true // the object store replaces what it knows of an object

	all := []jetstream.StreamConfig{
		work, results, object,
		bucket(agents, wire.Expiry), bucket(leases, wire.Expiry), bucket(announced, announcedFor), bucket(runs, 0),
	}
	for i := range all {
		all[i].Replicas = replicas
	}
	return all
}

func stream(name string, bytes int64, subjects ...string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: name, Subjects: subjects, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		MaxMsgsPerSubject: 1, MaxBytes: bytes, MaxMsgSize: maxPayload,
	}
}

// bucket is a stream that the key-value store of the client takes for its own.
func bucket(name string, ttl time.Duration) jetstream.StreamConfig {
	c := stream(name, bucketBytes, key(name, ">"))
	c.MaxAge = ttl
	c.DenyDelete = true
	return c
}

func prepareStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) error {
	s, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // by another hub, just now
			s, err = js.Stream(ctx, want.Name)
		}
	}
	var e *jetstream.APIError
	if errors.As(err, &e) && e.ErrorCode == noRoom {
		return fmt.Errorf("the store of the hub takes too little: it needs 1GiB and what is in transit; free its disk, or raise --max-store: %w", err)
	}
	if err != nil {
		return err
	}
	got := s.CachedInfo().Config
	if diff := differs(got, want); diff != "" {
		return fmt.Errorf("%w: %s; end its runs, and give the hub an empty --store, or delete the stream", errDiffers, diff)
	}
	if want.Metadata == nil || got.Metadata[versionKey] == want.Metadata[versionKey] {
		return nil
	}
	_, err = js.UpdateStream(ctx, want)
	return err
}

// noRoom is the code of a server that has no room for what a stream reserves.
const noRoom = 10047

var errDiffers = errors.New("it is of another form")

// differs says how a stream is not what is wanted; empty: it is.
func differs(got, want jetstream.StreamConfig) string {
	var all []string
	note := func(what string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			all = append(all, fmt.Sprintf("%s is %v, want %v", what, got, want))
		}
	}
	note("subjects", got.Subjects, want.Subjects)
	note("retention", got.Retention, want.Retention)
	note("storage", got.Storage, want.Storage)
	note("replicas", got.Replicas, want.Replicas)
	note("max age", got.MaxAge, want.MaxAge)
	note("max bytes", got.MaxBytes, want.MaxBytes)
	note("max message size", got.MaxMsgSize, want.MaxMsgSize)
	note("max messages per subject", got.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	note("discard", got.Discard, want.Discard)
	note("discard new per subject", got.DiscardNewPerSubject, want.DiscardNewPerSubject)
	note("direct reads", got.AllowDirect, want.AllowDirect)
	note("rollups", got.AllowRollup, want.AllowRollup)
	note("deletion", !got.DenyDelete, !want.DenyDelete)
	note("sealed", got.Sealed, want.Sealed)
	note("protocol", got.Metadata[protocolKey], want.Metadata[protocolKey])
	return strings.Join(all, ", ")
}

func prepareConsumer(ctx context.Context, js jetstream.JetStream, replicas int) error {
	want := jetstream.ConsumerConfig{
		Durable: wire.SitesConsumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: AckWait, MaxDeliver: Deliveries,
		FilterSubject: wire.Work("*", "*"), MaxAckPending: maxSites, MaxWaiting: maxSites, Replicas: replicas,
	}
	c, err := js.Consumer(ctx, wire.WorkStream, wire.SitesConsumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		c, err = js.CreateConsumer(ctx, wire.WorkStream, want)
		if errors.Is(err, jetstream.ErrConsumerExists) {
			c, err = js.Consumer(ctx, wire.WorkStream, wire.SitesConsumer)
		}
	}
	if err != nil {
		return err
	}
	got := c.CachedInfo().Config
	if got.AckPolicy != want.AckPolicy || got.AckWait != want.AckWait || got.MaxDeliver != want.MaxDeliver || got.FilterSubject != want.FilterSubject || got.MaxAckPending != want.MaxAckPending {
		return fmt.Errorf("%w: acknowledged %v within %v, delivered %d times, filter %s, want %v, %v, %d, %s; delete the consumer",
			errDiffers, got.AckPolicy, got.AckWait, got.MaxDeliver, got.FilterSubject, want.AckPolicy, want.AckWait, want.MaxDeliver, want.FilterSubject)
	}
	return nil
}

// electing are the errors of a cluster that is not ready yet, by their code.
var electing = []jetstream.ErrorCode{
	10005, // no suitable peers for placement
	10008, // JetStream system temporarily unavailable
	10009, // JetStream cluster not available
	10074, // insufficient replicas
}

// persist does something again until it works, it fails for good, or ctx is done.
func persist(ctx context.Context, do func() error) error {
	for {
		err := do()
		var e *jetstream.APIError
		again := errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoStreamResponse) ||
			errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) && slices.Contains(electing, e.ErrorCode)
		if !again {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; waited until %w: are all hubs of the cluster up?", err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// version names this build, for who speaks another protocol.
func version() string {
	b, ok := debug.ReadBuildInfo()
	if !ok || b.Main.Version == "" || b.Main.Version == "(devel)" {
		return "devel"
	}
	return b.Main.Version
}

// Entries reads the keys of a bucket that match a filter, as "a.*", ">" for
// all. An agent may not watch a bucket: a watch is a consumer, and who may make
// a consumer may have its messages sent to any subject.
func Entries(ctx context.Context, js jetstream.JetStream, bucket, filter string) (map[string]jetstream.KeyValueEntry, error) {
	kv, err := js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	s, err := js.Stream(ctx, kvStream+bucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	state, err := s.Info(ctx, jetstream.WithSubjectFilter(key(kvStream+bucket, filter)))
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	entries := map[string]jetstream.KeyValueEntry{}
	for at := range maps.Keys(state.State.Subjects) {
		name := strings.TrimPrefix(at, key(kvStream+bucket, ""))
		entry, err := kv.Get(ctx, name)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue // deleted, or expired since
		}
		if err != nil {
			return nil, fmt.Errorf("bucket %s: key %s: %w", bucket, name, err)
		}
		entries[name] = entry
	}
	return entries, nil
}
