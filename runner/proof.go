package runner

import (
	"context"
	"fmt"

	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
)

// proof is what a fresh stack was seen to do before its first trial.
type proof struct {
	peak   *rundir.Peak
	static []rundir.StaticAnswer
}

// holds says whether the stack was seen to be its cell, as far as that can be
// seen.
func (p proof) holds() bool {
	return p.peak == nil || p.peak.Want == 0 || p.peak.Seen == p.peak.Want
}

// prove measures how many requests the running stack works on at once and how
// it serves static files. A stack that does not answer then is not ready.
func (b *bench) prove(ctx context.Context) (err error) {
	b.proof = proof{}
	if b.proof.peak, err = b.live.Peak(ctx); err == nil {
		b.proof.static, err = b.live.StaticAnswers(ctx, b.files.shown, b.files.sums)
	}
	switch {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case b.live.Err() != nil:
		return fmt.Errorf("%w: %w", stack.ErrNotReady, b.live.Err())
	}
	return fmt.Errorf("%w: %w", stack.ErrNotReady, err)
}
