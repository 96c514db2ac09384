package shard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

// Options of a generator.
type Options struct {
	Agent     wire.Agent                       // that it is: Name and Site count
	Objects   Transfer                         // takes raw results, and has recordings; nil: the hub's object store
	Scratch   string                           // folder of raw results before they are handed in; empty: that for temporary files
	Procs     int                              // as in attack.Spec
	Clock     func() time.Time                 // nil: time.Now
	Note      func(format string, args ...any) // is told what becomes of attacks; nil: nobody is
	Malformed func(subject string, err error)  // is told of every message that was dropped; nil: nobody is
	Unfired   time.Duration                    // how long an armed attack waits; 0: 30 s
	Silence   time.Duration                    // how long a running one goes on of which its subject wants to know nothing; 0: wire.Expiry
}

// Bounds of a generator.
const (
	defaultUnfired = 30 * time.Second
	prepared       = 20 * time.Second // within which an attack could begin
	handIn         = 5 * time.Minute  // within which raw results are handed in
	most           = 256              // messages that wait, of each kind
	mostAhead      = time.Minute      // when an attack begins
	mostBehind     = time.Second
)

// Serve does what the subject of the agent's site asks for, until ctx is done:
// one attack at a time, against what that subject has announced. Nothing of it
// runs when it returns. The error is not nil when it could not begin.
func Serve(ctx context.Context, nc *nats.Conn, o Options) error {
	g, err := newGenerator(ctx, nc, o)
	if err != nil {
		return fmt.Errorf("generator %s: %w", o.Agent.Name, err)
	}
	for verb, answer := range map[string]func(*nats.Msg){
		wire.AskPing: g.ping, wire.AskArm: g.arm, wire.AskFire: g.fire, wire.AskPoll: g.poll,
		wire.AskEnd: g.end, wire.AskPart: g.part, wire.AskDrop: g.drop,
	} {
		sub, err := nc.Subscribe(wire.ToGenerator(o.Agent.Site, o.Agent.Name, verb), answer)
		if err != nil {
			return fmt.Errorf("generator %s: listen for %s: %w", o.Agent.Name, verb, err)
		}
		defer func() { _ = sub.Unsubscribe() }() // the connection may be gone
		if err := sub.SetPendingLimits(most, most*wire.MaxMessage); err != nil {
			return fmt.Errorf("generator %s: listen for %s: %w", o.Agent.Name, verb, err)
		}
	}
	<-ctx.Done()
	g.close()
	return nil
}

// generator is what serves. At most one job is there.
type generator struct {
	Options
	ctx               context.Context // of the generator: handlers of messages have none of their own
	announced, agents jetstream.KeyValue
	recordings        recordings

	mu     sync.Mutex
	job    *job // nil: none
	closed bool
}

func newGenerator(ctx context.Context, nc *nats.Conn, o Options) (*generator, error) {
	o.Unfired, o.Silence = cmp.Or(o.Unfired, defaultUnfired), cmp.Or(o.Silence, wire.Expiry)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Note == nil {
		o.Note = func(string, ...any) {}
	}
	if o.Malformed == nil {
		o.Malformed = func(string, error) {}
	}
	g := &generator{Options: o, ctx: ctx}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	if g.Objects, err = transfer(ctx, js, o.Objects); err != nil {
		return nil, err
	}
	if g.announced, err = js.KeyValue(ctx, wire.AnnouncedBucket); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", wire.AnnouncedBucket, err)
	}
	if g.agents, err = js.KeyValue(ctx, wire.AgentsBucket); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", wire.AgentsBucket, err)
	}
	return g, nil
}

// close ends what runs, and takes no more.
func (g *generator) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.forget(g.current(), "the agent ends")
}

// current returns the job; nil: there is none.
func (g *generator) current() *job {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.job
}

// take makes a job the current one.
func (g *generator) take(j *job) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return errors.New("the agent ends")
	case g.job != nil:
		return fmt.Errorf("%w: attack %s of run %s", errBusy, g.job.arm.Trial, g.job.arm.Run)
	}
	g.job = j
	return nil
}

var errBusy = errors.New("it is busy with another attack")

// forget ends a job and waits for that; another one may come then.
func (g *generator) forget(j *job, why string) {
	if j == nil {
		return
	}
	j.silence.Stop()
	early := !j.over()
	j.drop(errors.New(why))
	<-j.done
	g.mu.Lock()
	if g.job == j {
		g.job = nil
	}
	g.mu.Unlock()
	if early {
		g.Note("attack %s of run %s dropped: %s", j.arm.Trial, j.arm.Run, why)
	}
}

