package attack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sweetspot/scenarios"
)

// burst is ten hits in a tenth of a second.
var burst = Spec{
	Network: "tcp", Arrivals: scenarios.Constant, Rate: 100,
	Duration: 100 * time.Millisecond, Timeout: 20 * time.Second,
}

func mustRun(t testing.TB, s Spec) Result {
	t.Helper()
	r, err := Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	checkSums(t, r)
	return r
}

// rawServer answers each connection's first request by writing text and
// closing; an empty text closes by a reset.
func rawServer(t *testing.T, text string, reset bool) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-served })
	go func() {
		defer close(served)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, text)
			}
			if reset {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}

func TestFaults(t *testing.T) {
	three := int64(3)
	for _, tt := range []struct {
		name   string
		server func(t *testing.T) string
		expect scenarios.Expect
		want   string // "" is a good response
		status string
	}{
		{"good", func(t *testing.T) string { return listen(t, answer("yes")) },
			scenarios.Expect{Contains: "yes", Length: &three}, "", "200"},
		{"wrong body", func(t *testing.T) string { return listen(t, answer("no!")) },
			scenarios.Expect{Contains: "yes"}, "wrong body", "200"},
		{"wrong length", func(t *testing.T) string { return listen(t, answer("yes!")) },
			scenarios.Expect{Length: &three}, "wrong length", "200"},
		{"wrong checksum", func(t *testing.T) string { return listen(t, answer("yes")) },
			scenarios.Expect{SHA256: strings.Repeat("00", 32)}, "wrong checksum", "200"},
		{"wrong status", func(t *testing.T) string { return listen(t, http.NotFound) },
			scenarios.Expect{}, "status 404", "404"},
		{"expected 404", func(t *testing.T) string { return listen(t, http.NotFound) },
			scenarios.Expect{Status: 404}, "", "404"},
		{"redirect is not followed", func(t *testing.T) string {
			return listen(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) })
		}, scenarios.Expect{Status: 302}, "", "302"},
		{"truncated", func(t *testing.T) string {
			return rawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", false)
		}, scenarios.Expect{}, "truncated body", "200"},
		{"truncated chunks", func(t *testing.T) string {
			return rawServer(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", false)
		}, scenarios.Expect{}, "truncated body", "200"},
		{"truncated headers", func(t *testing.T) string { return rawServer(t, "HTTP/1.1 200 OK\r\nContent-", false) },
			scenarios.Expect{}, "malformed response", "0"},
		{"closed", func(t *testing.T) string { return rawServer(t, "", false) },
			scenarios.Expect{}, "connection closed without an answer", "0"},
		{"reset", func(t *testing.T) string { return rawServer(t, "", true) },
			scenarios.Expect{}, "connection reset", "0"},
		{"malformed", func(t *testing.T) string { return rawServer(t, "220 mail.example ESMTP\r\n\r\n", false) },
			scenarios.Expect{}, "malformed response", "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := burst
			s.Address = tt.server(t)
			r := page
			r.Expect = tt.expect
			checkFaults(t, mustRun(t, s.requests(r)), tt.want, tt.status)
		})
	}
}

func checkFaults(t *testing.T, r Result, want, status string) {
	t.Helper()
	c := r.Load.Classes[scenarios.All]
	wantFaults := map[string]uint64{want: c.Sent}
	if want == "" {
		wantFaults = nil
	}
	if c.Sent == 0 || !maps.Equal(c.Faults, wantFaults) || c.Statuses[status] != c.Sent {
		t.Errorf("sent %d, faults %v, statuses %v, want all %q with status %s", c.Sent, c.Faults, c.Statuses, want, status)
	}
}

func TestTimeouts(t *testing.T) {
	slowBody := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begin")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		status  string
	}{
		{"no answer", hanging, "0"},
		{"slow body", slowBody, "200"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			virtual(t, tt.handler, func(t *testing.T, run func(context.Context, Spec) Result) {
				s := burst
				s.Timeout = 3 * time.Second
				r := run(t.Context(), s.requests(page))
				checkFaults(t, r, "timeout", tt.status)
				near(t, "service", r.Load.Classes[scenarios.All].Service.P50, s.Timeout)
			})
		})
	}
}

