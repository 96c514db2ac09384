// Package attack drives a started stack with one load and measures what comes
// back, from the scheduled time of every hit to the last byte of its response.
package attack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

const (
	firstWorkers   = 8           // more start as hits find none free; many that take turns have cold stacks and caches
	defaultMaxHits = 5_000_000   // of a closed loop
	maxInFlight    = 1024        // that an open loop takes without being told
	grace          = time.Second // for what is still unsent when the schedule ends
	checkEvery     = 50 * time.Millisecond
)

// Mix says what the hits are, as a pure function of their sequence number.
// *scenarios.Mix is one.
type Mix interface {
	Pick(seq uint64) int                      // index into the requests
	AppendPath(dst []byte, seq uint64) []byte // path and query, ready to send
	AppendBody(dst []byte, seq uint64) []byte // nothing for a request without a body
}

// Spec is one attack.
type Spec struct {
	Network, Address string                      // "tcp" and "127.0.0.1:8000", or "unix" and a path
	TLS              *tls.Config                 // clients speak TLS; nil: they do not
	HTTP2            bool                        // clients speak HTTP/2; needs TLS
	Standard         bool                        // net/http is the client also where the lean one would do
	Host             string                      // of the requests; empty means Address, or localhost for a Unix socket
	PerConnection    int                         // mean number of requests after which a connection is given up; 0 means never
	Files            map[string]scenarios.Expect // by path as sent: length and hash of static files, beside what their requests expect
	Requests         []scenarios.Request         // with their defaults filled in
	Mix              Mix                         // over Requests
	Arrivals         string                      // of an open loop: scenarios.Poisson, Constant, Ramp, Step, Sine or Replay
	Shape            *scenarios.Shape            // of a ramp, step or sine, with its defaults filled in
	Recording        scenarios.Recording         // of a replay
	Rate             float64                     // requests per second; 0 means a closed loop
	Connections      int                         // of a closed loop: requests kept in flight
	MaxInFlight      int                         // of an open loop: cap on requests in flight; 0 means rate × timeout, within 1 … 1024
	Warmup           time.Duration               // hits due before it are sent and verified, not counted
	Duration         time.Duration               // measured, after Warmup
	Timeout          time.Duration               // of one request, from sending to the last byte
	Seed             uint64                      // of the arrivals
	Objectives       scenarios.Objectives        // an open loop ends as soon as one of them cannot be met any more
	Procs            int                         // of Go's scheduler that the attack takes at most; 0 means all
	MaxHits          uint64                      // of a closed loop: bound on the hits; 0 means 5,000,000
	Raw              io.Writer                   // gets the measured results in vegeta's gob encoding; nil means nobody
	Tell             func(rundir.Interval)       // is told every second what came back, without Trial and Step; nil means nobody. While it is busy the next interval grows

	// Of an attack that several generators make together: hit i of the one
	// schedule is sent by shard i mod Shards.
	Shard, Shards int                                      // which shard this is, from 0, and of how many; 0, 0: the whole
	Begin         func(context.Context) (time.Time, error) // is asked once the attack could begin, and tells when it does; nil: now

	// What tests replace to run an attack on virtual time.
	dial  func(ctx context.Context) (net.Conn, error) // nil: Network and Address
	alarm func() (alarm, error)                       // nil: a timer of the kernel

	part bool // a Part is made of it
}

// Result is what an attack measured.
type Result struct {
	Load       rundir.Load
	Histograms map[string]rundir.Histograms // by class, and scenarios.All; classes that the mix has
}

// Run attacks as spec says and returns when the last response is in, or timed
// out. It ends early when ctx is done or an objective cannot be met any more;
// Load.Aborted then says why. The error is not nil when the attack could not
// be made at all, or when Raw could not be written: then the result is still
// whole. The result of a shard is that of its own hits.
func Run(ctx context.Context, spec Spec) (Result, error) {
	c, err := run(ctx, spec)
	if c == nil {
		return Result{}, err
	}
	return c.result(), err
}

// run attacks, and returns what was collected; nil when the attack could not be
// made at all.
func run(ctx context.Context, spec Spec) (*collector, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	kinds, err := newKinds(spec)
	if err != nil {
		return nil, err
	}
	files, err := newFiles(spec.Files)
	if err != nil {
		return nil, err
	}
	newAlarm := spec.alarm
	if newAlarm == nil {
		newAlarm = newTimer
	}
	alarm, err := newAlarm()
	if err != nil {
		return nil, err
	}
	defer alarm.Close()

	plan := newPlan(spec)
	if spec.Shards > 1 {
		spec.Mix = newStrided(spec)
	}
	defer limitProcs(spec)()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dialer := newDialer(spec)
	transport := &transport{ctx: ctx, client: newClient(spec, newTraffic(ctx, spec, kinds, files), dialer, plan.workers)}
	defer transport.client.close()
	return drive(ctx, cancel, spec, plan, alarm, transport, dialer)
}

