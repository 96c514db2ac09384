package attack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/scenarios"
)

// same fails unless two results are equal, histograms included.
func same(t *testing.T, got, want Result) {
	t.Helper()
	if !reflect.DeepEqual(got.Load, want.Load) {
		t.Errorf("load %+v\nwant %+v", got.Load, want.Load)
	}
	for class, h := range want.Histograms {
		g := got.Histograms[class]
		if g.Response == nil || !g.Response.Equals(h.Response) || !g.Service.Equals(h.Service) || !g.Lag.Equals(h.Lag) {
			t.Errorf("histograms of class %s differ", class)
		}
	}
	if len(got.Histograms) != len(want.Histograms) {
		t.Errorf("%d classes, want %d", len(got.Histograms), len(want.Histograms))
	}
}

// On real connections, whose lags and moments nobody chose.
func TestRecount(t *testing.T) {
	var served atomic.Int64
	faulty := func(w http.ResponseWriter, r *http.Request) {
		switch n := served.Add(1); {
		case n%50 == 7:
			w.WriteHeader(http.StatusServiceUnavailable)
		case n%50 == 8:
			panic(http.ErrAbortHandler)
		case n%10 == 1:
			time.Sleep(20 * time.Millisecond)
		}
		_, _ = io.WriteString(w, "yes")
	}
	static := scenarios.Request{Name: "file", Class: scenarios.Static, Method: "GET", Path: "/file/", Expect: scenarios.Expect{Status: 200}}
	teapot := scenarios.Request{Name: "pot", Class: scenarios.Dynamic, Method: "GET", Path: "/pot/", Expect: scenarios.Expect{Status: 418}}
	pot := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }
	slow := func(http.ResponseWriter, *http.Request) { time.Sleep(30 * time.Millisecond) }
	for _, tt := range []struct {
		name    string
		spec    Spec
		handler http.HandlerFunc
	}{
		{"poisson, faults", Spec{Arrivals: scenarios.Poisson, Rate: 400, Warmup: 200 * time.Millisecond, Duration: 1100 * time.Millisecond, Seed: 3}.requests(page, static), faulty},
		{"constant, few hits", Spec{Arrivals: scenarios.Constant, Rate: 20, Duration: 300 * time.Millisecond}.requests(page), answer("yes")},
		{"a good status that vegeta marks", Spec{Arrivals: scenarios.Constant, Rate: 100, Duration: 200 * time.Millisecond}.requests(teapot), pot},
		{"ramp", Spec{Arrivals: scenarios.Ramp, Shape: &scenarios.Shape{To: 2}, Rate: 300, Duration: 500 * time.Millisecond}.requests(page), answer("yes")},
		{"one at a time", Spec{Arrivals: scenarios.Poisson, Rate: 100, MaxInFlight: 1, Duration: 200 * time.Millisecond}.requests(page), slow},
		{"aborted", Spec{Arrivals: scenarios.Poisson, Rate: 200, Duration: 20 * time.Second,
			Objectives: scenarios.Objectives{{Class: scenarios.All, Metric: "p99", Limit: time.Millisecond}}}.requests(page), slow},
		{"closed loop", Spec{Connections: 3, Warmup: 100 * time.Millisecond, Duration: 1100 * time.Millisecond}.requests(page, static), faulty},
		{"closed loop with a bound", Spec{Connections: 2, MaxHits: 300, Duration: time.Minute}.requests(page), answer("yes")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var file bytes.Buffer
			s := tt.spec
			s.Network, s.Address, s.Timeout, s.Raw = "tcp", listen(t, tt.handler), 20*time.Second, &file
			want := mustRun(t, s)
			got, err := Recount(s, want, &file)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, want)
		})
	}
}

// decoded reads raw results.
func decoded(t *testing.T, raw []byte) (all []vegeta.Result) {
	t.Helper()
	decode := vegeta.NewDecoder(bytes.NewReader(raw))
	for {
		var r vegeta.Result
		if err := decode(&r); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
}

func encoded(t *testing.T, all []vegeta.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	encode := vegeta.NewEncoder(&b)
	for i := range all {
		if err := encode(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestRecountSeesWhatWasAltered(t *testing.T) {
	var file bytes.Buffer
	spec := Spec{Arrivals: scenarios.Poisson, Rate: 1000, Warmup: 100 * time.Millisecond, Duration: time.Second, Timeout: time.Second, Seed: 3}.
		requests(scenarios.Request{Name: "order", Class: scenarios.Dynamic, Method: "POST", Path: "/order/", Expect: scenarios.Expect{Status: 200}})
	var recorded Result
	virtual(t, smooth, func(t *testing.T, run func(context.Context, Spec) Result) {
		s := spec
		s.Raw = &file
		recorded = run(t.Context(), s)
	})
	raw := file.Bytes()
	got, err := Recount(spec, recorded, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, recorded)
	for _, tt := range []struct {
		name  string
		alter func(all []vegeta.Result) []vegeta.Result
		says  string // of the error; empty: the result differs
	}{
		{"a latency", func(all []vegeta.Result) []vegeta.Result { all[500].Latency += 50 * time.Microsecond; return all }, ""},
		{"a time", func(all []vegeta.Result) []vegeta.Result {
			all[500].Timestamp = all[500].Timestamp.Add(3 * time.Millisecond)
			return all
		}, ""},
		{"a hit less", func(all []vegeta.Result) []vegeta.Result { return append(all[:500], all[501:]...) }, ""},
		{"a status", func(all []vegeta.Result) []vegeta.Result { all[500].Code = 201; return all }, ""},
		{"a fault", func(all []vegeta.Result) []vegeta.Result { all[500].Error = "timeout"; return all }, ""},
		{"a fault that is none", func(all []vegeta.Result) []vegeta.Result { all[500].Error = "bad luck"; return all }, `"bad luck" is no fault`},
		{"bytes", func(all []vegeta.Result) []vegeta.Result { all[500].BytesIn++; return all }, ""},
		{"another request", func(all []vegeta.Result) []vegeta.Result { all[500].URL = "http://pipe/x/"; return all }, "where the traffic has POST /order/"},
		{"a hit of the warm-up", func(all []vegeta.Result) []vegeta.Result {
			all[500].Seq, all[500].URL = 0, "http://pipe/order/0"
			return all
		}, "is not planned"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Recount(spec, recorded, bytes.NewReader(encoded(t, tt.alter(decoded(t, raw)))))
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %v, want …%s…", err, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.unlike(recorded) == 0 && reflect.DeepEqual(got.Load, recorded.Load) {
				t.Error("nothing differs")
			}
		})
	}
	if _, err := Recount(spec, recorded, bytes.NewReader(raw[:len(raw)/2])); err == nil {
		t.Error("half a file is read without an error")
	}
}

// BenchmarkRecount counts the raw results of one trial again, some 20,000.
func BenchmarkRecount(b *testing.B) {
	var file bytes.Buffer
	s := Spec{Network: "tcp", Address: "null", dial: dialNull, Arrivals: scenarios.Poisson, Rate: 10_000, Duration: 2 * time.Second, Timeout: time.Second, Raw: &file}.requests(page)
	recorded := mustRun(b, s)
	raw := file.Bytes()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		got, err := Recount(s, recorded, bytes.NewReader(raw))
		if err != nil || got.unlike(recorded) > 0 {
			b.Fatal(err, got.unlike(recorded))
		}
	}
	b.ReportMetric(float64(b.N)*float64(recorded.Load.Sent)/b.Elapsed().Seconds(), "results/s")
}
