package live

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// serve serves a feed until the test ends.
func serve(t *testing.T) (*Feed, *Server) {
	t.Helper()
	f := NewFeed(&scenarios.Scenario{Name: "shop"})
	s, err := Serve(f, "0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return f, s
}

// sampleInterval is one second of 100 answers in 10 ms.
func sampleInterval(trial int, at time.Time, warmup bool) rundir.Interval {
	i := rundir.Interval{Trial: trial, At: at, Span: time.Second, Warmup: warmup, Due: 101, Good: 99, Errors: 1, InFlight: 3, Response: rundir.NewBriefHistogram()}
	for range 100 {
		_ = i.Response.RecordValue(10_000)
	}
	return i
}

// stream reads events one by one.
type stream struct {
	t    *testing.T
	body io.ReadCloser
	in   *bufio.Reader
}

func follow(t *testing.T, url string) *stream {
	t.Helper()
	r, err := http.Get(url + "events")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %s, type %s", r.Status, r.Header.Get("Content-Type"))
	}
	return &stream{t, r.Body, bufio.NewReader(r.Body)}
}

// next returns the next event; "" at the end of the stream.
func (s *stream) next(data any) (event string) {
	s.t.Helper()
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return ""
		}
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = strings.TrimSpace(name)
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok && data != nil {
			if err := json.Unmarshal([]byte(text), data); err != nil {
				s.t.Fatalf("%s: %v", text, err)
			}
		}
		if line == "\n" && event != "" {
			return event
		}
	}
}

// want fails the test unless the next event is this one.
func (s *stream) want(event string, data any) {
	s.t.Helper()
	if got := s.next(data); got != event {
		s.t.Fatalf("event %q, want %q", got, event)
	}
}

func TestTheStreamTellsARun(t *testing.T) {
	f, server := serve(t)
	f.Note("run directory: x")
	f.In("/runs/x", time.Minute)
	s := follow(t, server.URL)
	var state State
	s.want("run", &state)
	if state.Scenario != "shop" || state.Dir != "/runs/x" || len(state.Lines) != 1 || state.Now-state.Began < 60_000 {
		t.Errorf("state %+v", state)
	}
	step := rundir.Step{Cell: scenarios.Cell{Server: "embedded", Proxy: "direct", Workers: 1, Threads: 1}, Phase: rundir.Saturation, Note: "cell 1 of 2", Warmup: time.Second, Duration: 3 * time.Second, Left: time.Minute}
	f.Begin(step, "2 connections")
	var doing Doing
	s.want("begin", &doing)
	if doing.Cell != step.Cell.String() || doing.Stage != Starting || doing.Left != 60 || doing.Load != "2 connections" {
		t.Errorf("doing %+v", doing)
	}
	at := time.Now()
	for n, warmup := range []bool{true, false, false} {
		f.Interval(sampleInterval(1, at.Add(time.Duration(n)*time.Second), warmup))
		var i interval
		s.want("interval", &i)
		if i.Second.Good != 99 || i.Second.Errors != 1 || i.Second.Due != 101 || i.Second.InFlight != 3 || i.Second.P99 < 9.9 || i.Second.P99 > 10.1 {
			t.Errorf("second %+v", i.Second)
		}
		if want := []int64{100, 100, 200}[n]; i.Recent.Answers != want { // the warm-up is not in what is measured
			t.Errorf("interval %d: recent rests on %d answers, want %d", n, i.Recent.Answers, want)
		}
		if want := map[bool]string{true: WarmingUp, false: Measuring}[warmup]; i.Doing.Stage != want {
			t.Errorf("stage %q, want %q", i.Doing.Stage, want)
		}
	}
	f.Trial(step.Cell.String(), analysis.Passed, "passed: 99 good/s")
	f.Race([]Row{{Cell: step.Cell.String(), Throughput: 99}})
	var l Line
	s.want("trial", &l)
	if l.Kind != analysis.Passed || l.Cell != step.Cell.String() {
		t.Errorf("line %+v", l)
	}
	var r race
	s.want("race", &r)
	if len(r.Race) != 1 || r.Counts.Passed != 1 {
		t.Errorf("race %+v", r)
	}

	late := follow(t, server.URL)
	late.want("run", &state)
	if len(state.Seconds) != 3 || len(state.Race) != 1 || state.Counts.Passed != 1 || len(state.Lines) != 2 || state.Recent == nil || state.Doing.Stage != Measuring {
		t.Errorf("who joins late gets %+v", state)
	}
	f.Close(End{Outcome: "recommended", Text: "so it is", Report: "/runs/x/report.html"})
	for _, one := range []*stream{s, late} {
		var e End
		one.want("end", &e)
		if e.Report != "/runs/x/report.html" {
			t.Errorf("end %+v", e)
		}
		if got := one.next(nil); got != "" {
			t.Errorf("after the end comes %q", got)
		}
	}
}

