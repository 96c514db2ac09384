package attack

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sweetspot/scenarios"
)

// cycle is a Mix that takes its requests in turn; every path ends in the
// number of the hit.
type cycle []scenarios.Request

func (c cycle) Pick(seq uint64) int { return int(seq % uint64(len(c))) }

func (c cycle) AppendPath(dst []byte, seq uint64) []byte {
	return strconv.AppendUint(append(dst, c[c.Pick(seq)].Path...), seq, 10)
}

func (c cycle) AppendBody(dst []byte, seq uint64) []byte {
	return append(dst, c[c.Pick(seq)].Body...)
}

// schedule is when each hit is due.
type schedule []time.Duration

// schedule is all that the spec plans.
func (s Spec) schedule() schedule { return collect(s.arrivals()) }

func newSchedule(arrivals string, rate float64, end time.Duration, seed uint64) schedule {
	return Spec{Arrivals: arrivals, Rate: rate, Duration: end, Seed: seed}.schedule()
}

func collect(a arrivals) schedule {
	s := schedule{}
	for due, ok := a(); ok; due, ok = a() {
		s = append(s, due)
	}
	return s
}

// arrivals begins anew.
func (s schedule) arrivals() arrivals {
	k := 0
	return func() (time.Duration, bool) {
		if k == len(s) {
			return 0, false
		}
		k++
		return s[k-1], true
	}
}

func (s schedule) due(k uint64) time.Duration { return s[k] }

func (s schedule) count(t time.Duration) uint64 {
	_, before := s.arrivals().count(t)
	return before
}

// page is the request of most tests.
var page = scenarios.Request{
	Name: "page", Class: scenarios.Dynamic, Method: "GET", Path: "/page/",
	Expect: scenarios.Expect{Status: 200},
}

// requests sets what spec asks for.
func (s Spec) requests(rs ...scenarios.Request) Spec {
	s.Requests, s.Mix = rs, cycle(rs)
	return s
}

// virtual runs test on virtual time against handler, which it reaches over
// pipes: time stands still while anything can still run, so latencies are
// exact and no load of the machine shows in them.
func virtual(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, run func(context.Context, Spec) Result)) {
	onPipes(t, handler, func(t *testing.T, aim func(Spec) Spec) {
		test(t, func(ctx context.Context, s Spec) Result {
			res, err := Run(ctx, aim(s))
			if err != nil {
				t.Fatal(err)
			}
			checkSums(t, res)
			return res
		})
	})
}

// onPipes is virtual for tests that attack by themselves: aim has a spec reach
// the handler.
func onPipes(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, aim func(Spec) Spec)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		pipes := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: handler, BaseContext: func(net.Listener) context.Context { return ctx }}
		served := make(chan error)
		go func() { served <- server.Serve(pipes) }()
		defer func() { cancel(); server.Close(); <-served }()
		test(t, func(s Spec) Spec {
			s.Network, s.Address = "tcp", "pipe"
			s.dial = pipes.dial
			s.alarm = func() (alarm, error) { return &virtualAlarm{stopped: make(chan struct{})}, nil }
			return s
		})
	})
}

// pipes is a listener whose connections are net.Pipes.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.accept <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

type virtualAlarm struct {
	stopped chan struct{}
	once    sync.Once
}

func (a *virtualAlarm) Sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-a.stopped:
		return false
	}
}

func (a *virtualAlarm) Stop()  { a.once.Do(func() { close(a.stopped) }) }
func (a *virtualAlarm) Close() {}

// listen serves handler on a loopback port until the test ends.
func listen(t testing.TB, handler http.HandlerFunc) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	served := make(chan error)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-served })
	return l.Addr().String()
}

func answer(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// checkSums fails the test when the counts of a result do not add up.
func checkSums(t testing.TB, r Result) {
	t.Helper()
	l := r.Load
	if l.Planned != l.Sent+l.Unsent {
		t.Errorf("planned %d is not sent %d + unsent %d", l.Planned, l.Sent, l.Unsent)
	}
	var requests, windows, classes uint64
	for _, c := range l.Requests {
		requests += c.Sent
	}
	for _, w := range l.Windows {
		windows += w.Sent
		if w.Sent != w.Good+w.Errors {
			t.Errorf("window %d: sent %d is not good %d + errors %d", w.Second, w.Sent, w.Good, w.Errors)
		}
	}
	for name, c := range l.Classes {
		if name != scenarios.All {
			classes += c.Sent
		}
		var statuses, faults uint64
		for _, n := range c.Statuses {
			statuses += n
		}
		for _, n := range c.Faults {
			faults += n
		}
		if statuses != c.Sent || faults != c.Errors() || c.Response.Count != int64(c.Sent) {
			t.Errorf("class %s: sent %d, statuses %v, errors %d, faults %v, responses %d",
				name, c.Sent, c.Statuses, c.Errors(), c.Faults, c.Response.Count)
		}
		if got := r.Histograms[name].Service.TotalCount(); got != int64(c.Sent) {
			t.Errorf("class %s: histogram holds %d, want %d", name, got, c.Sent)
		}
	}
	if requests != l.Sent || classes != l.Sent || windows != l.Sent || l.Classes[scenarios.All].Sent != l.Sent {
		t.Errorf("sent %d, by request %d, by class %d, by window %d, all %d",
			l.Sent, requests, classes, windows, l.Classes[scenarios.All].Sent)
	}
}
