package attack

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/runner/sample"
	"sweetspot/scenarios"
)

// results are hits as vegeta hands them over, one every millisecond.
func results(c *collector, n int) []vegeta.Result {
	rs := make([]vegeta.Result, n)
	sched := c.spec.schedule()
	for i := range rs {
		f := finding{in: 1024}
		if i%10 == 0 {
			f.fault = timedOut
		}
		record := f.encode()
		rs[i] = vegeta.Result{
			Seq:       uint64(i),
			Timestamp: c.began.Add(sched[i] + 100*time.Microsecond),
			Latency:   time.Duration(1+i%50) * time.Millisecond,
			Code:      200,
			Body:      record[:],
		}
	}
	return rs
}

func openCollector(hits int) *collector {
	s := Spec{
		Arrivals: scenarios.Constant, Rate: 1000, Duration: time.Duration(hits) * time.Millisecond, Timeout: time.Second,
		Objectives: scenarios.Objectives{{Class: scenarios.All, Metric: "p99", Limit: time.Second}},
	}.requests(page)
	c := newCollector(s, openPlan(s))
	c.began = time.Now()
	return c
}

func TestTakingAResultDoesNotAllocate(t *testing.T) {
	const hits = 900
	c := openCollector(hits)
	rs := results(c, hits)
	c.take(&rs[0]) // the first of its status and fault
	i := 0
	if n := testing.AllocsPerRun(hits-2, func() { i++; c.take(&rs[i]) }); n != 0 {
		t.Errorf("%v allocations a result, want 0", n)
	}
}

func TestTheTargeterDoesNotAllocate(t *testing.T) {
	var tgt vegeta.Target
	if n := testing.AllocsPerRun(100, func() { _ = target(&tgt) }); n != 0 {
		t.Errorf("%v allocations a target, want 0", n)
	}
}

func BenchmarkTake(b *testing.B) {
	const hits = 100_000
	c := openCollector(hits)
	rs := results(c, hits)
	b.ReportAllocs()
	for i := range b.N {
		c.take(&rs[i%hits])
	}
}

// null is a connection to a server that answers every write at once and takes
// no time: what is left is the generator.
type null struct{ answers chan struct{} }

const nullAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"

func dialNull(context.Context) (net.Conn, error) { return &null{make(chan struct{}, 8)}, nil }

func (n *null) Write(p []byte) (int, error) { n.answers <- struct{}{}; return len(p), nil }

func (n *null) Read(p []byte) (int, error) {
	if _, ok := <-n.answers; !ok {
		return 0, io.EOF
	}
	return copy(p, nullAnswer), nil
}

func (n *null) Close() error                     { close(n.answers); return nil }
func (n *null) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (n *null) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (n *null) SetDeadline(time.Time) error      { return nil }
func (n *null) SetReadDeadline(time.Time) error  { return nil }
func (n *null) SetWriteDeadline(time.Time) error { return nil }

// closedLoop runs b.N hits and reports their rate.
func closedLoop(b *testing.B, s Spec) {
	r := page
	r.Expect.Contains = "yes"
	s.Connections, s.Duration, s.Timeout, s.MaxHits = 32, time.Hour, 10*time.Second, uint64(b.N)
	b.ReportAllocs()
	got, err := Run(b.Context(), s.requests(r))
	if err != nil {
		b.Fatal(err)
	}
	if c := got.Load.Classes[scenarios.All]; c.Good != uint64(b.N) {
		b.Fatalf("good %d of %d: %v", c.Good, b.N, c.Faults)
	}
	b.ReportMetric(got.Load.Achieved, "hits/s")
}

func BenchmarkAttackNull(b *testing.B) {
	closedLoop(b, Spec{Network: "tcp", Address: "null", dial: dialNull})
}

func BenchmarkAttackNullRaw(b *testing.B) {
	closedLoop(b, Spec{Network: "tcp", Address: "null", dial: dialNull, Raw: io.Discard})
}

// BenchmarkClients compares the clients on nginx: requests per second of a
// closed loop, and CPU time of our process per request, which is the figure
// to look at where nginx shares the machine.
func BenchmarkClients(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "1k"), []byte(strings.Repeat("yes", 341)), 0o644); err != nil {
		b.Fatal(err)
	}
	at := listenAddress(b)
	stop := startNginx(b, dir, fmt.Sprintf("access_log off; server { listen unix:%s/s; listen %s; root .; }\n", dir, at), filepath.Join(dir, "s"))
	defer stop()
	for _, on := range []struct{ network, address string }{{"tcp", at}, {"unix", filepath.Join(dir, "s")}} {
		for _, rate := range []float64{0, 2000} {
			for _, client := range []string{"lean", "standard"} {
				b.Run(fmt.Sprintf("%s/%.0f/%s", on.network, rate, client), func(b *testing.B) {
					r := page
					r.Path, r.Expect.Contains = "/1k?", "yes"
					s := Spec{
						Network: on.network, Address: on.address, Standard: client == "standard", Timeout: 10 * time.Second,
						Connections: 32, Duration: time.Hour, MaxHits: uint64(b.N), Arrivals: scenarios.Poisson,
					}
					if rate > 0 {
						s.Rate, s.Duration = rate, time.Duration(float64(b.N)/rate*float64(time.Second))
					}
					before := cpuTime(b)
					got, err := Run(b.Context(), s.requests(r))
					if err != nil {
						b.Fatal(err)
					}
					all := got.Load.Classes[scenarios.All]
					if all.Good != all.Sent {
						b.Fatalf("good %d of %d: %v", all.Good, all.Sent, all.Faults)
					}
					b.ReportMetric(got.Load.Achieved, "hits/s")
					b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(max(all.Sent, 1)), "CPU-µs/hit")
				})
			}
		}
	}
}

// cpuTime returns what this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	used, err := sample.OwnCPU()
	if err != nil {
		b.Fatal(err)
	}
	return used
}

// listenAddress returns a free loopback address.
func listenAddress(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// BenchmarkPaced shows how late hits leave at a rate far below capacity.
func BenchmarkPaced(b *testing.B) {
	for _, rate := range []float64{200, 2000, 10_000, 20_000} {
		b.Run(time.Duration(float64(time.Second)/rate).String(), func(b *testing.B) {
			s := Spec{
				Network: "tcp", Address: "null", dial: dialNull, Arrivals: scenarios.Poisson,
				Rate: rate, Duration: time.Duration(float64(b.N) / rate * 1e9), Timeout: time.Second, MaxInFlight: 64,
			}
			got, err := Run(b.Context(), s.requests(page))
			if err != nil {
				b.Fatal(err)
			}
			lag := got.Load.Classes[scenarios.All].Lag
			b.ReportMetric(float64(lag.P50.Microseconds()), "lag-p50-µs")
			b.ReportMetric(float64(lag.P99.Microseconds()), "lag-p99-µs")
		})
	}
}
