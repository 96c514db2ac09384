package metrics

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	began  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	direct = scenarios.Cell{Server: "gunicorn-sync", Proxy: scenarios.Direct, Workers: 2, Threads: 1}
	nginx  = scenarios.Cell{Server: "gunicorn-gthread", Proxy: "nginx", Workers: 2, Threads: 4}
)

// sampleRun is a run whose third trial is under way, at a time that stands still.
func sampleRun() *Run {
	r := New(About{Run: "abcdefghijkl", Scenario: "django-shop", Version: "v1.2.3", Began: began})
	r.started = began
	r.now = func() time.Time { return began.Add(30 * time.Second) }
	r.Begin(step(direct, rundir.Saturation, 0))
	passed := trial(map[string]rundir.Class{
		scenarios.All:     {Sent: 150, Good: 150},
		scenarios.Static:  {Sent: 100, Good: 100},
		scenarios.Dynamic: {Sent: 50, Good: 50},
	})
	passed.Usage.Proxy = rundir.Group{}
	r.Trial(passed, analysis.Passed, map[string]rundir.Histograms{scenarios.Static: latencies(1000, 100), scenarios.Dynamic: latencies(20_000, 50)})
	r.Begin(step(nginx, rundir.Bracket, 500))
	failed := trial(map[string]rundir.Class{
		scenarios.All:     {Sent: 10, Good: 7},
		scenarios.Dynamic: {Sent: 10, Good: 7, Faults: map[string]uint64{"status 500": 2, "timeout": 1}},
	})
	r.Trial(failed, analysis.Failed, map[string]rundir.Histograms{scenarios.Dynamic: latencies(40_000, 10)})
	r.Standings([]analysis.Standing{{Cell: nginx, Sustained: 1216}, {Cell: direct, Throughput: 801}})
	r.Begin(step(nginx, rundir.Final, 480))
	r.Second(rundir.Interval{Step: step(nginx, rundir.Final, 480), Warmup: true, Due: 480, Good: 478, InFlight: 2, Response: brief(5000, 478)})
	r.Second(rundir.Interval{Step: step(nginx, rundir.Final, 480), Due: 481, Good: 479, Errors: 1, InFlight: 3, Response: brief(6000, 480)})
	return r
}

func step(c scenarios.Cell, phase string, rate float64) rundir.Step {
	return rundir.Step{Cell: c, Phase: phase, Rate: rate, Left: time.Minute}
}

func trial(classes map[string]rundir.Class) *rundir.Trial {
	return &rundir.Trial{
		Cost: 10 * time.Second,
		Load: rundir.Load{Classes: classes},
		Usage: rundir.Usage{
			Wall: 3 * time.Second,
			App:  rundir.Group{CPUSeconds: 2.5, PSSBytes: 120 << 20}, Proxy: rundir.Group{CPUSeconds: 0.25, PSSBytes: 12 << 20},
			Generator: rundir.Group{CPUSeconds: 0.5, PSSBytes: 60 << 20}, ForeignSeconds: 0.125, StealSeconds: 0.0625,
		},
	}
}

// latencies are n response times about a value; service times and lags follow.
func latencies(micros, n int64) rundir.Histograms {
	h := rundir.NewHistograms()
	for i := range n {
		_ = h.Response.RecordValue(micros + 10*i)
		_ = h.Service.RecordValue(micros)
		_ = h.Lag.RecordValue(10 * i)
	}
	return h
}

func brief(micros, n int64) *hdr.Histogram {
	h := rundir.NewBriefHistogram()
	_ = h.RecordValues(micros, n)
	return h
}

// scrape asks a run for its metrics in the format that is asked for.
func scrape(t *testing.T, r *Run, accept string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", accept)
	answer := httptest.NewRecorder()
	r.Handler().ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	return answer
}

const (
	openMetrics = "application/openmetrics-text; version=1.0.0"
	protobuf    = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

func TestOpenMetricsGolden(t *testing.T) {
	got := scrape(t, sampleRun(), openMetrics).Body.Bytes()
	const golden = "testdata/metrics.txt"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; write it anew with -update and read the difference\n%s", golden, got)
	}
}

