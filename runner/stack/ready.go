package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"sweetspot/runner/process"
)

const (
	probeEvery   = 5 * time.Millisecond
	probeTimeout = 5 * time.Second // of one request
	foreignFor   = time.Second     // how long a listener is not ours before it is somebody else's
	tailLines    = 20              // of a log, in an error
)

// ErrNotReady marks a failure of the cell itself: a program ended early, never
// answered well, or never had all its workers. Other errors of Start are the
// machine's or the scenario's.
var ErrNotReady = errors.New("is not ready")

// A gate waits until a process of ours answers as it should.
type gate struct {
	role    string
	process *process.Process
	at      endpoint
	path    string
	trialID string
	workers int           // children that the master has to have; 0 means any
	allowed time.Duration // deadline as configured, for the error
}

// wait returns when our process listens, the path answers 200, and all workers
// live; or errForeign; or an error that is ErrNotReady and ends with the log's tail.
func (g gate) wait(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-g.process.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	for _, stage := range []func(context.Context) (bool, error){g.listens, g.answers, g.complete} {
		if err := g.poll(ctx, stage); err != nil {
			return err
		}
	}
	return nil
}

// poll repeats a stage until it is ok. What it said last explains a failure.
func (g gate) poll(ctx context.Context, stage func(context.Context) (bool, error)) error {
	last := errors.New("it never listened on " + g.at.address)
	for {
		ok, err := stage(ctx)
		if ok || errors.Is(err, errForeign) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-time.After(probeEvery):
		case <-ctx.Done():
			return g.failure(ctx, last)
		}
	}
}

func (g gate) failure(ctx context.Context, last error) error {
	tail := "\nits log is empty"
	if text := g.process.LogTail(tailLines); text != "" {
		tail = "\n" + text
	}
	switch {
	case g.process.Err() != nil:
		if _, err := g.ours(); errors.Is(err, errForeign) {
			return err
		}
		return fmt.Errorf("%s %w: %w%s", g.role, ErrNotReady, g.process.Err(), tail)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s %w after %v: %w; raise app.deadline if it needs longer%s", g.role, ErrNotReady, g.allowed, last, tail)
	}
	return ctx.Err()
}

// listens waits for the listening socket, and makes sure that it is ours.
// Connecting first keeps this cheap: the kernel's table of sockets can be long.
func (g gate) listens(ctx context.Context) (bool, error) {
	c, err := g.dial(ctx, "", "")
	if err != nil {
		return false, nil // not yet
	}
	c.Close()
	return g.ours()
}

// ours tells whether our process listens. That somebody else does counts only
// when it lasts: a process that is ending shows its sockets no longer, while
// the kernel still closes them.
func (g gate) ours() (bool, error) {
	for deadline := time.Now().Add(foreignFor); ; time.Sleep(probeEvery) {
		members, err := g.process.Members()
		if err != nil {
			return false, err
		}
		ok, err := ownership(g.at, members)
		if !errors.Is(err, errForeign) || time.Now().After(deadline) {
			return ok, err
		}
	}
}

// answers asks for the path on a connection of its own.
func (g gate) answers(ctx context.Context) (bool, error) {
	transport := &http.Transport{DialContext: g.dial, DisableKeepAlives: true}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+g.path, nil)
	if err != nil {
		return false, err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return false, fmt.Errorf("GET %s: %w", g.path, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return false, fmt.Errorf("GET %s: %w", g.path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("GET %s answered %s", g.path, resp.Status)
	}
	if got := resp.Header.Get(trialHeader); got != "" && got != g.trialID {
		return false, fmt.Errorf("GET %s was answered by trial %s, not by %s", g.path, got, g.trialID)
	}
	return true, nil
}

// complete waits for the last worker: a master forks them one after another,
// and the first may answer before the last exists.
func (g gate) complete(context.Context) (bool, error) {
	children, err := g.process.Children()
	if err != nil {
		return false, err
	}
	if len(children) < g.workers {
		return false, fmt.Errorf("%d of %d workers live", len(children), g.workers)
	}
	return true, nil
}

// dial ignores what the transport asks for: there is one place to go.
func (g gate) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, g.at.network, g.at.address)
}
