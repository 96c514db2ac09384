package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sweetspot/runner/linger"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
)

// held is what lingers at the stack during an attack; the zero value is
// nothing.
type held struct{ *linger.Held }

// linger opens what the traffic has beside the attack, unless the step wants
// the attack alone.
func (b *bench) linger(ctx context.Context, t *rundir.Trial) (held, error) {
	traffic := b.Run.Manifest.Scenario.Traffic
	if t.Step.Alone || !traffic.Beside() {
		return held{}, nil
	}
	h, err := linger.Start(ctx, linger.Spec{
		Network: b.live.Network, Address: b.live.Address, Host: b.live.Host, TLS: b.live.TLS,
		Slow: traffic.Slow, WebSockets: traffic.WebSockets, Timeout: traffic.Timeout.Std(), Memory: b.memory,
	})
	return held{h}, err
}

// memory returns the PSS of application and proxy, bytes.
func (b *bench) memory() (uint64, error) {
	apps, proxy, _ := b.live.Groups()
	return sample.PSS(append(slices.Clone(apps), proxy)...)
}

func (h held) measure() {
	if h.Held != nil {
		h.Measure()
	}
}

func (h held) stop() *rundir.Beside {
	if h.Held == nil {
		return nil
	}
	b := h.Stop()
	return &b
}

// unlessDead turns an error into the trial's failure if the stack has died.
func (b *bench) unlessDead(ctx context.Context, t *rundir.Trial, err error) error {
	if dead := b.live.Err(); dead != nil && ctx.Err() == nil {
		t.Failure = b.live.Blame(dead).Error()
		return nil
	}
	return err
}

// watchAfter looks at the stack's connections half-way through the measured
// part. The function that it returns adds what was seen to the trial.
func (b *bench) watchAfter(ctx context.Context, begin *outset, step rundir.Step) func(*rundir.Trial) {
	type seen struct {
		connections []int
		databases   map[string]rundir.ServiceUse
		err         error
	}
	result := make(chan seen, 1)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		var s seen
		if begin.wait(ctx, step.Warmup+step.Duration/2) {
			var errConnections, errDatabases error
			s.connections, errConnections = b.live.Connections()
			s.databases, errDatabases = b.live.Databases()
			s.err = errors.Join(errConnections, errDatabases)
		}
		result <- s
	}()
	return func(t *rundir.Trial) {
		cancel()
		s := <-result
		t.Effective.Connections, t.Usage.Databases = s.connections, s.databases
		if s.err != nil && t.Failure == "" && t.Broken == "" {
			t.Broken = fmt.Sprintf("count connections: %v", s.err)
		}
	}
}
