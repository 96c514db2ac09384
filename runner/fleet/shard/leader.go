package shard

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/gob"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/attack"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Leader is a site's subject, as it has its generators attack what it started.
// It makes one attack at a time.
type Leader struct {
	Conn       *nats.Conn
	Agent      wire.Agent       // that it is
	Generators []wire.Agent     // of its site
	Objects    Transfer         // brings raw results, and takes recordings; nil: the hub's object store
	Clock      func() time.Time // nil: time.Now
	Bound      time.Duration    // that a clock's may have; 0: 5 ms
	Silence    time.Duration    // after which a generator that does not answer has died; 0: wire.Expiry

	js jetstream.JetStream
}

// Job is what of an attack its spec does not tell.
type Job struct {
	Run     string
	Trial   string            // names the attempt, and no other one
	Token   uint64            // of the site's lease
	Traffic scenarios.Traffic // that the spec was made of, as resolved
	Class   string            // that alone is sent; empty: all
	MixSeed uint64
}

const (
	defaultBound = 5 * time.Millisecond
	lead         = 300 * time.Millisecond // before the attack, all are told when it begins
	ask          = 2 * time.Second        // within which a generator answers
	askArmed     = prepared + ask         // or can begin
	pollsIn      = 20                     // the time after which a generator that does not answer has died
	pollFast     = 50 * time.Millisecond  // once the attack should be over
)

// Attack is attack.Run by the generators: each sends its shard of the spec's
// schedule, and what they measured is merged. The result comes with what each of
// them did, by shard. Where there are more generators than requests in flight
// the last ones do nothing. Spec.Begin is asked once all of them could begin; nil
// has them begin at once.
//
// The error is a *Void when the attack counts for nothing and is to be made
// again, and another one when that would not help. As with attack.Run the result
// is whole when Raw could not be written, and when ctx is done the attack ends
// early and says so.
func (l *Leader) Attack(ctx context.Context, spec attack.Spec, job Job) (attack.Result, []rundir.Shooter, error) {
	r, err := l.prepare(ctx, spec, job)
	if err != nil {
		return attack.Result{}, nil, fmt.Errorf("attack %s: %w", job.Trial, err)
	}
	withdraw, err := l.announce(ctx, r.order)
	if err != nil {
		return attack.Result{}, nil, fmt.Errorf("attack %s: %w", job.Trial, err)
	}
	defer withdraw()
	defer r.tell(context.WithoutCancel(ctx), wire.AskDrop)
	if err := r.attack(ctx); err != nil {
		return attack.Result{}, nil, fmt.Errorf("attack %s: %w", job.Trial, err)
	}
	shooters, err := r.shooters()
	if err != nil {
		return attack.Result{}, nil, fmt.Errorf("attack %s: %w", job.Trial, err)
	}
	res, err := r.merge(context.WithoutCancel(ctx))
	if err != nil {
		err = fmt.Errorf("attack %s: %w", job.Trial, err)
	}
	return res, shooters, err
}

// join makes ready what the leader needs of the hub.
func (l *Leader) join(ctx context.Context) (err error) {
	if l.js, err = jetstream.New(l.Conn); err != nil {
		return err
	}
	l.Objects, err = transfer(ctx, l.js, l.Objects)
	return err
}

// prepare makes the order that all generators get, and says why they would not
// take it.
func (l *Leader) prepare(ctx context.Context, spec attack.Spec, job Job) (*round, error) {
	spec.Shard, spec.Shards = 0, 0
	if err := l.join(ctx); err != nil {
		return nil, err
	}
	if len(l.Generators) == 0 {
		return nil, fmt.Errorf("site %s has no generator: start one with sweetspot agent", l.Agent.Site)
	}
	address, err := netip.ParseAddrPort(spec.Address)
	if spec.Network != "tcp" || err != nil {
		return nil, fmt.Errorf("the stack listens at %s %s: generators reach an IP address and a port only", spec.Network, spec.Address)
	}
	digest, err := spec.Digest()
	if err != nil {
		return nil, err
	}
	order := wire.Arm{
		Run: job.Run, Trial: job.Trial, Site: l.Agent.Site, Subject: l.Agent.Name, Token: job.Token,
		Shards: min(len(l.Generators), spec.Splits()), Address: address, Host: cmp.Or(spec.Host, spec.Address),
		Files: spec.Files, Standard: spec.Standard, HTTP2: spec.HTTP2, Traffic: job.Traffic, Class: job.Class,
		Rate: spec.Rate, Connections: spec.Connections, Warmup: spec.Warmup, Duration: spec.Duration, Seed: spec.Seed, MixSeed: job.MixSeed,
		Raw: spec.Raw != nil, Protocol: wire.Protocol, Digest: digest, MaxInFlight: spec.MaxInFlight, MaxHits: spec.MaxHits, Objectives: spec.Objectives,
	}
	if spec.TLS != nil {
		order.TLS = true
		if order.Roots, order.ServerName, err = authority(ctx, spec); err != nil {
			return nil, fmt.Errorf("know the subject by its certificate: %w", err)
		}
	}
	if len(spec.Recording) > 0 {
		if order.Recording, err = l.record(ctx, job.Run, spec.Recording); err != nil {
			return nil, fmt.Errorf("hand in what is replayed: %w", err)
		}
	}
	r := &round{Leader: l, spec: spec, order: order}
	for i, g := range l.Generators[:order.Shards] {
		if g.Protocol != wire.Protocol || g.Version != l.Agent.Version {
			return nil, fmt.Errorf("generator %s is of version %s and speaks protocol %d, agent %s is of %s and speaks %d: install the same sweetspot on both",
				g.Name, g.Version, g.Protocol, l.Agent.Name, l.Agent.Version, wire.Protocol)
		}
		r.all = append(r.all, &generatorAt{Agent: g, round: r, shard: i})
	}
	return r, nil
}

