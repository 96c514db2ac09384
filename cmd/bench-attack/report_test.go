package main

import (
	"testing"
	"time"

	"sweetspot/runner/rundir"
)

// recorded is a small benchmark with something of every part.
func recorded() held {
	timed := func(part, name, tool string, round int, l load, requests uint64, rate float64, cpu, start time.Duration) measurement {
		return measurement{
			Part: part, Case: name, Tool: tool, Round: round, Load: l, CPU: cpu, StartCPU: start, StartRequests: requests / 6,
			reading: reading{Requests: requests, Rate: rate}, Served: requests, ServerCPU: 0.9,
		}
	}
	closed := load{Connections: 32, Duration: 5 * time.Second}
	at2000 := load{Rate: 2000, Connections: 32, Duration: 6 * time.Second}
	stalled := map[string]time.Duration{"p50": ms, "p90": ms, "p99": 448 * ms, "p99.9": 493 * ms, "max": 498 * ms}
	blind := map[string]time.Duration{"p50": ms, "p90": 2 * ms, "p99": 3 * ms, "max": 499 * ms}
	lost := timed(throughput, "", wrk, 2, closed, 410_000, 82_000, 0, 0)
	lost.Served = 500_000
	return held{
		Host:     rundir.Host{CPUModel: "AMD EPYC", MachineCPUs: 2, OS: "Debian GNU/Linux 12", Kernel: "6.1"},
		Date:     time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
		Versions: map[string]string{"vegeta": "v12.13.0", "wrk": "4.1.0"},
		Missing:  map[string]string{"k6": "build k6: no network\nand more"},
		Measurements: []measurement{
			timed(throughput, "", ours, 1, closed, 400_000, 80_000, 0, 0), timed(throughput, "", ours, 2, closed, 420_000, 84_000, 0, 0),
			timed(throughput, "", vegetaLib, 1, closed, 200_000, 40_000, 0, 0), timed(throughput, "", vegetaLib, 2, closed, 205_000, 41_000, 0, 0),
			timed(throughput, "", wrk, 1, closed, 430_000, 86_000, 0, 0), lost,
			timed(cpu, "2,000/s", ours, 1, at2000, 12_000, 2000, 480*ms, 80*ms),
			timed(cpu, "2,000/s", vegetaCLI, 1, at2000, 12_000, 2000, 1200*ms, 200*ms),
			{Part: cpu, Case: "2,000/s", Tool: "hey", Round: 1, Load: at2000, Error: "hey: exit status 1"},
			{Part: flood, Tool: ours, Planned: 100_017, reading: reading{Requests: 100_017}},
			{Part: flood, Tool: vegetaCLI, Planned: 100_000, reading: reading{Requests: 6440, Errors: 40}},
			{Part: latency, Case: "unlimited", Tool: oursConstant, Truth: stalled, reading: reading{Requests: 6600, Quantiles: stalled}},
			{Part: latency, Case: "4 connections", Tool: vegetaCLI, Truth: stalled, reading: reading{Requests: 6600, Quantiles: blind}},
			{Part: latency, Case: "4 connections", Tool: oursConstant, Truth: stalled, reading: reading{Requests: 6600, Quantiles: blind}},
			{Part: hogged, Tool: ours, Round: 1, Load: load{Rate: 50}, reading: reading{Requests: 250}, Trial: &hogTrial{Hogs: 1, Preferred: true, Verdict: "passed", P99: 3 * ms, Truth: 2 * ms}},
			{Part: hogged, Tool: ours, Round: 2, Load: load{Rate: 50}, reading: reading{Requests: 250}, Trial: &hogTrial{Hogs: 1, Verdict: "void", P99: 9 * ms, Truth: 2 * ms}},
			{Part: hogged, Tool: ours, Round: 4, Load: load{Rate: 200}, reading: reading{Requests: 1000}, Trial: &hogTrial{Verdict: "passed", P99: 2500 * time.Microsecond, Truth: 2 * ms}},
			{Part: hogged, Tool: ours, Round: 3, Load: load{Rate: 100}, reading: reading{Requests: 500}, Trial: &hogTrial{Hogs: 2, Verdict: "passed", P99: 9 * ms, Truth: 2 * ms}},
			{Part: memory, Case: "1,000/s", Tool: "hey", Load: load{Rate: 1000, Duration: 10 * time.Minute}, reading: reading{Requests: 600_000}, Peak: 54_700_000},
			{Part: memory, Case: memoryLong, Tool: oursRaw, Load: load{Rate: 5000, Duration: 10 * time.Minute}, reading: reading{Requests: 3_000_000}, Peak: 17_500_000},
			{Part: memory, Case: memoryBrief, Tool: oursRaw, Load: load{Rate: 5000, Duration: time.Minute}, reading: reading{Requests: 300_000}, Peak: 16_300_000},
			{Part: soak, Tool: ours, Load: load{Connections: 32, Duration: 30 * time.Minute}, reading: reading{Requests: 129_600_000, Rate: 72_000}, Served: 129_600_000,
				Soak: &soakResult{Kept: 129_600_000, Points: []soakPoint{
					{At: time.Minute, Goroutines: 39, Descriptors: 44, Resident: 12e6},
					{At: 3 * time.Minute, Goroutines: 38, Descriptors: 44, Resident: 16e6},
					{At: 29 * time.Minute, Goroutines: 38, Descriptors: 44, Resident: 20e6},
				}}},
		},
	}
}

func TestRendering(t *testing.T) {
	golden(t, "results.golden.md", render(recorded()))
}

func TestRenderingNothing(t *testing.T) {
	golden(t, "nothing.golden.md", render(held{}))
}

func TestTable(t *testing.T) {
	for _, tt := range []struct {
		name string
		rows [][]string
		want string
	}{
		{"no rows", nil, ""},
		{"one row", [][]string{{"wrk", "81,234"}}, "| tool | per second |\n|------|-----------:|\n| wrk  |     81,234 |\n"},
		{"letters of several bytes", [][]string{{"größer", "–"}}, "| tool   | per second |\n|--------|-----------:|\n| größer |          – |\n"},
	} {
		tab := table{head: []string{"tool", "per second"}, rows: tt.rows}
		if got := tab.String(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}
