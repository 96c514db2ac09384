package shard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/runner/attack"
	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

const site, subject = "lab", "app"

// fleet is a site with a subject and generators, and the hub between them.
type fleet struct {
	*Leader
	hub       *hub.Server
	pki       string // folder of keys; empty: connections are this process's own
	js        jetstream.JetStream
	served    atomic.Uint64 // requests that the subject answered
	handler   atomic.Value  // of http.HandlerFunc, after that was counted
	address   string
	attempts  int
	malformed atomic.Uint64
	notes     chan string
	agents    map[string]*running
}

// running is a generator.
type running struct {
	conn *nats.Conn
	kill func() // and wait until nothing of it runs
}

// newFleet starts one whose generators have the names g0, g1, …; change is
// called with the options of each.
func newFleet(t *testing.T, generators int, change func(i int, o *Options)) *fleet {
	t.Helper()
	return startFleet(t, hub.Options{NoSync: true}, generators, change)
}

func startFleet(t *testing.T, o hub.Options, generators int, change func(i int, o *Options)) *fleet {
	t.Helper()
	// Several generators in one process undo each other's settings in any order.
	procs, percent := runtime.GOMAXPROCS(0), debug.SetGCPercent(100)
	t.Cleanup(func() { runtime.GOMAXPROCS(procs); debug.SetGCPercent(percent) })
	f := &fleet{pki: o.PKI, notes: make(chan string, 1000), agents: map[string]*running{}}
	f.handler.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "yes") }))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.served.Add(1)
		f.handler.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(server.Close)
	f.address = server.Listener.Addr().String()
	var err error
	if f.hub, err = hub.Start(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, f.hub.Close()) })
	nc, err := f.hub.Connect()
	must(t, err)
	t.Cleanup(nc.Close)
	f.js, err = jetstream.New(nc)
	must(t, err)
	must(t, hub.Prepare(t.Context(), f.js, 1))
	f.Leader = &Leader{Conn: f.connect(t, subject, wire.Subject), Agent: f.describe(t, subject, wire.Subject), Bound: time.Second}
	for i := range generators {
		o := Options{Scratch: t.TempDir()}
		if change != nil {
			change(i, &o)
		}
		f.start(t, "g"+strconv.Itoa(i), o)
	}
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// connect is a connection of an agent.
func (f *fleet) connect(t *testing.T, name, role string) *nats.Conn {
	t.Helper()
	var nc *nats.Conn
	var err error
	if f.pki == "" {
		nc, err = f.hub.Connect()
	} else {
		var key string
		key, err = hub.Issue(f.pki, name, role, site)
		must(t, err)
		nc, err = hub.Dial(t.Context(), f.hub.URL(), key)
	}
	must(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// describe has an agent known at the hub.
func (f *fleet) describe(t *testing.T, name, role string) wire.Agent {
	t.Helper()
	a := wire.Agent{
		Name: name, Site: site, Role: role, Version: "v1", Protocol: wire.Protocol, CPUs: []int{0, 1},
		Host: rundir.Host{Hostname: "host-of-" + name}, IPs: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
	}
	f.put(t, wire.AgentsBucket, name, &a)
	return a
}

func (f *fleet) put(t *testing.T, bucket, key string, m wire.Message) {
	t.Helper()
	data, err := wire.Encode(m)
	must(t, err)
	kv, err := f.js.KeyValue(t.Context(), bucket)
	must(t, err)
	_, err = kv.Put(t.Context(), key, data)
	must(t, err)
}

// start adds a generator, or one that takes the place of another.
func (f *fleet) start(t *testing.T, name string, o Options) {
	t.Helper()
	o.Agent = f.describe(t, name, wire.Generator)
	o.Malformed = func(string, error) { f.malformed.Add(1) }
	o.Note = func(format string, args ...any) {
		select {
		case f.notes <- strings.TrimSpace(name + ": " + fmt.Sprintf(format, args...)):
		default:
		}
	}
	nc := f.connect(t, name, wire.Generator)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, nc, o) }()
	kill := sync.OnceFunc(func() {
		cancel()
		must(t, <-served)
	})
	t.Cleanup(kill)
	if f.agents[name] == nil {
		f.Generators = append(f.Generators, o.Agent)
	}
	f.agents[name] = &running{nc, kill}
	f.await(t, name)
}

// await returns when a generator answers.
func (f *fleet) await(t *testing.T, name string) {
	t.Helper()
	data, err := wire.Encode(&wire.Ping{})
	must(t, err)
	for t.Context().Err() == nil {
		if _, err := f.Conn.Request(wire.ToGenerator(site, name, wire.AskPing), data, time.Second); err == nil {
			return
		}
	}
}

