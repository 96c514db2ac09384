package fleet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner"
	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// newController makes the hub know the run, recalls what a controller before
// this one left there, and begins to listen.
func newController(ctx context.Context, cfg Config) (_ *controller, err error) {
	if cfg.Observe == nil {
		cfg.Observe = func(runner.Event) {}
	}
	if cfg.Note == nil {
		cfg.Note = func(string, ...any) {}
	}
	c := &controller{
		Config: cfg, there: map[string]wire.Agent{}, tokens: map[string]uint64{}, refused: map[string]string{}, strange: map[string]bool{}, changed: true,
		asks: make(chan *nats.Msg, 1000), stops: make(chan *nats.Msg, 10), lives: make(chan *nats.Msg, 1000), sights: make(chan map[string]wire.Agent),
	}
	if c.buckets, err = openBuckets(ctx, cfg.Conn, hub.Controller); err != nil {
		return nil, err
	}
	for name, into := range map[string]*jetstream.Stream{wire.WorkStream: &c.work, wire.ResultStream: &c.results} {
		if err := persist(ctx, func() (err error) { *into, err = c.js.Stream(ctx, name); return err }); err != nil {
			return nil, fmt.Errorf("stream %s: %w", name, err)
		}
	}
	if c.record, err = announce(ctx, c.buckets, cfg.Run, cfg.App); err != nil {
		return nil, err
	}
	if err := c.recall(ctx); err != nil {
		return nil, err
	}
	return c, c.listen(ctx)
}

// announce makes the hub know a run: its record, the manifest and the
// application.
func announce(ctx context.Context, b buckets, run *rundir.Run, app string) (wire.Run, error) {
	m := run.Manifest
	r := wire.Run{
		ID: m.RunID, Name: m.Scenario.Name, State: wire.Running, Began: m.Began, Heard: time.Now(), Trials: len(run.Trials()),
		Left: m.Scenario.Search.Budget.Std(), Manifest: manifestObject(m.RunID),
	}
	if err := uploadFolder(ctx, b.raw, r.Manifest, run.Dir, ofManifest); err != nil {
		return r, err
	}
	if app != "" {
		r.App = appObject(r.ID)
		if err := uploadFolder(ctx, b.raw, r.App, app, ofApplication); err != nil {
			return r, err
		}
	}
	return r, persist(ctx, func() error { _, err := put(ctx, b.runs, r.ID, &r); return err })
}

