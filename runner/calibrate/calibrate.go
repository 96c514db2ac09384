// Package calibrate measures the generator itself, against a server that
// answers at once: how much it can send, how late it sends, and what observing
// a trial costs.
package calibrate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sweetspot/runner/attack"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/scenarios"
)

// Config says where to calibrate. The caller has pinned this process to the
// generator's CPUs, and watches RunID.
type Config struct {
	CPUs  []int  // of the null server: those of the proxy or application
	Procs int    // as in attack.Spec
	Dir   string // for what it needs meanwhile; exists
	RunID string // marks the null server
	Brief bool   // only the ceiling, in half a second
	Pairs int    // of attacks with and without observing
}

const (
	connections = 32 // of the closed loop
	warmup      = 200 * time.Millisecond
	duration    = time.Second // of an attack
	brief       = 300 * time.Millisecond
)

// shares are the parts of the ceiling at which lag is measured.
var shares = []float64{0.1, 0.5, 0.9}

// observed is the part of the ceiling at which observing is measured: low, as
// the dynamic requests of a trial are.
const observed = 0.05

// Duration returns how long a calibration with so many pairs takes, about.
func Duration(pairs int) time.Duration {
	return time.Duration(1+len(shares)+2*pairs)*(warmup+duration) + 500*time.Millisecond
}

// Run calibrates. It is not to be called while anything else is measured.
func Run(ctx context.Context, c Config) (_ *rundir.Calibration, err error) {
	began := time.Now()
	server, address, err := startNull(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	b := &bench{Config: c, address: address, server: server.Group()}
	var out rundir.Calibration
	if err := b.calibrate(ctx, &out); err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	out.Took = time.Since(began)
	return &out, nil
}

type bench struct {
	Config
	address string // of the null server
	server  int    // its process group
}

func (b *bench) calibrate(ctx context.Context, out *rundir.Calibration) error {
	top, err := b.attack(ctx, attack.Spec{Connections: connections})
	if err != nil {
		return err
	}
	out.Ceiling, out.CPUPerRequest = top.load.Achieved, top.cpu
	if b.Brief {
		return nil
	}
	for _, share := range shares {
		at, err := b.attack(ctx, attack.Spec{Rate: share * out.Ceiling})
		if err != nil {
			return err
		}
		lag := at.load.Classes[scenarios.All].Lag
		out.Lags = append(out.Lags, rundir.CalibratedLag{Share: share, Rate: share * out.Ceiling, P50: lag.P50, P99: lag.P99, Max: lag.Max})
	}
	for i := range b.Pairs {
		pair, err := b.pair(ctx, observed*out.Ceiling, i%2 == 1)
		if err != nil {
			return err
		}
		out.Observing = append(out.Observing, pair)
	}
	return nil
}

// pair attacks with observing and without, in an order that alternates: a
// machine that slows down meanwhile favours neither.
func (b *bench) pair(ctx context.Context, rate float64, withFirst bool) (rundir.ObservedPair, error) {
	p := rundir.ObservedPair{Rate: rate}
	for _, with := range []bool{withFirst, !withFirst} {
		run, into := b.attack, &p.Without
		if with {
			run, into = b.observe, &p.With
		}
		r, err := run(ctx, attack.Spec{Rate: rate})
		if err != nil {
			return p, err
		}
		*into = rundir.Observed{CPUPerRequest: r.cpu, P50: r.load.Classes[scenarios.All].Response.P50}
	}
	return p, nil
}

// observe attacks as a trial does: sampled, and with its raw results kept.
func (b *bench) observe(ctx context.Context, s attack.Spec) (_ result, err error) {
	name := filepath.Join(b.Dir, rundir.RawFile)
	raw, err := rundir.CreateRaw(name)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, raw.Close(), os.Remove(name)) }()
	sampler, err := sample.Start(sample.Roles{App: []int{b.server}}, sample.Options{})
	if err != nil {
		return result{}, err
	}
	defer func() {
		_, e := sampler.Stop()
		err = errors.Join(err, e)
	}()
	s.Raw = raw
	return b.attack(ctx, s)
}

// result is what one attack measured.
type result struct {
	load rundir.Load
	cpu  time.Duration // of this process a request, warm-up included
}

// page is the one request.
var page = scenarios.Request{Name: "null", Class: scenarios.Dynamic, Method: "GET", Path: "/", Weight: 1, Expect: scenarios.Expect{Status: 200, Contains: "null"}}

func (b *bench) attack(ctx context.Context, s attack.Spec) (result, error) {
	mix, err := scenarios.NewMix(scenarios.Traffic{Requests: []scenarios.Request{page}}, 1)
	if err != nil {
		return result{}, err
	}
	s.Network, s.Address, s.Requests, s.Mix, s.Procs = "tcp", b.address, []scenarios.Request{page}, mix, b.Procs
	s.Arrivals, s.Warmup, s.Duration, s.Timeout, s.Seed = scenarios.Poisson, warmup, duration, 10*time.Second, 1
	if b.Brief {
		s.Duration = brief
	}
	before, err := sample.OwnCPU()
	if err != nil {
		return result{}, err
	}
	r, err := attack.Run(ctx, s)
	if err != nil {
		return result{}, err
	}
	after, err := sample.OwnCPU()
	if err != nil {
		return result{}, err
	}
	if ctx.Err() != nil {
		return result{}, ctx.Err()
	}
	all := r.Load.Classes[scenarios.All]
	if all.Sent == 0 || all.Good < all.Sent {
		return result{}, fmt.Errorf("%d of %d requests failed against the null server (%v): another program may be using up connections or CPU", all.Errors(), all.Sent, all.Faults)
	}
	return result{r.Load, time.Duration(float64(after-before) / float64(all.Sent) * float64(s.Duration) / float64(s.Warmup+s.Duration))}, nil
}
