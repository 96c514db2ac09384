package fleet

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

// errLost ends what is made under a lease that is gone.
var errLost = errors.New("the lease of the site is lost")

// lease makes one agent the subject of a site. It is held until its context is
// done: the caller was done, it expired because the hub was away, or another
// agent has it.
type lease struct {
	token uint64 // the revision of its creation; a later lease of the site has a higher one
	ctx   context.Context
	end   context.CancelCauseFunc
	gone  chan struct{} // closed once nothing renews it any more
}

// acquire waits until this agent has the lease of its site. busy is called
// once, with who has it, when it has to wait for that.
func acquire(ctx context.Context, kv jetstream.KeyValue, site, agent string, busy func(holder string)) (*lease, error) {
	name := []byte(agent + " " + rand.Text()) // that no other process has, another one of that agent included
	for told := false; ; {
		var token uint64
		err := persist(ctx, func() (err error) { token, err = kv.Create(ctx, site, name); return err })
		if errors.Is(err, jetstream.ErrKeyExists) {
			if e, err := kv.Get(ctx, site); err == nil && bytes.Equal(e.Value(), name) {
				token = e.Revision() // it was created, and only the answer was lost
			} else if err == nil && !told {
				holder, _, _ := strings.Cut(string(e.Value()), " ")
				busy(holder)
				told = true
			}
		} else if err != nil {
			return nil, fmt.Errorf("lease of site %s: %w", site, err)
		}
		if token != 0 {
			l := &lease{token: token, gone: make(chan struct{})}
			l.ctx, l.end = context.WithCancelCause(ctx)
			go l.renew(kv, site, name)
			return l, nil
		}
		if !pause(ctx, wire.Beat) {
			return nil, ctx.Err()
		}
	}
}

// renew renews until that fails for too long, and gives the lease back when the
// caller is done.
func (l *lease) renew(kv jetstream.KeyValue, site string, name []byte) {
	defer close(l.gone)
	revision, renewed := l.token, time.Now()
	for pause(l.ctx, wire.Beat) {
		sent := time.Now()
		next, err := renewOnce(l.ctx, kv, site, name, revision)
		switch {
		case err == nil:
			revision, renewed = next, sent
		case errors.Is(err, errLost):
			l.end(err)
			return
		case time.Since(renewed) > wire.Expiry-wire.Beat: // another agent may have it from now on
			l.end(fmt.Errorf("%w: the hub was away for %v", errLost, time.Since(renewed).Round(time.Second)))
			return
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), farewell)
	defer cancel()
	_ = kv.Delete(ctx, site, jetstream.LastRevision(revision)) // else it expires
}

// renewOnce returns the lease's new revision; errLost: it is another one's.
func renewOnce(ctx context.Context, kv jetstream.KeyValue, site string, name []byte, revision uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, wire.Beat)
	defer cancel()
	next, err := kv.Update(ctx, site, name, revision)
	var refused *jetstream.APIError
	if !errors.As(err, &refused) || refused.Code >= 500 {
		return next, err
	}
	e, err := kv.Get(ctx, site)
	switch {
	case err == nil && bytes.Equal(e.Value(), name):
		return e.Revision(), nil // it was renewed, and only the answer was lost
	case err == nil || errors.Is(err, jetstream.ErrKeyNotFound):
		return 0, fmt.Errorf("%w: it expired, or another agent has it", errLost)
	}
	return 0, err
}

// release gives the lease back, if it is still held, and waits for that.
func (l *lease) release() {
	l.end(context.Canceled)
	<-l.gone
}
