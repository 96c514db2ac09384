package reports

import (
	"errors"
	"math"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// sampleTime is when every sample report was written.
var sampleTime = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

const sampleSource = `name: django-shop
app:
  interface: wsgi
  module: shop.wsgi:application
  dir: fixture:django
matrix:
  servers: [gunicorn-sync, gunicorn-gthread]
  proxies: [direct, nginx]
  workers: [1, 2, 4]
  threads: [1, 4]
traffic:
  arrivals: poisson
objectives:
  - p99 < 250ms
  - static p99 < 50ms
  - errors < 0.1%
`

func sampleManifest() rundir.Manifest {
	return rundir.Manifest{
		Schema: 1, RunID: "7f3a9c", Tool: "v0.1.0", Began: sampleTime.Add(-6 * time.Minute),
		CommandLine: []string{"sweetspot", "run", "django-shop", "--budget", "5m", "--set", "app.env.NOTE=two words"},
		Source:      sampleSource, SourceName: "django-shop", Overrides: []string{"app.env.NOTE=two words"},
		Scenario: scenarios.Scenario{
			Name: "django-shop",
			Objectives: scenarios.Objectives{
				{Class: scenarios.All, Metric: "p99", Limit: 250 * time.Millisecond},
				{Class: scenarios.Static, Metric: "p99", Limit: 50 * time.Millisecond},
				{Class: scenarios.All, Metric: scenarios.Errors, Ratio: 0.001},
			},
			Traffic: scenarios.Traffic{Arrivals: scenarios.Poisson},
			Search: scenarios.Search{
				Strategy: "grid", Budget: scenarios.Duration(5 * time.Minute), Replicates: 1, Finals: 5,
				Trial: scenarios.Duration(20 * time.Second), Burst: scenarios.Duration(5 * time.Second), Warmup: scenarios.Duration(5 * time.Second),
			},
		},
		ScenarioHash: "9b74c9897bac770ffc029102a200c5de2e6ee1e4f3a1d4f2b7a5b1f0c8f0a7e1", Seed: 1,
		Host: rundir.Host{
			Hostname: "bench", OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.18.5", Arch: "amd64", CPUModel: "AMD EPYC 7R13 Processor",
			Cores: 2, MachineCPUs: 2, MemoryBytes: 8_200_000_000, FileLimit: 1_048_576, PortLow: 32768, PortHigh: 60999, Somaxconn: 4096, TwReuse: 2, Virtualised: "kvm",
		},
		Versions: map[string]string{"python": "3.11.2", "gunicorn": "20.1.0", "django": "3.2.25", "nginx": "1.22.1", "whitenoise": "6.0", "vegeta": "12.13.0", "go": "1.26.0"},
		CPUs:     rundir.CPUs{Generator: []int{0, 1}, Proxy: []int{0, 1}, App: []int{0, 1}, Shared: true},
		Notes:    []string{"Generator, proxy and application share both cores: rates are lower than with a generator of its own."},
	}
}

// sampleLatency gives percentiles that rise with the median; count decides
// which may be claimed.
func sampleLatency(p50 time.Duration, tail float64, n int64) rundir.Latency {
	at := func(k float64) time.Duration { return time.Duration(float64(p50) * math.Pow(tail, k)) }
	return rundir.Latency{Count: n, Mean: at(0.35), P50: p50, P75: at(0.5), P90: at(0.8), P95: at(1), P99: at(1.6), P999: at(2.1), P9999: at(2.4), Max: at(2.5)}
}

// sampleDistribution goes through the percentiles of a latency, straight in
// logarithms between them; the starts lie about it.
func sampleDistribution(l rundir.Latency, starts int) analysis.Distribution {
	d := analysis.Distribution{Count: l.Count, Starts: starts, Max: l.Max}
	shares := []float64{0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999}
	at := []time.Duration{l.P50 / 4, l.P50, l.P75, l.P90, l.P95, l.P99, l.P999, l.P9999, l.Max, l.Max}
	spread := func(share float64) float64 { return 0.04 + 0.05*math.Log10(1/(1-share)) }
	for i, share := range shares {
		if float64(l.Count)*(1-share) < 1 {
			break
		}
		v := at[i]
		if l.Count > 0 {
			v = max(min(v, l.Max), 1)
		}
		q := analysis.Quantile{Share: share, Value: v}
		if starts > 1 && float64(l.Count)*(1-share) >= float64(100*starts) {
			q.Low, q.High = time.Duration(float64(v)*(1-spread(share))), time.Duration(float64(v)*(1+spread(share)))
		}
		d.Points = append(d.Points, q)
	}
	return d
}

func sampleDistributions(all map[string]rundir.Latency, starts int) map[string]analysis.Distribution {
	out := map[string]analysis.Distribution{}
	for class, l := range all {
		out[class] = sampleDistribution(l, starts)
	}
	return out
}

func sampleClasses(p50 time.Duration, proxy string, n int64) map[string]rundir.Latency {
	static := p50 / 2
	if proxy != scenarios.Direct {
		static = 900 * time.Microsecond
	}
	return map[string]rundir.Latency{
		scenarios.All:     sampleLatency(p50, 3.2, n),
		scenarios.Static:  sampleLatency(static, 4.1, n*2/5),
		scenarios.Dynamic: sampleLatency(p50*6/5, 3.0, n*3/5),
	}
}

// sampleCurve rises as a queue does: the median is S / (1 − ρ).
func sampleCurve(c scenarios.Cell, capacity float64, points int) (curve []analysis.Point) {
	for i := range points {
		load := 0.1 + 0.92*float64(i)/float64(max(points-1, 1))
		p50 := time.Duration(float64(6*time.Millisecond) / math.Max(1-load*0.93, 0.05))
		verdict, n := analysis.Passed, int64(30*load*capacity)
		if load > 0.97 {
			verdict = analysis.Failed
		}
		curve = append(curve, analysis.Point{Offered: load * capacity, Goodput: math.Min(load, 0.985) * capacity, Verdict: verdict, Response: sampleClasses(p50, c.Proxy, n)})
	}
	return curve
}

func noInterval(v float64) *analysis.Figure {
	return &analysis.Figure{Value: v, Low: math.NaN(), High: math.NaN(), N: 1}
}

func fiveStarts(v, half float64) *analysis.Figure {
	return &analysis.Figure{Value: v, Low: v - half, High: v + half, N: 5}
}

func sampleCell(server, proxy string, workers, threads int, rate float64) *analysis.Cell {
	c := &analysis.Cell{}
	c.Cell = scenarios.Cell{Server: server, Proxy: proxy, Workers: workers, Threads: threads}
	c.Saturation = noInterval(rate * 1.12)
	c.Explored = noInterval(rate)
	c.Low, c.High = rate*0.995, rate*1.01
	c.Latency, c.LatencyRate = sampleClasses(34*time.Millisecond, proxy, int64(rate*20)), rate*0.99
	c.Distribution = sampleDistributions(c.Latency, 1)
	c.Service = sampleLatency(9*time.Millisecond, 2.2, int64(rate*20))
	c.Curve = sampleCurve(c.Cell, rate*1.02, 4)
	c.AppCPU = noInterval(2000 / rate * 0.8)
	if proxy != scenarios.Direct {
		c.ProxyCPU = noInterval(0.14)
	}
	c.Utilisation = 0.83
	c.WorkerCPU = noInterval(1.66 / float64(workers))
	c.ProcessMemory = int64(28_000_000+workers*31_000_000) / int64(1+workers)
	c.Memory = int64(28_000_000 + workers*31_000_000 + threads*900_000)
	c.Processes = 1 + workers
	if proxy != scenarios.Direct {
		c.Processes += 2
		c.Memory += 7_400_000
	}
	c.Passed, c.Failed = 4, 1
	return c
}

// sampleAnswers are of a run of which the generator's lag voided one trial, and
// which was not calibrated.
func sampleAnswers() []analysis.Answer {
	answer := func(name, value, limit string, share float64, trials, voided, noted int) analysis.Answer {
		return analysis.Answer{Check: analysis.Check{Name: name, Value: value, Limit: limit, Share: share, OK: noted == 0}, Recorded: trials > 0, Trials: trials, Voided: voided, Noted: noted}
	}
	return []analysis.Answer{
		answer(analysis.CheckSent, "99.97 %", "at least 99 %", 0.03, 9, 0, 0),
		answer(analysis.CheckLag, "3.41ms", "at most 5ms", 0.68, 9, 1, 0),
		answer(analysis.CheckCPU, "31 % of a core", "at most 70 %", 0.31/0.7, 10, 0, 0),
		answer(analysis.CheckGC, "0.04 % of the time, longest 300µs", "at most 1 % or 5ms", 0.04, 10, 0, 0),
		answer(analysis.CheckRunQueue, "520µs a request, 44 % of the time", "at most 2.5ms", 0.208, 10, 0, 0),
		answer(analysis.CheckPorts, "10 % of 28232, sockets 1210 to 2742", "at most 90 %", 0.11, 10, 0, 0),
		answer(analysis.CheckRefused, "0 requests", "none", 0, 10, 0, 0),
		answer(analysis.CheckPool, "0 late requests", "", 0, 9, 0, 0),
		answer(analysis.CheckListen, "3 connections", "", 3, 10, 0, 1),
		answer(analysis.CheckCeiling, "", "", 0, 0, 0, 0),
	}
}

// sample is a full run of the Django shop on two cores.
func sample() Input {
	sync, gthread := "gunicorn-sync", "gunicorn-gthread"
	r := &analysis.Result{
		Outcome: analysis.Recommended, Because: "the highest sustainable rate, and the least memory of those within the noise",
		Spent: 4*time.Minute + 52*time.Second, Budget: 5 * time.Minute,
		Limit: analysis.Limit{What: "application CPU", Evidence: []string{
			"the application used 83 % of its 2 cores at the sustainable rate; generator and proxy used the rest",
			"mean requests in flight: 2.9 of 4 slots, so the workers were not all waiting"}},
		Headroom: 0.3, Usable: 288.4,
		Generator: sampleAnswers(),
		Warnings:  []string{"Steal reached 0.4 % in 2 trials; the rule voids from 1 % on."},
	}
	rates := map[string][]float64{
		sync + "/direct": {176, 291, 306, 301}, sync + "/nginx": {228, 395, 412, 405},
		gthread + "/direct": {188, 284, 279}, gthread + "/nginx": {236, 371, 0},
	}
	for _, proxy := range []string{scenarios.Direct, "nginx"} {
		for i, w := range []int{1, 2, 4, 5} {
			r.Cells = append(r.Cells, sampleCell(sync, proxy, w, 1, rates[sync+"/"+proxy][i]))
		}
		for i, w := range []int{1, 2, 4} {
			if rate := rates[gthread+"/"+proxy][i]; rate > 0 {
				r.Cells = append(r.Cells, sampleCell(gthread, proxy, w, 4, rate))
			}
		}
	}
	struck := sampleCell(gthread, "nginx", 4, 4, 388)
	struck.Struck = "memory 163 MB, limit 160 MB"
	r.Cells = append(r.Cells, struck)
	sampleSpecials(r)
	return Input{
		Manifest: sampleManifest(), Result: r, Generated: sampleTime, Dir: "runs/django-shop-20260314T150326Z",
		WinnerConfigs: map[string]string{"gunicorn.conf.py": "workers = 4\nthreads = 1\n", "nginx.conf": "worker_processes 2;\n"},
	}
}

// sampleSeen is what the bursts of a cell showed on two cores, with a proxy.
func sampleSeen(goodput, app float64, slots int) *analysis.Seen {
	return &analysis.Seen{
		Goodput: goodput, App: app, Proxy: 0.06, Generator: 0.11, Busy: 0.98, Cores: 2, AppCores: 2, Slots: slots, Taken: float64(slots),
		Kept: time.Duration(1e9 * float64(slots) / goodput), AppDemand: time.Duration(1e9 * app / goodput), ProxyDemand: time.Duration(6e7 / goodput),
		Most: 2 * goodput / (app + 0.06),
	}
}

// sampleScaling is of a law with noise of a hundredth, in three rounds.
func sampleScaling(c scenarios.Cell, cores ...float64) *analysis.Scaling {
	law := analysis.USL{Gamma: 231, Alpha: 0.06, Beta: 0.004}
	s := &analysis.Scaling{Demand: threeStarts(0.00421, 0.00006), DemandAt: cores[len(cores)/4]}
	for i, n := range cores {
		c.Workers = max(1, int(2*n))
		for round := range 3 {
			off := 0.01 * math.Sin(float64(5*i+11*round))
			s.Points = append(s.Points, analysis.ScalingPoint{Cores: n, Rate: law.At(n) * (1 + off), App: 0.00421 * (1 - off), Proxy: 0.00014, Cell: c})
		}
	}
	s.Law, s.Refused = analysis.FitUSL(s.Points, 1)
	return s
}

// sampleSpecials makes some of the cells special and judges the trials.
func sampleSpecials(r *analysis.Result) {
	find := func(name string) *analysis.Cell {
		for _, c := range r.Cells {
			if c.Cell.String() == name {
				return c
			}
		}
		panic(name)
	}
	winner := find("server=gunicorn-sync/proxy=nginx/workers=4/threads=1")
	winner.Final, winner.Curve = fiveStarts(412, 14), sampleCurve(winner.Cell, 418, 8)
	winner.Growth = &analysis.Figure{Value: 21e6, Low: 9e6, High: 33e6, N: 5}
	winner.AppCPU, winner.Cores = fiveStarts(3.88, 0.11), 2
	winner.WorkerCPU, winner.Rates = fiveStarts(0.415, 0.012), []float64{398, 407, 411, 418, 426}
	winner.Latency = sampleClasses(34*time.Millisecond, "nginx", 412*20*5*3)
	winner.Distribution = sampleDistributions(winner.Latency, 5)
	r.Scaling = sampleScaling(winner.Cell, 0.5, 1, 2, 3, 4, 6)
	r.Scaling.Crowded = []float64{6}
	tie := find("server=gunicorn-sync/proxy=nginx/workers=5/threads=1")
	tie.Final, tie.Tied, tie.Folklore = fiveStarts(408, 17), true, []string{scenarios.FolkloreTwice}
	tie.Curve = sampleCurve(tie.Cell, 412, 5)
	tie.Latency = sampleClasses(38*time.Millisecond, "nginx", 408*20*5)
	tie.Distribution = sampleDistributions(tie.Latency, 5)
	two := find("server=gunicorn-sync/proxy=direct/workers=5/threads=1")
	two.Final, two.Folklore = fiveStarts(301, 9), []string{scenarios.FolkloreTwice}
	two.Curve = sampleCurve(two.Cell, 305, 5)
	one := find("server=gunicorn-sync/proxy=direct/workers=2/threads=1")
	one.Final, one.Folklore = fiveStarts(291, 12), []string{scenarios.FolkloreCores}
	direct := find("server=gunicorn-sync/proxy=direct/workers=4/threads=1")
	direct.Final = fiveStarts(306, 11)
	lottery := find("server=gunicorn-gthread/proxy=direct/workers=4/threads=4")
	lottery.Explored = &analysis.Figure{Value: 279, Low: 188, High: 370, N: 3}
	infeasible := find("server=gunicorn-gthread/proxy=direct/workers=1/threads=4")
	infeasible.Infeasible = "p99 was 312 ms at a tenth of the load, with a limit of 250 ms"
	infeasible.Explored, infeasible.Latency, infeasible.Distribution, infeasible.Curve = nil, nil, nil, nil
	infeasible.Passed, infeasible.Failed = 0, 2
	absent := &analysis.Cell{}
	absent.Cell = scenarios.Cell{Server: "gunicorn-gthread", Proxy: "direct", Workers: 4, Threads: 64}
	absent.Struck = "256 database connections for its slots and 3 in reserve, limit 100"
	r.Cells = append(r.Cells, absent)
	r.Winner, r.RunnerUp, r.Ties = winner, tie, []*analysis.Cell{tie}
	r.Limit.Seen = sampleSeen(461, 1.79, 4)
	r.Limit.Seen.Larger, r.Limit.Seen.LargerGoodput = &tie.Cell, 457
	r.Limit.Seen.Alone, r.Limit.Seen.Away = &scenarios.Cell{Server: "gunicorn-sync", Proxy: "nginx", Workers: 1, Threads: 1}, 2100*time.Microsecond
	waiting := analysis.Limit{What: analysis.LimitWaiting, Evidence: []string{"at saturation, 337 requests/s with 10.0 in flight on 5 slots", "every slot had a request while the CPUs had room"}, Seen: sampleSeen(337, 1.31, 5)}
	waiting.Seen.Proxy, waiting.Seen.ProxyDemand, waiting.Seen.Busy, waiting.Seen.Overflows = 0, 0, 0.72, 3
	r.Folklore = []analysis.Comparison{
		{Name: scenarios.FolkloreTwice, Cell: two, Ratio: &analysis.Figure{Value: 1.369, Low: 1.31, High: 1.43, N: 5}, Paired: true, Limit: waiting},
		{Name: scenarios.FolkloreCores, Cell: one, Ratio: &analysis.Figure{Value: 1.416, Low: 1.34, High: 1.49, N: 5}, Paired: true},
		{Name: scenarios.FolkloreTwice, Cell: tie, Ratio: &analysis.Figure{Value: 1.01, Low: 0.96, High: 1.06, N: 5}, Paired: true},
	}
	r.ProxyTax = []analysis.Comparison{{Name: "direct", Cell: direct, Ratio: &analysis.Figure{Value: 1.346, Low: 1.28, High: 1.42, N: 5}, Paired: true}}
	r.Trials = sampleTrials(winner.Cell, infeasible.Cell, lottery.Cell)
}

func sampleTrials(winner, infeasible, lottery scenarios.Cell) (trials []analysis.Judged) {
	add := func(c scenarios.Cell, phase string, rate float64, v analysis.Verdict) *analysis.Judged {
		n := uint64(math.Max(rate, 450) * 20)
		t := analysis.Judged{Verdict: v, Trial: rundir.Trial{
			ID: len(trials) + 1, Began: sampleTime.Add(time.Duration(len(trials)-300) * time.Second), Cost: 27 * time.Second, Fresh: true,
			Step:      rundir.Step{Cell: c, Start: 1, Phase: phase, Rate: rate, Warmup: 5 * time.Second, Duration: 20 * time.Second},
			Effective: rundir.Effective{Workers: c.Workers, Threads: c.Threads},
			Load: rundir.Load{
				Offered: rate, Achieved: rate, Goodput: rate, Planned: n, Sent: n, InFlight: 2.9,
				Classes: map[string]rundir.Class{scenarios.All: {
					Sent: n, Good: n, Bytes: n * 5300, Statuses: map[string]uint64{"200": n},
					Response: sampleLatency(34*time.Millisecond, 3.6, int64(n)), Service: sampleLatency(9*time.Millisecond, 2.2, int64(n)), Lag: sampleLatency(50*time.Microsecond, 2, int64(n)),
				}},
			},
			Usage: rundir.Usage{App: rundir.Group{CPUSeconds: 33.2, PSSBytes: 153_000_000, Processes: c.Workers + 1, Threads: c.Workers + 1}, ForeignSeconds: 0.2, StealSeconds: 0.05},
		}}
		if rate == 0 {
			t.Step.Connections = 8
		}
		trials = append(trials, t)
		return &trials[len(trials)-1]
	}
	first := add(winner, rundir.Saturation, 0, analysis.Verdict{Kind: analysis.Passed, Checks: []analysis.Check{
		{Name: analysis.CheckCPU, Value: "31 % of a core", Limit: "at most 70 %", Share: 0.31 / 0.7, OK: true},
		{Name: analysis.CheckGC, OK: true},
		{Name: analysis.CheckListen, Value: "3 connections", Share: 3},
	}})
	first.Usage.GC = &rundir.Pauses{Count: 14, P99: 210 * time.Microsecond, Max: 300 * time.Microsecond, Total: 1900 * time.Microsecond}
	first.Usage.Ports, first.Usage.PortsWaiting, first.Usage.TimeWaitBefore, first.Usage.TimeWait = 28232, 2742, 1210, 2742
	first.Usage.Generator = rundir.Group{CPUSeconds: 6.2, PSSBytes: 61_000_000, Processes: 1, Threads: 9, WaitTime: 4200 * time.Millisecond}
	add(winner, rundir.Bracket, 405, analysis.Verdict{Kind: analysis.Passed, Notes: []string{"goodput drifted by 6 % over the trial"}})
	add(winner, rundir.Bracket, 427, analysis.Verdict{Kind: analysis.Failed, Reasons: []string{"p99 318 ms, limit 250 ms"}})
	add(lottery, rundir.Bracket, 290, analysis.Verdict{Kind: analysis.Void, Reasons: []string{"foreign load: 0.31 CPUs, more than 0.1", "steal 1.4 %, more than 1 %"}})
	add(infeasible, rundir.Probe, 21, analysis.Verdict{Kind: analysis.Failed, Reasons: []string{"p99 312 ms, limit 250 ms"}})
	t := add(lottery, rundir.Bracket, 300, analysis.Verdict{Kind: analysis.Failed, Reasons: []string{"the application died"}})
	t.Failure = "gunicorn exited with status 3 after 4.1 s\n[2026-03-14 15:04:12 +0000] [4711] [CRITICAL] WORKER TIMEOUT (pid:4713)\n[2026-03-14 15:04:12 +0000] [4713] [ERROR] Exception in worker process\nTraceback (most recent call last):\n  File \"shop/views.py\", line 41, in search\nMemoryError"
	for i := range 5 {
		add(winner, rundir.Final, 408+float64(i), analysis.Verdict{Kind: analysis.Passed})
	}
	return trials
}

// samples are the variants that every format has to cope with.
func samples() map[string]Input {
	return map[string]Input{
		"full": sample(), "notmet": sampleNotMet(), "inconclusive": sampleInconclusive(),
		"embedded": sampleEmbedded(), "single": sampleSingle(), "empty": {Manifest: sampleManifest(), Generated: sampleTime}, "hostile": sampleHostile(), "wide": sampleWide(),
		"comparison": sampleComparison(), "beside": sampleBeside(), "target": sampleTarget(), "fleet": sampleFleet(),
	}
}

func sampleNotMet() Input {
	in := sample()
	r := in.Result
	r.Outcome, r.Because, r.Winner, r.RunnerUp, r.Ties, r.Folklore, r.ProxyTax = analysis.NotMet, "p99 exceeds 250 ms at a tenth of the load in every configuration", nil, nil, nil, nil, nil
	r.Limit, r.Usable, r.Scaling = analysis.Limit{}, 0, nil
	for _, c := range r.Cells {
		c.Infeasible, c.Explored, c.Final, c.Tied, c.Latency, c.Memory, c.AppCPU, c.ProxyCPU = "p99 exceeds 250 ms at a tenth of the load", nil, nil, false, nil, 0, nil, nil
		c.Distribution, c.WorkerCPU, c.ProcessMemory, c.Rates = nil, nil, 0, nil
	}
	return in
}

func sampleInconclusive() Input {
	in := sample()
	r := in.Result
	r.Outcome, r.Because, r.Winner, r.RunnerUp, r.Ties, r.Folklore, r.ProxyTax = analysis.Inconclusive, "5 of 6 trials are void: foreign load", nil, nil, nil, nil, nil
	r.Partial, r.Usable, r.Scaling = "interrupted after 1m10s of 5m0s", 0, nil
	r.Cells = r.Cells[:3]
	for i, c := range r.Cells {
		c.Final = nil
		if i > 0 {
			c.Explored, c.Latency, c.Distribution, c.Curve = nil, nil, nil, nil
		}
	}
	return in
}

func sampleEmbedded() Input {
	in := sample()
	in.Result.Embedded, in.Result.Partial, in.Result.Scaling = true, "interrupted after 3m10s of 5m0s", nil
	for _, c := range in.Result.Cells {
		c.Cell.Server = "embedded"
	}
	in.Result.Limit.What = "generator"
	in.Manifest.Calibration = sampleCalibration()
	in.Result.AboveCeiling = "the rate told below, 412 requests/s, is 74 % of the most that the load generator does on this machine, 560 requests/s: above 70 % the limit may be the generator's as much as the configuration's"
	for i, a := range in.Result.Generator {
		if a.Name == analysis.CheckCeiling {
			in.Result.Generator[i] = analysis.Answer{Check: analysis.Check{Name: a.Name, Value: "76 % of 560 requests/s", Limit: "told above 70 %", Share: 0.76 / 0.7}, Recorded: true, Trials: 10, Noted: 6}
		}
	}
	return in
}

// sampleCalibration has a ceiling so low that the rates of the sample are near it.
func sampleCalibration() *rundir.Calibration {
	us := func(n int) time.Duration { return time.Duration(n) * time.Microsecond }
	observed := func(with, without int) rundir.ObservedPair {
		return rundir.ObservedPair{Rate: 28, With: rundir.Observed{CPUPerRequest: us(with), P50: us(412)}, Without: rundir.Observed{CPUPerRequest: us(without), P50: us(410)}}
	}
	return &rundir.Calibration{
		Took: 12 * time.Second, Ceiling: 560, CPUPerRequest: 1500*time.Microsecond + 60,
		Lags: []rundir.CalibratedLag{
			{Share: 0.1, Rate: 56, P50: us(40), P99: us(210), Max: us(1462)},
			{Share: 0.5, Rate: 280, P50: us(61), P99: us(655), Max: us(2310)},
			{Share: 0.9, Rate: 504, P50: us(243), P99: us(36415), Max: us(51200)},
		},
		Observing: []rundir.ObservedPair{observed(1620, 1500), observed(1590, 1520), observed(1640, 1510)},
	}
}

func sampleSingle() Input {
	in := sample()
	c := sampleCell("gunicorn-sync", scenarios.Direct, 1, 1, 0.7315)
	c.Curve = c.Curve[:1]
	c.Cores, c.Pod = 1.5, true
	in.Result = &analysis.Result{Outcome: analysis.Recommended, Because: "it is the only configuration", Winner: c, Cells: []*analysis.Cell{c}, Spent: time.Minute, Scaling: sampleScaling(c.Cell, 1.5)}
	in.WinnerConfigs = nil
	return in
}

func sampleHostile() Input {
	in := sample()
	evil := "<script>alert(1)</script>|`*_[x](http://evil.example)"
	in.Manifest.Scenario.Name, in.Manifest.Source, in.Manifest.Tool = evil, evil, evil
	in.Manifest.Versions = map[string]string{evil: evil}
	in.Manifest.Host.CPUModel = evil
	in.Result.Because, in.Result.Warnings, in.Result.Limit = evil, []string{evil}, analysis.Limit{What: evil, Evidence: []string{evil}}
	in.Result.Cells[0].Struck = evil
	in.Result.Cells[0].Cell.Server = evil
	in.Result.Folklore[0].Name, in.Result.Folklore[0].Cell.Folklore = evil, []string{evil}
	in.Result.Winner.Cell.Proxy = evil
	in.Result.Trials[5].Failure = evil + "\n" + evil + "\x1b[2J"
	in.Result.Trials[3].Verdict.Reasons = []string{evil}
	hostileSections(&in, evil)
	c := in.Result.Cells[1]
	c.Explored = &analysis.Figure{Value: math.NaN(), Low: math.Inf(-1), High: math.Inf(1), N: 3}
	c.Final, c.Saturation, c.AppCPU = nil, &analysis.Figure{Value: math.Inf(1), N: 2}, &analysis.Figure{Value: math.NaN()}
	c.Curve[0].Response, c.Curve[1].Offered = nil, 0
	c.WorkerCPU, c.Rates = &analysis.Figure{Value: math.NaN(), N: 2}, []float64{math.NaN()}
	return in
}

// hostileSections puts a text into whatever the sections show, and figures
// without a number.
func hostileSections(in *Input, evil string) {
	nan := &analysis.Figure{Value: math.NaN(), Low: math.Inf(-1), High: math.Inf(1), N: 3}
	a, b := in.Result.Cells[2], in.Result.Cells[3]
	in.Manifest.Scenario.Search.Compare = scenarios.CompareServer
	in.Manifest.Scenario.Services, in.Manifest.Scenario.Matrix.Proxies = []string{evil}, []string{evil}
	in.Manifest.Scenario.Traffic.WebSockets = &scenarios.WebSockets{Connections: 1, Path: evil}
	in.Result.Contest = &analysis.Contest{
		Dimension: evil, Absent: []analysis.Absent{{Value: evil, Why: evil + "\n" + evil}},
		Entries: []analysis.Entry{
			{Value: evil, Cell: a, Reference: true},
			{Value: evil, Cell: b, Ratio: nan, Classes: map[string]*analysis.Figure{scenarios.Static: nan}, Latency: map[string]*analysis.Figure{scenarios.Dynamic: nan}},
		},
	}
	a.Mismatch, a.StaticFromApp = evil, true
	a.Static = []rundir.StaticAnswer{{Path: evil, CacheControl: evil, Encoding: evil}}
	a.Databases = map[string]rundir.ServiceUse{evil: {Connections: 1}}
	a.Beside = &analysis.Beside{BytesEach: math.NaN(), Answered: math.NaN(), WebSockets: &rundir.WebSockets{Refusals: map[string]int{evil: 1}}}
	a.Lottery = &analysis.Lottery{Trials: 1, Typical: math.NaN(), Worst: math.Inf(1), WorstOf: []int{2, 0}}
	a.Peak = &rundir.Peak{Seen: 64, Offered: 64}
	in.Result.Generator = []analysis.Answer{{Check: analysis.Check{Name: evil, Value: evil, Limit: evil, Share: math.Inf(1)}, Voided: 1}}
	in.Result.AboveCeiling = evil
	in.Result.Winner.Cores = math.NaN()
	in.Result.Scaling = &analysis.Scaling{
		Points: []analysis.ScalingPoint{{Cores: 1, Rate: math.NaN(), App: math.Inf(1), Cell: in.Result.Winner.Cell}},
		Demand: nan, DemandAt: 1, Refused: errors.New(evil), Crowded: []float64{math.Inf(1)},
	}
}

// sampleWide has many servers, proxies and thread counts, and large numbers.
func sampleWide() Input {
	in := sample()
	in.Result.Cells = nil
	for i, server := range []string{"gunicorn-sync", "gunicorn-gthread", "uwsgi"} {
		for j, proxy := range []string{scenarios.Direct, "nginx", "haproxy", "caddy"} {
			for k, workers := range []int{1, 2, 4, 8, 16, 32, 33} {
				in.Result.Cells = append(in.Result.Cells, sampleCell(server, proxy, workers, 1+3*(i%2), float64(9000+1100*i-700*j)*float64(k+1)/float64(k+4)))
			}
		}
	}
	w := in.Result.Cells[58]
	w.Final = fiveStarts(w.Explored.Value, 211)
	in.Result.Winner, in.Result.Ties, in.Result.RunnerUp = w, nil, in.Result.Cells[57]
	in.Result.Folklore = []analysis.Comparison{{Name: scenarios.FolkloreTwice, Cell: in.Result.Cells[4], Ratio: nil}}
	in.Result.ProxyTax = []analysis.Comparison{{Name: "nginx", Cell: in.Result.Cells[65]}, {Name: "haproxy", Cell: in.Result.Cells[72]}}
	return in
}

func threeStarts(v, half float64) *analysis.Figure {
	return &analysis.Figure{Value: v, Low: v - half, High: v + half, N: 3}
}

// sampleSettings are what the manifests of the samples below have beyond the
// shop's.
func sampleSettings(in *Input, compare string, proxies ...string) {
	s := &in.Manifest.Scenario
	s.Search.Compare, s.Search.Finals = compare, 3
	s.Matrix.Proxies = proxies
	s.Proxy = scenarios.Proxy{Upstream: scenarios.AutoUpstream, KeepAlive: 32, Buffering: true}
	s.App.Wait, s.Traffic.PageCache = "/api/io/?ms=100", scenarios.WarmCache
	in.WinnerConfigs = nil
}

// sampleComparison sets a gunicorn with PostgreSQL against itself behind two
// proxies, of which one serves no files; a third is not installed.
func sampleComparison() Input {
	in := sample()
	sampleSettings(&in, scenarios.CompareProxy, scenarios.Direct, "nginx", "haproxy", "caddy")
	in.Manifest.Scenario.Services, in.Manifest.Scenario.Traffic.PerConnection = []string{"postgresql"}, 200
	r := &analysis.Result{
		Outcome: analysis.Recommended, Because: "it sustains the most of the 4 cells measured, on 3 fresh starts", Spent: 5*time.Minute + 11*time.Second, Budget: 6 * time.Minute,
		Limit: analysis.Limit{What: analysis.LimitAppCPU, Evidence: []string{"at saturation, 431 requests/s with 15.8 in flight on 16 slots"}},
	}
	for _, p := range []struct {
		proxy           string
		rate            float64
		static, dynamic float64
	}{{scenarios.Direct, 306, 1180, 281}, {"nginx", 412, 14300, 276}, {"haproxy", 291, 1070, 268}} {
		c := sampleCell("gunicorn-gthread", p.proxy, 4, 4, p.rate)
		c.Interface, c.StaticFromApp = scenarios.WSGI, p.proxy != "nginx"
		c.Final = threeStarts(p.rate, 0.03*p.rate)
		c.Classes = map[string]*analysis.Figure{scenarios.Static: threeStarts(p.static, 0.04*p.static), scenarios.Dynamic: threeStarts(p.dynamic, 0.02*p.dynamic)}
		c.Peak = &rundir.Peak{Seen: 16, Want: 16, Offered: 64}
		c.Lottery = &analysis.Lottery{Trials: 9, Typical: 1.06, Worst: 1.19, WorstOf: []int{10, 8, 8, 8}}
		c.Static = []rundir.StaticAnswer{{Path: "/static/shop/1k.bin", Status: 200, Length: 1024, Verified: true, LastModified: true, ETag: p.proxy == "nginx", CacheControl: "max-age=60"}}
		c.Databases = map[string]rundir.ServiceUse{"postgresql": {Connections: 16, Limit: 100}}
		if p.proxy != scenarios.Direct {
			c.Upstream = "unix"
		}
		r.Cells = append(r.Cells, c)
	}
	direct, nginx, haproxy := r.Cells[0], r.Cells[1], r.Cells[2]
	direct.Lottery = &analysis.Lottery{Trials: 9, Typical: 1.75, Worst: 3.5, WorstOf: []int{28, 4, 0, 0}}
	nginx.Static[0].CacheControl = ""
	missing := &analysis.Cell{}
	missing.Cell, missing.NotApplicable = scenarios.Cell{Server: "gunicorn-gthread", Proxy: "caddy", Workers: 4, Threads: 4}, "caddy is not installed: apt-get install caddy"
	void := sampleCell("gunicorn-gthread", "nginx", 8, 4, 400)
	void.Mismatch, void.Explored, void.Saturation, void.Curve, void.Latency = "the stack runs 4 workers, the cell has 8", nil, nil, nil, nil
	void.Distribution, void.WorkerCPU = nil, nil
	void.Passed, void.Failed, void.Void = 0, 0, 1
	r.Cells = append(r.Cells, missing, void)
	r.Winner, r.RunnerUp = nginx, direct
	r.ProxyTax = []analysis.Comparison{{Name: "proxy direct", Cell: direct, Ratio: &analysis.Figure{Value: 1.35, Low: 1.28, High: 1.42, N: 3}, Paired: true}}
	r.Contest = &analysis.Contest{
		Dimension: scenarios.CompareProxy,
		Entries: []analysis.Entry{
			{Value: "nginx", Cell: nginx, Ratio: &analysis.Figure{Value: 1.35, Low: 1.28, High: 1.42, N: 3},
				Classes: map[string]*analysis.Figure{scenarios.Static: threeStarts(12.1, 0.6), scenarios.Dynamic: threeStarts(0.98, 0.03)},
				Latency: map[string]*analysis.Figure{scenarios.Dynamic: threeStarts(1.07, 0.04)}},
			{Value: scenarios.Direct, Cell: direct, Reference: true},
			{Value: "haproxy", Cell: haproxy, Ratio: threeStarts(0.95, 0.02),
				Classes: map[string]*analysis.Figure{scenarios.Static: threeStarts(0.91, 0.03), scenarios.Dynamic: threeStarts(0.954, 0.02)},
				Latency: map[string]*analysis.Figure{scenarios.Dynamic: threeStarts(1.11, 0.05)}},
		},
		Absent: []analysis.Absent{{Value: "caddy", Why: missing.NotApplicable}},
	}
	r.Trials = sampleTrials(nginx.Cell, direct.Cell, haproxy.Cell)
	in.Result = r
	return in
}

// sampleBeside has slow clients and WebSockets beside the attack; one stack
// serves nobody beside them.
func sampleBeside() Input {
	in := sample()
	sampleSettings(&in, "", scenarios.Direct, "nginx")
	t := &in.Manifest.Scenario.Traffic
	t.Slow = &scenarios.Slow{Clients: 12, Kind: scenarios.SlowHeaders, Path: "/", Every: scenarios.Duration(time.Second)}
	t.WebSockets = &scenarios.WebSockets{Connections: 200, Path: "/ws/echo/", Every: scenarios.Duration(5 * time.Second)}
	r := &analysis.Result{
		Outcome: analysis.Recommended, Because: "it sustains the most of the 4 cells measured, on 3 fresh starts", Spent: 4 * time.Minute, Budget: 5 * time.Minute,
		Limit: analysis.Limit{What: analysis.LimitAppCPU, Evidence: []string{"at saturation, 431 requests/s with 7.9 in flight on 8 slots"}},
	}
	for _, k := range []struct {
		server, proxy    string
		rate, answered   float64
		held, slowServed int
	}{
		{"gunicorn-sync", scenarios.Direct, 301, 0, 0, 0}, {"gunicorn-sync", "nginx", 398, 1, 0, 0},
		{"uvicorn", scenarios.Direct, 251, 1, 200, 4}, {"uvicorn", "nginx", 243, 0.998, 188, 0},
	} {
		c := sampleCell(k.server, k.proxy, 4, 1, k.rate)
		c.Final = threeStarts(k.rate, 0.04*k.rate)
		c.Beside = &analysis.Beside{
			Slow:       &rundir.SlowClients{Clients: 12, Kind: scenarios.SlowHeaders, Served: uint64(k.slowServed), Dropped: 31, Most: 12},
			WebSockets: &rundir.WebSockets{Wanted: 200, Held: k.held, Refused: 200 - k.held, Echo: sampleLatency(3*time.Millisecond, 2, int64(k.held)*6)},
			Answered:   k.answered, AnsweredAt: k.rate / 10,
			Rate: k.rate / 2, With: sampleLatency(14*time.Millisecond, 3, 20000), Alone: sampleLatency(11*time.Millisecond, 2.4, 20000),
		}
		if k.held > 0 {
			c.Beside.BytesEach = 41_300
		}
		switch {
		case k.server == "gunicorn-sync":
			c.Beside.WebSockets.Refusals = map[string]int{"status 404": 200}
		case k.held < 200:
			c.Beside.WebSockets.Refusals, c.Beside.WebSockets.Dropped = map[string]int{"status 502": 10, "timeout": 2}, 3
		}
		r.Cells = append(r.Cells, c)
	}
	blocked := r.Cells[0]
	blocked.Infeasible = "at a tenth of its throughput, 30.1 requests/s: 100.00 % errors (45 of 45, mostly: timeout), objective errors < 0.1%"
	blocked.Final, blocked.Explored, blocked.Latency, blocked.Curve, blocked.Beside.Rate = nil, nil, nil, nil, 0
	blocked.Distribution, blocked.WorkerCPU = nil, nil
	blocked.Beside.With, blocked.Beside.Alone = rundir.Latency{}, rundir.Latency{}
	r.Winner, r.RunnerUp = r.Cells[1], r.Cells[2]
	r.Trials = sampleTrials(r.Cells[1].Cell, blocked.Cell, r.Cells[3].Cell)
	in.Result = r
	return in
}

// sampleTarget is of a server that was running already.
func sampleTarget() Input {
	in := sample()
	sampleSettings(&in, "", scenarios.Direct)
	in.Manifest.Scenario.Target = "http://127.0.0.1:8000"
	c := sampleCell(scenarios.TargetServer, scenarios.Direct, 1, 1, 1234)
	c.Final, c.AppCPU, c.Memory, c.Processes, c.Utilisation = threeStarts(1234, 41), nil, 0, 0, 0
	c.WorkerCPU, c.ProcessMemory = nil, 0
	in.Result = &analysis.Result{
		Outcome: analysis.Recommended, Because: "it sustains the most of the 1 cells measured, on 3 fresh starts", Target: "http://127.0.0.1:8000", Winner: c, Cells: []*analysis.Cell{c},
		Limit: analysis.Limit{What: analysis.LimitUnknown, Evidence: []string{"the processes of a target that was running already are not watched"}}, Spent: 2 * time.Minute, Budget: 5 * time.Minute,
	}
	return in
}
