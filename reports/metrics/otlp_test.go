package metrics

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collect "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	pb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// received is an export that a collector has got.
type received struct {
	header  http.Header
	path    string
	metrics *pb.ResourceMetrics
}

// receive is a collector that speaks OTLP over HTTP.
func receive(t *testing.T) (url string, exports chan received) {
	t.Helper()
	exports = make(chan received, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			body = z
		}
		b, err := io.ReadAll(body)
		var m collect.ExportMetricsServiceRequest
		if err := errors.Join(err, proto.Unmarshal(b, &m)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		exports <- received{r.Header, r.URL.Path, m.ResourceMetrics[0]}
	}))
	t.Cleanup(s.Close)
	return s.URL, exports
}

// silent fails the test when anything is told.
func silent(t *testing.T) func(string) {
	t.Helper()
	return func(text string) { t.Errorf("told: %s", text) }
}

func TestExportOverHTTP(t *testing.T) {
	url, exports := receive(t)
	clean(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url+"/base")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret,x-team=web")
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
	t.Setenv("OTEL_SERVICE_NAME", "shop-load")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=ci,service.version=9")
	r := sampleRun()
	export := StartExport(t.Context(), r, silent(t))
	if export == nil {
		t.Fatal("nothing is exported")
	}
	export.Stop()
	got := <-exports
	if got.path != "/base/v1/metrics" || got.header.Get("Authorization") != "Bearer secret" || got.header.Get("X-Team") != "web" || got.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("path %s, headers %v", got.path, got.header)
	}
	about := map[string]string{}
	for _, a := range got.metrics.Resource.Attributes {
		about[a.Key] = a.Value.GetStringValue()
	}
	for key, want := range map[string]string{
		"service.name": "shop-load", "service.version": "9", "service.instance.id": "abcdefghijkl", "deployment.environment.name": "ci",
	} {
		if about[key] != want {
			t.Errorf("%s is %q, want %q", key, about[key], want)
		}
	}
	checkSample(t, got.metrics)
}

// grpcCollector is a collector that speaks OTLP over gRPC.
type grpcCollector struct {
	collect.UnimplementedMetricsServiceServer
	exports chan *pb.ResourceMetrics
}

func (c *grpcCollector) Export(_ context.Context, m *collect.ExportMetricsServiceRequest) (*collect.ExportMetricsServiceResponse, error) {
	c.exports <- m.ResourceMetrics[0]
	return &collect.ExportMetricsServiceResponse{}, nil
}

func TestExportOverGRPC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &grpcCollector{exports: make(chan *pb.ResourceMetrics, 10)}
	s := grpc.NewServer()
	collect.RegisterMetricsServiceServer(s, c)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	clean(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+l.Addr().String())
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	export := StartExport(t.Context(), sampleRun(), silent(t))
	if export == nil {
		t.Fatal("nothing is exported")
	}
	export.Stop()
	checkSample(t, <-c.exports)
}

// checkSample looks at what the sample run exports, from name and unit to the
// buckets of its histograms.
func checkSample(t *testing.T, got *pb.ResourceMetrics) {
	t.Helper()
	by := map[string]*pb.Metric{}
	for _, m := range got.ScopeMetrics[0].Metrics {
		by[m.Name] = m
	}
	sent := by["sweetspot.trial.requests"].GetSum()
	if !sent.GetIsMonotonic() || sent.GetAggregationTemporality() != pb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE {
		t.Errorf("requests are not cumulative: %v", sent)
	}
	for class, want := range map[string]float64{scenarios.Static: 100, scenarios.Dynamic: 60} {
		found := false
		for _, p := range sent.GetDataPoints() {
			if p.Attributes[0].Key == "class" && p.Attributes[0].Value.GetStringValue() == class {
				found = p.GetAsDouble() == want && p.StartTimeUnixNano == uint64(began.UnixNano())
			}
		}
		if !found {
			t.Errorf("no %v requests of class %s since the run began: %v", want, class, sent)
		}
	}
	response := by["sweetspot.trial.response_time"]
	if response.GetUnit() != "s" {
		t.Errorf("unit %q of times", response.GetUnit())
	}
	for _, p := range response.GetExponentialHistogram().GetDataPoints() {
		sum := p.ZeroCount
		for _, n := range p.Positive.BucketCounts {
			sum += n
		}
		if p.Scale != Schema || sum != p.Count || sum == 0 {
			t.Errorf("scale %d, %d in the buckets, count %d", p.Scale, sum, p.Count)
		}
	}
	if n := len(response.GetExponentialHistogram().GetDataPoints()); n != 2 {
		t.Errorf("%d histograms of response times, want one a class", n)
	}
}

// told keeps what is told, by any goroutine.
type told struct {
	mu    sync.Mutex
	texts []string
}

func (l *told) tell(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.texts = append(l.texts, text)
}

// A collector that refuses or hangs is told of once, and never waited for.
func TestBadCollectorDelaysNothing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
	}{
		{"refuses", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no\x1b[31m such tenant", http.StatusForbidden)
		}},
		{"hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := make(chan struct{}, 100)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // so that the server sees its client go
				asked <- struct{}{}
				tt.answer(w, r)
			}))
			defer s.Close()
			clean(t)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
			t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", "20")
			t.Setenv("OTEL_METRIC_EXPORT_TIMEOUT", "50")
			var l told
			r := sampleRun()
			export := StartExport(t.Context(), r, l.tell)
			for range 3 {
				<-asked
				before := time.Now()
				r.Second(rundir.Interval{Step: step(direct, rundir.Final, 1), Due: 1, Good: 1, Response: brief(100, 1)})
				r.Trial(trial(nil), analysis.Passed, nil)
				if took := time.Since(before); took > time.Second {
					t.Errorf("the run waited %v", took)
				}
			}
			before := time.Now()
			export.Stop()
			if took := time.Since(before); took > lastExport+time.Second {
				t.Errorf("the end waited %v", took)
			}
			if len(l.texts) != 1 || !strings.Contains(l.texts[0], "the run does not wait") {
				t.Errorf("told %q, want once that the run does not wait", l.texts)
			}
			if strings.ContainsRune(strings.Join(l.texts, ""), '\x1b') {
				t.Errorf("what the collector answers reaches the terminal: %q", l.texts)
			}
		})
	}
}

// What the library cannot read is told, and not written over the progress.
func TestUnreadableVariableIsTold(t *testing.T) {
	url, exports := receive(t)
	clean(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", "soon")
	var l told
	StartExport(t.Context(), sampleRun(), l.tell).Stop()
	if len(l.texts) != 1 || !strings.Contains(l.texts[0], "OTEL_METRIC_EXPORT_INTERVAL") {
		t.Errorf("told %q, want the variable once", l.texts)
	}
	checkSample(t, (<-exports).metrics)
}

func TestNobodyAsksForAnExport(t *testing.T) {
	clean(t)
	export := StartExport(t.Context(), sampleRun(), silent(t))
	if export != nil {
		t.Error("exports without an endpoint")
	}
	export.Stop()
}