func TestRefused(t *testing.T) {
	s := burst
	s.Network, s.Address = "unix", filepath.Join(t.TempDir(), "sock")
	l, err := net.Listen(s.Network, s.Address)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	checkFaults(t, mustRun(t, s.requests(page)), "connection refused", "0")
	s.Address += ".missing"
	checkFaults(t, mustRun(t, s.requests(page)), "no such file or directory", "0")
}

func TestCountsAgreeWithTheServer(t *testing.T) {
	var served, bodies atomic.Uint64
	handler := func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		if r.Header.Get("X-Vegeta-Seq") != "" || r.Header.Get("X-Shop") != "yes" || r.Host != "shop.example" {
			t.Errorf("header %v, host %q", r.Header, r.Host)
		}
		b, _ := io.ReadAll(r.Body)
		bodies.Add(uint64(len(b)))
		fmt.Fprintf(w, "%s %s", r.Method, r.URL.RequestURI())
	}
	headers := map[string]string{"X-Shop": "yes", "Host": "shop.example"}
	get := scenarios.Request{Name: "get", Class: scenarios.Static, Method: "GET", Path: "/file?a=%20b&n=", Headers: headers,
		Expect: scenarios.Expect{Contains: "GET /file?a=%20b&n="}}
	post := scenarios.Request{Name: "post", Class: scenarios.Dynamic, Method: "POST", Path: "/order/", Headers: headers,
		Body: "item=1", Expect: scenarios.Expect{Contains: "POST /order/"}}
	for _, tt := range []struct {
		name string
		spec Spec
	}{
		{"open loop", Spec{Arrivals: scenarios.Poisson, Rate: 500, Duration: time.Second, Seed: 5}},
		{"closed loop", Spec{Connections: 4, Duration: time.Minute, MaxHits: 1000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			served.Store(0)
			bodies.Store(0)
			s := tt.spec.requests(get, post)
			s.Network, s.Address, s.Timeout = "tcp", listen(t, handler), 20*time.Second
			l := mustRun(t, s).Load
			if all := l.Classes[scenarios.All]; l.Sent != served.Load() || all.Good != l.Sent {
				t.Errorf("sent %d, good %d, served %d, faults %v", l.Sent, all.Good, served.Load(), all.Faults)
			}
			if got, want := bodies.Load(), l.Classes[scenarios.Dynamic].Sent*uint64(len(post.Body)); got != want {
				t.Errorf("%d bytes of bodies arrived, want %d", got, want)
			}
			if l.Requests["get"].Sent != l.Classes[scenarios.Static].Sent {
				t.Errorf("requests %v, classes %v", l.Requests["get"].Sent, l.Classes[scenarios.Static].Sent)
			}
		})
	}
}

// The machine's noise only makes responses later, so the schedule and the stall
// give lower bounds that hold on real connections and a real clock.
func TestStallOnRealConnections(t *testing.T) {
	const stallAt, stallEnd = 300 * time.Millisecond, 800 * time.Millisecond
	began := time.Now()
	var first atomic.Int64 // arrival, from began; nanoseconds
	handler := func(http.ResponseWriter, *http.Request) {
		first.CompareAndSwap(0, int64(time.Since(began)))
		since := time.Since(began) - time.Duration(first.Load())
		if since >= stallAt && since < stallEnd {
			time.Sleep(stallEnd - since)
		}
	}
	s := Spec{
		Network: "tcp", Address: listen(t, handler), Arrivals: scenarios.Poisson, Rate: 200, MaxInFlight: 4,
		Duration: time.Second, Timeout: 20 * time.Second, Seed: 1,
	}.requests(page)
	l := mustRun(t, s).Load
	sched := newSchedule(s.Arrivals, s.Rate, s.Duration, s.Seed)
	// Due after the stall began and 100 ms before it ended.
	held := int(sched.count(stallEnd-100*time.Millisecond)) - int(sched.count(time.Duration(first.Load())+stallAt))
	if held < len(sched)/4+8 {
		t.Skipf("the first request was served after %v: too few of the others met the stall", time.Duration(first.Load()))
	}
	if p := l.Classes[scenarios.All].Response.P75; p < 100*time.Millisecond {
		t.Errorf("p75 = %v, want at least 100 ms: %d of %d hits were held that long", p, held, len(sched))
	}
	if l.LateBusy < uint64(held-l.Workers) {
		t.Errorf("late because busy: %d, want at least %d", l.LateBusy, held-l.Workers)
	}
}

