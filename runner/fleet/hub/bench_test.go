package hub

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

// Bytes of messages as the protocol has them.
const (
	resultSize   = 300  // wire.Done
	beatSize     = 1500 // wire.Agent, with its host
	intervalSize = 400  // one second of an attack
	pingSize     = 10   // wire.Ping
)

// BenchmarkHub measures what one hub takes over TLS from agents on this
// machine. What is stored is acknowledged before its sender goes on: with sync,
// when the disk has it.
func BenchmarkHub(b *testing.B) {
	for _, n := range []int{1, 100} {
		for _, noSync := range []bool{false, true} {
			b.Run(fmt.Sprintf("result/agents=%d/sync=%v", n, !noSync), func(b *testing.B) {
				stored(b, n, noSync, resultSize, func(_ string, i int64) string { return wire.Result("r", fmt.Sprint(i), 0) })
			})
			b.Run(fmt.Sprintf("beat/agents=%d/sync=%v", n, !noSync), func(b *testing.B) {
				stored(b, n, noSync, beatSize, func(name string, _ int64) string { return key(agents, name) })
			})
		}
		b.Run(fmt.Sprintf("interval/agents=%d", n), func(b *testing.B) { intervals(b, n) })
		b.Run(fmt.Sprintf("ping/agents=%d", n), func(b *testing.B) { pings(b, n) })
	}
}

// fleet is a hub, and so many agents of one site, each with a key of its own.
func fleet(b *testing.B, n int, noSync bool) (*Server, string, []*nats.Conn) {
	b.Helper()
	dir := keys(b)
	s := start(b, Options{Listen: "127.0.0.1:0", PKI: dir, Store: filepath.Join(b.TempDir(), "store"), NoSync: noSync})
	admin(b, s)
	agents := make([]*nats.Conn, n)
	for i := range agents {
		if _, err := Issue(dir, agentName(i), wire.Both, "s"); err != nil {
			b.Fatal(err)
		}
		agents[i], _ = join(b, s, dir, agentName(i))
	}
	return s, dir, agents
}

func agentName(i int) string { return fmt.Sprintf("g%d", i) }

// share does b.N things, from all agents side by side.
func share(b *testing.B, agents []*nats.Conn, bytes int64, do func(agent int, i int64) error) {
	b.SetBytes(bytes)
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for agent := range agents {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := do(agent, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}

func stored(b *testing.B, n int, noSync bool, bytes int, subject func(name string, i int64) string) {
	_, _, agents := fleet(b, n, noSync)
	js := make([]jetstream.JetStream, n)
	for i, nc := range agents {
		var err error
		if js[i], err = jetstream.New(nc); err != nil {
			b.Fatal(err)
		}
	}
	body := make([]byte, bytes)
	share(b, agents, int64(bytes), func(agent int, i int64) error {
		_, err := js[agent].Publish(b.Context(), subject(agentName(agent), i), body)
		return err
	})
}

// intervals are sent and forgotten; a controller hears them all.
func intervals(b *testing.B, n int) {
	const ahead = 10_000 // messages that may be under way
	s, dir, agents := fleet(b, n, false)
	listener, _ := join(b, s, dir, Controller)
	var heard atomic.Int64
	sub, err := listener.Subscribe(wire.Live("*", "*"), func(*nats.Msg) { heard.Add(1) })
	if err == nil {
		err = sub.SetPendingLimits(-1, -1)
	}
	if err == nil {
		err = listener.Flush()
	}
	if err != nil {
		b.Fatal(err)
	}
	body, at := make([]byte, intervalSize), wire.Live("r", "s")
	share(b, agents, intervalSize, func(agent int, i int64) error {
		err := agents[agent].Publish(at, body)
		for last := i == int64(b.N); err == nil && (i-heard.Load() > ahead || last && heard.Load() < i); {
			err = agents[agent].Flush()
		}
		return err
	})
	if got := heard.Load(); got != int64(b.N) {
		b.Errorf("%d of %d intervals were heard", got, b.N)
	}
}

// pings go from one subject to every generator and back, one at a time for each.
// Of every 64 the fastest bounds the error of a clock by half of what it took;
// the widest of these bounds is reported.
func pings(b *testing.B, n int) {
	_, _, agents := fleet(b, n+1, false)
	subject, generators := agents[n], agents[:n]
	for i, nc := range generators {
		_, err := nc.Subscribe(wire.ToGenerator("s", agentName(i), "ping"), func(m *nats.Msg) { _ = m.Respond(m.Data) }) // without an answer the question fails
		if err == nil {
			err = nc.Flush()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	const each = 64
	took := make([][]time.Duration, n)
	body := make([]byte, pingSize)
	share(b, generators, pingSize, func(agent int, _ int64) error {
		began := time.Now()
		_, err := subject.Request(wire.ToGenerator("s", agentName(agent), "ping"), body, 5*time.Second)
		took[agent] = append(took[agent], time.Since(began))
		return err
	})
	var widest time.Duration
	for _, of := range took {
		for ; len(of) >= each; of = of[each:] {
			widest = max(widest, slices.Min(of[:each])/2)
		}
	}
	b.ReportMetric(float64(widest.Microseconds()), "µs-bound")
}

// BenchmarkStart is the time until a hub without a port takes connections, and
// until its streams are there.
func BenchmarkStart(b *testing.B) {
	for _, prepared := range []bool{false, true} {
		b.Run(fmt.Sprintf("prepared=%v", prepared), func(b *testing.B) {
			for b.Loop() {
				s, err := Start(Options{})
				if err != nil {
					b.Fatal(err)
				}
				if prepared {
					admin(b, s)
				}
				b.StopTimer()
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
