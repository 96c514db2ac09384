package analysis

import (
	"time"

	"sweetspot/analysis/simulate"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// simulated is a simulated machine of which a test can have trials say what it
// needs. Every request is dynamic.
type simulated struct {
	world     simulate.World
	noise     simulate.Noise
	startCost time.Duration                    // to start and stop a stack
	faster    func(rundir.Step) float64        // how much faster the cell of a step is than the model says; nil: not at all
	actually  int                              // workers that the cell really has; 0: as many as it says
	broken    func(rundir.Step, *rundir.Trial) // changes what a trial says; nil: nothing
	seed      uint64
	machine   *simulate.Machine
	seconds   float64 // trial time spent
}

func newSimulated(cores int, cpu, wait time.Duration, seed uint64) *simulated {
	return &simulated{
		world: simulate.World{Cores: cores, CPU: simulate.Time{Mean: cpu, Sigma: 0.3}, Wait: simulate.Time{Mean: wait}},
		noise: simulate.Noise{Start: 0.01, Window: 0.02}, startCost: 2 * time.Second, seed: seed,
	}
}

// search runs a strategy to its end and returns the trials.
func (m *simulated) search(next rundir.Strategy, most int) (done []rundir.Trial, ended bool) {
	for range most {
		step, ok := next(done)
		if !ok {
			return done, true
		}
		done = append(done, m.trial(step))
	}
	return done, false
}

func (m *simulated) trial(step rundir.Step) rundir.Trial {
	if m.machine == nil {
		m.machine = simulate.NewMachine(nil, &scenarios.Scenario{}, m.noise, m.seed)
		m.machine.Restart = m.startCost
	}
	w := m.world
	if m.faster != nil {
		by := m.faster(step)
		w.CPU.Mean, w.Wait.Mean = scale(w.CPU.Mean, 1/by), scale(w.Wait.Mean, 1/by)
	}
	real := step
	if m.actually > 0 {
		real.Cell.Workers = m.actually
	}
	m.machine.World = &w
	t := m.machine.Trial(real)
	t.Step, t.Effective.Workers = step, step.Cell.Processes()
	m.seconds += t.Cost.Seconds()
	if m.broken != nil {
		m.broken(step, &t)
	}
	return t
}
