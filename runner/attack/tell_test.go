package attack

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// heard collects what an attack tells.
type heard struct{ intervals []rundir.Interval }

func (t *heard) tell(i rundir.Interval) { t.intervals = append(t.intervals, i) }

// sums adds the intervals up.
func (t *heard) sums() (due, done uint64, answers int64, span time.Duration) {
	for _, i := range t.intervals {
		due, done, answers, span = due+i.Due, done+i.Done(), answers+i.Response.TotalCount(), span+i.Span
	}
	return due, done, answers, span
}

func TestEverySecondIsTold(t *testing.T) {
	const serve = 10 * time.Millisecond
	virtual(t, sleeper(serve), func(t *testing.T, run func(context.Context, Spec) Result) {
		var seen heard
		began := time.Now()
		run(t.Context(), Spec{
			Arrivals: scenarios.Constant, Rate: 100, Warmup: 1500 * time.Millisecond, Duration: 3 * time.Second, Timeout: time.Second, Tell: seen.tell,
		}.requests(page))
		var spans []time.Duration
		var warmups []bool
		at := began
		for _, i := range seen.intervals {
			spans, warmups = append(spans, i.Span), append(warmups, i.Warmup)
			if at = at.Add(i.Span); !i.At.Equal(at) {
				t.Errorf("an interval ends at %v, want %v", i.At.Sub(began), at.Sub(began))
			}
			if i.Errors != 0 || i.InFlight > 2 {
				t.Errorf("%d errors, %d in flight, want none and at most 2", i.Errors, i.InFlight)
			}
			if p50 := time.Duration(i.Response.ValueAtQuantile(50)) * time.Microsecond; (p50 - serve).Abs() > serve/100 {
				t.Errorf("response p50 = %v, want %v", p50, serve)
			}
		}
		const s, half = time.Second, 500 * time.Millisecond
		if want := []time.Duration{s, half, s, s, s}; !slices.Equal(spans[:min(5, len(spans))], want) {
			t.Errorf("spans %v, want them to begin with %v", spans, want)
		}
		if want := []bool{true, true, false, false, false}; !slices.Equal(warmups[:5], want) {
			t.Errorf("warm-up %v, want %v", warmups, want)
		}
		if due, done, answers, _ := seen.sums(); due != 450 || done != 450 || answers != 450 {
			t.Errorf("due %d, done %d, %d response times, want 450 of each", due, done, answers)
		}
	})
}

// While nothing comes back, the intervals say how much is waiting.
func TestAStallIsTold(t *testing.T) {
	var began time.Time
	handler := func(http.ResponseWriter, *http.Request) {
		if s := time.Since(began); s < 2500*time.Millisecond {
			time.Sleep(2500*time.Millisecond - s)
		}
	}
	virtual(t, handler, func(t *testing.T, run func(context.Context, Spec) Result) {
		began = time.Now()
		var seen heard
		run(t.Context(), Spec{
			Arrivals: scenarios.Constant, Rate: 100, Duration: 4 * time.Second, Timeout: 10 * time.Second, MaxInFlight: 4, Tell: seen.tell,
		}.requests(page))
		for n, want := range []uint64{100, 200} { // only 4 of them were sent
			if i := seen.intervals[n]; i.Done() != 0 || i.InFlight < want-1 || i.InFlight > want+1 {
				t.Errorf("second %d: %d done, %d in flight, want 0 and %d", n, i.Done(), i.InFlight, want)
			}
		}
		if due, done, _, _ := seen.sums(); due != 400 || done != 400 {
			t.Errorf("due %d, done %d, want 400 of each", due, done)
		}
	})
}

// A watcher that is busy gets longer intervals, loses nothing and holds nothing
// up.
func TestABusyWatcherHoldsNothingUp(t *testing.T) {
	virtual(t, sleeper(time.Millisecond), func(t *testing.T, run func(context.Context, Spec) Result) {
		var seen heard
		res := run(t.Context(), Spec{
			Arrivals: scenarios.Constant, Rate: 100, Duration: 10 * time.Second, Timeout: time.Second,
			Tell: func(i rundir.Interval) { seen.tell(i); time.Sleep(3300 * time.Millisecond) },
		}.requests(page))
		if n := len(seen.intervals); n < 3 || n > 6 {
			t.Errorf("%d intervals, want about one every 3 s", n)
		}
		if _, done, _, _ := seen.sums(); done != 1000 {
			t.Errorf("done %d, want 1000", done)
		}
		near(t, "longest response", res.Load.Classes[scenarios.All].Response.Max, time.Millisecond)
	})
}

