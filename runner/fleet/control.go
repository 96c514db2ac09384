package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// Config is what the controller of a run needs.
type Config struct {
	Conn     *nats.Conn
	Run      *rundir.Run
	App      string // folder of the application, of which sites get a copy; empty: it comes with the program
	Strategy rundir.Fleet
	Observe  func(runner.Event)               // told of every step; nil: nobody is
	Watch    func(rundir.Interval)            // told what comes back in the step that began last; nil: nobody is
	Note     func(format string, args ...any) // told what happens to sites and visits; nil: nobody is
}

// What ends a run before its strategy does.
var (
	ErrCancelled = fmt.Errorf("the run was cancelled at the hub: %w", runner.ErrInterrupted)
	ErrNoSite    = errors.New("no site can make this run")
)

// Control makes a run until its strategy has no visit left. It may be killed
// and called again with the same run at any time: what was handed in meanwhile
// is taken then, and what was taken is not taken twice. For that it leaves at
// the hub what was handed in when it is interrupted; of a run that is over
// nothing is left there.
func Control(ctx context.Context, cfg Config) error {
	c, err := newController(ctx, cfg)
	if err != nil {
		return interruptedOr(ctx, fmt.Errorf("run on a hub: %w", err))
	}
	defer c.unsubscribe()
	err = c.loop(ctx)
	c.leave(ctx, err == nil)
	return interruptedOr(ctx, err)
}

// interruptedOr is ErrInterrupted for whatever went wrong once ctx is done.
func interruptedOr(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return runner.ErrInterrupted
	}
	return err
}

// controller is the state of a run. All of it can be told from the run
// directory and the hub: see recall.
type controller struct {
	Config
	buckets
	work, results jetstream.Stream

	record  wire.Run              // as the hub knows it
	out     []*visit              // that are handed out, in order
	there   map[string]wire.Agent // who is, by name
	tokens  map[string]uint64     // newest lease that was seen of a site
	refused map[string]string     // why a site makes nothing of this run
	strange map[string]bool       // agents of which that was said
	changed bool                  // another visit may have become possible
	focus   string                // visit whose step began last

	asks, stops, lives chan *nats.Msg
	sights             chan map[string]wire.Agent
	unsubscribe        func()
}

// visit is one that is handed out.
type visit struct {
	rundir.Visit
	name       string
	sequence   uint64   // of its message
	holder     wire.Ask // who makes it, as it asked last; without a site: nobody is known to
	told       int      // number of the trial that the holder was told to make
	deliveries int      // of the message, as far as was heard
	missed     int      // sights in a row in which no agent made it
	spoilt     int      // results of it that could not be taken
}

// loop hands out visits, answers who makes them and takes what they made, until
// the strategy has no visit left.
func (c *controller) loop(ctx context.Context) error {
	closed := c.Conn.StatusChanged(nats.CLOSED)
	for {
		over, err := c.handOut(ctx)
		if over || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-closed:
			return nats.ErrConnectionClosed
		case <-c.stops:
			return ErrCancelled
		case m := <-c.asks:
			err = c.answerAll(ctx, m)
		case there := <-c.sights:
			err = c.look(ctx, there)
		case m := <-c.lives:
			c.live(m)
		}
		if err != nil {
			return err
		}
	}
}

// handOut publishes as many visits as there are sites, and one if there are
// none.
func (c *controller) handOut(ctx context.Context) (over bool, err error) {
	n := max(len(c.seats()), 1) - len(c.out)
	if n <= 0 || !c.changed {
		return false, nil
	}
	c.changed = false
	busy := make([]rundir.Visit, len(c.out))
	for i, v := range c.out {
		busy[i] = v.Visit
	}
	next, over := c.Strategy.Visits(c.Run.Trials(), busy, n)
	for _, w := range next {
		v := &visit{Visit: w, name: visitName(w)}
		if err := c.publish(ctx, v); err != nil {
			return false, err
		}
		c.out = append(c.out, v)
	}
	if len(c.out) > 0 {
		return false, nil
	}
	if !over {
		return false, errors.New("the strategy waits for a visit that nobody makes")
	}
	return true, nil
}

// seats are the sites that can make a visit.
func (c *controller) seats() []string {
	var sites []string
	for _, a := range c.there {
		if a.Token > 0 && a.Protocol == wire.Protocol && c.refused[a.Site] == "" && !slices.Contains(sites, a.Site) {
			sites = append(sites, a.Site)
		}
	}
	return sites
}

// publish puts a visit into the queue. One that is there already stays.
func (c *controller) publish(ctx context.Context, v *visit) error {
	data, err := wire.Encode(&wire.Visit{Run: c.record.ID, Name: v.name, Cell: v.Cell, Start: v.Start, Cores: v.Cores, Protocol: wire.Protocol})
	if err != nil {
		return err
	}
	v.sequence, err = enqueue(ctx, c.js, c.work, wire.Work(c.record.ID, v.name), data)
	return err
}