// authority returns the certificate, PEM, that the subject's own is verified by,
// and the name that it is for.
func authority(ctx context.Context, spec attack.Spec) (roots []byte, name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, ask)
	defer cancel()
	conn, err := (&tls.Dialer{Config: spec.TLS}).DialContext(ctx, spec.Network, spec.Address)
	if err != nil {
		return nil, "", err
	}
	state := conn.(*tls.Conn).ConnectionState()
	if err := conn.Close(); err != nil {
		return nil, "", err
	}
	if len(state.VerifiedChains) == 0 {
		return nil, "", errors.New("it was not verified")
	}
	chain := state.VerifiedChains[0]
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw}), spec.TLS.ServerName, nil
}

// record hands a recording in, unless it was before, and returns its name.
func (l *Leader) record(ctx context.Context, run string, times scenarios.Recording) (string, error) {
	name := recordingObject(run, l.Agent.Site, rundir.HashRecording(times))
	if known, err := l.Objects.Has(ctx, name); known || err != nil {
		return name, err
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(times); err != nil {
		return "", err
	}
	return name, l.Objects.Put(ctx, name, &b)
}

// announce lets the generators attack what the order names, until withdraw.
func (l *Leader) announce(ctx context.Context, order wire.Arm) (withdraw func(), err error) {
	kv, err := l.js.KeyValue(ctx, wire.AnnouncedBucket)
	if err != nil {
		return nil, fmt.Errorf("announce %v: bucket %s: %w", order.Address, wire.AnnouncedBucket, err)
	}
	data, err := wire.Encode(&wire.Announcement{Run: order.Run, Site: order.Site, Agent: order.Subject, Address: order.Address})
	if err != nil {
		return nil, err
	}
	key := order.Site + "." + order.Subject
	if _, err := kv.Put(ctx, key, data); err != nil {
		return nil, fmt.Errorf("announce %v: %w", order.Address, err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ask)
		defer cancel()
		_ = kv.Delete(ctx, key) // the next announcement takes its place
	}, nil
}

func (l *Leader) now() time.Time {
	if l.Clock == nil {
		return time.Now()
	}
	return l.Clock()
}

// generatorAt is a generator as its leader sees it.
type generatorAt struct {
	wire.Agent
	round         *round
	shard         int
	before, after Clock
	fired         time.Time // when before was measured
	part          attack.Part
}

// void is why its attack counts for nothing.
func (g *generatorAt) void(format string, args ...any) error {
	return &Void{Agent: g.Name, Reason: fmt.Sprintf(format, args...)}
}

// ask asks it something, and reads the answer.
func (g *generatorAt) ask(ctx context.Context, verb string, m, answer wire.Message, within time.Duration) error {
	data, err := wire.Encode(m)
	if err != nil {
		return fmt.Errorf("generator %s: %s: %w", g.Name, verb, err)
	}
	waiting, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	msg, err := g.round.Conn.RequestWithContext(waiting, wire.ToGenerator(g.Site, g.Name, verb), data)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, nats.ErrNoResponders):
		return g.void("it is not there")
	case err != nil:
		return g.void("it does not answer to %s: %v", verb, err)
	}
	if strings.HasPrefix(msg.Subject, "$") { // what JetStream was talked into sending has the subject that it is kept under
		return g.void("its answer to %s is forged: it is of %s", verb, msg.Subject)
	}
	if err := wire.Decode(msg.Data, answer); err != nil {
		return g.void("its answer to %s: %v", verb, err)
	}
	return nil
}

// clock asks for its clock.
func (g *generatorAt) clock(ctx context.Context) (Clock, error) {
	seq := 0
	c, err := Measure(ctx, pings, g.round.now, func(ctx context.Context) (time.Time, error) {
		seq++
		var p wire.Pong
		if err := g.ask(ctx, wire.AskPing, &wire.Ping{Seq: seq}, &p, ask); err != nil {
			return time.Time{}, err
		}
		if p.Seq != seq {
			return time.Time{}, g.void("its answer to ping %d is of ping %d", seq, p.Seq)
		}
		return p.Now, nil
	})
	if err != nil {
		return c, err
	}
	if limit := cmp.Or(g.round.Bound, defaultBound); c.Bound > limit {
		return c, g.void("its clock is known to ± %v only, at most ± %v will do: the network to it is too slow, or busy", c.Bound, limit)
	}
	return c, nil
}

// round is one attack by several generators.
type round struct {
	*Leader
	spec  attack.Spec
	order wire.Arm
	all   []*generatorAt // by shard
	began time.Time      // by this process's clock
}

// each does something for all generators at once, and returns the first error.
// It has the others give up then.
func (r *round) each(ctx context.Context, do func(context.Context, *generatorAt) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	var once sync.Once
	var first error
	for _, g := range r.all {
		all.Go(func() {
			if err := do(ctx, g); err != nil {
				once.Do(func() { first = err; cancel() })
			}
		})
	}
	all.Wait()
	return first
}
