// Package simulate is a duet whose truth is known: a machine that drifts, whose
// speed wanders from burst to burst, and on which every start of a build has a
// speed of its own.
package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"sweetspot/analysis/gate"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// World is the truth of a duet. Spreads are standard deviations of logarithms.
type World struct {
	Starts  float64            // between fresh starts of one build
	Machine float64            // of the machine's speed, as it wanders
	Memory  time.Duration      // in which the correlation of that falls to 1/e
	Jitter  float64            // of its mean over a second beside that; over longer falls with the root
	Drift   float64            // of the machine's speed in an hour
	Pace    float64            // correlation of the machine's speed with its measured pace
	Latency float64            // of a response time beside that
	Slower  float64            // by which the throughput of the candidate is lower, 0.05 is 5 %; its times are longer to match
	Request map[string]float64 // by which a request of the candidate is slower, by name
}

// Noisy is a machine with that spread between starts. Its other figures are
// those of a virtual machine of two cores whose neighbours slow them now and
// then, taken from bursts of 1, 5 and 20 s on the Django shop.
func Noisy(starts float64) World {
	return World{Starts: starts, Machine: 0.055, Memory: 15 * time.Second, Jitter: 0.07, Drift: 0.1, Pace: 0.9, Latency: 0.03}
}

// startCost is what starting a build takes, stopping it included.
const startCost = 2500 * time.Millisecond

// between is what lies between two bursts of a round.
const between = 100 * time.Millisecond

// requests of the simulated traffic.
const requests = 6

// Plan is a gate on the simulated application with that many deciding metrics:
// 1 is throughput, 3 are throughput, CPU and p50, 16 are those with p95 and
// p50 and p95 of every request.
func Plan(metrics int, seed uint64) gate.Plan {
	s := &scenarios.Scenario{Name: "simulated"}
	for i := range requests {
		s.Traffic.Requests = append(s.Traffic.Requests, scenarios.Request{Name: name(i), Class: scenarios.Dynamic, Weight: 1})
	}
	all := []scenarios.Criterion{
		{Metric: scenarios.Throughput, By: 0.05}, {Metric: scenarios.CPU, By: 0.05}, {Metric: "p50", By: 0.1}, {Metric: "p95", By: 0.1},
	}
	for i := range requests {
		for _, m := range []string{"p50", "p95"} {
			all = append(all, scenarios.Criterion{Scope: name(i), Metric: m, By: 0.1})
		}
	}
	s.Gate = scenarios.Gate{
		Fail: all[:min(metrics, len(all))], Load: 0.7, Rounds: 20,
		Bursts: 6, Burst: scenarios.Duration(time.Second), OpenBursts: 2, OpenBurst: scenarios.Duration(2500 * time.Millisecond),
		Settle: scenarios.Duration(250 * time.Millisecond), Budget: scenarios.Duration(10 * time.Minute),
	}
	cell := scenarios.Cell{Server: "simulated", Proxy: scenarios.Direct, Workers: 4, Threads: 1}
	return gate.Plan{Scenario: s, Gate: s.Gate, Cell: cell, Seed: seed}
}

func name(i int) string { return fmt.Sprintf("request-%d", i+1) }

// Run makes a gate in the world, to its end.
func (w World) Run(p gate.Plan, seed uint64) gate.Result {
	m := &machine{World: w, rand: rand.New(rand.NewPCG(seed, 7)), starts: map[string][]float64{}}
	m.wander = w.Machine * m.rand.NormFloat64()
	steps := gate.Steps(p, 0)
	var done []rundir.Trial
	for {
		step, ok := steps(done)
		if !ok {
			return gate.Judge(gate.Input{Plan: p, Source: gate.Duet, Trials: done})
		}
		done = append(done, m.trial(len(done)+1, step))
	}
}

// machine is a world as it goes on.
type machine struct {
	World
	rand   *rand.Rand
	now    time.Duration
	wander float64 // how slow it is, as a logarithm
	speed  float64 // the same in the burst, with the jitter
	starts map[string][]float64
	started
}

// started is which start runs.
type started struct {
	phase string
	start int
}

