package fleet

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner"
	"sweetspot/runner/calibrate"
	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

func TestMain(m *testing.M) {
	process.Main()
	stack.Main()
	calibrate.Main()
	askTimeout = 300 * time.Millisecond
	os.Exit(m.Run())
}

const scenario = `
name: fleet
app:
  interface: embedded
  deadline: 20s
  routes: [{path: /, wait: 2ms}]
matrix: {servers: [embedded], proxies: [direct], workers: [1, 2]}
traffic:
  requests: [{name: io, path: /}]
`

// bed is an embedded hub and a run directory.
type bed struct {
	*testing.T
	hub *hub.Server
	nc  *nats.Conn // the controller's
	run *rundir.Run

	mu    sync.Mutex
	notes []string // of the controller and the sites
}

func newBed(t *testing.T) *bed {
	t.Helper()
	h, err := hub.Start(hub.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bed{T: t, hub: h}
	b.nc = b.connect()
	js, err := jetstream.New(b.nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.Prepare(t.Context(), js, 1); err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.Parse("fleet.yaml", []byte(scenario), t.TempDir(), nil, stack.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	m := rundir.Manifest{RunID: newID(t), Scenario: *s, Source: scenario, Seed: 1}
	m.CPUs = rundir.CPUs{Generator: []int{0}, Proxy: []int{0}, App: allowed(t), Shared: true}
	if b.run, err = rundir.Create(t.TempDir(), m); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.run.Close() })
	return b
}

func newID(t *testing.T) string {
	return strings.ToLower(strings.Trim(strings.ReplaceAll(t.Name(), "/", "-"), "-")[:min(12, len(t.Name()))])
}

func (b *bed) connect() *nats.Conn {
	b.Helper()
	nc, err := b.hub.Connect()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	return nc
}

func (b *bed) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// noted waits until somebody says what holds text.
func (b *bed) noted(text string) {
	b.Helper()
	for range 2000 {
		b.mu.Lock()
		found := slices.ContainsFunc(b.notes, func(n string) bool { return strings.Contains(n, text) })
		b.mu.Unlock()
		if found {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Fatalf("nobody said %q, but\n%s", text, strings.Join(b.notes, "\n"))
}

// serve runs an agent of its own site until it is told to stop.
func (b *bed) serve(name string, change func(*Agent)) (nc *nats.Conn, leave func()) {
	b.Helper()
	a := Agent{Conn: b.connect(), Name: name, Site: name, Role: wire.Both, Version: "test", Say: func(format string, args ...any) { b.note(name+": "+format, args...) }}
	if change != nil {
		change(&a)
	}
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan struct{})
	go func() {
		defer close(left)
		if err := Serve(ctx, a); err != nil && !a.Conn.IsClosed() {
			b.Errorf("%s: %v", name, err)
		}
	}()
	leave = sync.OnceFunc(func() { cancel(); <-left })
	b.Cleanup(leave)
	return a.Conn, leave
}

// reopen opens the run directory anew, as a controller does that is started
// after another one died.
func (b *bed) reopen() {
	b.Helper()
	dir := b.run.Dir
	if err := b.run.Close(); err != nil {
		b.Fatal(err)
	}
	var err error
	if b.run, err = rundir.Resume(dir); err != nil {
		b.Fatal(err)
	}
}

// control makes the run to its end.
func (b *bed) control(s rundir.Fleet) error {
	return Control(b.Context(), Config{Conn: b.nc, Run: b.run, Strategy: s, Note: b.note})
}

// grid is a strategy of so many visits, each of so many trials. A trial that is
// void is made again.
func grid(visits, trials int) rundir.Fleet {
	cell := func(i int) rundir.Visit {
		return rundir.Visit{Cell: scenarios.Cell{Server: "embedded", Proxy: "direct", Workers: 1 + i%2, Threads: 1}, Start: i / 2}
	}
	count := func(done []rundir.Trial, v rundir.Visit) (n int) {
		for _, t := range done {
			if t.Step.Cell == v.Cell && t.Step.Start == v.Start && t.Broken == "" {
				n++
			}
		}
		return n
	}
	return rundir.Fleet{
		Visits: func(done []rundir.Trial, busy []rundir.Visit, n int) (next []rundir.Visit, over bool) {
			for i := range visits {
				v := cell(i)
				if len(next) < n && !slices.Contains(busy, v) && count(done, v) < trials {
					next = append(next, v)
				}
			}
			return next, len(next) == 0 && len(busy) == 0
		},
		Step: func(done []rundir.Trial, v rundir.Visit) (rundir.Step, bool) {
			k := count(done, v)
			return rundir.Step{
				Cell: v.Cell, Start: v.Start, Phase: rundir.Bracket, Rate: 50, Warmup: 20 * time.Millisecond, Duration: 200 * time.Millisecond,
				Note: fmt.Sprintf("trial %d", k),
			}, k < trials
		},
	}
}

// whole asserts that a run has every trial of a grid once, numbered through.
func (b *bed) whole(visits, trials int) {
	b.Helper()
	seen := map[string]int{}
	for i, t := range b.run.Trials() {
		if t.ID != i+1 {
			b.Errorf("trial %d has the ID %d", i+1, t.ID)
		}
		if t.Broken != "" {
			continue
		}
		if t.Placed == nil {
			b.Fatalf("trial %d is nowhere", t.ID)
		}
		key := fmt.Sprintf("%s %s", t.Placed.Visit, t.Step.Note)
		if seen[key]++; seen[key] > 1 {
			b.Errorf("%s was counted %d times", key, seen[key])
		}
	}
	if len(seen) != visits*trials {
		b.Errorf("%d trials, want %d", len(seen), visits*trials)
	}
}

// nothingAtHub asserts that a hub has nothing of the run any more.
func (b *bed) nothingAtHub() {
	b.Helper()
	js, err := jetstream.New(b.nc)
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{wire.WorkStream, wire.ResultStream, "KV_" + wire.RunsBucket} {
		s, err := js.Stream(b.Context(), name)
		if err != nil {
			b.Fatal(err)
		}
		if n := s.CachedInfo().State.Msgs; n > 0 {
			b.Errorf("%s still has %d messages", name, n)
		}
	}
	raw, err := js.ObjectStore(b.Context(), wire.RawBucket)
	if err != nil {
		b.Fatal(err)
	}
	if all, _ := raw.List(b.Context()); len(all) > 0 {
		b.Errorf("%d objects are left", len(all))
	}
}

// fake measures nothing: its trials are there at once.
func fake(ctx context.Context, c runner.Config) error {
	for {
		step, ok := c.Strategy(c.Run.Trials())
		if !ok || ctx.Err() != nil {
			return ctx.Err()
		}
		p, err := c.Run.Begin()
		if err != nil {
			return err
		}
		t := rundir.Trial{Step: step, Began: time.Now()}
		c.Place(&t)
		if err := p.Commit(t, nil); err != nil {
			return err
		}
	}
}

func faking(a *Agent) { a.run = fake }