func TestAClosedLoopIsTold(t *testing.T) {
	var served atomic.Uint64
	handler := func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(5 * time.Millisecond)
		if served.Add(1)%10 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
	virtual(t, handler, func(t *testing.T, run func(context.Context, Spec) Result) {
		var seen heard
		run(t.Context(), Spec{Connections: 5, Warmup: time.Second, Duration: 2 * time.Second, Timeout: time.Second, Tell: seen.tell}.requests(page))
		var errors uint64
		for _, i := range seen.intervals {
			errors += i.Errors
			if i.InFlight != 5 || i.Due != i.Done() {
				t.Errorf("%d in flight, due %d of %d done, want 5 and as many", i.InFlight, i.Due, i.Done())
			}
		}
		if _, done, _, _ := seen.sums(); done != served.Load() || errors != served.Load()/10 {
			t.Errorf("done %d, %d errors, want %d and %d", done, errors, served.Load(), served.Load()/10)
		}
	})
}

func TestDueBy(t *testing.T) {
	const planned = 3*leafHits - 100
	sched := newSchedule(scenarios.Constant, 1000, planned*time.Millisecond, 1)
	for _, tt := range []struct {
		name string
		now  time.Duration
		want uint64
	}{
		{"before the first", sched.due(0) - 1, 0},
		{"with the first", sched.due(0), 1},
		{"in the first leaf", sched.due(999), 1000},
		{"the last of a leaf", sched.due(leafHits - 1), leafHits},
		{"in the last leaf", sched.due(2*leafHits + 5), 2*leafHits + 6},
		{"after the last", time.Hour, planned},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := newLedger(sched.arrivals()).dueBy(tt.now, planned); got != tt.want {
				t.Errorf("dueBy(%v) = %d, want %d", tt.now, got, tt.want)
			}
		})
	}
	l := newLedger(sched.arrivals())
	for seq := range uint64(leafHits + 10) {
		l.finish(seq)
	}
	l.forget(leafHits + 10)
	if got := l.dueBy(sched.due(leafHits+20), planned); got != leafHits+21 {
		t.Errorf("dueBy after a leaf was forgotten = %d, want %d", got, leafHits+21)
	}
}

// listening is a collector whose seconds are told.
func listening(hits int, tell func(rundir.Interval)) *collector {
	c := openCollector(hits)
	c.teller = newTeller(c, tell)
	return c
}

func TestTellingAResultDoesNotAllocate(t *testing.T) {
	const hits = 900
	c := listening(hits, func(rundir.Interval) {})
	defer c.teller.close(time.Second)
	rs := results(c, hits)
	c.take(&rs[0])
	i := 0
	if n := testing.AllocsPerRun(hits-2, func() { i++; c.take(&rs[i]) }); n != 0 {
		t.Errorf("%v allocations a result, want 0", n)
	}
}

// BenchmarkTakeTold is BenchmarkTake while somebody watches.
func BenchmarkTakeTold(b *testing.B) {
	const hits = 100_000
	c := listening(hits, func(rundir.Interval) {})
	defer c.teller.close(time.Second)
	rs := results(c, hits)
	b.ReportAllocs()
	for i := range b.N {
		c.take(&rs[i%hits])
	}
}

// BenchmarkTell is what a second costs the collector beyond its hits.
func BenchmarkTell(b *testing.B) {
	const hits = 100_000
	c := listening(hits, func(rundir.Interval) {})
	defer c.teller.close(time.Hour)
	rs := results(c, hits)
	for i := range rs {
		c.take(&rs[i])
	}
	b.ReportAllocs()
	for i := range b.N {
		c.teller.check(time.Duration(i+1) * time.Second)
		for len(c.teller.out) > 0 {
			runtime.Gosched()
		}
	}
}

func BenchmarkAttackNullTold(b *testing.B) {
	closedLoop(b, Spec{Network: "tcp", Address: "null", dial: dialNull, Tell: func(rundir.Interval) {}})
}
