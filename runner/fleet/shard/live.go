package shard

import (
	"sync"
	"time"

	"sweetspot/runner/attack"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// live makes one interval of those that all shards tell of the same second.
// While whoever is told is busy, the next one grows.
type live struct {
	began time.Time
	out   chan rundir.Interval
	told  chan struct{} // closed when the last is told

	mu      sync.Mutex
	waiting [][]wire.Tick // by shard, for those of the others
	since   time.Duration // when the last interval ended
	grown   *rundir.Interval
}

// newLive returns nil when nobody is told.
func newLive(shards int, began time.Time, tell func(rundir.Interval)) *live {
	if tell == nil {
		return nil
	}
	l := &live{began: began, out: make(chan rundir.Interval, 1), told: make(chan struct{}), waiting: make([][]wire.Tick, shards)}
	go func() {
		defer close(l.told)
		for i := range l.out {
			tell(i)
		}
	}()
	return l
}

// add takes what a shard tells.
func (l *live) add(shard int, ticks []wire.Tick) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[shard] = append(l.waiting[shard], ticks...)
	for l.complete() {
		l.emit()
	}
}

// complete tells whether all shards have told of the next second.
func (l *live) complete() bool {
	for _, w := range l.waiting {
		if len(w) == 0 {
			return false
		}
	}
	return true
}

// emit tells the next interval, of the shards that have one, or keeps it.
func (l *live) emit() {
	i := l.next()
	if l.grown != nil {
		i = joined(*l.grown, i)
	}
	select {
	case l.out <- i:
		l.grown = nil
	default:
		l.grown = &i
	}
}

// next sums up the first tick of every shard that has one.
func (l *live) next() rundir.Interval {
	i := rundir.Interval{Response: rundir.NewBriefHistogram()}
	end := l.since
	for s, w := range l.waiting {
		if len(w) == 0 {
			continue
		}
		t := w[0]
		l.waiting[s] = w[1:]
		end = max(end, t.End)
		i.Warmup = i.Warmup || t.Warmup
		i.Due, i.Good, i.Errors, i.InFlight = i.Due+t.Due, i.Good+t.Good, i.Errors+t.Errors, i.InFlight+t.InFlight
		if h, err := attack.Bars(t.Response).Interval(t.Good + t.Errors); err == nil { // else its times are not shown
			rundir.Merge(i.Response, h)
		}
	}
	i.At, i.Span, l.since = l.began.Add(end), end-l.since, end
	return i
}

// joined is an interval and the one that follows it.
func joined(a, b rundir.Interval) rundir.Interval {
	a.At, a.Span, a.InFlight = b.At, a.Span+b.Span, b.InFlight
	a.Due, a.Good, a.Errors = a.Due+b.Due, a.Good+b.Good, a.Errors+b.Errors
	rundir.Merge(a.Response, b.Response)
	return a
}

// close tells what is left, and returns when all is told.
func (l *live) close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for more := true; more; {
		more = false
		for _, w := range l.waiting {
			more = more || len(w) > 0
		}
		if more {
			l.emit()
		}
	}
	if l.grown != nil {
		l.out <- *l.grown
	}
	close(l.out)
	<-l.told
}