// parse reads Prometheus's protobuf format, by name.
func parse(t *testing.T, answer *httptest.ResponseRecorder) map[string]*dto.MetricFamily {
	t.Helper()
	decoder := expfmt.NewDecoder(answer.Body, expfmt.ResponseFormat(answer.Header()))
	families := map[string]*dto.MetricFamily{}
	for {
		f := &dto.MetricFamily{}
		if err := decoder.Decode(f); err != nil {
			return families
		}
		families[f.GetName()] = f
	}
}

// Protobuf has the native histograms, whole.
func TestProtobufHasNativeHistograms(t *testing.T) {
	answer := scrape(t, sampleRun(), protobuf)
	if !strings.HasPrefix(answer.Header().Get("Content-Type"), "application/vnd.google.protobuf") {
		t.Fatalf("content type %s", answer.Header().Get("Content-Type"))
	}
	families := parse(t, answer)
	for _, m := range table {
		f := families[m.prometheusName()]
		if m.kind != histogram || f == nil {
			continue
		}
		for _, series := range f.Metric {
			h := series.Histogram
			if h.GetSchema() != Schema || h.GetZeroThreshold() != zeroThreshold || len(h.Bucket) > 0 {
				t.Errorf("%s%v is no native histogram of schema %d: %v", f.GetName(), series.Label, Schema, h)
			}
			sum := h.GetZeroCount()
			for _, b := range absolute(h) {
				sum += uint64(b[1])
			}
			if sum != h.GetSampleCount() || sum == 0 {
				t.Errorf("%s%v: %d in the buckets, count %d", f.GetName(), series.Label, sum, h.GetSampleCount())
			}
		}
	}
	dynamic := families["sweetspot_trial_response_time_seconds"].Metric[0] // sorted by label
	if n := dynamic.Histogram.GetSampleCount(); dynamic.Label[0].GetValue() != scenarios.Dynamic || n != 60 {
		t.Errorf("%v: %d response times, want the 60 of both trials", dynamic.Label, n)
	}
}

// Names keep to what both worlds allow, and every metric is exported.
func TestTable(t *testing.T) {
	prometheusRule := regexp.MustCompile(`^sweetspot(_[a-z]+)+$`)
	names := map[string]bool{}
	families := parse(t, scrape(t, concluded(), protobuf))
	for _, m := range table {
		name := m.prometheusName()
		if !prometheusRule.MatchString(name) || names[name] {
			t.Errorf("%s: not a name, or one that is there twice", name)
		}
		names[name] = true
		if strings.HasSuffix(name, "_total") != (m.kind == counter) {
			t.Errorf("%s: _total is for what rises, and for nothing else", name)
		}
		if m.help == "" || !strings.HasSuffix(m.help, ".") {
			t.Errorf("%s: help %q is no sentence", name, m.help)
		}
		if families[name] == nil && m != stepInfo && m != offered && m != inFlight { // of what is going on
			t.Errorf("%s is not exported", name)
		}
	}
}

// concluded is the sample run when it is over.
func concluded() *Run {
	r := sampleRun()
	r.Conclude(&analysis.Result{Cells: []*analysis.Cell{
		{Planned: scenarios.Planned{Cell: nginx}, Final: &analysis.Figure{Value: 1216, Low: 765, High: 1667, N: 3}},
		{Planned: scenarios.Planned{Cell: direct}},
	}}, true)
	return r
}

func TestConclusion(t *testing.T) {
	families := parse(t, scrape(t, concluded(), protobuf))
	for name, want := range map[string]float64{
		"sweetspot_cell_sustained_requests_per_second":      1216,
		"sweetspot_cell_sustained_low_requests_per_second":  765,
		"sweetspot_cell_sustained_high_requests_per_second": 1667,
		"sweetspot_run_progress_ratio":                      1,
		"sweetspot_run_remaining_seconds":                   0,
	} {
		if f := families[name]; len(f.GetMetric()) != 1 || f.Metric[0].Gauge.GetValue() != want {
			t.Errorf("%s: %v, want %v", name, f, want)
		}
	}
	for _, name := range []string{"sweetspot_step_info", "sweetspot_attack_offered_requests_per_second", "sweetspot_attack_requests_in_flight"} {
		if families[name] != nil {
			t.Errorf("%s is there after the end", name)
		}
	}
}

