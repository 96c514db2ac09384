package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// mixedScenario is one cell of the embedded stack with both classes of requests,
// some of which fail, done in some seconds.
const mixedScenario = `
name: mixed
app:
  interface: embedded
  routes: [{path: /, wait: 2ms}, {path: /file, wait: 1ms}]
matrix: {servers: [embedded], workers: [1], threads: [4]}
traffic:
  requests:
    - {name: io, path: /, weight: 6}
    - {name: wrong, path: /, weight: 1, expect: {status: 404}}
    - {name: file, path: /file, weight: 3, class: static}
objectives: [p99 < 500ms]
search: {budget: 15s, trial: 1200ms, burst: 300ms, warmup: 200ms, finals: 1}
`

// figures are counters by their labels, and counts of histograms too, as
// "requests{class=static}".
type figures map[string]float64

// A run is scraped while it goes on and exports over OTLP. What it has told in the
// end is, request by request, what is on disk.
func TestMetricsAreThoseOfTheTrials(t *testing.T) {
	exports := newExports(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", exports.url)
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", "500")
	dir := t.TempDir()
	scenarioFile(t, dir, mixedScenario)
	address := freeAddress(t)
	s := begin(t, dir, "run", "wait.yaml", "--out", "out", "--metrics", address)
	ended, stop := context.WithCancel(t.Context())
	scraped := make(chan []figures)
	go func() { scraped <- scrapeUntil(ended, "http://"+address+"/metrics") }()
	code := s.end()
	stop()
	if code != exitGood && code != exitInconclusive {
		t.Fatalf("exit code %d\n%s", code, s.errors.String())
	}
	if text := s.errors.String(); !strings.Contains(text, "metrics: http://"+address+"/metrics") || strings.Contains(text, "not exported") {
		t.Errorf("stderr does not say where the metrics are, or says that they were not exported:\n%s", text)
	}
	run, err := rundir.Read(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	scrapes := <-scraped
	if len(scrapes) < 5 {
		t.Fatalf("%d scrapes succeeded, want some a second", len(scrapes))
	}
	last := scrapes[len(scrapes)-1]
	same(t, "the last scrape", last, onDisk(t, run, int(last["trials"])))
	rises(t, scrapes)
	all := onDisk(t, run, len(run.Trials()))
	same(t, "the last export", exports.last(), all)
	for _, name := range []string{"requests{class=static}", "errors{class=dynamic,error=status 200}"} {
		if all[name] == 0 {
			t.Errorf("the trials have no %s: %v", name, all)
		}
	}
}

// same tells where figures differ from those on disk.
func same(t *testing.T, what string, got, want figures) {
	t.Helper()
	if want["trials"] == 0 || want["requests{class=dynamic}"] == 0 {
		t.Fatalf("%s: there is nothing on disk to compare with: %v", what, want)
	}
	for name, value := range want {
		if d := got[name] - value; d > 1e-6 || d < -1e-6 {
			t.Errorf("%s: %s is %v, on disk %v", what, name, got[name], value)
		}
	}
}

// rises tells where something that was sent went down, and whether any of it was
// seen before the trial was done.
func rises(t *testing.T, scrapes []figures) {
	t.Helper()
	early := false
	before := figures{}
	for _, now := range scrapes {
		for name, value := range before {
			if now[name] < value {
				t.Errorf("%s fell from %v to %v", name, value, now[name])
			}
		}
		early = early || now["trials"] == before["trials"] && now["answered"] > before["answered"]
		before = now
	}
	if !early {
		t.Error("no answer was told of before its trial was done")
	}
}

// onDisk sums up the first n trials of a run.
func onDisk(t *testing.T, run *rundir.Run, n int) figures {
	t.Helper()
	out := figures{"trials": float64(n)}
	done := run.Trials()[:n]
	for _, j := range analysis.JudgeAll(&run.Manifest.Scenario, done, run.Manifest.Calibration) {
		out["trials{verdict="+j.Verdict.Kind+"}"]++
		for class, c := range j.Load.Classes {
			if class == scenarios.All {
				continue
			}
			out["requests{class="+class+"}"] += float64(c.Sent)
			out["good{class="+class+"}"] += float64(c.Good)
			out["response{class="+class+"}"] += float64(c.Response.Count)
			out["service{class="+class+"}"] += float64(c.Service.Count)
			for fault, n := range c.Faults {
				out[fmt.Sprintf("errors{class=%s,error=%s}", class, fault)] += float64(n)
			}
		}
		out["cpu{role=app}"] += j.Usage.App.CPUSeconds
		out["cpu{role=generator}"] += j.Usage.Generator.CPUSeconds
	}
	return out
}

// shortNames are those of figures by their metric.
var shortNames = map[string]string{
	"sweetspot_trials_total":                 "trials",
	"sweetspot_trial_requests_total":         "requests",
	"sweetspot_trial_good_requests_total":    "good",
	"sweetspot_trial_request_errors_total":   "errors",
	"sweetspot_trial_response_time_seconds":  "response",
	"sweetspot_trial_service_time_seconds":   "service",
	"sweetspot_trial_cpu_seconds_total":      "cpu",
	"sweetspot_attack_requests_total":        "answered",
	"sweetspot_attack_response_time_seconds": "response of attacks",
	"sweetspot_attack_due_requests_total":    "due",
	"sweetspot_trial_measured_seconds_total": "measured",
	"sweetspot_trial_lag_seconds":            "lag",
}

func (f figures) add(name string, labels []string, value float64) {
	f[name+"{"+strings.Join(labels, ",")+"}"] += value
	if name == "trials" || name == "answered" { // over all series, too
		f[name] += value
	}
}

// scrapeUntil scrapes a run some ten times a second, from when it answers to when
// it does not.
func scrapeUntil(ctx context.Context, url string) (out []figures) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return out
		case <-tick.C:
			if f, err := scrapeOnce(ctx, url); err == nil {
				out = append(out, f)
			}
		}
	}
}

