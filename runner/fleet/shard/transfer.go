package shard

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

// Transfer carries what is too large for a message.
type Transfer interface {
	Put(ctx context.Context, name string, r io.Reader) error
	Get(ctx context.Context, name string) (io.ReadCloser, error)
}

// Names of objects. They begin with the run, with which they go.
func rawObject(run, trial string, shard int) string {
	return fmt.Sprintf("%s/raw/%s/%d", run, trial, shard)
}

func recordingObject(run, hash string) string { return run + "/recording/" + hash }

// transfer returns t, or the one by way of the hub when there is none.
func transfer(ctx context.Context, js jetstream.JetStream, t Transfer) (Transfer, error) {
	if t != nil {
		return t, nil
	}
	store, err := js.ObjectStore(ctx, wire.RawBucket)
	if err != nil {
		return nil, fmt.Errorf("object store %s: %w", wire.RawBucket, err)
	}
	stream, err := js.Stream(ctx, "OBJ_"+wire.RawBucket)
	if err != nil {
		return nil, fmt.Errorf("object store %s: %w", wire.RawBucket, err)
	}
	return objects{store, stream}, nil
}

// objects are those at the hub.
type objects struct {
	store  jetstream.ObjectStore
	stream jetstream.Stream
}

// Put implements Transfer.
func (o objects) Put(ctx context.Context, name string, r io.Reader) error {
	_, err := o.store.Put(ctx, jetstream.ObjectMeta{Name: name}, r)
	return err
}

// Get implements Transfer. It asks for one piece after the other, because a
// generator may not have them sent: that takes a consumer.
func (o objects) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	info, err := o.store.GetInfo(ctx, name)
	if err != nil {
		return nil, err
	}
	if info.Size > wire.MaxObject {
		return nil, fmt.Errorf("object %s: %d bytes, at most %d are taken", name, info.Size, wire.MaxObject)
	}
	return io.NopCloser(&pieces{ctx: ctx, objects: o, info: info, next: 1, sum: sha256.New()}), nil
}

// pieces reads an object, and compares it with its digest at the end.
type pieces struct {
	ctx context.Context // of Get
	objects
	info *jetstream.ObjectInfo
	next uint64 // least place in the stream of the next piece
	read uint64 // bytes
	rest []byte // of the last piece
	sum  hash.Hash
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		if p.read == p.info.Size {
			return 0, p.end()
		}
		if err := p.fetch(); err != nil {
			return 0, fmt.Errorf("object %s, after %d bytes: %w", p.info.Name, p.read, err)
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// fetch asks for the next piece.
func (p *pieces) fetch() error {
	msg, err := p.stream.GetMsg(p.ctx, p.next, jetstream.WithGetMsgSubject("$O."+wire.RawBucket+".C."+p.info.NUID))
	if err != nil {
		return err
	}
	p.next, p.rest = msg.Sequence+1, msg.Data
	p.read += uint64(len(msg.Data))
	p.sum.Write(msg.Data)
	if p.read > p.info.Size {
		return fmt.Errorf("there are more than the %d of it", p.info.Size)
	}
	return nil
}

func (p *pieces) end() error {
	want, err := jetstream.DecodeObjectDigest(p.info.Digest)
	if err == nil && string(p.sum.Sum(nil)) != string(want) {
		err = errors.New("it is not what its digest says")
	}
	if err != nil {
		return fmt.Errorf("object %s: %w", p.info.Name, err)
	}
	return io.EOF
}
