package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the tools print of a second at a server that takes 1 ms, or of a closed
// loop where they take no rate.
func TestParsingWhatToolsPrint(t *testing.T) {
	const ms, us = time.Millisecond, time.Microsecond
	for _, tt := range []struct {
		tool, file string
		want       reading
	}{
		{vegetaCLI, "vegeta.json", reading{Requests: 100, Rate: 100.9, Quantiles: map[string]time.Duration{
			"p50": 1483143, "p90": 1668715, "p99": 2035116, "max": 2099743}}},
		{wrk, "wrk.txt", reading{Requests: 3321, Rate: 3319.1, Quantiles: map[string]time.Duration{
			"p50": 1120 * us, "p90": 1260 * us, "p99": 4500 * us, "max": 8490 * us}}},
		{"h2load", "h2load.txt", reading{Requests: 100, Rate: 100, Quantiles: map[string]time.Duration{
			"p50": 1393 * us, "p90": 1495 * us, "p99": 1506 * us, "p99.9": 1506 * us, "max": 1506 * us}}},
		{"bombardier", "bombardier.json", reading{Requests: 101, Rate: 100.8, Quantiles: map[string]time.Duration{
			"p50": 1322 * us, "p90": 1424 * us, "p99": 1920 * us, "max": 4936 * us}}},
		{"fortio", "fortio.json", reading{Requests: 100, Rate: 99.8, Quantiles: map[string]time.Duration{
			"p50": 1360 * us, "p90": 1564706, "p99": 1800 * us, "p99.9": 1807460, "max": 1808289}}},
		{"hey", "hey.txt", reading{Requests: 100, Rate: 99.4, Quantiles: map[string]time.Duration{
			"p50": 1500 * us, "p90": 1800 * us, "p99": 2200 * us, "max": 2200 * us}}},
		{"ab", "ab.txt", reading{Requests: 3269, Rate: 3266.9, Quantiles: map[string]time.Duration{
			"p50": ms, "p90": ms, "p99": 2 * ms, "max": 6 * ms}}},
		{"k6", "k6.json", reading{Requests: 101, Rate: 100.8, Quantiles: map[string]time.Duration{
			"p50": 1404666, "p90": 1598025, "p99": 2820719, "p99.9": 4268987, "max": 4429906}}},
	} {
		t.Run(tt.tool, func(t *testing.T) {
			printed, err := os.ReadFile("testdata/" + tt.file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := toolNamed(t, tt.tool).parse(printed, load{}, "testdata")
			if err != nil {
				t.Fatal(err)
			}
			if got.Requests != tt.want.Requests || got.Errors != tt.want.Errors {
				t.Errorf("%d requests with %d errors, want %d with %d", got.Requests, got.Errors, tt.want.Requests, tt.want.Errors)
			}
			if off := got.Rate - tt.want.Rate; off > 0.1 || off < -0.1 {
				t.Errorf("%v requests/s, want %v", got.Rate, tt.want.Rate)
			}
			if !maps.Equal(got.Quantiles, tt.want.Quantiles) {
				t.Errorf("quantiles %v, want %v", got.Quantiles, tt.want.Quantiles)
			}
		})
	}
}

func TestParsingErrorsThatToolsCount(t *testing.T) {
	for _, tt := range []struct {
		tool, printed string
		want          uint64
	}{
		{vegetaCLI, `{"requests":200,"success":0.75}`, 50},
		{wrk, "  90 requests in 1.00s\n  Non-2xx or 3xx responses: 7\nRequests/sec: 90.0\n", 7},
		{"h2load", "finished in 1.00s, 9.00 req/s, 1KB/s\nrequests: 9 total, 9 started, 9 done, 6 succeeded, 3 failed, 3 errored, 0 timeout\n", 3},
		{"bombardier", `{"result":{"req2xx":5,"req5xx":2,"others":1}}`, 3},
		{"fortio", `{"RetCodes":{"200":5,"503":2},"DurationHistogram":{"Count":7}}`, 2},
		{"hey", "  Total:\t1.0 secs\n  Requests/sec:\t9\nStatus code distribution:\n  [200]\t5 responses\n  [500]\t4 responses\n", 4},
		{"ab", "Complete requests:      9\nFailed requests:        2\nRequests per second:    9.00 [#/sec] (mean)\n", 2},
		{"k6", `{"http_reqs":{"values":{"count":9}},"http_req_failed":{"values":{"passes":2,"fails":7}}}`, 2},
	} {
		t.Run(tt.tool, func(t *testing.T) {
			got, err := toolNamed(t, tt.tool).parse([]byte(tt.printed), load{}, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if got.Errors != tt.want {
				t.Errorf("%d errors, want %d", got.Errors, tt.want)
			}
		})
	}
}

func TestWhatNoToolPrintsIsAnError(t *testing.T) {
	for _, tool := range tools("self", 1) {
		if got, err := tool.parse([]byte("panic: out of luck"), load{}, t.TempDir()); err == nil {
			t.Errorf("%s reads %+v from what is no result", tool.name, got)
		}
	}
}

func toolNamed(t *testing.T, name string) tool {
	t.Helper()
	all := tools("self", 1)
	i := slices.IndexFunc(all, func(t tool) bool { return t.name == name })
	if i < 0 {
		t.Fatalf("no tool %s", name)
	}
	return all[i]
}

// The command lines of all tools, with and without a rate.
func TestCommands(t *testing.T) {
	var b strings.Builder
	for _, l := range []load{
		{Address: "host:80", Path: "/1k", Connections: 32, Duration: 5 * time.Second},
		{Address: "host:80", Path: "/1k", Connections: 32, Rate: 500, Duration: 6 * time.Second},
		{Address: "host:80", Path: truthPath, Rate: 200, Duration: 34 * time.Second},
	} {
		for _, tool := range tools("bench-attack", 1) {
			if l.Rate > 0 && !slices.ContainsFunc(tool.parts, func(part string) bool { return part != throughput }) {
				continue
			}
			dir := t.TempDir()
			pipeline, err := tool.command(tool.peer, l, dir)
			if err != nil {
				t.Fatal(err)
			}
			for i, argv := range pipeline {
				if i > 0 {
					b.WriteString(" | ")
				}
				b.WriteString(strings.ReplaceAll(strings.Join(argv, " "), dir, "DIR"))
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	golden(t, "commands.golden", b.String())
}