// recall finds the visits that are handed out, and takes what was handed in.
func (c *controller) recall(ctx context.Context) error {
	info, err := c.work.Info(ctx, jetstream.WithSubjectFilter(wire.Work(c.record.ID, "*")))
	if err != nil {
		return fmt.Errorf("stream %s: %w", wire.WorkStream, err)
	}
	for subject := range info.State.Subjects {
		m, err := lastOn(ctx, c.work, subject)
		if err != nil {
			return err
		}
		var w wire.Visit
		if m == nil || wire.Decode(m.Data, &w) != nil || w.Name == wire.Survey {
			continue
		}
		c.out = append(c.out, &visit{Visit: rundir.Visit{Cell: w.Cell, Start: w.Start, Cores: w.Cores}, name: w.Name, sequence: m.Sequence, told: -1})
	}
	slices.SortFunc(c.out, func(a, b *visit) int { return cmp.Compare(a.sequence, b.sequence) })
	for _, v := range slices.Clone(c.out) {
		if err := c.collect(ctx, v); err != nil {
			return err
		}
		if _, ok := c.Strategy.Step(c.Run.Trials(), v.Visit); !ok {
			if err := c.settle(ctx, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// listen subscribes to what the run is told, and begins to look who is there.
func (c *controller) listen(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var all []*nats.Subscription
	c.unsubscribe = func() {
		cancel()
		for _, s := range all {
			_ = s.Unsubscribe() // a connection that is closed has none
		}
	}
	for subject, into := range map[string]chan *nats.Msg{
		wire.Next(c.record.ID, "*"): c.asks, wire.Stop(c.record.ID): c.stops, wire.Live(c.record.ID, "*"): c.lives,
	} {
		s, err := c.Conn.ChanSubscribe(subject, into)
		if err != nil {
			c.unsubscribe()
			return fmt.Errorf("listen on %s: %w", subject, err)
		}
		all = append(all, s)
	}
	go func() {
		for {
			if there, err := whoIsThere(ctx, c.js); err == nil {
				select {
				case c.sights <- there:
				case <-ctx.Done():
				}
			}
			if !pause(ctx, wire.Beat) {
				return
			}
		}
	}()
	return nil
}

// whoIsThere returns the agents that have told of themselves within Expiry. Who
// says what cannot be read is among them, with a name only.
func whoIsThere(ctx context.Context, js jetstream.JetStream) (map[string]wire.Agent, error) {
	entries, err := hub.Entries(ctx, js, wire.AgentsBucket, ">")
	if err != nil {
		return nil, err
	}
	there := map[string]wire.Agent{}
	for name, e := range entries {
		var a wire.Agent
		if err := wire.Decode(e.Value(), &a); err != nil || a.Name != name {
			a = wire.Agent{Name: name}
		}
		there[name] = a
	}
	return there, nil
}

// look takes note of who is there. A visit that nobody makes after its last
// delivery is void. One that nobody takes though a site is idle is handed out
// anew: the hub has forgotten it.
func (c *controller) look(ctx context.Context, there map[string]wire.Agent) error {
	c.there, c.changed = there, true
	idle := false
	for _, a := range there {
		c.tokens[a.Site] = max(c.tokens[a.Site], a.Token)
		if a.Protocol != wire.Protocol && !c.strange[a.Name] {
			c.strange[a.Name] = true
			c.Note("agent %s is left out: %s", a.Name, speaks(a))
		}
		idle = idle || a.Visit == "" && a.Token > 0 && c.refused[a.Site] == ""
		if v := c.visit(a.Visit); v != nil && a.Run == c.record.ID {
			v.missed, v.deliveries = -1, max(v.deliveries, a.Delivery)
		}
	}
	for _, v := range slices.Clone(c.out) {
		v.missed++
		away := time.Duration(v.missed) * wire.Beat
		var err error
		switch {
		case v.deliveries >= hub.Deliveries && away > hub.AckWait+wire.Expiry:
			why := fmt.Sprintf("the visit was given to a site %d times, and none came to its end; the last was %s", v.deliveries, cmp.Or(v.holder.Site, "not heard of"))
			c.Note("visit %s is given up: %s", v.name, why)
			err = c.void(ctx, v, why)
		case idle && away > 2*hub.AckWait:
			c.Note("visit %s is handed out anew: no site has taken it", v.name)
			err = c.again(ctx, v)
		}
		if err != nil {
			return err
		}
	}
	return c.keepRecord(ctx)
}

// speaks says why an agent cannot be worked with.
func speaks(a wire.Agent) string {
	return fmt.Sprintf("it is version %s and speaks protocol %d, this is protocol %d; install the same version everywhere", cmp.Or(a.Version, "unknown"), a.Protocol, wire.Protocol)
}

// keepRecord tells the hub that the run goes on, unless somebody has cancelled
// it.
func (c *controller) keepRecord(ctx context.Context) error {
	var r wire.Run
	entry, err := c.runs.Get(ctx, c.record.ID)
	if err != nil || wire.Decode(entry.Value(), &r) != nil {
		return nil // the next time
	}
	if r.State == wire.Cancelled {
		return ErrCancelled
	}
	c.record.Heard = time.Now()
	data, err := wire.Encode(&c.record)
	if err != nil {
		return err
	}
	_, _ = c.runs.Update(ctx, c.record.ID, data, entry.Revision()) // who changed it meanwhile is seen the next time
	return nil
}

// live passes on what comes back at the site whose step began last.
func (c *controller) live(m *nats.Msg) {
	var i wire.Interval
	if err := wire.Decode(m.Data, &i); err != nil {
		c.drop(m, err)
		return
	}
	if c.Watch == nil || i.Visit != c.focus {
		return
	}
	response, err := hdr.Decode(bytes.TrimSpace(i.Response))
	if err != nil {
		c.drop(m, err)
		return
	}
	c.Watch(rundir.Interval{
		Trial: len(c.Run.Trials()) + 1, Step: i.Step, At: i.At, Span: i.Span, Warmup: i.Warmup,
		Due: i.Due, Good: i.Good, Errors: i.Errors, InFlight: i.InFlight, Response: response,
	})
}

// leave takes the run off the hub when it is over. Otherwise it stops the
// sites, and leaves what they have handed in for who resumes it. The run itself
// is in its directory, whatever becomes of that.
func (c *controller) leave(ctx context.Context, over bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	var err error
	if over {
		err = forget(ctx, c.buckets, c.record.ID)
	} else {
		err = stop(ctx, c.buckets, c.Conn, c.record)
	}
	if err != nil {
		c.Note("the hub could not be told that the run has ended: %v", err)
	}
}

// stop tells sites that a run is cancelled, and takes away all that is not for
// who resumes it.
func stop(ctx context.Context, b buckets, nc *nats.Conn, r wire.Run) error {
	r.State = wire.Cancelled
	err := persist(ctx, func() error { _, err := put(ctx, b.runs, r.ID, &r); return err })
	err = errors.Join(err, nc.Publish(wire.Stop(r.ID), nil), nc.FlushTimeout(farewell), purge(ctx, b.js, wire.WorkStream, wire.Work(r.ID, "*")))
	for _, object := range []string{manifestObject(r.ID), appObject(r.ID)} {
		if e := b.raw.Delete(ctx, object); !errors.Is(e, jetstream.ErrObjectNotFound) {
			err = errors.Join(err, e)
		}
	}
	return err
}