func TestRunLeavesNoGoroutine(t *testing.T) {
	encrypted := burst
	encrypted.Address, encrypted.TLS = listenTLS(t, answer("yes"), "h2")
	encrypted.HTTP2, encrypted.PerConnection = true, 3
	plain := burst
	plain.Address = listen(t, answer("yes"))
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	for i, s := range []Spec{plain, encrypted, plain, encrypted, plain} {
		s.Raw = io.Discard
		if i == 3 {
			cancel()
		}
		if _, err := Run(ctx, s.requests(page)); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	// Connections close on their own time.
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestSpecFaults(t *testing.T) {
	valid := Spec{Network: "tcp", Address: "127.0.0.1:1", Arrivals: scenarios.Poisson, Rate: 1, Duration: 1, Timeout: 1}.requests(page)
	for _, tt := range []struct {
		want   string
		change func(*Spec)
	}{
		{`network "udp": want tcp or unix`, func(s *Spec) { s.Network = "udp" }},
		{"no requests", func(s *Spec) { s.Requests = nil }},
		{"no requests", func(s *Spec) { s.Mix = nil }},
		{"rate -1/s", func(s *Spec) { s.Rate = -1 }},
		{`arrivals "random": want those of a scenario, as poisson`, func(s *Spec) { s.Arrivals = "random" }},
		{"shape of the ramp", func(s *Spec) { s.Arrivals = scenarios.Ramp }},
		{"shape of the ramp", func(s *Spec) { s.Arrivals, s.Shape = scenarios.Ramp, &scenarios.Shape{From: -1, To: 2} }},
		{"shape of the step", func(s *Spec) { s.Arrivals, s.Shape = scenarios.Step, &scenarios.Shape{Steps: []float64{0, 0}} }},
		{"shape of the sine", func(s *Spec) { s.Arrivals, s.Shape = scenarios.Sine, &scenarios.Shape{Amplitude: 1.1} }},
		{"shape of the sine", func(s *Spec) { s.Arrivals, s.Shape = scenarios.Sine, &scenarios.Shape{Amplitude: 1, Period: -1} }},
		{"recording of 0 times", func(s *Spec) { s.Arrivals = scenarios.Replay }},
		{"recording of 2 times", func(s *Spec) { s.Arrivals, s.Recording = scenarios.Replay, scenarios.Recording{0, 0} }},
		{"closed loop of 0 connections", func(s *Spec) { s.Rate = 0 }},
		{"cap of -1 requests", func(s *Spec) { s.MaxInFlight = -1 }},
		{"duration 0s", func(s *Spec) { s.Duration = 0 }},
		{"timeout 0s", func(s *Spec) { s.Timeout = 0 }},
		{"HTTP/2 without TLS", func(s *Spec) { s.HTTP2 = true }},
		{"-1 requests per connection", func(s *Spec) { s.PerConnection = -1 }},
		{"shorten the trial", func(s *Spec) { s.Rate, s.Duration = 1e6, time.Hour }},
		{`request page: sha256 "x"`, func(s *Spec) { s.Requests[0].Expect.SHA256 = "x" }},
		{`file /a.css: sha256 "y"`, func(s *Spec) { s.Files = map[string]scenarios.Expect{"/a.css": {SHA256: "y"}} }},
	} {
		s := valid
		s.Requests = append([]scenarios.Request(nil), valid.Requests...)
		tt.change(&s)
		if _, err := Run(t.Context(), s); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want …%s…", err, tt.want)
		}
	}
}

type brokenDisk struct{}

var errFull = errors.New("no space left on device")

func (brokenDisk) Write([]byte) (int, error) { return 0, errFull }

func TestRawThatCannotBeWrittenIsAnErrorWithAResult(t *testing.T) {
	s := burst
	s.Address, s.Raw = listen(t, answer("yes")), brokenDisk{}
	r, err := Run(t.Context(), s.requests(page))
	if !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
	if r.Load.Sent != 10 {
		t.Errorf("sent %d, want 10", r.Load.Sent)
	}
}
