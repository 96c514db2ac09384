package linger

import (
	"context"
	"time"
)

// beat is when one of many clients acts: once a period, each at its own share
// of it, so that they never act all at once.
type beat struct {
	first time.Time
	every time.Duration
}

// beats returns the beat of the i-th of n clients from now on.
func beats(now time.Time, every time.Duration, i, n int) beat {
	return beat{first: now.Add(time.Duration(float64(every) * float64(i+1) / float64(n))), every: every}
}

// next returns the first time after now that is on the beat.
func (b beat) next(now time.Time) time.Time {
	past := now.Sub(b.first)
	if past < 0 {
		return b.first
	}
	return b.first.Add((past/b.every + 1) * b.every)
}

// sleep waits until the given time; sooner when ctx is done, whose error it
// returns.
func sleep(ctx context.Context, until time.Time) error {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
