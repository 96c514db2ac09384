package stack

import (
	"context"
	"fmt"
	"time"

	"sweetspot/scenarios"
)

// Resize changes the workers of a running stack to those of another cell that
// differs in nothing else, and returns when all of them live. ok is false when
// the server cannot: then nothing has happened.
func (st *Stack) Resize(ctx context.Context, to scenarios.Cell) (ok bool, err error) {
	same := st.cell
	same.Workers = to.Workers
	if st.server.resize == nil || same != to {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, st.app.Deadline)
	defer cancel()
	for _, p := range st.apps {
		if err := st.server.resize(p.process, st.cell.Workers, to.Workers); err != nil {
			return true, fmt.Errorf("resize %s: %w", st.cell, err)
		}
	}
	for {
		workers, err := st.workers()
		if err != nil {
			return true, err
		}
		if len(workers) == to.Processes() {
			st.cell = to
			return true, nil
		}
		select {
		case <-st.died:
			return true, fmt.Errorf("%w: %w", ErrNotReady, st.err)
		case <-ctx.Done():
			return true, fmt.Errorf("%w: %d workers instead of %d after the change", ErrNotReady, len(workers), to.Processes())
		case <-time.After(probeEvery):
		}
	}
}
