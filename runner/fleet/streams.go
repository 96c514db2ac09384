package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

// refusals of a message on a subject that has one already, by their code.
var refusals = []jetstream.ErrorCode{10071, 10164}

func isRefusal(err error) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && slices.Contains(refusals, e.ErrorCode)
}

// publishFirst publishes what is to be the only message on its subject. refused
// is true when the subject had one already, which may be this one, sent before.
func publishFirst(ctx context.Context, js jetstream.JetStream, subject string, data []byte) (sequence uint64, refused bool, err error) {
	err = persist(ctx, func() error {
		ack, err := js.Publish(ctx, subject, data, jetstream.WithExpectLastSequencePerSubject(0))
		if refused = isRefusal(err); refused {
			return nil
		}
		if err == nil {
			sequence = ack.Sequence
		}
		return err
	})
	return sequence, refused, err
}

// enqueue puts a visit into the queue, unless it is there, and returns its
// sequence number.
func enqueue(ctx context.Context, js jetstream.JetStream, work jetstream.Stream, subject string, data []byte) (uint64, error) {
	for range 10 {
		sequence, refused, err := publishFirst(ctx, js, subject, data)
		if err != nil {
			return 0, fmt.Errorf("hand out %s: %w", subject, err)
		}
		if !refused {
			return sequence, nil
		}
		m, err := lastOn(ctx, work, subject)
		if err != nil {
			return 0, err
		}
		if m != nil {
			return m.Sequence, nil
		}
		pause(ctx, again) // it was acknowledged this moment
	}
	return 0, fmt.Errorf("hand out %s: the hub has no such visit, and takes none; restart the hub, and resume the run", subject)
}

// lastOn returns the message on a subject; nil when there is none.
func lastOn(ctx context.Context, s jetstream.Stream, subject string) (m *jetstream.RawStreamMsg, err error) {
	err = persist(ctx, func() error {
		m, err = s.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			m, err = nil, nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", subject, err)
	}
	return m, nil
}

// remove takes a message out of a stream, if it is still there.
func remove(ctx context.Context, s jetstream.Stream, sequence uint64) error {
	err := persist(ctx, func() error { return s.DeleteMsg(ctx, sequence) })
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
		return fmt.Errorf("remove message %d: %w", sequence, err)
	}
	return nil
}

// forget removes all that the hub has of a run: what waits in the streams, its
// objects, and its record.
func forget(ctx context.Context, b buckets, run string) error {
	var errs []error
	for stream, subject := range map[string]string{
		wire.WorkStream:         wire.Work(run, "*"),
		wire.ResultStream:       wire.Result(run, "*", 0)[:len(wire.Result(run, "*", 0))-1] + "*",
		"KV_" + wire.RunsBucket: "$KV." + wire.RunsBucket + "." + run,
	} {
		errs = append(errs, purge(ctx, b.js, stream, subject))
	}
	return errors.Join(append(errs, forgetObjects(ctx, b.raw, run))...)
}

func purge(ctx context.Context, js jetstream.JetStream, stream, subject string) error {
	err := persist(ctx, func() error {
		s, err := js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		return s.Purge(ctx, jetstream.WithPurgeSubject(subject))
	})
	if err != nil {
		return fmt.Errorf("purge %s of %s: %w", subject, stream, err)
	}
	return nil
}

func forgetObjects(ctx context.Context, raw jetstream.ObjectStore, run string) error {
	var all []*jetstream.ObjectInfo
	err := persist(ctx, func() (err error) { all, err = raw.List(ctx); return err })
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return fmt.Errorf("list objects: %w", err)
	}
	var errs []error
	for _, o := range all {
		if strings.HasPrefix(o.Name, run+"/") {
			errs = append(errs, persist(ctx, func() error { return raw.Delete(ctx, o.Name) }))
		}
	}
	return errors.Join(errs...)
}
