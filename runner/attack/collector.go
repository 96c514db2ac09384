package attack

import (
	"context"
	"fmt"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// late is the lag from which a hit counts as sent late.
const late = 2 * time.Millisecond

// interrupted is why an attack ended whose context was done.
const interrupted = "interrupted"

// collector takes vegeta's results and sums up those of the measured part.
// Only drain's goroutine uses it.
type collector struct {
	spec    Spec
	plan    plan
	began   time.Time // set before drain
	tallies []*tally  // by request
	ledger  *ledger   // nil for a closed loop
	windows *windows
	watch   *watch
	teller  *teller // nil: nobody is told; set before drain
	raw     *rawLog

	sent           uint64 // of the measured part
	unsent         uint64 // released in it, and not sent because the attack had ended
	all            uint64 // warm-up included
	late, lateBusy uint64
	starveLag      *hdr.Histogram
	resent         uint64
	protocols      protocols
	redials        uint64
	meter          *meter // nil: the generator's CPU time is not read
	aborted        string
	ended          time.Duration // when the attack was aborted, or the plan's end; from the start
}

func newCollector(s Spec, p plan) *collector {
	c := &collector{
		spec: s, plan: p, ended: p.end,
		windows:   newWindows(),
		raw:       newRawLog(s),
		starveLag: rundir.NewHistogram(),
	}
	if p.open() {
		c.ledger = newLedger(p.arrivals())
		c.watch = newWatch(s, p, c.ledger)
	}
	for range s.Requests {
		c.tallies = append(c.tallies, newTally())
	}
	c.windows.keep = s.part
	return c
}

// begin notes when the attack begins.
func (c *collector) begin(at time.Time) {
	c.began = at
	c.teller = newTeller(c, c.spec.Tell)
	if !c.spec.part {
		return
	}
	c.meter = newMeter(at.Add(c.spec.Warmup), at.Add(c.plan.end))
	if c.raw != nil {
		c.raw.began = at
	}
}

// drain takes results until there are no more. It never waits for anything
// else: a worker is not free before its result is taken.
func (c *collector) drain(ctx context.Context, results <-chan *vegeta.Result, pool *pool, cancel context.CancelFunc) {
	var check <-chan time.Time
	if c.watch != nil || c.teller != nil {
		ticker := time.NewTicker(checkEvery)
		defer ticker.Stop()
		check = ticker.C
	}
	ended := ctx.Done()
	for {
		select {
		case r, ok := <-results:
			if !ok {
				if ended != nil && ctx.Err() != nil { // came in the same moment
					c.abort(interrupted)
				}
				return
			}
			pool.drained.Add(1)
			c.take(r)
		case <-check:
			now := time.Since(c.began)
			c.teller.check(now)
			if why := c.watch.check(now); why != "" {
				c.abort(why)
				cancel()
				check, ended = nil, nil
			}
		case <-ended:
			c.abort(interrupted)
			check, ended = nil, nil
		}
	}
}

// abort notes why the attack ends early, and when.
func (c *collector) abort(why string) {
	c.aborted = why
	c.ended = min(time.Since(c.began), c.plan.end)
}

// take sums up one result, and notes that its hit is done.
func (c *collector) take(r *vegeta.Result) {
	c.all++
	c.sum(r)
	if c.ledger == nil {
		return
	}
	c.ledger.finish(r.Seq)
	if r.Seq%leafHits == 0 {
		c.ledger.forget(c.watch.needed())
	}
}

func (c *collector) sum(r *vegeta.Result) {
	found := decodeFinding(r.Body)
	sent := r.Timestamp.Sub(c.began)
	if found.fault == unsent {
		if c.measured(r.Seq, sent) {
			c.unsent++
		}
		return
	}
	h := hit{code: r.Code, found: found, service: r.Latency}
	if c.plan.open() {
		h.lag = max(sent-c.ledger.due(r.Seq), 0)
	}
	h.response = h.lag + h.service
	isGood := h.found.fault == good
	if c.teller != nil {
		c.teller.add(isGood, h.response)
	}
	if !c.measured(r.Seq, sent) {
		return
	}
	c.sent++
	if c.plan.open() {
		c.attribute(h)
	}
	c.protocols.add(found.over)
	if found.resent {
		c.resent++
	}
	request := c.spec.Mix.Pick(r.Seq)
	c.tallies[request].add(h)
	c.windows.add(sent+r.Latency-c.spec.Warmup, isGood, h.response)
	if c.watch != nil {
		c.watch.finished(r.Seq, request, h.response, isGood)
	}
	c.raw.add(rawHit{seq: r.Seq, timestamp: r.Timestamp, latency: r.Latency, code: r.Code, found: found})
}

// measured tells whether a hit counts: by when it was due, or by when it was
// sent in a closed loop.
func (c *collector) measured(seq uint64, sent time.Duration) bool {
	if c.plan.open() {
		return seq >= c.plan.first
	}
	return sent >= c.spec.Warmup && sent < c.plan.end
}

// attribute says whose fault a late hit is: the generator's, or the subject's,
// which kept every worker busy.
func (c *collector) attribute(h hit) {
	switch {
	case h.found.queued && h.lag > late:
		c.lateBusy++
	case !h.found.queued:
		observe(c.starveLag, h.lag)
		if h.lag > late {
			c.late++
		}
	}
}

// result sums up everything taken. It is called once, at the end.
func (c *collector) result() Result {
	classes := map[string]*tally{scenarios.All: newTally()}
	requests := map[string]rundir.Class{}
	for i, t := range c.tallies {
		r := c.spec.Requests[i]
		if classes[r.Class] == nil {
			classes[r.Class] = newTally()
		}
		classes[r.Class].merge(t)
		classes[scenarios.All].merge(t)
		requests[r.Name] = t.class()
	}
	res := Result{Load: c.load(classes[scenarios.All]), Histograms: map[string]rundir.Histograms{}}
	res.Load.Requests = requests
	res.Load.Classes = map[string]rundir.Class{}
	for name, t := range classes {
		res.Load.Classes[name] = t.class()
		res.Histograms[name] = t.latency
	}
	return res
}

func (c *collector) load(all *tally) rundir.Load {
	if c.aborted == "" && !c.plan.open() && c.all >= c.plan.hits {
		c.abort(fmt.Sprintf("%s hits sent, the bound of a closed loop", grouped(c.plan.hits)))
	}
	l := rundir.Load{
		Planned:   c.sent,
		Sent:      c.sent,
		Span:      max(c.ended-c.spec.Warmup, 0),
		Workers:   c.plan.workers,
		Late:      c.late,
		LateBusy:  c.lateBusy,
		StarveLag: summarise(c.starveLag),
		Aborted:   c.aborted,
		Protocols: c.protocols.names(),
		Redials:   c.redials,
		Resent:    c.resent,
		Windows:   c.windows.finish(),
	}
	if c.plan.open() {
		l.Planned = c.plan.hits - c.plan.first
		l.Unsent = l.Planned - l.Sent
		// The rate of this very schedule: a Poisson one differs from the
		// rate asked for by chance, which no generator can make good.
		l.Offered = float64(l.Planned) / c.spec.Duration.Seconds()
		l.Speed = c.spec.speed()
	}
	if span := l.Span.Seconds(); span > 0 {
		l.Achieved = float64(l.Sent) / span
		l.Goodput = float64(all.good) / span
		l.InFlight = all.service.Seconds() / span
	}
	return l
}
