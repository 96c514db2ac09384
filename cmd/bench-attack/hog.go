package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"sweetspot/runner/process"
	"sweetspot/scenarios"
)

const hogCommand = "hog"

// hog keeps a core busy until ctx is done.
func hog(ctx context.Context) error {
	for ctx.Err() == nil {
	}
	return nil
}

// hogTrial is an attack beside a CPU hog, judged as a run judges a trial.
type hogTrial struct {
	Hogs      int  // busy loops on the generator's core
	Preferred bool // with the nice value that a run asks for
	Verdict   string
	Reasons   []string `json:",omitempty"`
	P99       time.Duration
	Truth     time.Duration // the same, as the server measured it
	Lag       time.Duration // p99, of requests that found a free worker
	Waited    time.Duration // that the generator's threads were ready and had no CPU, a request
}

// right tells whether the p99 is within 2 % or 2 ms of the truth.
func (h hogTrial) right() bool { return near(h.P99, h.Truth) }

// near is the tolerance of the project's promises: 2 % or 2 ms.
func near(got, want time.Duration) bool {
	off := math.Abs(float64(got - want))
	return off <= 0.02*float64(want) || off <= float64(2*time.Millisecond)
}

// hogRates are the rates of the trials, in turn, requests per second.
var hogRates = []float64{50, 100, 200, 500, 1000}

const hogService = 2 * time.Millisecond

// hogJobs are trials with no, one and two hogs on the generator's core, at
// several rates, each with and without the nice value of a run.
func (b *bench) hogJobs() (jobs []job) {
	for i := range b.hogTrials {
		h := hogTrial{Hogs: i / 2 % 3, Preferred: i%2 == 0}
		l := load{Rate: hogRates[i/2%len(hogRates)], Duration: b.hogTrial}
		name := fmt.Sprintf("hogs: %d, nice %d", h.Hogs, map[bool]int{true: -10}[h.Preferred])
		j := b.each(tool{}, measurement{Part: hogged, Case: name, Tool: ours, Round: i + 1, Load: l},
			func(ctx context.Context, _ tool, m measurement) measurement { return b.besideHogs(ctx, m, h) })
		jobs = append(jobs, j)
	}
	return jobs
}

// besideHogs makes one trial. The hogs count as the application's processes:
// as strangers they would make every trial void, and prove nothing.
func (b *bench) besideHogs(ctx context.Context, m measurement, h hogTrial) measurement {
	server, err := b.startTruth(ctx, truthSpec{Service: hogService})
	if err != nil {
		return failedAs(m, err)
	}
	m, report, err := b.judgedAttack(ctx, m, h, server)
	served, askErr := server.stop()
	if err = errors.Join(err, askErr); err != nil {
		return failedAs(m, err)
	}
	h.Verdict, h.Reasons = report.Verdict, report.Reasons
	h.Lag = report.Trial.Load.StarveLag.P99
	h.Waited = report.Trial.Usage.Generator.WaitTime / time.Duration(max(1, report.Trial.Load.Sent))
	h.P99, h.Truth = report.Reading.Quantiles["p99"], served.Service.P99
	m.Served, m.Trial = served.Requests, &h
	return m
}

func (b *bench) judgedAttack(ctx context.Context, m measurement, h hogTrial, server *truthProcess) (_ measurement, r engineReport, err error) {
	groups := []int{server.process.Group()}
	for range h.Hogs {
		p, err := process.Start(ctx, process.Spec{
			Role: "hog", Argv: []string{b.self, hogCommand}, Dir: b.dir, Env: b.env,
			CPUs: []int{b.generator}, Log: filepath.Join(b.dir, "hog.log"), Grace: time.Second,
		})
		if err != nil {
			return m, r, err
		}
		defer func() { err = errors.Join(err, p.Stop()) }()
		groups = append(groups, p.Group())
	}
	spec := engineSpec{
		Engine: sweetspotEngine, Arrivals: scenarios.Poisson, KeepRaw: true, Seed: b.seed + uint64(m.Round),
		Judge: &judgeSpec{OwnCPUs: []int{b.generator}, Groups: groups, Prefer: h.Preferred},
	}
	m.Load.Address, m.Load.Path = server.address, truthPath
	m, stdout, err := b.attack(ctx, tool{command: engineCommandOf(b.self, spec), parse: parseEngine}, m, b.kids)
	if err != nil {
		return m, r, err
	}
	r, err = parseReport(stdout)
	return m, r, err
}
