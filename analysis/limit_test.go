package analysis

import (
	"strings"
	"testing"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestLimit(t *testing.T) {
	for _, tt := range []struct {
		name                        string
		workers, threads            int
		app, proxy, generator, busy float64 // CPUs
		inFlight                    float64
		want                        string
	}{
		{"the application fills its cores", 4, 1, 1.9, 0, 0.05, 1.95, 4, LimitAppCPU},
		{"a shared machine is full, the application uses most", 4, 1, 1.3, 0.3, 0.3, 1.95, 4, LimitAppCPU},
		{"one process fills one of two cores", 1, 8, 0.95, 0, 0.1, 1.1, 8, LimitLock},
		{"slots wait, CPUs have room", 2, 2, 0.2, 0, 0.05, 0.3, 4, LimitWaiting},
		{"the proxy uses most of a full machine", 8, 1, 0.5, 1.3, 0.1, 1.95, 2, LimitProxy},
		{"the generator fills its core", 8, 1, 0.6, 0.2, 0.95, 1.8, 3, LimitGenerator},
		{"nothing is used up", 8, 1, 0.3, 0, 0.1, 0.5, 2, LimitUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := burst{
				cell: scenarios.Cell{Proxy: scenarios.Direct, Workers: tt.workers, Threads: tt.threads}, cores: 2, appCores: 2,
				app: tt.app, proxy: tt.proxy, generator: tt.generator, busy: tt.busy, inFlight: tt.inFlight, goodput: 100,
			}
			got := b.limit()
			if got.What != tt.want || len(got.Evidence) < 2 {
				t.Errorf("limit %q with evidence %q, want %q", got.What, got.Evidence, tt.want)
			}
		})
	}
}

// A database with nearly all its connections taken is the limit where the CPUs
// have room.
func TestLimitOfADatabase(t *testing.T) {
	b := burst{
		cell: scenarios.Cell{Proxy: "nginx", Workers: 8, Threads: 4}, cores: 2, appCores: 2, app: 0.4, proxy: 0.1, busy: 0.6, inFlight: 32, goodput: 100,
		databases: map[string]rundir.ServiceUse{"postgresql": {Connections: 19, Limit: 20}}, overflows: 3,
	}
	got := b.limit()
	if got.What != LimitDatabase {
		t.Errorf("limit %+v, want %s", got, LimitDatabase)
	}
	for _, want := range []string{"4.00 ms of the application's CPU and 1.00 ms of the proxy's: 2 cores do at most 400 a second", "19 of at most 20", "3 connections were dropped"} {
		if !strings.Contains(strings.Join(got.Evidence, "\n"), want) {
			t.Errorf("%q is not in %q", want, got.Evidence)
		}
	}
}

// Bursts of one class load other parts of a stack than the mix does: only
// those of the whole mix tell what limits a cell.
func TestLimitIsOfTheWholeMix(t *testing.T) {
	mix, static := burstTrial(), burstTrial()
	mix.Usage.App.CPUSeconds = 19
	static.Step.Class, static.Usage.Proxy.CPUSeconds, static.Usage.BusySeconds = scenarios.Static, 15, 20
	var trials []Judged
	for _, tr := range []rundir.Trial{mix, static, static, static} {
		trials = append(trials, Judged{Trial: tr, Verdict: Verdict{Kind: Passed}})
	}
	if got := limitOf(mix.Step.Cell, trials); got.What != LimitAppCPU {
		t.Errorf("limit %+v, want %s", got, LimitAppCPU)
	}
}