// A run that was cut short does not say that it is done.
func TestInterrupted(t *testing.T) {
	r := sampleRun()
	r.Conclude(nil, false)
	families := parse(t, scrape(t, r, protobuf))
	for _, name := range []string{"sweetspot_run_progress_ratio", "sweetspot_run_remaining_seconds", "sweetspot_step_info"} {
		if f := families[name]; f != nil {
			t.Errorf("%s is there: %v", name, f)
		}
	}
	if f := families["sweetspot_cell_sustained_requests_per_second"]; len(f.GetMetric()) != 1 {
		t.Errorf("what was known of the cells is gone: %v", f)
	}
}

// A run of many cells has a bounded number of series, and says what it leaves out.
func TestSeriesAreBounded(t *testing.T) {
	r := sampleRun()
	var standings []analysis.Standing
	for i := range 500 {
		c := direct
		c.Workers = i + 1
		standings = append(standings, analysis.Standing{Cell: c, Sustained: float64(i + 1)})
		r.Begin(step(c, rundir.Bracket, 10))
		r.Trial(trial(nil), analysis.Void, nil)
	}
	r.Standings(standings)
	r.Begin(step(nginx, rundir.Final, 10))
	families := parse(t, scrape(t, r, protobuf))
	cells := families["sweetspot_cell_sustained_requests_per_second"].Metric
	least := cells[0].Gauge.GetValue()
	for _, c := range cells {
		least = min(least, c.Gauge.GetValue())
	}
	if len(cells) != maxCells || least != 201 {
		t.Errorf("%d cells, the least of which sustains %v; want the %d best, from 201", len(cells), least, maxCells)
	}
	if n := families["sweetspot_cells_unlisted"].Metric[0].Gauge.GetValue(); n != 200 {
		t.Errorf("%v cells are said not to be listed, want 200", n)
	}
	if n := len(families["sweetspot_step_info"].Metric); n != 1 {
		t.Errorf("%d steps are current, want 1", n)
	}
}

// Scrapes may come at any moment, several at once.
func TestScrapesBesideTheRun(t *testing.T) {
	r := sampleRun()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for range 20 {
				scrape(t, r, protobuf)
			}
		})
	}
	for i := range 200 {
		r.Second(rundir.Interval{Step: step(direct, rundir.Final, 100), Due: 1, Good: 1, Response: brief(int64(1+i), 1)})
		r.Trial(trial(map[string]rundir.Class{scenarios.Static: {Sent: 1, Good: 1}}), analysis.Passed, map[string]rundir.Histograms{scenarios.Static: latencies(100, 1)})
	}
	all.Wait()
	f := parse(t, scrape(t, r, protobuf))["sweetspot_trials_total"]
	for _, series := range f.Metric {
		if series.Label[0].GetValue() == analysis.Passed && series.Counter.GetValue() != 201 {
			t.Errorf("%v trials passed, want 201", series.Counter.GetValue())
		}
	}
}

// What a second, a trial and a scrape cost beside an attack.
func BenchmarkMetrics(b *testing.B) {
	h := rundir.NewBriefHistogram()
	whole := latencies(200, 20_000)
	for i := range int64(50_000) {
		_ = h.RecordValue(200 + i)
	}
	r := sampleRun()
	b.Run("second", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Second(rundir.Interval{Step: step(direct, rundir.Final, 100), Due: 50_000, Good: 50_000, Response: h})
		}
	})
	b.Run("trial", func(b *testing.B) {
		b.ReportAllocs()
		t := trial(map[string]rundir.Class{scenarios.Static: {Sent: 1}, scenarios.Dynamic: {Sent: 1}})
		for b.Loop() {
			r.Trial(t, analysis.Passed, map[string]rundir.Histograms{scenarios.Static: whole, scenarios.Dynamic: whole})
		}
	})
	for name, accept := range map[string]string{"protobuf": protobuf, "text": openMetrics} {
		b.Run(fmt.Sprintf("scrape, %s", name), func(b *testing.B) {
			handler := r.Handler()
			request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			request.Header.Set("Accept", accept)
			size := 0
			b.ReportAllocs()
			for b.Loop() {
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, request)
				size = answer.Body.Len()
			}
			b.ReportMetric(float64(size), "B")
		})
	}
}