// drive runs vegeta's attacker and collects its results.
func drive(ctx context.Context, cancel context.CancelFunc, spec Spec, plan plan, alarm alarm, transport *transport, dialer *dialer) (*collector, error) {
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{Transport: transport}), // first: it discards what other options set
		vegeta.Workers(uint64(min(plan.workers, firstWorkers))),
		vegeta.MaxWorkers(uint64(plan.workers)),
	)
	c := newCollector(spec, plan)
	began, err := spec.begin(ctx) // after all that takes time
	if err != nil {
		return nil, errors.Join(err, c.raw.close())
	}
	c.begin(began)
	dialer.from = began.Add(spec.Warmup)
	var next arrivals
	if plan.open() {
		next = plan.arrivals()
	}
	pacer := &pacer{plan: plan, next: next, began: began, alarm: alarm, least: leastSleep(spec.ownRate()), pool: &transport.pool, ended: ctx.Done()}

	// Neither the pacer's sleep nor its wait for a free worker notices the end
	// by itself: the alarm ends the one, Stop the other.
	end := func() { alarm.Stop(); attacker.Stop() }
	defer context.AfterFunc(ctx, end)()
	defer time.AfterFunc(time.Until(began)+plan.deadline, end).Stop()
	pacer.sleepUntil(0)

	results := attacker.Attack(target, pacer, 0, "")
	c.drain(ctx, results, &transport.pool, cancel)
	c.teller.close(time.Since(began))
	c.redials = dialer.opened.Load()
	if err := c.raw.close(); err != nil {
		return c, fmt.Errorf("write raw results: %w: free some space and run the trial again", err)
	}
	return c, nil
}

// begin returns when the attack begins, by this process's own clock.
func (s Spec) begin(ctx context.Context) (time.Time, error) {
	if s.Begin == nil {
		return time.Now(), nil
	}
	at, err := s.Begin(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("begin the attack: %w", err)
	}
	now := time.Now()
	return now.Add(at.Sub(now)), nil
}

// target is the same for every hit: vegeta asks for it outside the lock that
// numbers the hits, so only the transport knows which hit it is and puts the
// real request in.
func target(t *vegeta.Target) error {
	t.Method, t.URL = http.MethodGet, "/" // quickly parsed
	return nil
}

func (s Spec) check() error {
	var errs []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("attack: "+format, args...))
		}
	}
	open := s.Rate != 0
	require(s.Network == "tcp" || s.Network == "unix", "network %q: want tcp or unix", s.Network)
	require(s.TLS != nil || !s.HTTP2, "HTTP/2 without TLS: give TLS, for clients speak HTTP/2 over it only")
	require(s.PerConnection >= 0, "%d requests per connection: want 1 or more, or 0 for any number", s.PerConnection)
	require(len(s.Requests) > 0 && s.Mix != nil, "no requests: give Requests and a Mix over them")
	require(s.Rate >= 0 && s.Rate <= 1e6, "rate %v/s: want 0 (closed loop) to 1,000,000", s.Rate)
	require(!open || scenarios.IsArrivals(s.Arrivals), "arrivals %q: want those of a scenario, as %s", s.Arrivals, scenarios.Poisson)
	fault := s.shapeFault()
	require(!open || fault == "", "%s", fault)
	require(open || s.Connections > 0, "closed loop of %d connections: want at least 1", s.Connections)
	require(s.MaxInFlight >= 0, "cap of %d requests in flight: want 1 or more, or 0 for the default", s.MaxInFlight)
	require(s.Warmup >= 0 && s.Duration > 0, "warm-up %v and duration %v: want the first not negative, the second above 0", s.Warmup, s.Duration)
	require(s.Procs >= 0, "%d processors: want 1 or more, or 0 for all", s.Procs)
	require(s.Timeout > 0, "timeout %v: want above 0", s.Timeout)
	require(s.Rate*(s.Warmup+s.Duration).Seconds() <= maxPlanned,
		"%v/s for %v: more than %.0f hits, shorten the trial", s.Rate, s.Warmup+s.Duration, maxPlanned)
	require(s.Shards >= 0 && s.Shard >= 0 && s.Shard < max(s.Shards, 1), "shard %d of %d: want them counted from 0", s.Shard, s.Shards)
	if len(errs) == 0 && s.Shards > 1 {
		require(s.Shards <= s.Splits(), "%d shards of an attack that keeps %d requests in flight: want one each at least", s.Shards, s.Splits())
	}
	return errors.Join(errs...)
}

// plan is the schedule of an attack and its bounds.
type plan struct {
	arrivals func() arrivals // begins anew; nil for a closed loop
	hits     uint64          // most that may be sent
	first    uint64          // open loop: number of the first measured hit
	end      time.Duration   // of the schedule, from the start
	deadline time.Duration   // nothing is sent later, from the start
	workers  int             // cap on requests in flight
	of       scope           // open loop: what all shards send
}

// scope is the hits of an open loop, whichever shard sends them.
type scope struct{ hits, first uint64 }

// newPlan is what a spec plans: of a shard, its own part.
func newPlan(s Spec) plan {
	p := closedPlan(s)
	if s.Rate > 0 {
		p = openPlan(s)
	}
	if s.Shards > 1 {
		return p.part(s.Shard, s.Shards)
	}
	return p
}

func openPlan(s Spec) plan {
	end := s.Warmup + s.Duration
	hits, first := s.arrivals().count(s.Warmup)
	return plan{
		arrivals: s.arrivals,
		hits:     hits,
		first:    first,
		end:      end,
		deadline: end + min(grace, s.Timeout),
		workers:  s.inFlight(),
		of:       scope{hits, first},
	}
}

// inFlight is the cap on requests in flight, of all shards together.
func (s Spec) inFlight() int {
	switch {
	case s.Rate == 0:
		return s.Connections
	case s.MaxInFlight > 0:
		return s.MaxInFlight
	}
	peak := s.Rate * scenarios.Traffic{Arrivals: s.Arrivals, Shape: s.Shape}.Peak()
	return int(min(max(math.Ceil(peak*s.Timeout.Seconds()), 1), maxInFlight))
}

func closedPlan(s Spec) plan {
	hits := s.MaxHits
	if hits == 0 {
		hits = defaultMaxHits
	}
	end := s.Warmup + s.Duration
	return plan{hits: hits, end: end, deadline: end, workers: s.inFlight()}
}

// open tells whether hits have a scheduled time.
func (p plan) open() bool { return p.arrivals != nil }
