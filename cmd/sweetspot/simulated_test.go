package main

import (
	"errors"
	"fmt"
	"time"

	"sweetspot/analysis"
	"sweetspot/analysis/simulate"
	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// simulation is a run that was simulated, not measured: the strategy of its
// scenario on a machine whose truth is known, then bursts on machines of other
// numbers of cores.
type simulation struct {
	cell       string // server, workers and threads of the scenario's only cell
	cores      int    // of the machine
	world      simulate.World
	objectives string
	scaling    []int   // numbers of cores
	noise      float64 // of a start, in the bursts on numbers of cores
	quota      float64 // of a control group of the application; 0: none
	trial      time.Duration
}

// simulations by the name that a script uses.
var simulations = map[string]simulation{
	// M/M/4: at 320 requests/s the 99th percentile is 68.9 ms.
	"queue": {cell: "workers: [1], threads: [4]", cores: 1, world: simulate.World{Wait: exponential(10)}, objectives: "p99 < 68.9ms", trial: 2 * time.Minute},
	// M/G/1-PS: at 80 requests/s the mean is 50 ms, whatever the distribution.
	"shared": {cell: "workers: [80], threads: [1]", cores: 1, world: simulate.World{CPU: simulate.Time{Mean: 10 * time.Millisecond, Sigma: 1}}, objectives: "mean < 50ms", trial: 2 * time.Minute},
	// Processes slow each other down: two by 4 %.
	"cores":    {cell: "workers: [4], threads: [1]", cores: 4, world: crowded(0.04), objectives: "p99 < 400ms", scaling: []int{1, 2, 3, 4, 6, 8}, noise: 0.01},
	"four":     {cell: "workers: [4], threads: [1]", cores: 4, world: crowded(0.04), objectives: "p99 < 400ms", scaling: []int{1, 2, 3, 4}, noise: 0.01},
	"straight": {cell: "workers: [4], threads: [1]", cores: 4, world: crowded(0), objectives: "p99 < 400ms", scaling: []int{1, 2, 3, 4, 6, 8}, noise: 0.01},
	"noisy":    {cell: "workers: [4], threads: [1]", cores: 4, world: crowded(0.04), objectives: "p99 < 400ms", scaling: []int{1, 2, 3, 4, 6, 8}, noise: 0.5},
	"pod":      {cell: "workers: [2], threads: [1]", cores: 2, world: crowded(0.04), objectives: "p99 < 400ms", quota: 2},
	"hopeless": {cell: "workers: [1], threads: [1]", cores: 1, world: crowded(0), objectives: "p99 < 1ms"},
}

func exponential(ms int) simulate.Time {
	return simulate.Time{Mean: time.Duration(ms) * time.Millisecond, Exponential: true}
}

// crowded is work on CPUs, 20 ms a request, of which every process with work
// takes a share from each of the others.
func crowded(share float64) simulate.World {
	return simulate.World{CPU: simulate.Time{Mean: 20 * time.Millisecond, Sigma: 0.4}, Crowding: share}
}

// on is the world with another number of cores.
func (s simulation) on(cores int) *simulate.World {
	w := s.world
	w.Cores = cores
	return &w
}

const simulatedScenario = `
name: simulated
app: {interface: wsgi, module: shop:app}
matrix: {servers: [gunicorn-gthread], proxies: [direct], %s}
traffic: {requests: [{name: home, path: /}]}
objectives: ["%s"]
search: {strategy: grid, budget: %v, finals: 5, trial: %v, warmup: 5s, burst: 10s}
`

// write simulates the run into a directory.
func (s simulation) write(dir string, seed uint64) (err error) {
	trial := max(s.trial, time.Minute)
	text := fmt.Sprintf(simulatedScenario, s.cell, s.objectives, 200*trial, trial)
	loaded, err := scenarios.Parse("simulated.yaml", []byte(text), ".", nil, stack.Catalogue())
	if err != nil {
		return err
	}
	m := rundir.Manifest{RunID: fmt.Sprintf("simulated-%d", seed), Tool: "test", Began: time.Date(2026, 1, 1+int(seed), 3, 4, 5, 0, time.UTC), Source: text, SourceName: "simulated.yaml", Scenario: *loaded, Seed: 1}
	for n := range s.cores {
		m.CPUs.App = append(m.CPUs.App, n)
	}
	run, err := rundir.Create(dir, m)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	machine := simulate.NewMachine(s.on(s.cores), loaded, simulate.Noise{Start: 0.005}, seed)
	done, ended := machine.Search(analysis.Strategies[scenarios.Grid](loaded, cellsOf(m)), 1000)
	if !ended {
		return errors.New("the search does not end")
	}
	for _, t := range append(done, s.bursts(cellsOf(m)[0].Cell, loaded, len(done), seed)...) {
		t.Usage.Quota = s.quota
		p, err := run.Begin()
		if err != nil {
			return err
		}
		if err := p.Commit(t, nil); err != nil {
			return err
		}
	}
	return nil
}

// bursts are three rounds on all numbers of cores, workers in proportion.
func (s simulation) bursts(cell scenarios.Cell, loaded *scenarios.Scenario, done int, seed uint64) (out []rundir.Trial) {
	for round := range 3 {
		for _, n := range s.scaling {
			c := cell
			c.Workers = cell.Workers * n / s.cores
			w := s.on(n)
			machine := simulate.NewMachine(w, loaded, simulate.Noise{Start: s.noise}, seed+uint64(100*round+n))
			t := machine.Trial(rundir.Step{
				Cell: c, Start: round, Phase: rundir.Scaling, Cores: float64(n), Connections: 2 * c.Slots(),
				Warmup: 2 * time.Second, Duration: time.Minute,
			})
			t.ID = done + len(out) + 1
			out = append(out, t)
		}
	}
	return out
}
