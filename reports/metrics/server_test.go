package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// A real Prometheus scrapes a run that goes on and one that is over. It takes
// every series, answers every query of the dashboard, and tells the percentiles
// of the histograms to within a bucket.
func TestPrometheusAnswersTheDashboard(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("no prometheus is installed: apt-get install prometheus")
	}
	running, over := sampleRun(), concluded()
	running.now, over.now = time.Now, time.Now
	whole := rundir.NewHistograms()
	times(t, 20_000, whole.Lag)
	running.Trial(trial(map[string]rundir.Class{scenarios.Static: {Sent: 20_000, Good: 20_000}}), analysis.Passed,
		map[string]rundir.Histograms{scenarios.Static: whole})
	running.Begin(step(nginx, rundir.Final, 480))
	ask := startPrometheus(t, program, running, over)
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	go feed(ctx, running)
	await := func(query string) []float64 { // a scrape may be late, and rates take two
		for {
			got := ask(query)
			if len(got) > 0 || ctx.Err() != nil {
				return got
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	grafana := strings.NewReplacer("$__rate_interval", "2s", "$__range", "10s", "$instance", ".*")
	for where, q := range queries(t) {
		if strings.HasPrefix(q.Expr, "label_values") { // Grafana's own
			continue
		}
		if len(await(grafana.Replace(q.Expr))) == 0 {
			t.Errorf("%s is empty: %s", where, q.Expr)
		}
	}
	for _, p := range []float64{0.5, 0.95, 0.99, 0.999} {
		got := await(fmt.Sprintf(`histogram_quantile(%g, sweetspot_trial_lag_seconds{class="static"} and on (instance) sweetspot_step_info)`, p))
		want := float64(whole.Lag.ValueAtPercentile(100*p)) / 1e6
		if len(got) != 1 || got[0] < want/1.022 || got[0] > want*1.022 {
			t.Errorf("p%g: Prometheus says %v s, the HdrHistogram %g", 100*p, got, want)
		}
	}
}

// Prometheus's own linter finds nothing to say about names, units and help.
func TestPromtoolIsContent(t *testing.T) {
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool is installed: apt-get install prometheus")
	}
	for name, r := range map[string]*Run{"under way": sampleRun(), "over": concluded()} {
		cmd := exec.CommandContext(t.Context(), program, "check", "metrics")
		cmd.Stdin = scrape(t, r, "text/plain").Body
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("a run that is %s: %v\n%s", name, err, out)
		}
	}
}

// feed lets a run go on, faster than real ones do.
func feed(ctx context.Context, r *Run) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	s := step(nginx, rundir.Final, 480)
	failed := trial(map[string]rundir.Class{scenarios.Dynamic: {Sent: 10, Good: 9, Faults: map[string]uint64{"timeout": 1}}})
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.Trial(failed, analysis.Failed, map[string]rundir.Histograms{scenarios.Dynamic: latencies(20_000, 10)})
		r.Begin(s)
		r.Second(rundir.Interval{Step: s, Due: 480, Good: 478, Errors: 1, InFlight: 2, Response: brief(5000, 479)})
	}
}

// startPrometheus starts one that scrapes the runs five times a second until the
// test ends, and returns what asks it: the values of a query's series, NaN for a
// histogram.
func startPrometheus(t *testing.T, program string, runs ...*Run) func(query string) []float64 {
	t.Helper()
	dir := t.TempDir()
	var targets []string
	for _, r := range runs {
		s := httptest.NewServer(r.Handler())
		t.Cleanup(s.Close)
		targets = append(targets, strconv.Quote(strings.TrimPrefix(s.URL, "http://")))
	}
	config := fmt.Sprintf("scrape_configs: [{job_name: sweetspot, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{targets: [%s]}]}]\n", strings.Join(targets, ", "))
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	cmd := exec.Command(program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--enable-feature=native-histograms", "--log.level=error")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return func(query string) []float64 { return ask(t, address, query) }
}

// ask asks Prometheus; a query that it does not understand fails the test.
func ask(t *testing.T, address, query string) (values []float64) {
	t.Helper()
	answer, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil || answer.StatusCode == http.StatusServiceUnavailable { // it is starting
		return nil
	}
	defer answer.Body.Close()
	var got struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Value     []any
				Histogram []any
			}
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Status != "success" {
		t.Fatalf("%s: %v %s", query, err, got.Error)
	}
	for _, r := range got.Data.Result {
		v := "NaN"
		if len(r.Value) == 2 {
			v, _ = r.Value[1].(string)
		}
		number, err := strconv.ParseFloat(v, 64)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		values = append(values, number)
	}
	return values
}