func TestWhoMayRead(t *testing.T) {
	_, s := serve(t)
	base := strings.TrimSuffix(s.URL, s.token+"/")
	for _, tt := range []struct {
		name, method, url, host string
		want                    int
	}{
		{"page", "GET", s.URL, "", 200},
		{"head", "HEAD", s.URL, "", 200},
		{"head of the stream", "HEAD", s.URL + "events", "", 200},
		{"script", "GET", s.URL + "live.js", "", 200},
		{"style", "GET", s.URL + "live.css", "", 200},
		{"no such file", "GET", s.URL + "other", "", 404},
		{"no token", "GET", base, "", 403},
		{"stream without a token", "GET", base + "events", "", 403},
		{"wrong token", "GET", base + strings.Repeat("A", len(s.token)) + "/", "", 403},
		{"beginning of the token", "GET", base + s.token[:5] + "/", "", 403},
		{"favicon", "GET", base + "favicon.ico", "", 403},
		{"another name", "GET", s.URL, "evil.example", 403},
		{"another name with the port", "GET", s.URL + "events", "evil.example:" + port(s.URL), 403},
		{"localhost", "GET", s.URL, "localhost:1", 200},
		{"IPv6", "GET", s.URL, "[::1]:80", 200},
		{"post", "POST", s.URL, "", 405},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = tt.host
			r, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			if r.StatusCode != tt.want {
				t.Errorf("status %d, want %d", r.StatusCode, tt.want)
			}
			for name, value := range headers {
				if r.Header.Get(name) != value {
					t.Errorf("%s: %q", name, r.Header.Get(name))
				}
			}
			if cors := r.Header.Get("Access-Control-Allow-Origin"); cors != "" {
				t.Errorf("other pages may read it: %q", cors)
			}
		})
	}
	if len(s.token) < 26 { // base32: 130 bits
		t.Errorf("a token of %d characters", len(s.token))
	}
}

func port(url string) string {
	_, rest, _ := strings.Cut(url, "127.0.0.1:")
	p, _, _ := strings.Cut(rest, "/")
	return p
}

func TestAddresses(t *testing.T) {
	for _, tt := range []struct{ address, host, port, fault string }{
		{"8089", "127.0.0.1", "8089", ""},
		{":8089", "127.0.0.1", "8089", ""},
		{"0", "127.0.0.1", "0", ""},
		{"localhost:8089", "127.0.0.1", "8089", ""},
		{"[::1]:0", "::1", "0", ""},
		{"0.0.0.0:80", "0.0.0.0", "80", ""},
		{"192.0.2.1:80", "192.0.2.1", "80", ""},
		{"myhost:80", "", "", `address "myhost:80": "myhost" may be more than this machine: want localhost, or an address of numbers`},
		{"127.0.0.1", "", "", `port "127.0.0.1": want a number from 0 to 65535`},
		{"127.0.0.1:http", "", "", `port "http": want a number from 0 to 65535`},
		{"::1:80", "", "", "too many colons in address: write it as 127.0.0.1:8089, or [::1]:8089"},
		{"127.0.0.1:70000", "", "", `port "70000": want a number`},
	} {
		t.Run(tt.address, func(t *testing.T) {
			host, port, err := split(tt.address)
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("error %v, want %s", err, tt.fault)
				}
				return
			}
			if err != nil || host.String() != tt.host || port != tt.port {
				t.Errorf("%v, port %s, error %v; want %s, port %s", host, port, err, tt.host, tt.port)
			}
		})
	}
	_, s := serve(t)
	if _, err := Serve(NewFeed(&scenarios.Scenario{}), port(s.URL)); err == nil || !strings.Contains(err.Error(), "choose another address") {
		t.Errorf("a port that is taken: %v", err)
	}
}