// read decodes a message; one that is malformed is dropped, and so is one that
// JetStream was talked into sending, which has the subject that it is kept under.
func (g *generator) read(msg *nats.Msg, m wire.Message) bool {
	err := wire.Decode(msg.Data, m)
	if !strings.HasPrefix(msg.Subject, wire.ToGenerator(g.Agent.Site, g.Agent.Name, "")) {
		err = fmt.Errorf("it was sent to %s", msg.Subject)
	}
	if err != nil {
		g.Malformed(msg.Subject, err)
	}
	return err == nil
}

// answer sends one; when it does not get there, whoever asked asks again.
func (g *generator) answer(msg *nats.Msg, m wire.Message) {
	data, err := wire.Encode(m)
	if err != nil {
		g.Note("answer to %s: %v", msg.Subject, err)
		return
	}
	_ = msg.Respond(data)
}

func (g *generator) ping(msg *nats.Msg) {
	var p wire.Ping
	if g.read(msg, &p) {
		g.answer(msg, &wire.Pong{Seq: p.Seq, Now: g.Clock()})
	}
}

func (g *generator) arm(msg *nats.Msg) {
	var a wire.Arm
	if !g.read(msg, &a) {
		return
	}
	armed := wire.Armed{Trial: a.Trial}
	if err := g.prepare(&a); err != nil {
		armed.Err, armed.Busy = err.Error(), errors.Is(err, errBusy)
		g.Note("attack %s of run %s refused: %v", a.Trial, a.Run, err)
	}
	g.answer(msg, &armed)
}

// prepare returns when the attack could begin.
func (g *generator) prepare(a *wire.Arm) error {
	ctx, cancel := context.WithTimeout(g.ctx, prepared)
	defer cancel()
	if err := g.permits(ctx, a); err != nil {
		return err
	}
	spec, err := g.spec(ctx, a)
	if err != nil {
		return err
	}
	j := newJob(g.ctx, a, func(j *job) { g.forget(j, "its subject is silent") })
	j.silence.Reset(g.Unfired)
	if err := g.take(j); err != nil {
		j.silence.Stop()
		return err
	}
	go g.run(j, spec)
	select {
	case <-j.ready:
		return nil
	case <-j.done:
		err = j.err
	case <-ctx.Done():
		err = fmt.Errorf("it could not begin within %v", prepared)
	}
	g.forget(j, "it could not begin")
	return err
}

// about returns the job that a message is about, of which something was heard
// thereby; nil: there is none of that name.
func (g *generator) about(trial string) *job {
	j := g.current()
	if j == nil || j.arm.Trial != trial {
		return nil
	}
	j.heard(g.Silence)
	return j
}

func (g *generator) fire(msg *nats.Msg) {
	var f wire.Fire
	if !g.read(msg, &f) {
		return
	}
	armed := wire.Armed{Trial: f.Trial}
	if err := g.start(f); err != nil {
		armed.Err = err.Error()
	}
	g.answer(msg, &armed)
}

// start has an armed attack begin at a time of the generator's own clock.
func (g *generator) start(f wire.Fire) error {
	j := g.about(f.Trial)
	if j == nil {
		return errNone
	}
	left := f.At.Sub(g.Clock())
	if left < -mostBehind || left > mostAhead {
		return fmt.Errorf("it is to begin in %v by its own clock: want within %v", left, mostAhead)
	}
	select {
	case j.fire <- time.Now().Add(left):
		j.heard(left + g.Silence)
		return nil
	default:
		return errors.New("it has been fired before")
	}
}

var errNone = errors.New("it has no such attack: it was never armed, or was dropped")

func (g *generator) poll(msg *nats.Msg) {
	var m wire.About
	if !g.read(msg, &m) {
		return
	}
	if j := g.about(m.Trial); j != nil {
		g.answer(msg, j.status())
		return
	}
	g.answer(msg, &wire.Status{Trial: m.Trial, Err: errNone.Error()})
}

func (g *generator) end(msg *nats.Msg) {
	var m wire.About
	if !g.read(msg, &m) {
		return
	}
	if j := g.about(m.Trial); j != nil {
		j.end()
	}
	g.answer(msg, &wire.Armed{Trial: m.Trial})
}

func (g *generator) part(msg *nats.Msg) {
	var m wire.About
	if !g.read(msg, &m) {
		return
	}
	if j := g.about(m.Trial); j != nil && j.over() && j.err == nil {
		_ = msg.Respond(j.part)
		return
	}
	g.answer(msg, &wire.Armed{Trial: m.Trial, Err: errNone.Error()})
}

func (g *generator) drop(msg *nats.Msg) {
	var m wire.About
	if !g.read(msg, &m) {
		return
	}
	g.forget(g.about(m.Trial), "the subject dropped it")
	g.answer(msg, &wire.Armed{Trial: m.Trial})
}
