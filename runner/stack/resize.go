package stack

import (
	"context"
	"fmt"
	"time"

	"sweetspot/runner/process"
	"sweetspot/scenarios"
)

const resizeWait = 10 * time.Second // for one worker to come or go

// Resize changes the workers of a running stack to those of another cell that
// differs in nothing else, and returns when all of them live. ok is false when
// the server cannot, or was not started with room for it: then nothing has
// happened.
func (st *Stack) Resize(ctx context.Context, to scenarios.Cell) (ok bool, err error) {
	same := st.cell
	same.Workers = to.Workers
	if st.server.resize == nil || same != to || to.Workers > st.room || st.server.grows && to.Workers < st.cell.Workers {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, st.app.Deadline)
	defer cancel()
	for _, p := range st.apps {
		if err := st.server.resize(p, st.cell.Workers, to.Workers); err != nil {
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

// awaitChildren waits until a master has that many children.
func awaitChildren(p *process.Process, n int) error {
	for deadline := time.Now().Add(resizeWait); ; time.Sleep(probeEvery) {
		children, err := p.Children()
		if err != nil || len(children) == n {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %d workers instead of %d within %v", ErrNotReady, len(children), n, resizeWait)
		}
	}
}
