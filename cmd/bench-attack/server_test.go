package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/process"
	"sweetspot/runner/sample"
	"sweetspot/scenarios"
)

func testBench(t *testing.T) *bench {
	t.Helper()
	cpus, err := sample.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	self, err := selfPath()
	if err != nil {
		t.Fatal(err)
	}
	runID := "test-" + strconv.Itoa(os.Getpid())
	release, err := process.Watch(runID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	b := &bench{self: self, server: cpus[0], generator: cpus[len(cpus)-1], dir: t.TempDir(), env: append(os.Environ(), process.Mark(runID))}
	b.kids = children{cpu: b.generator, env: b.env}
	return b
}

// The truth server is never faster than its truth, and counts what it serves.
func TestTheTruthServerTakesItsTime(t *testing.T) {
	b := testBench(t)
	const service, length = 3 * time.Millisecond, 100 * time.Millisecond
	server, err := b.startTruth(t.Context(), truthSpec{Service: service, Stall: stall{Every: time.Hour, Length: length}})
	if err != nil {
		t.Fatal(err)
	}
	first := get(t, server.address+truthPath)
	second := get(t, server.address+truthPath)
	served, err := server.stop()
	if err != nil {
		t.Fatal(err)
	}
	if first < length+service {
		t.Errorf("the first request comes at the beginning of a stall of %v, and took %v", length, first)
	}
	if second < service {
		t.Errorf("the second took %v, less than %v", second, service)
	}
	if served.Requests != 2 || served.Service.Count != 1 || served.Service.P50 < service {
		t.Errorf("it says %d requests, %d of them without a stall in %v", served.Requests, served.Service.Count, served.Service.P50)
	}
}

func get(t *testing.T, at string) time.Duration {
	t.Helper()
	began := time.Now()
	resp, err := http.Get("http://" + at)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	return time.Since(began)
}

func TestNginxCountsWhatItServes(t *testing.T) {
	if _, err := nginxPath(); err != nil {
		if os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	b := testBench(t)
	n, err := startNginx(t.Context(), b.server, b.env, b.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.process.Stop(); err != nil {
			t.Error(err)
		}
	}()
	b.nginx = n
	for _, name := range []string{ours, vegetaLib} {
		engine := map[string]engineSpec{ours: {Engine: sweetspotEngine, Arrivals: scenarios.Poisson}, vegetaLib: {Engine: vegetaEngine}}[name]
		m := measurement{Part: cpu, Tool: name, Load: b.page(load{Rate: 300, Connections: 4, Duration: 300 * ms})}
		m, _, err = b.onNginx(t.Context(), tool{command: engineCommandOf(b.self, engine), parse: parseEngine}, m, b.kids)
		if err != nil {
			t.Fatal(err)
		}
		if m.Served != m.Requests || m.Requests == 0 || m.CPU <= 0 {
			t.Errorf("%s: %d requests in %v of CPU time, nginx counted %d", name, m.Requests, m.CPU, m.Served)
		}
	}
}

func TestParseStatus(t *testing.T) {
	const page = "Active connections: 1 \nserver accepts handled requests\n 7 6 10 \nReading: 0 Writing: 1 Waiting: 0 \n"
	if n, err := parseStatus(page); n != 10 || err != nil {
		t.Errorf("%d requests, %v; want 10", n, err)
	}
	if n, err := parseStatus("<html>Not found</html>"); err == nil {
		t.Errorf("%d requests on a page that has none", n)
	}
}

// A trial beside a hog has a verdict, and a truth to compare its p99 with.
func TestATrialBesideAHogIsJudged(t *testing.T) {
	b := testBench(t)
	m := measurement{Part: hogged, Tool: ours, Round: 1, Load: load{Rate: 100, Duration: 500 * ms}}
	m = b.besideHogs(t.Context(), m, hogTrial{Hogs: 1})
	if m.Error != "" {
		t.Fatal(m.Error)
	}
	if m.Trial.Verdict == "" || m.Trial.P99 < hogService || m.Trial.Truth < hogService || m.Served != m.Requests {
		t.Errorf("%+v, %d sent, %d served", m.Trial, m.Requests, m.Served)
	}
}

func TestMeasurementsThatAreThereAreNotMadeAgain(t *testing.T) {
	b := testBench(t)
	b.options = options{parts: []string{hogged}, hogTrials: 2, hogTrial: 200 * ms}
	results, err := openStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{2, 0} {
		var said strings.Builder
		if err := b.run(t.Context(), results, &said); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(said.String(), " left] "); got != want {
			t.Errorf("run %d made %d attacks, want %d:\n%s", i+1, got, want, said.String())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.fresh = true
	before, _ := json.Marshal(results.held)
	if err := b.run(ctx, results, io.Discard); err == nil {
		t.Error("no error of an interrupted benchmark")
	}
	if after, _ := json.Marshal(results.held); string(after) != string(before) {
		t.Errorf("an interrupted measurement is kept: %s", after)
	}
}
