package fleet

import (
	"context"
	"errors"
	"testing"
	"time"

	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestLease(t *testing.T) {
	b := newBed(t)
	k, err := openBuckets(t.Context(), b.nc, wire.Subject)
	if err != nil {
		t.Fatal(err)
	}
	first, err := acquire(t.Context(), k.leases, "a", "one", nil)
	if err != nil {
		t.Fatal(err)
	}
	holder := make(chan string, 1)
	second := make(chan *lease, 1)
	go func() {
		l, err := acquire(t.Context(), k.leases, "a", "two", func(h string) { holder <- h })
		if err != nil {
			t.Error(err)
		}
		second <- l
	}()
	if got := <-holder; got != "one" {
		t.Errorf("the second is told that %q has it", got)
	}
	first.release()
	l := <-second
	if l.token <= first.token {
		t.Errorf("token %d after %d: want a higher one", l.token, first.token)
	}
	if err := k.leases.Delete(t.Context(), "a"); err != nil { // as when it expires
		t.Fatal(err)
	}
	<-l.ctx.Done()
	if cause := context.Cause(l.ctx); !errors.Is(cause, errLost) {
		t.Errorf("cause %v, want errLost", cause)
	}
	l.release()
}

func TestClock(t *testing.T) {
	var c clock
	if offset, bound := c.offset(); offset != 0 || bound != 0 {
		t.Errorf("before any look: %v ± %v", offset, bound)
	}
	at := time.Unix(1000, 0)
	c.add(at, 20*time.Millisecond, at.Add(-4*time.Second)) // 4 s ahead, a slow answer
	c.add(at, 2*time.Millisecond, at.Add(-4*time.Second))
	c.add(at, 9*time.Millisecond, at)
	if offset, bound := c.offset(); offset != 4*time.Second+time.Millisecond || bound != time.Millisecond {
		t.Errorf("%v ± %v, want that of the fastest answer: 4.001 s ± 1 ms", offset, bound)
	}
}

func TestVisitName(t *testing.T) {
	v := rundir.Visit{Cell: scenarios.Cell{Server: "gunicorn-gthread", Proxy: "nginx", Workers: 4, Threads: 2, Instances: 3}, Start: 1002, Cores: 0.25}
	name := visitName(v)
	if want := "server=gunicorn-gthread+proxy=nginx+workers=4+threads=2+instances=3+start=1002+cores=0_25"; name != want {
		t.Errorf("name %q, want %q", name, want)
	}
	if err := wire.CheckVisit(name); err != nil {
		t.Error(err)
	}
}
