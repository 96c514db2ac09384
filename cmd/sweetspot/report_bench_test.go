package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// largeScenario has 60 cells, and two more that are folklore.
const largeScenario = `
name: synthetic
app: {interface: wsgi, module: shop:app}
matrix: {servers: [gunicorn-gthread], proxies: [direct, nginx], workers: [1, 2, 3, 4, 6, 8], threads: [1, 2, 4, 8, 16]}
traffic: {requests: [{name: home, path: /}]}
objectives: ["p99 < 250ms", "errors < 0.1%"]
search: {strategy: grid, budget: 40h, replicates: 1, finals: 5, trial: 20s, warmup: 5s, burst: 10s}
`

// synthetic draws the trials of a machine that never was: every figure of them
// is made up, so that a report has much to tell and nothing to say.
type synthetic struct {
	rng      *rand.Rand
	requests uint64
}

// capacity of a cell, requests/s.
func (s *synthetic) capacity(c scenarios.Cell) float64 {
	slots := float64(c.Slots())
	most := 1900 * (1 - math.Exp(-slots/5)) / (1 + 0.01*slots)
	if c.Proxy != scenarios.Direct {
		most *= 1.15
	}
	return most
}

// trial makes up what a step came to, with histograms of as many responses.
func (s *synthetic) trial(step rundir.Step) (rundir.Trial, map[string]rundir.Histograms) {
	capacity := s.capacity(step.Cell) * (1 + 0.01*s.rng.NormFloat64())
	offered, seconds := step.Rate, step.Duration.Seconds()
	load := min(offered/capacity, 1.2)
	if offered == 0 {
		load = 1
	}
	goodput := min(load, 1) * capacity
	n := uint64(goodput * seconds)
	s.requests += n
	t := rundir.Trial{
		Step: step, Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Cost: step.Warmup + step.Duration + 2*time.Second, Fresh: true, StartTime: time.Second,
		Effective: rundir.Effective{Workers: step.Cell.Processes(), Threads: step.Cell.Threads},
		Load: rundir.Load{
			Offered: offered, Achieved: offered, Goodput: goodput, Planned: n, Sent: n, Span: step.Duration, InFlight: float64(step.Connections),
			Classes: map[string]rundir.Class{},
		},
		Usage: rundir.Usage{
			Wall: step.Duration, Cores: 4, AppCores: 4, BusySeconds: 3.4 * seconds * min(load, 1),
			App:       rundir.Group{CPUSeconds: 3 * seconds * min(load, 1), PSSBytes: uint64(30e6 * (1 + step.Cell.Workers)), Processes: 1 + step.Cell.Workers},
			Generator: rundir.Group{CPUSeconds: 0.2 * seconds, PSSBytes: 50e6, Processes: 1},
		},
	}
	for second := range int(seconds) {
		t.Load.Windows = append(t.Load.Windows, rundir.Window{Second: second, Sent: n / uint64(seconds), Good: n / uint64(seconds)})
		t.Usage.Timeline = append(t.Usage.Timeline, rundir.Moment{Second: second, App: 3 * min(load, 1)})
	}
	h := s.histograms(n, load)
	if offered > 0 {
		t.Load.InFlight = goodput * h[scenarios.All].Response.Mean() / 1e6
	}
	for class, x := range h {
		l := rundir.Summary(x.Response)
		t.Load.Classes[class] = rundir.Class{
			Sent: uint64(l.Count), Good: uint64(l.Count), Bytes: 5000 * uint64(l.Count), Statuses: map[string]uint64{"200": uint64(l.Count)},
			Response: l, Service: rundir.Summary(x.Service), Lag: rundir.Summary(x.Lag),
		}
	}
	return t, h
}

// histograms draws n responses at a share of the capacity.
func (s *synthetic) histograms(n uint64, load float64) map[string]rundir.Histograms {
	h := map[string]rundir.Histograms{scenarios.All: rundir.NewHistograms(), scenarios.Static: rundir.NewHistograms(), scenarios.Dynamic: rundir.NewHistograms()}
	for range n {
		class, service := scenarios.Dynamic, 4000*math.Exp(0.5*s.rng.NormFloat64())
		if s.rng.IntN(5) < 2 {
			class, service = scenarios.Static, 600*math.Exp(0.4*s.rng.NormFloat64())
		}
		response := service + 3000*s.rng.ExpFloat64()*load/max(1-load, 0.03)
		for _, of := range []string{scenarios.All, class} {
			// An hour is never reached, so that nothing is out of range.
			_ = h[of].Response.RecordValue(int64(response))
			_ = h[of].Service.RecordValue(int64(service))
			_ = h[of].Lag.RecordValue(int64(40 * s.rng.ExpFloat64()))
		}
	}
	return h
}

// write has the grid search the machine to its end, and keeps it as a run.
func (s *synthetic) write(dir string) (cells, trials int, err error) {
	loaded, err := scenarios.Parse("synthetic.yaml", []byte(largeScenario), ".", nil, stack.Catalogue())
	if err != nil {
		return 0, 0, err
	}
	m := rundir.Manifest{
		RunID: "synthetic", Tool: "test", Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Source: largeScenario, SourceName: "synthetic.yaml",
		Scenario: *loaded, Seed: 1, CPUs: rundir.CPUs{App: []int{0, 1, 2, 3}}, Notes: []string{"this run is synthetic: nothing was measured"},
	}
	run, err := rundir.Create(dir, m)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	next := analysis.Strategies[scenarios.Grid](loaded, cellsOf(m))
	for {
		step, ok := next(run.Trials())
		if !ok {
			return len(cellsOf(m)), len(run.Trials()), nil
		}
		p, err := run.Begin()
		if err != nil {
			return 0, 0, err
		}
		t, h := s.trial(step)
		if err := p.Commit(t, h); err != nil {
			return 0, 0, err
		}
	}
}

// BenchmarkReport has the program judge and report a synthetic run of 60 cells
// and 10 million requests, and tells its time, the most memory that it had and
// the size of its page.
func BenchmarkReport(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "run")
	s := synthetic{rng: rand.New(rand.NewPCG(1, 60))}
	cells, trials, err := s.write(dir)
	if err != nil {
		b.Fatal(err)
	}
	if cells < 60 || s.requests < 10_000_000 {
		b.Fatalf("the run has %d cells and %d requests, want 60 and 10 million", cells, s.requests)
	}
	most := 0.0
	for b.Loop() {
		most = max(most, reported(b, dir))
	}
	page, err := os.Stat(filepath.Join(dir, "report.html"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(cells), "cells")
	b.ReportMetric(float64(trials), "trials")
	b.ReportMetric(float64(s.requests), "synthetic-requests")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/report")
	b.ReportMetric(most, "MB-most")
	b.ReportMetric(float64(page.Size())/1e6, "MB-page")
}

var highWater = regexp.MustCompile(`VmHWM:\s*(\d+) kB`)

// reported runs the program on a run directory, and returns the most memory that
// it had resident, MB.
func reported(b *testing.B, dir string) (most float64) {
	c := exec.Command("sweetspot", "report", dir, "--quiet")
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	for every := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case err := <-done:
			every.Stop()
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == exitInconclusive {
				err = nil
			}
			if err != nil {
				b.Fatal(err)
			}
			return most
		case <-every.C:
			// The kernel's high-water mark: a peak between two looks is in the later one.
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
			if err != nil {
				continue // it has just ended
			}
			if m := highWater.FindSubmatch(status); m != nil {
				kB, _ := strconv.ParseFloat(string(m[1]), 64)
				most = max(most, kB*1024/1e6)
			}
		}
	}
}