// dial asks for the events on a connection that reads nothing by itself.
func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+port(s.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "GET /%s/events HTTP/1.1\r\nHost: localhost\r\n\r\n", s.token)
	return conn
}

// A reader that takes nothing is dropped: it costs neither time nor more memory
// than its queue, and others get everything.
func TestASlowReaderIsDropped(t *testing.T) {
	f, s := serve(t)
	conn := dial(t, s)
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil { // it streams, and nobody reads on
		t.Fatal(err)
	}
	good := follow(t, s.URL)
	good.want("run", nil)
	rows := make([]Row, 1500) // more than the buffers of a connection hold
	for i := range rows {
		rows[i] = Row{Cell: strings.Repeat("x", 200)}
	}
	const events = 3 * queuedMessages
	for range events {
		began := time.Now()
		f.Race(rows)
		if took := time.Since(began); took > time.Second {
			t.Fatalf("an event took %v", took)
		}
		good.want("race", nil)
	}
	if n := f.readers(); n != 1 {
		t.Errorf("%d readers, want the slow one to be dropped", n)
	}
}

func (f *Feed) readers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reads)
}

func TestReadersAreBounded(t *testing.T) {
	_, s := serve(t)
	for range mostReaders {
		follow(t, s.URL).want("run", nil)
	}
	r, err := http.Get(s.URL + "events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d for one too many, want 503", r.StatusCode)
	}
}

// The memory that a feed takes does not grow with the run.
func TestAFeedForgets(t *testing.T) {
	f := NewFeed(&scenarios.Scenario{})
	for i := range 2 * keptSeconds {
		f.Interval(sampleInterval(i/7, time.Now(), false))
		f.Note("n")
	}
	s := f.State()
	if len(s.Seconds) != keptSeconds || len(s.Lines) != keptLines || cap(f.state.Seconds) > 2*keptSeconds || cap(f.state.Lines) > 2*keptLines {
		t.Errorf("%d seconds of %d, %d lines of %d are kept", len(s.Seconds), cap(f.state.Seconds), len(s.Lines), cap(f.state.Lines))
	}
	if size := len(message(eventRun, s)); size > 150_000 {
		t.Errorf("the page begins with %d bytes", size)
	}
}

// Whether readers take what is sent or not, the server ends within a second, and
// says why before.
func TestTheServerEndsWithTheRun(t *testing.T) {
	f, s := serve(t)
	dial(t, s)
	reads := follow(t, s.URL)
	reads.want("run", nil)
	rows := make([]Row, 50_000) // so that a write to the other does not end
	for i := range rows {
		rows[i].Cell = strings.Repeat("x", 100)
	}
	f.Race(rows)
	reads.want("race", nil)
	began := time.Now()
	f.Close(End{Outcome: Interrupted})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the server took %v to end", took)
	}
	var e End
	reads.want("end", &e)
	if e.Outcome != Interrupted {
		t.Errorf("end %+v", e)
	}
	if _, err := http.Get(s.URL); err == nil {
		t.Error("it still serves")
	}
}

// Text of others reaches the page as data only.
func TestTheStreamIsInert(t *testing.T) {
	f, server := serve(t)
	s := follow(t, server.URL)
	s.want("run", nil)
	const hostile = "x\n\nevent: end\ndata: {}\n\n<script>alert(1)</script>\u2028\x00\xff"
	f.Note(hostile)
	f.Note("next")
	var l Line
	s.want("note", &l)
	if want := strings.ToValidUTF8(hostile, "\ufffd"); l.Text != want {
		t.Errorf("text %q, want %q", l.Text, want)
	}
	s.want("note", nil)
	for _, word := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("} {
		if strings.Contains(pageJS, word) {
			t.Errorf("the script has %s: text of others must stay text", word)
		}
	}
	for _, where := range []string{"http:", "https:", "//cdn"} {
		if strings.Contains(strings.ReplaceAll(pageHTML+pageCSS+pageJS, "http://www.w3.org/2000/svg", ""), where) {
			t.Errorf("the page names %s: it must load nothing from elsewhere", where)
		}
	}
}
