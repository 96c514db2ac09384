package shard

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Clock is what is known of the clock of another host.
type Clock struct {
	Offset time.Duration // against one's own, positive where it is ahead
	Bound  time.Duration // of Offset's error
}

// pings is how often a clock is asked for.
const pings = 64

// What a clock may move between two looks at it and is not said to have jumped:
// a step that nothing shows, and the drift of a crystal that nobody corrects.
const (
	unseen = time.Millisecond
	drift  = 50e-6
)

// Measure asks for another clock a number of times. The answer that took least
// tells its offset: it was read at some time on the way, so that half of that
// time bounds the error [Cristian 1989].
func Measure(ctx context.Context, n int, now func() time.Time, ask func(context.Context) (time.Time, error)) (Clock, error) {
	var best Clock
	known := false
	for range n {
		sent := now()
		theirs, err := ask(ctx)
		took := now().Sub(sent)
		if err != nil {
			return Clock{}, fmt.Errorf("ask for the clock: %w", err)
		}
		half := took / 2
		if bound := took - half; took >= 0 && (!known || bound < best.Bound) { // not while one's own clock was set back
			best, known = Clock{theirs.Sub(sent.Add(half)), bound}, true
		}
	}
	if !known {
		return Clock{}, errors.New("ask for the clock: one's own goes backwards")
	}
	return best, nil
}

// moved is how far the clock has moved that was c some time ago, beyond what the
// bounds and a drift explain; 0 when they explain it.
func (c Clock) moved(since Clock, ago time.Duration) time.Duration {
	by := (c.Offset - since.Offset).Abs()
	if by <= c.Bound+since.Bound+unseen+time.Duration(drift*float64(ago)) {
		return 0
	}
	return by
}