// trial is one burst.
func (m *machine) trial(id int, step rundir.Step) rundir.Trial {
	t := rundir.Trial{ID: id, Step: step}
	t.Effective.Workers = step.Cell.Processes()
	if now := (started{step.Phase, step.Start}); now != m.started {
		m.started = now
		clear(m.starts)
		t.Cost += 2 * startCost
	}
	own, runs := m.starts[step.Build]
	if !runs {
		own = m.newStart()
		m.starts[step.Build] = own
		t.Fresh, t.StartTime = true, time.Duration(float64(startCost)*math.Exp(0.1*m.rand.NormFloat64()))
	}
	t.Cost += step.Warmup + step.Duration + between
	m.now += t.Cost
	kept := math.Exp(-t.Cost.Seconds() / m.Memory.Seconds())
	m.wander = kept*m.wander + math.Sqrt(1-kept*kept)*m.Machine*m.rand.NormFloat64()
	m.speed = m.wander + m.Jitter/math.Sqrt(step.Duration.Seconds())*m.rand.NormFloat64()
	m.fill(&t, own)
	return t
}

// newStart draws what is particular to a start: half of it is common to all
// that is measured.
func (m *machine) newStart() []float64 {
	common := m.rand.NormFloat64()
	out := make([]float64, 4+requests)
	for i := range out {
		out[i] = m.Starts * (common + m.rand.NormFloat64()) / math.Sqrt2
	}
	return out
}

const (
	rate      = 300. // requests a second, saturated
	cpuEach   = 0.006
	pause     = 0.010 // median response time
	generator = 0.0005
	work      = 4e4 // CPU time of the piece of work that the pace is measured by, ns
)

// fill makes up what a burst measures.
func (m *machine) fill(t *rundir.Trial, own []float64) {
	slow := m.speed + m.Drift*m.now.Hours()
	extra := 0.
	if t.Step.Build == rundir.Candidate {
		extra = -math.Log1p(-m.Slower)
	}
	wobble := func(sd float64) float64 { return sd * m.rand.NormFloat64() }
	good := rate * math.Exp(-slow-own[0]-extra)
	offered := t.Step.Rate
	if offered > 0 {
		good = offered
	}
	seconds := t.Step.Duration.Seconds()
	n := uint64(good * seconds)
	latency := func(i int, sd, more float64) rundir.Latency {
		at := pause * math.Exp(slow+own[i]+extra+more+wobble(sd))
		return rundir.Latency{
			P50: seconds2(at), P95: seconds2(3 * at * math.Exp(wobble(2*sd))), P99: seconds2(5 * at * math.Exp(wobble(4*sd))),
		}
	}
	all := rundir.Class{Sent: n, Good: n, Response: latency(2, m.Latency, 0)}
	t.Load = rundir.Load{
		Offered: offered, Achieved: good, Goodput: float64(n) / seconds, Planned: n, Sent: n, InFlight: float64(t.Step.Connections),
		Classes:  map[string]rundir.Class{scenarios.All: all, scenarios.Dynamic: all},
		Requests: map[string]rundir.Class{},
	}
	more := func(i int) float64 {
		if t.Step.Build != rundir.Candidate {
			return 0
		}
		return math.Log1p(m.Request[name(i)])
	}
	for i := range requests {
		t.Load.Requests[name(i)] = rundir.Class{Sent: n, Good: n, Response: latency(4+i, m.Latency, more(i))}
	}
	blur := math.Hypot(m.Machine, m.Jitter/math.Sqrt(seconds))
	if m.Pace > 0 {
		blur *= math.Sqrt(1/(m.Pace*m.Pace) - 1)
	} else {
		slow = 0
	}
	t.Usage = rundir.Usage{
		Wall: t.Step.Duration, Cores: 2, AppCores: 2,
		App:       rundir.Group{CPUSeconds: float64(n) * cpuEach * math.Exp(slow+own[1]+extra), PSSBytes: uint64(1e8 * math.Exp(wobble(0.01)))},
		Generator: rundir.Group{CPUSeconds: float64(n) * generator * math.Exp(slow)},
		Pace:      work * math.Exp(slow+wobble(blur)),
	}
}

func seconds2(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