// note waits for what a generator says.
func (f *fleet) note(t *testing.T, text string) {
	t.Helper()
	for {
		select {
		case n := <-f.notes:
			if strings.Contains(n, text) {
				return
			}
		case <-time.After(15 * time.Second):
			t.Fatalf("no generator says %q", text)
		}
	}
}

var traffic = scenarios.Traffic{
	Arrivals: scenarios.Poisson, Timeout: scenarios.Duration(20 * time.Second),
	Requests: []scenarios.Request{
		{Name: "page", Class: scenarios.Dynamic, Weight: 3, Method: "GET", Path: "/page/{n}", Params: map[string]scenarios.Values{"n": {"1..500"}}, Expect: scenarios.Expect{Status: 200, Contains: "yes"}},
		{Name: "file", Class: scenarios.Static, Weight: 1, Method: "GET", Path: "/file", Expect: scenarios.Expect{Status: 200}},
	},
}

const mixSeed = 5

// load is an attack on the subject, and what its spec does not tell.
func (f *fleet) load(t *testing.T, change func(*attack.Spec)) (attack.Spec, Job) {
	t.Helper()
	f.attempts++
	job := Job{Run: "run-1", Trial: "try_" + strconv.Itoa(f.attempts), Token: 7, Traffic: traffic, MixSeed: mixSeed}
	mix, err := scenarios.NewMix(traffic, mixSeed)
	must(t, err)
	s := attack.Spec{
		Network: "tcp", Address: f.address, Requests: traffic.Requests, Mix: mix, Arrivals: traffic.Arrivals,
		Files: map[string]scenarios.Expect{}, Rate: 400, Duration: 500 * time.Millisecond, Timeout: traffic.Timeout.Std(), Seed: 3,
		Begin: func(context.Context) (time.Time, error) { return time.Now().Add(50 * time.Millisecond), nil },
	}
	if change != nil {
		change(&s)
	}
	job.Traffic.Arrivals, job.Traffic.Shape = s.Arrivals, s.Shape
	return s, job
}

// mustAttack attacks, and makes sure that the counts of all who count agree.
func (f *fleet) mustAttack(t *testing.T, change func(*attack.Spec)) (attack.Result, []rundir.Shooter) {
	t.Helper()
	f.served.Store(0)
	s, job := f.load(t, change)
	var raw bytes.Buffer
	s.Raw = &raw
	res, shooters, err := f.Attack(t.Context(), s, job)
	if err != nil {
		t.Fatal(err)
	}
	f.agree(t, res, shooters, raw.Bytes())
	again, err := attack.Recount(s, res, &raw)
	must(t, err)
	if !reflect.DeepEqual(again.Load, res.Load) {
		t.Errorf("the raw results come to\n%+v, want\n%+v", again.Load, res.Load)
	}
	return res, shooters
}

// agree fails unless requests sent, histograms, raw results, generators and the
// subject count the same. Only an attack that ended early may have cut requests
// short.
func (f *fleet) agree(t *testing.T, res attack.Result, shooters []rundir.Shooter, raw []byte) {
	t.Helper()
	all := res.Load.Classes[scenarios.All]
	own := uint64(0)
	for _, s := range shooters {
		own += s.Sent
	}
	written := uint64(0)
	decode := vegeta.NewDecoder(bytes.NewReader(raw))
	for last := -1; ; {
		var r vegeta.Result
		if err := decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if int(r.Seq) <= last {
			t.Errorf("raw results: hit %d comes after hit %d", r.Seq, last)
		}
		last = int(r.Seq)
		written++
	}
	histogram := uint64(res.Histograms[scenarios.All].Response.TotalCount())
	cut := uint64(0)
	if res.Load.Aborted != "" {
		cut = all.Faults["cancelled at the end of the attack"]
	}
	if n := res.Load.Sent; n == 0 || all.Sent != n || histogram != n || f.served.Load() != n || own != n || written != n || all.Good+cut != n {
		t.Errorf("sent %d: by class %d, good %d (%v), in the histogram %d, by generator %d, raw results %d, the subject's own count %d",
			n, all.Sent, all.Good, all.Faults, histogram, own, written, f.served.Load())
	}
}

// spread shows percentiles.
func spread(l rundir.Latency) string {
	us := func(d time.Duration) float64 { return math.Round(float64(d.Microseconds())/10) / 100 }
	return fmt.Sprintf("n %d, p50 %v, p95 %v, p99 %v, max %v ms", l.Count, us(l.P50), us(l.P95), us(l.P99), us(l.Max))
}

// keys makes a folder of keys for a hub on this machine.
func keys(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pki")
	must(t, hub.Init(dir, []string{"127.0.0.1"}))
	return dir
}