func scrapeOnce(ctx context.Context, url string) (figures, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeProtoDelim)))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	decoder := expfmt.NewDecoder(answer.Body, expfmt.ResponseFormat(answer.Header))
	out := figures{}
	for {
		var f dto.MetricFamily
		if err := decoder.Decode(&f); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		short := shortNames[f.GetName()]
		if short == "" {
			continue
		}
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label { // sorted by name
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			out.add(short, labels, m.GetCounter().GetValue()+float64(m.GetHistogram().GetSampleCount()))
		}
	}
}

// exports is a collector of OTLP that keeps the last export.
type exports struct {
	url  string
	mu   sync.Mutex
	kept *otlp.ResourceMetrics
}

func newExports(t *testing.T) *exports {
	t.Helper()
	e := &exports{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m collector.ExportMetricsServiceRequest
		b, err := io.ReadAll(r.Body)
		if err := errors.Join(err, proto.Unmarshal(b, &m)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.kept = m.ResourceMetrics[0]
	}))
	t.Cleanup(s.Close)
	e.url = s.URL
	return e
}

// last returns the figures of the last export.
func (e *exports) last() figures {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := figures{}
	otherNames := map[string]string{}
	for name, short := range shortNames {
		otherNames[strings.TrimSuffix(strings.TrimSuffix(name, "_total"), "_seconds")] = short
	}
	for _, m := range e.kept.GetScopeMetrics()[0].Metrics {
		short := otherNames[strings.ReplaceAll(m.Name, ".", "_")]
		if short == "" {
			continue
		}
		for _, p := range m.GetSum().GetDataPoints() {
			out.add(short, attributes(p.Attributes), p.GetAsDouble())
		}
		for _, p := range m.GetExponentialHistogram().GetDataPoints() {
			out.add(short, attributes(p.Attributes), float64(p.Count))
		}
	}
	return out
}

func attributes(pairs []*common.KeyValue) (labels []string) {
	for _, a := range pairs {
		labels = append(labels, a.Key+"="+a.Value.GetStringValue())
	}
	slices.Sort(labels)
	return labels
}

// freeAddress returns a loopback address that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A run that goes on has the trials of before in its figures.
func TestMetricsOfARunThatGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	if err := simulations["pod"].write(dir, 1); err != nil {
		t.Fatal(err)
	}
	run, err := rundir.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	p := newProgress(&told, &run.Manifest.Scenario)
	l, err := listenMetrics("0", p)
	if err != nil {
		t.Fatal(err)
	}
	running := startTelemetry(t.Context(), run, l, p)
	got, err := scrapeOnce(t.Context(), "http://"+l.Addr().String()+"/metrics")
	running.stop(nil, true, p)
	if err != nil {
		t.Fatal(err)
	}
	want := onDisk(t, run, len(run.Trials()))
	maps.DeleteFunc(want, func(name string, _ float64) bool { // histograms are not simulated
		return strings.HasPrefix(name, "response") || strings.HasPrefix(name, "service")
	})
	same(t, "a scrape", got, want)
	if host, _, _ := net.SplitHostPort(l.Addr().String()); host != "127.0.0.1" {
		t.Errorf("an address without a host is %s, want loopback", host)
	}
	if _, err := scrapeOnce(t.Context(), "http://"+l.Addr().String()+"/metrics"); err == nil {
		t.Error("is scraped after the end")
	}
}

// An address that cannot be had ends a run before it begins.
func TestMetricsAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	scenarioFile(t, dir, mixedScenario)
	s := begin(t, dir, "run", "wait.yaml", "--out", "out", "--metrics", l.Addr().String())
	if code := s.end(); code != exitBadInput {
		t.Errorf("exit code %d, want %d", code, exitBadInput)
	}
	if !strings.Contains(s.errors.String(), "choose another address") {
		t.Errorf("stderr does not say what to do:\n%s", s.errors.String())
	}
	if left := listing(t, dir); !slices.Equal(left, []string{"wait.yaml"}) {
		t.Errorf("beside the scenario there is %v", left)
	}
}
