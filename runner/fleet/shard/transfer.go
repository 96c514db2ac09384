package shard

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

// Transfer carries what is too large for a message.
type Transfer interface {
	Has(ctx context.Context, name string) (bool, error)
	Put(ctx context.Context, name string, r io.Reader) error
	Get(ctx context.Context, name string) (io.ReadCloser, error)
}

// Names of objects. They begin with the run, with which they go.
func rawObject(run, trial string, shard int) string {
	return fmt.Sprintf("%s/raw/%s/%d", run, trial, shard)
}

func recordingObject(run, site, hash string) string {
	return fmt.Sprintf("%s/recording/%s/%s", run, site, hash)
}

// transfer returns t, or the one by way of the hub when there is none.
func transfer(ctx context.Context, js jetstream.JetStream, t Transfer) (Transfer, error) {
	if t != nil {
		return t, nil
	}
	store, err := js.ObjectStore(ctx, wire.RawBucket)
	if err != nil {
		return nil, fmt.Errorf("object store %s: %w", wire.RawBucket, err)
	}
	return objects{store}, nil
}

// objects are those at the hub.
type objects struct{ store jetstream.ObjectStore }

// Has implements Transfer.
func (o objects) Has(ctx context.Context, name string) (bool, error) {
	_, err := o.store.GetInfo(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Put implements Transfer. An agent may not replace an object.
func (o objects) Put(ctx context.Context, name string, r io.Reader) error {
	_, err := o.store.Put(ctx, jetstream.ObjectMeta{Name: name}, r)
	return err
}

// Get implements Transfer. The object is compared with its digest at its end.
func (o objects) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := o.store.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	info, err := r.Info()
	if err == nil && info.Size > wire.MaxObject {
		err = fmt.Errorf("object %s: %d bytes, at most %d are taken", name, info.Size, wire.MaxObject)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}
