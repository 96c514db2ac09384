package attack

import (
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"sweetspot/runner/rundir"
)

// tellEvery is how long an interval is.
const tellEvery = time.Second

// teller sums up the hits of about a second for whom the attack tells. Only the
// collector's goroutine uses it. It neither blocks nor allocates for a hit: a
// second's sums are handed to a goroutine that tells them, and while that is
// busy the interval goes on.
type teller struct {
	collector *collector
	out       chan rundir.Interval
	told      chan struct{} // closed when the last is told

	since        time.Duration // begin of the interval, from the start of the attack
	next         time.Duration // its end
	due          uint64        // hits due before it
	good, errors uint64
	responses    *hdr.Histogram // microseconds
}

// newTeller returns nil when nobody is told.
func newTeller(c *collector, tell func(rundir.Interval)) *teller {
	if tell == nil {
		return nil
	}
	t := &teller{collector: c, out: make(chan rundir.Interval, 1), told: make(chan struct{}), responses: rundir.NewBriefHistogram()}
	t.next = t.after(0)
	go func() {
		defer close(t.told)
		for i := range t.out {
			tell(i)
		}
	}()
	return t
}

// after returns when the interval ends that begins at a time.
func (t *teller) after(since time.Duration) time.Duration {
	if warmup := t.collector.spec.Warmup; since < warmup {
		return min(since+tellEvery, warmup)
	}
	return since + tellEvery
}

// add counts a hit that came back.
func (t *teller) add(isGood bool, response time.Duration) {
	if isGood {
		t.good++
	} else {
		t.errors++
	}
	observe(t.responses, response)
}

// check tells the interval if it is over.
func (t *teller) check(now time.Duration) {
	if t == nil || now < t.next {
		return
	}
	i, due := t.interval(now)
	select {
	case t.out <- i:
		t.begin(now, due)
	default:
	}
}

// close tells what is left, and returns when all is told.
func (t *teller) close(now time.Duration) {
	if t == nil {
		return
	}
	if i, _ := t.interval(now); i.Due+i.Done() > 0 {
		t.out <- i
	}
	close(t.out)
	<-t.told
}

// interval sums up what there is, and returns how many hits were due before now.
func (t *teller) interval(now time.Duration) (i rundir.Interval, due uint64) {
	c := t.collector
	i = rundir.Interval{
		At: c.began.Add(now), Span: now - t.since, Warmup: t.since < c.spec.Warmup,
		Good: t.good, Errors: t.errors, Response: t.responses,
	}
	i.Due, i.InFlight = i.Done(), uint64(c.plan.workers)
	if c.plan.open() {
		due = c.ledger.dueBy(now, c.plan.hits)
		i.Due, i.InFlight = due-t.due, due-min(c.all, due)
	}
	return i, due
}

// begin begins the next interval.
func (t *teller) begin(now time.Duration, due uint64) {
	t.since, t.next, t.due = now, t.after(now), due
	t.good, t.errors, t.responses = 0, 0, rundir.NewBriefHistogram()
}
