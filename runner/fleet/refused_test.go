package fleet

import (
	"context"
	"errors"
	"testing"

	"sweetspot/runner"
)

// A site on which something breaks in the middle of a visit refuses, and the
// other one makes it.
func TestSiteBreaks(t *testing.T) {
	b := newBed(t)
	broken := func(a *Agent) {
		a.run = func(ctx context.Context, c runner.Config) error {
			if _, ok := c.Strategy(nil); ok {
				return errors.New("the disk is full")
			}
			return nil
		}
	}
	b.serve("a", broken)
	b.noted("a: agent a")
	b.serve("b", faking)
	if err := b.control(grid(6, 2)); err != nil {
		t.Fatal(err)
	}
	b.whole(6, 2)
}
