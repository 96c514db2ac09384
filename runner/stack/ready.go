package stack

import (
	"cmp"
	"context"
	"crypto/tls"
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
	settleFor    = 3 * time.Second // how long too few workers stay the same before they are all that come
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
	process *process.Process // nil: it was not started by us, and only has to answer
	at      endpoint
	path    string      // that answers 200; "" when any answer to / will do
	host    string      // of the request; empty means localhost
	tls     *tls.Config // nil: it speaks no TLS
	silent  bool        // it speaks no HTTP: listening is all that can be asked of it
	trialID string
	workers int                                   // that it has to have; 0 means any
	live    func(*process.Process) ([]int, error) // its workers
	doomed  func(log string) bool                 // tells that it will never answer well; nil when it ends then
	allowed time.Duration                         // deadline as configured, for the error
}

// wait returns when our process listens, the path answers 200, and all workers
// live, or no more of them come; or errForeign; or an error that is ErrNotReady
// and ends with the log's tail.
func (g gate) wait(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var stages []func(context.Context) (bool, error)
	if g.process != nil {
		go func() {
			select {
			case <-g.process.Done():
				cancel()
			case <-ctx.Done():
			}
		}()
		stages = append(stages, g.listens)
	}
	if !g.silent {
		stages = append(stages, g.answers)
	}
	if g.workers > 0 {
		stages = append(stages, g.complete())
	}
	for _, stage := range stages {
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
		if g.doomed != nil && g.doomed(g.process.LogTail(tailLines)) {
			return fmt.Errorf("%s %w: it runs, but without the application%s", g.role, ErrNotReady, g.tail())
		}
		select {
		case <-time.After(probeEvery):
		case <-ctx.Done():
			return g.failure(ctx, last)
		}
	}
}

func (g gate) failure(ctx context.Context, last error) error {
	if g.process == nil {
		return fmt.Errorf("%s %w after %v: %w", g.role, ErrNotReady, g.allowed, last)
	}
	switch {
	case g.process.Err() != nil:
		if _, err := g.ours(); errors.Is(err, errForeign) {
			return err
		}
		return fmt.Errorf("%s %w: %w%s", g.role, ErrNotReady, g.process.Err(), g.tail())
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s %w after %v: %w; raise app.deadline if it needs longer%s", g.role, ErrNotReady, g.allowed, last, g.tail())
	}
	return ctx.Err()
}

// tail is the end of the log, as the end of an error.
func (g gate) tail() string {
	if text := g.process.LogTail(tailLines); text != "" {
		return "\n" + text
	}
	return "\nits log is empty"
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
	transport := &http.Transport{DialContext: g.dial, DisableKeepAlives: true, TLSClientConfig: g.tls}
	scheme := "http"
	if g.tls != nil {
		scheme = "https"
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+cmp.Or(g.host, "localhost")+cmp.Or(g.path, "/"), nil)
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
	if resp.StatusCode != http.StatusOK && g.path != "" {
		return false, fmt.Errorf("GET %s answered %s", g.path, resp.Status)
	}
	if got := resp.Header.Get(trialHeader); got != "" && got != g.trialID {
		return false, fmt.Errorf("GET %s was answered by trial %s, not by %s", g.path, got, g.trialID)
	}
	return true, nil
}

// complete waits for the last worker: a master forks them one after another,
// and the first may answer before the last exists. When fewer than the cell has
// live and none has come for a while, no more will: that is for whoever reads
// the workers back to judge.
func (g gate) complete() func(context.Context) (bool, error) {
	most, since := -1, time.Now()
	return func(context.Context) (bool, error) {
		workers, err := g.live(g.process)
		if err != nil {
			return false, err
		}
		n := len(workers)
		if n != most {
			most, since = n, time.Now()
		}
		if n >= g.workers || n > 0 && time.Since(since) > settleFor {
			return true, nil
		}
		return false, fmt.Errorf("%d of %d workers live", n, g.workers)
	}
}

// dial ignores what the transport asks for: there is one place to go.
func (g gate) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, g.at.network, g.at.address)
}
