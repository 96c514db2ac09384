package simulate

import (
	"cmp"
	"math"
	"math/rand/v2"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Machine makes trials of a world, as the runner would.
type Machine struct {
	World    *World
	Scenario *scenarios.Scenario
	Noise    Noise
	Restart  time.Duration // to start, check and stop a stack
	Seed     uint64        // of the noise, the arrivals and what requests take
	Speed    float64       // of the machine, beside others; 0: 1

	Wall    time.Duration // that all trials took, restarts included, and what it waited
	Trials  int
	speeds  map[start]float64
	running start
	phase   float64 // of the slow swing, s
}

// start is one fresh start of a cell.
type start struct {
	cell scenarios.Cell
	n    int
}

// NewMachine is a machine with a restart of six seconds.
func NewMachine(w *World, s *scenarios.Scenario, n Noise, seed uint64) *Machine {
	return &Machine{
		World: w, Scenario: s, Noise: n, Restart: 6 * time.Second, Seed: seed,
		speeds: map[start]float64{}, running: start{n: -1}, phase: swing * rand.New(rand.NewPCG(seed, 0)).Float64(),
	}
}

// Search lets a strategy measure to its end, for at most so many trials.
func (m *Machine) Search(next rundir.Strategy, most int) (done []rundir.Trial, ended bool) {
	for range most {
		step, ok := next(done)
		if !ok {
			return done, true
		}
		done = append(done, m.Trial(step))
	}
	return done, false
}

// epoch is when a machine's first trial begins.
var epoch = time.Unix(0, 0)

// Trial makes one trial.
func (m *Machine) Trial(step rundir.Step) rundir.Trial {
	m.Trials++
	rng := rand.New(rand.NewPCG(m.Seed, uint64(m.Trials)))
	t := rundir.Trial{ID: m.Trials, Step: step, Began: epoch.Add(m.Wall), Effective: rundir.Effective{Workers: step.Cell.Processes()}}
	key := start{step.Cell, step.Start}
	if t.Fresh = key != m.running; t.Fresh {
		m.running = key
		t.StartTime = m.Restart
		t.Cost = m.Restart
	}
	if m.speeds[key] == 0 {
		m.speeds[key] = cmp.Or(m.Speed, 1) * math.Exp(m.Noise.Start*rng.NormFloat64())
	}
	span := (step.Warmup + step.Duration).Seconds()
	p := &play{
		step: step, rng: rng, end: span, warm: step.Warmup.Seconds(), limits: limitsOf(m.Scenario, step),
		clock: m.Noise.newClock(rng, m.speeds[key], m.phase+m.Wall.Seconds(), span),
	}
	p.run(m.World)
	t.Load, t.Usage = p.load(), p.usage(m.World)
	t.Cost += step.Warmup + t.Load.Span
	m.Wall += t.Cost
	return t
}

// limit is how many requests may be slower than a latency.
type limit struct {
	latency float64 // s
	left    int
	text    string
}

// limitsOf are the limits beyond which a trial with a rate cannot pass.
func limitsOf(s *scenarios.Scenario, step rundir.Step) (out []limit) {
	if step.Rate == 0 {
		return nil
	}
	for _, o := range s.Objectives {
		if q, ok := o.Quantile(); ok {
			planned := step.Rate * step.Duration.Seconds()
			out = append(out, limit{o.Limit.Seconds(), int((1 - q) * planned), o.String()})
		}
	}
	return out
}

// play is one trial.
type play struct {
	step      rundir.Step
	rng       *rand.Rand
	clock     *clock
	warm, end float64 // of the warm-up and of the trial, s of wall time
	limits    []limit

	engine    *engine
	latencies []float64 // s of wall time, of the measured part
	windows   []rundir.Window
	second    []float64 // latencies of the last window
	inFlight  float64   // request-seconds
	good      int
	aborted   string
	stopped   float64    // wall time of the abort
	before    [2]float64 // CPU time up to the measured part, by role
	after     [2]float64 // and at its end
	connected int        // to the database half-way; -1 before
}

func (p *play) run(w *World) {
	p.engine = newEngine(w, p.step.Cell, rand.New(rand.NewPCG(p.rng.Uint64(), 1)))
	p.stopped, p.connected = p.end, -1
	switch {
	case p.step.Rate > 0:
		at := 0.0
		p.engine.run(func() float64 {
			if at += p.rng.ExpFloat64() / p.step.Rate; at >= p.end {
				return math.Inf(1)
			}
			return p.clock.machine(at)
		}, func() bool { return false }, p.open)
	default:
		n := p.step.Connections
		p.engine.run(func() float64 {
			if n--; n < 0 {
				return math.Inf(1)
			}
			return 0
		}, func() bool { return true }, p.closed)
	}
}

// open takes note of a request of an open loop. What arrived in the warm-up
// does not count.
func (p *play) open(arrived, left float64) bool {
	from, to := p.clock.wall(arrived), p.clock.wall(left)
	p.account(to)
	if from < p.warm {
		return true
	}
	latency := to - from
	p.take(to, latency)
	p.inFlight += latency
	p.good++
	for i := range p.limits {
		if l := &p.limits[i]; latency > l.latency {
			if l.left--; l.left < 0 {
				p.aborted, p.stopped = "too many are slow already for "+l.text, min(to, p.end)
				return false
			}
		}
	}
	return true
}

// closed takes note of a request of a closed loop: what is answered in the
// measured part counts.
func (p *play) closed(arrived, left float64) bool {
	to := p.clock.wall(left)
	p.account(to)
	if to >= p.end {
		return false
	}
	if to >= p.warm {
		p.good++
		p.take(to, to-p.clock.wall(arrived))
	}
	return true
}

// take keeps the latency of a request of the measured part that left at a wall
// time.
func (p *play) take(left, latency float64) {
	p.latencies = append(p.latencies, latency)
	if second := int(left - p.warm); second != len(p.windows) {
		p.closeWindow()
		for len(p.windows) < second {
			p.windows = append(p.windows, rundir.Window{Second: len(p.windows)})
		}
	}
	p.second = append(p.second, latency)
}

func (p *play) closeWindow() {
	p.windows = append(p.windows, windowOf(len(p.windows), p.second))
	p.second = p.second[:0]
}

// account keeps the CPU time at the ends of the measured part, and looks at the
// database half-way.
func (p *play) account(now float64) {
	if now < p.warm {
		p.before = p.engine.busy
	}
	if now < p.end {
		p.after = p.engine.busy
	}
	if p.connected < 0 && now >= (p.warm+p.end)/2 {
		p.connected = p.engine.connected
	}
}

// load is what the generator would have told.
func (p *play) load() rundir.Load {
	span := p.stopped - p.warm
	n := uint64(p.good)
	l := rundir.Load{
		Offered: p.step.Rate, Planned: n, Sent: n, Span: seconds(span), Aborted: p.aborted,
		Goodput: float64(n) / span, Achieved: float64(n) / span, InFlight: p.inFlight / span,
		Classes: map[string]rundir.Class{},
	}
	if p.step.Rate == 0 {
		l.InFlight = float64(p.step.Connections)
	}
	p.closeWindow()
	l.Windows = p.windows
	summary := summary(p.latencies)
	class := rundir.Class{Sent: n, Good: n, Response: summary, Service: summary}
	l.Classes[scenarios.All], l.Classes[scenarios.Dynamic] = class, class
	return l
}

// usage is what the sampler would have told. The machine's speed stands for
// what its CPUs do a second: CPU time is wall time on a core.
func (p *play) usage(w *World) rundir.Usage {
	span := p.stopped - p.warm
	scale := span / max(1e-9, p.clock.machine(p.stopped)-p.clock.machine(p.warm))
	app, proxy := (p.after[0]-p.before[0])*scale, (p.after[1]-p.before[1])*scale
	u := rundir.Usage{
		Wall: seconds(span), Cores: w.Cores, AppCores: w.Cores, BusySeconds: app + proxy,
		App: rundir.Group{CPUSeconds: app, PSSBytes: w.Memory(p.step.Cell), Processes: p.step.Cell.Processes() + 1},
	}
	if w.Connections > 0 {
		u.Databases = map[string]rundir.ServiceUse{"database": {Connections: max(0, p.connected), Limit: w.Connections}}
	}
	if p.step.Cell.Proxy != scenarios.Direct {
		u.Proxy = rundir.Group{CPUSeconds: proxy, Processes: w.Cores + 1}
	}
	return u
}
