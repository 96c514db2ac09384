package runner

import (
	"context"
	"time"

	"sweetspot/runner/attack"
)

// lead is how long before it an attack by others is told when it begins.
const lead = 500 * time.Millisecond

// outset is when an attack begins, which is not known before all who attack
// are ready.
type outset struct {
	known chan struct{}
	at    time.Time // valid once known is closed
}

func newOutset() *outset { return &outset{known: make(chan struct{})} }

// in sets it, to d from now.
func (o *outset) in(d time.Duration) time.Time {
	o.at = time.Now().Add(d)
	close(o.known)
	return o.at
}

// wait waits until d after it, and tells whether ctx was not done before.
func (o *outset) wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-o.known:
	case <-ctx.Done():
		return false
	}
	select {
	case <-time.After(time.Until(o.at.Add(d))):
		return true
	case <-ctx.Done():
		return false
	}
}

// drive attacks from here at once, or has others attack.
func (b *bench) drive(ctx context.Context, begin *outset, spec attack.Spec) (attack.Result, error) {
	if b.Attack == nil {
		begin.in(0)
		return attack.Run(ctx, spec)
	}
	spec.Begin = func(context.Context) (time.Time, error) { return begin.in(lead), nil }
	return b.Attack(ctx, spec)
}
