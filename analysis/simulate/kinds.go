package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"sweetspot/scenarios"
)

// Kinds of workload, by what limits them.
var Kinds = []string{"cpu", "wait", "database", "mixed", "heavy", "crowded"}

// NewWorld draws a workload of a kind. Its capacity is 60 to 240 requests/s,
// whatever the cores, so that simulating it is cheap: only ratios of times
// matter.
func NewWorld(kind string, seed uint64) *World {
	rng := rand.New(rand.NewPCG(seed, 0x5eed))
	between := func(low, high float64) float64 { return low * math.Pow(high/low, rng.Float64()) }
	w := &World{
		Name:      fmt.Sprintf("%s-%d", kind, seed),
		Cores:     []int{2, 4, 8}[rng.IntN(3)],
		Crowding:  between(0.001, 0.006),
		Switching: between(0.002, 0.02),
	}
	capacity := between(60, 240)
	cpu := float64(w.Cores) / capacity // s
	w.CPU = Time{Mean: seconds(cpu), Sigma: between(0.3, 0.6)}
	w.Lock = seconds(cpu * between(0.002, 0.02))
	w.Wait = Time{Mean: seconds(cpu * between(0.05, 0.3)), Sigma: 0.5}
	switch kind {
	case "cpu":
	case "wait":
		w.Wait = Time{Mean: seconds(cpu * between(4, 12)), Sigma: between(0.2, 0.8)}
	case "database":
		w.Connections = 2 + rng.IntN(3*w.Cores)
		w.Database = Time{Mean: seconds(float64(w.Connections) / capacity * between(1.1, 2)), Sigma: between(0.3, 0.7)}
	case "mixed":
		w.Wait = Time{Mean: seconds(cpu * between(0.5, 4)), Sigma: between(0.3, 1)}
		w.Connections = 4 + rng.IntN(4*w.Cores)
		w.Database = Time{Mean: seconds(float64(w.Connections) / capacity * between(0.4, 1)), Sigma: between(0.3, 0.7)}
	case "heavy":
		w.CPU.Sigma = between(0.9, 1.3)
		w.Wait = Time{Mean: seconds(cpu * between(0.5, 3)), Sigma: between(0.9, 1.3)}
	case "crowded":
		w.Crowding = between(0.01, 0.05)
		w.Switching = between(0.02, 0.1)
		w.Lock = seconds(cpu * between(0.02, 0.1))
	default:
		panic("simulate: no workload is of the kind " + kind)
	}
	w.Lock = min(w.Lock, mostLock)
	w.Proxies = map[string]Proxy{
		scenarios.Direct: {Hold: seconds(cpu * between(0.02, 0.4)), Cost: seconds(cpu * between(0.01, 0.15))},
		"nginx":          {CPU: seconds(cpu * between(0.01, 0.12))},
	}
	return w
}

// mostLock is well below the slice in which a thread gets something done.
const mostLock = 2 * time.Millisecond

// server is the only one of a simulated matrix.
const server = "simulated"

// Scenario is what a world is searched with: 8 counts of workers, 5 of threads,
// with and without a proxy, and a 99th percentile of 25 times what a request
// takes on an idle machine.
func (w *World) Scenario(seed uint64) *scenarios.Scenario {
	alone := w.CPU.Mean + w.Wait.Mean + w.Database.Mean
	s := &scenarios.Scenario{
		Name: w.Name,
		Matrix: scenarios.Matrix{
			Servers: []string{server},
			Proxies: []string{scenarios.Direct, "nginx"},
			Workers: scenarios.Counts{"1", "2", "3", "4", "6", "8", "12", "16"},
			Threads: scenarios.Counts{"1", "2", "4", "8", "16"},
		},
		Traffic:    scenarios.Traffic{Arrivals: scenarios.Poisson},
		Objectives: []scenarios.Objective{{Class: scenarios.All, Metric: "p99", Limit: 25 * alone}},
		Search:     scenarios.Search{Replicates: 1, Finals: 3, Regret: 0.02, Seed: seed},
	}
	return s
}

// Cells are the cells of the scenario, the folklore settings among them.
func (w *World) Cells() []scenarios.Planned {
	return w.Scenario(1).Cells(w.Cores, scenarios.Catalogue{})
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
