package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"sweetspot/scenarios"
)

// planned is what the tests read of a plan.
type planned struct {
	Sustains figure            `json:"one_sustains_per_second"`
	Machines int               `json:"machines"`
	Low      int               `json:"machines_low"`
	High     int               `json:"machines_high"`
	Each     float64           `json:"each_per_second"`
	Response map[string]figure `json:"response_s"`
	Ratio    *figure           `json:"throughput_over_measured"`
}

type figure struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low_95"`
	High  float64 `json:"high_95"`
}

func (f figure) holds(truth float64) bool { return f.Low <= truth && truth <= f.High }

// capacityOf runs the command on a run.
func capacityOf(t *testing.T, dir string, args ...string) (p planned) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(context.Background(), append([]string{"capacity", dir, "--json"}, args...), &out, &errs); code != exitGood {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// simulatedRun is the directory of a simulated run.
func simulatedRun(t *testing.T, name string, seed uint64) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	if err := simulations[name].write(dir, seed); err != nil {
		t.Fatal(err)
	}
	return dir
}

// erlang is M/M/c with a service rate: what theory has for the response time.
type erlang struct {
	servers int
	service float64 // s
}

// waits is the share of requests that wait (Erlang C).
func (e erlang) waits(rate float64) float64 {
	a, term, sum := rate*e.service, 1.0, 0.0
	for k := range e.servers {
		sum += term
		term *= a / float64(k+1)
	}
	last := term / (1 - a/float64(e.servers))
	return last / (sum + last)
}

func (e erlang) mean(rate float64) float64 {
	return e.service + e.waits(rate)*e.service/(float64(e.servers)-rate*e.service)
}

// quantile inverts the distribution of wait and service together.
func (e erlang) quantile(q, rate float64) float64 {
	free := float64(e.servers) - rate*e.service // mean servers free
	slower := func(t float64) float64 {
		x := t / e.service
		return math.Exp(-x) * (1 + e.waits(rate)*(1-math.Exp(-x*(free-1)))/(free-1))
	}
	low, high := 0.0, 100*e.service
	for range 60 {
		if mid := (low + high) / 2; slower(mid) > 1-q {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// Plans for simulated runs agree with queueing theory within their own
// intervals: what one machine sustains, and the response time at the planned
// load.
func TestCapacityAgreesWithQueueingTheory(t *testing.T) {
	queue := erlang{4, 0.01}
	if got := queue.quantile(0.99, 320); math.Abs(got-0.0689) > 1e-4 {
		t.Fatalf("the 99th percentile of M/M/4 at 320 requests/s is %v s, want 0.0689", got)
	}
	sharing := func(rate float64) float64 { return 0.01 / (1 - rate/100) }
	for _, tt := range []struct {
		name, simulation string
		limit            []string
		truth            float64 // requests/s that one sustains
		response         map[string]func(rate float64) float64
	}{
		{"M/M/4", "queue", []string{"--p99", "68.9ms"}, 320, map[string]func(float64) float64{
			"mean": queue.mean,
			"p50":  func(rate float64) float64 { return queue.quantile(0.50, rate) },
			"p95":  func(rate float64) float64 { return queue.quantile(0.95, rate) },
			"p99":  func(rate float64) float64 { return queue.quantile(0.99, rate) },
		}},
		{"M/G/1-PS", "shared", []string{"--mean", "50ms"}, 80, map[string]func(float64) float64{"mean": sharing}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			held, of := map[string]int{}, map[string]int{}
			count := func(what string, in bool) {
				if of[what]++; in {
					held[what]++
				}
			}
			for seed := range uint64(6) {
				dir := simulatedRun(t, tt.simulation, seed)
				for _, limit := range [][]string{nil, tt.limit} { // the run's own objective, and the same on the measured curve
					p := capacityOf(t, dir, append([]string{"--rate", "3000"}, limit...)...)
					count("sustained rate", p.Sustains.holds(tt.truth))
					if off := p.Sustains.Value/tt.truth - 1; math.Abs(off) > 0.05 {
						t.Errorf("one sustains %.1f requests/s, theory has %g", p.Sustains.Value, tt.truth)
					}
					for metric, truth := range tt.response {
						count("response time", p.Response[metric].holds(truth(p.Each)))
					}
				}
			}
			for what, n := range of {
				if share := float64(held[what]) / float64(n); share < 0.80 {
					t.Errorf("%d of %d intervals of the %s hold the truth", held[what], n, what)
				}
			}
		})
	}
}

// What a law says of machines with other cores is what such machines do, on
// twice as many as were measured, too.
func TestCapacityOnOtherCores(t *testing.T) {
	s := simulations["cores"]
	cell := scenarios.Cell{Server: "gunicorn-gthread", Proxy: scenarios.Direct, Threads: 1}
	known := map[int]float64{}
	throughput := func(cores int) float64 {
		if known[cores] == 0 {
			cell.Workers = cores
			known[cores] = s.on(cores).Saturation(cell)
		}
		return known[cores]
	}
	const seeds = 8
	held := map[int]int{}
	for seed := range uint64(seeds) {
		dir := simulatedRun(t, "cores", seed)
		for _, cores := range []int{2, 8, 12, 16} {
			truth := throughput(cores) / throughput(s.cores)
			p := capacityOf(t, dir, "--rate", "3000", "--cores", fmt.Sprint(cores))
			if p.Ratio == nil {
				t.Fatalf("%d cores: no ratio", cores)
			}
			if off := p.Ratio.Value/truth - 1; math.Abs(off) > 0.1 {
				t.Errorf("%d cores do %.2f times what %d do, the truth is %.2f", cores, p.Ratio.Value, s.cores, truth)
			}
			if p.Ratio.holds(truth) {
				held[cores]++
			}
		}
	}
	for _, cores := range []int{2, 8, 12, 16} {
		if n := held[cores]; n < seeds-2 {
			t.Errorf("%d cores: %d of %d intervals hold the truth", cores, n, seeds)
		}
	}
}

func TestCapacityExitCodes(t *testing.T) {
	dir, hopeless := simulatedRun(t, "pod", 1), simulatedRun(t, "hopeless", 1)
	for _, tt := range []struct {
		name string
		args []string
		want int
	}{
		{"a plan", []string{dir, "--rate", "100"}, exitGood},
		{"no rate", []string{dir}, exitBadInput},
		{"no such growth", []string{dir, "--rate", "100", "--growth", "missing.csv"}, exitBadInput},
		{"no run", []string{t.TempDir(), "--rate", "100"}, exitBadInput},
		{"nothing recommended", []string{hopeless, "--rate", "100"}, exitInconclusive},
		{"a latency that no load keeps", []string{dir, "--rate", "100", "--p99", "1ms"}, exitInconclusive},
		{"cores that were not measured", []string{dir, "--rate", "100", "--cores", "8"}, exitInconclusive},
		{"no plot", []string{dir, "--rate", "100", "--plot", filepath.Join(t.TempDir(), "x.svg")}, exitInconclusive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := execute(context.Background(), append([]string{"capacity"}, tt.args...), discard{}, discard{}); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
		})
	}
}
