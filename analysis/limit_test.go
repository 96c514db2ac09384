package analysis

import (
	"math"
	"strings"
	"testing"
	"time"

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

// A quota that is used up is the limit, however many CPUs the application may
// use, and what it is throttled is told.
func TestLimitOfAQuota(t *testing.T) {
	trial := burstTrial()
	trial.Usage.App.CPUSeconds, trial.Usage.BusySeconds = 14, 16 // in 10 s
	trial.Usage.Quota, trial.Usage.AppPeriods, trial.Usage.AppThrottled = 1.5, 100, 34
	judged := Judge(testScenario(time.Minute), trial)
	if judged.Kind != Passed || len(judged.Notes) > 0 {
		t.Errorf("verdict %+v, want passed without a word of the throttling", judged)
	}
	got := limitOf(trial.Step.Cell, []Judged{{Trial: trial, Verdict: judged}})
	if got.What != LimitQuota || !strings.Contains(strings.Join(got.Evidence, "\n"), "throttled in 34 % of the periods of its quota of 1.5 cores") {
		t.Errorf("limit %+v, want %s", got, LimitQuota)
	}
	if seen := got.Seen; seen.Quota != 1.5 || seen.Throttled != 0.34 || math.Abs(seen.Most-1.5*seen.Goodput/1.4) > 1e-6 {
		t.Errorf("seen %+v, want the quota, and what it does at most", seen)
	}
	if share := appShare(trial.Usage); share < 0.93 || share > 0.94 {
		t.Errorf("share %g of its cores, want 14 of 15 CPU seconds", share)
	}
	trial.Usage.App.CPUSeconds = 12
	if got := limitOf(trial.Step.Cell, []Judged{{Trial: trial, Verdict: judged}}); got.What == LimitQuota {
		t.Errorf("limit %+v of 1.2 of 1.5 cores", got)
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

// What other cells and the services show tells limits apart that look the same
// on the cell itself: all slots taken, CPUs with room.
func TestLimitBesideOthers(t *testing.T) {
	base := func() burst {
		return burst{
			cell: scenarios.Cell{Proxy: scenarios.Direct, Workers: 4, Threads: 2}, cores: 2, appCores: 2,
			app: 0.4, generator: 0.1, busy: 0.6, inFlight: 16, goodput: 100,
		}
	}
	other := func(slots int, goodput, busy float64) *burst {
		return &burst{cell: scenarios.Cell{Proxy: scenarios.Direct, Workers: slots, Threads: 1}, cores: 2, appCores: 2, busy: busy, inFlight: 2 * float64(slots), goodput: goodput}
	}
	for _, tt := range []struct {
		name   string
		change func(*burst)
		want   string
	}{
		{"nothing larger was measured", func(*burst) {}, LimitWaiting},
		{"more slots do more", func(b *burst) { b.larger = other(16, 180, 1) }, LimitWaiting},
		{"more slots do no more, with CPUs to spare", func(b *burst) { b.larger = other(16, 103, 0.7) }, LimitShared},
		{"more slots do no more, for they use up the CPUs", func(b *burst) { b.larger = other(16, 110, 1.95) }, LimitWaiting},
		{"an event loop is not out of slots", func(b *burst) { b.loop = true }, LimitUnknown},
		{"connections at their limit, and more slots do no more", func(b *burst) {
			b.databases, b.larger = map[string]rundir.ServiceUse{"postgresql": {Connections: 8, Limit: 8}}, other(16, 103, 0.7)
		}, LimitDatabase},
		{"connections at their limit, but more slots do more", func(b *burst) {
			b.databases, b.larger = map[string]rundir.ServiceUse{"postgresql": {Connections: 8, Limit: 8}}, other(16, 180, 1)
		}, LimitWaiting},
		{"the services use the machine up", func(b *burst) { b.services, b.busy = 1.4, 1.95 }, LimitServices},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := base()
			tt.change(&b)
			if got := b.limit(); got.What != tt.want {
				t.Errorf("limit %q with evidence %q, want %q", got.What, got.Evidence, tt.want)
			}
		})
	}
}

// The figures come from the cells that show them: time off the CPU from the
// smallest, where nothing contends, and none from another proxy's.
func TestSeen(t *testing.T) {
	trial := func(proxy string, workers, threads int, goodput, appCPU, busy float64) Judged {
		tr := burstTrial()
		tr.Step.Cell = scenarios.Cell{Server: "s", Proxy: proxy, Workers: workers, Threads: threads}
		tr.Load.InFlight = 2 * float64(tr.Step.Cell.Slots())
		tr.Load.Classes = map[string]rundir.Class{scenarios.All: {Sent: uint64(10 * goodput), Good: uint64(10 * goodput)}}
		tr.Usage.App.CPUSeconds, tr.Usage.BusySeconds = 10*appCPU, 10*busy
		return Judged{Trial: tr, Verdict: Verdict{Kind: Passed}}
	}
	trials := []Judged{
		trial("nginx", 4, 2, 200, 1.6, 1.9),
		trial("nginx", 1, 1, 40, 0.32, 0.4), // 25 ms a request, 8 ms of that on a CPU
		trial("nginx", 2, 1, 79, 0.64, 0.8),
		trial("direct", 1, 1, 90, 0.72, 0.9),
		trial("nginx", 8, 2, 203, 1.6, 1.95),
		trial("nginx", 8, 4, 198, 1.6, 1.95),
	}
	l := limitOf(trials[0].Step.Cell, trials)
	s := l.Seen
	if l.What != LimitAppCPU || s == nil {
		t.Fatalf("limit %+v", l)
	}
	if s.Alone == nil || *s.Alone != trials[1].Step.Cell || s.Away.Round(time.Millisecond) != 17*time.Millisecond {
		t.Errorf("alone %v, off the CPU for %v; want %v, 17ms", s.Alone, s.Away, trials[1].Step.Cell)
	}
	if s.Larger == nil || *s.Larger != trials[4].Step.Cell || s.LargerGoodput != 203 {
		t.Errorf("larger %v with %g requests/s, want %v with 203", s.Larger, s.LargerGoodput, trials[4].Step.Cell)
	}
	if s.AppDemand.Round(time.Millisecond) != 8*time.Millisecond || s.Kept.Round(time.Millisecond) != 40*time.Millisecond || s.Most != 250 || s.Slots != 8 {
		t.Errorf("figures %+v", s)
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