// answerAll answers the questions that wait. A site waits for the answer to its
// last one only.
func (c *controller) answerAll(ctx context.Context, first *nats.Msg) error {
	last := map[string]*nats.Msg{first.Subject: first}
	for len(c.asks) > 0 {
		m := <-c.asks
		last[m.Subject] = m
	}
	for _, m := range last {
		if err := c.answer(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// answer answers a site what to do next. What is no question of the site that
// its subject names is dropped.
func (c *controller) answer(ctx context.Context, m *nats.Msg) error {
	a, err := askOf(m)
	if err != nil {
		c.drop(m, err)
		return nil
	}
	reply, end := c.reply(ctx, a)
	if end != nil && reply.Refuse == "" {
		return end
	}
	data, err := wire.Encode(&reply)
	if err != nil {
		return err
	}
	_ = m.Respond(data) // a site that does not hear it asks again
	return end
}

// askOf reads a question, whose subject is held by the hub to be that of its
// site.
func askOf(m *nats.Msg) (a wire.Ask, err error) {
	err = wire.Decode(m.Data, &a)
	if site := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]; err == nil && a.Site != site {
		err = fmt.Errorf("site %s asks as site %s", site, a.Site)
	}
	return a, err
}

func (c *controller) drop(m *nats.Msg, why error) {
	c.record.Dropped++
	c.Note("dropped a message on %s: %v", m.Subject, why)
}

// reply is the answer to a question; with an error, which ends the run, it is
// one if it refuses.
func (c *controller) reply(ctx context.Context, a wire.Ask) (wire.Answer, error) {
	v := c.visit(a.Visit)
	if v == nil {
		return wire.Answer{Over: true}, nil
	}
	if why := c.outdated(v, a); why != "" {
		return wire.Answer{Refuse: why}, nil
	}
	c.tokens[a.Site] = a.Token
	why := a.Refuse
	if why == "" && a.Facts != nil {
		var err error
		if why, err = c.welcome(ctx, a); err != nil {
			return wire.Answer{}, err
		}
	}
	if why != "" {
		return wire.Answer{Refuse: why}, c.refuse(ctx, v, a.Site, why)
	}
	delete(c.refused, a.Site)
	if v.holder.Site != a.Site || v.holder.Token != a.Token || v.holder.Delivery != a.Delivery {
		v.told = -1
	}
	a.Facts = nil
	v.holder, v.deliveries, v.missed = a, max(v.deliveries, a.Delivery), 0
	return c.next(ctx, v)
}

// next takes what was handed in of a visit, and tells its holder what to do
// after that.
func (c *controller) next(ctx context.Context, v *visit) (wire.Answer, error) {
	if err := c.collect(ctx, v); err != nil {
		return wire.Answer{}, err
	}
	if c.visit(v.name) == nil {
		return wire.Answer{Over: true}, nil
	}
	step, ok := c.Strategy.Step(c.Run.Trials(), v.Visit)
	if !ok {
		return wire.Answer{Over: true}, c.settle(ctx, v)
	}
	k := c.made(v)
	if v.told != k {
		v.told, c.focus, c.record.Left = k, v.name, step.Left
		c.Observe(runner.Event{Step: step, Site: v.holder.Site})
	}
	return wire.Answer{Number: k, Step: &step}, nil
}

// outdated says why somebody is not to make a visit any more; empty: it is.
// The queue decides who has it: that is the last one it was delivered to.
func (c *controller) outdated(v *visit, a wire.Ask) string {
	switch h := v.holder; {
	case a.Token < c.tokens[a.Site]:
		return fmt.Sprintf("the lease of site %s is lost: it has had another one since", a.Site)
	case a.Sequence < v.sequence, h.Site != "" && a.Delivery < h.Delivery:
		return fmt.Sprintf("visit %s was handed out anew", v.name)
	}
	return ""
}

// visit returns a visit that is handed out; nil when it is not.
func (c *controller) visit(name string) *visit {
	for _, v := range c.out {
		if v.name == name {
			return v
		}
	}
	return nil
}

// made is how many trials of a visit are committed.
func (c *controller) made(v *visit) (n int) {
	for _, t := range c.Run.Trials() {
		if t.Placed != nil && t.Placed.Visit == v.name {
			n++
		}
	}
	return n
}

// settle takes a visit out of the queue.
func (c *controller) settle(ctx context.Context, v *visit) error {
	c.out = slices.DeleteFunc(c.out, func(o *visit) bool { return o == v })
	c.changed = true
	return remove(ctx, c.work, v.sequence)
}

// refuse notes that a site cannot make this run, and hands the visit to others.
func (c *controller) refuse(ctx context.Context, v *visit, site, why string) error {
	if c.refused[site] != why {
		c.Note("site %s refuses: %s", site, why)
	}
	c.refused[site] = why
	if there, err := whoIsThere(ctx, c.js); err == nil {
		c.there = there // others may have come since the last sight
	}
	if len(c.seats()) == 0 {
		var reasons []error
		for _, site := range slices.Sorted(maps.Keys(c.refused)) {
			reasons = append(reasons, fmt.Errorf("%s: %s", site, c.refused[site]))
		}
		return fmt.Errorf("%w: %w", ErrNoSite, errors.Join(reasons...))
	}
	return c.again(ctx, v)
}

// again hands a visit out anew.
func (c *controller) again(ctx context.Context, v *visit) error {
	if err := remove(ctx, c.work, v.sequence); err != nil {
		return err
	}
	v.holder, v.deliveries, v.missed, v.told = wire.Ask{}, 0, 0, -1
	return c.publish(ctx, v)
}
