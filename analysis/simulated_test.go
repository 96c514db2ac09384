package analysis

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// simulated is a simulation, not a measurement: a machine of so many cores that
// runs W processes of T threads behind one queue. A request takes CPU, then
// waits. CPU times vary by half, so that requests do not march in step. A
// process keeps at most one core busy, as Python's lock has it; the processes
// share the cores equally. Every request is dynamic.
type simulated struct {
	cores     int
	cpu, wait time.Duration
	startSD   float64 // spread of the speed between fresh starts
	trialSD   float64 // spread of the speed between trials of one start
	memory    func(scenarios.Cell) uint64
	faster    func(rundir.Step) float64        // how much faster the cell of a step is than the model says; nil: not at all
	actually  int                              // workers that the cell really has; 0: as many as it says
	startCost time.Duration                    // to start and stop a stack
	broken    func(rundir.Step, *rundir.Trial) // changes what a trial says; nil: nothing
	rng       *rand.Rand
	speeds    map[visitKey]float64
	seconds   float64 // trial time spent
}

func newSimulated(cores int, cpu, wait time.Duration, seed uint64) *simulated {
	return &simulated{
		cores: cores, cpu: cpu, wait: wait, startSD: 0.01, trialSD: 0.01, startCost: 2 * time.Second,
		memory: func(c scenarios.Cell) uint64 { return uint64(20e6 + 25e6*c.Processes() + 1e6*c.Slots()) },
		rng:    rand.New(rand.NewPCG(seed, 7)), speeds: map[visitKey]float64{},
	}
}

// search runs a strategy to its end and returns the trials.
func (m *simulated) search(next rundir.Strategy, most int) (done []rundir.Trial, ended bool) {
	for range most {
		step, ok := next(done)
		if !ok {
			return done, true
		}
		t := m.trial(step)
		t.ID = len(done) + 1
		done = append(done, t)
	}
	return done, false
}

func (m *simulated) trial(step rundir.Step) rundir.Trial {
	key := visitKey{step.Cell, step.Start}
	fresh := m.speeds[key] == 0
	if fresh {
		m.speeds[key] = math.Exp(m.startSD * m.rng.NormFloat64())
	}
	speed := m.speeds[key] * math.Exp(m.trialSD*m.rng.NormFloat64())
	if m.faster != nil {
		speed *= m.faster(step)
	}
	t := rundir.Trial{Step: step, Fresh: fresh, Effective: rundir.Effective{Workers: step.Cell.Processes()}}
	t.Cost = step.Warmup + step.Duration
	if fresh {
		t.Cost += m.startCost
	}
	m.seconds += t.Cost.Seconds()
	t.Load = m.attack(step, speed)
	good := float64(t.Load.Classes[scenarios.All].Good)
	t.Usage = rundir.Usage{
		Wall: step.Duration, Cores: m.cores, AppCores: m.cores,
		App:         rundir.Group{CPUSeconds: good * m.cpu.Seconds() / speed, PSSBytes: m.memory(step.Cell), Processes: step.Cell.Processes() + 1},
		BusySeconds: good * m.cpu.Seconds() / speed,
	}
	if m.broken != nil {
		m.broken(step, &t)
	}
	return t
}

// attack plays one trial in virtual time.
func (m *simulated) attack(step rundir.Step, speed float64) rundir.Load {
	if m.actually > 0 {
		step.Cell.Workers = m.actually
	}
	s := newQueue(step.Cell, m.cores, m.cpu.Seconds()/speed, m.wait.Seconds(), m.rng)
	end := (step.Warmup + step.Duration).Seconds()
	var starts []float64
	if step.Rate > 0 {
		for at := m.rng.ExpFloat64() / step.Rate; at < end; at += m.rng.ExpFloat64() / step.Rate {
			starts = append(starts, at)
		}
	}
	h := rundir.NewHistograms()
	l := rundir.Load{Offered: step.Rate, Span: step.Duration, Classes: map[string]rundir.Class{}}
	inFlight := 0.0
	s.run(starts, step.Connections, end, func(arrived, left float64) {
		if arrived < step.Warmup.Seconds() {
			return
		}
		l.Sent++
		inFlight += left - arrived
		us := max(1, int64(1e6*(left-arrived)))
		_ = h.Response.RecordValue(us)
		_ = h.Service.RecordValue(us)
	})
	l.Planned, l.Achieved = l.Sent, float64(l.Sent)/step.Duration.Seconds()
	l.Goodput, l.InFlight = l.Achieved, inFlight/step.Duration.Seconds()
	if step.Rate == 0 {
		l.InFlight = float64(step.Connections)
	}
	all := rundir.Class{Sent: l.Sent, Good: l.Sent, Response: rundir.Summary(h.Response), Service: rundir.Summary(h.Service)}
	l.Classes[scenarios.All], l.Classes[scenarios.Dynamic] = all, all
	return l
}

// queue is one FIFO in front of W × T slots.
type queue struct {
	cell      scenarios.Cell
	cores     int
	cpu, wait float64
	now       float64
	waiting   []float64   // arrival times
	running   [][]request // on CPU, by process
	slots     []int       // in use, by process
	sleeping  sleepers
	rng       *rand.Rand
}

type request struct {
	arrived, left float64 // left: seconds of CPU to go
	process       int
	wakes         float64
}

type sleepers []request

func (s sleepers) Len() int           { return len(s) }
func (s sleepers) Less(i, j int) bool { return s[i].wakes < s[j].wakes }
func (s sleepers) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *sleepers) Push(x any)        { *s = append(*s, x.(request)) }
func (s *sleepers) Pop() any {
	old := *s
	x := old[len(old)-1]
	*s = old[:len(old)-1]
	return x
}

func newQueue(c scenarios.Cell, cores int, cpu, wait float64, rng *rand.Rand) *queue {
	return &queue{cell: c, cores: cores, cpu: cpu, wait: wait, rng: rng, running: make([][]request, c.Processes()), slots: make([]int, c.Processes())}
}

// run plays arrivals until end, and then until all have left. With connections
// it is a closed loop: whoever leaves before end arrives again at once.
func (q *queue) run(arrivals []float64, connections int, end float64, done func(arrived, left float64)) {
	for range connections {
		q.waiting = append(q.waiting, 0)
	}
	leave := func(r request) {
		q.slots[r.process]--
		done(r.arrived, q.now)
		if connections > 0 && q.now < end {
			q.waiting = append(q.waiting, q.now)
		}
	}
	for {
		q.admit()
		next, kind, proc := math.Inf(1), 0, -1
		if len(arrivals) > 0 {
			next = arrivals[0]
		}
		if len(q.sleeping) > 0 && q.sleeping[0].wakes < next {
			next, kind = q.sleeping[0].wakes, 1
		}
		rate := q.rate()
		for p, rs := range q.running {
			for _, r := range rs {
				if at := q.now + r.left*float64(len(rs))/rate; at < next {
					next, kind, proc = at, 2, p
				}
			}
		}
		if math.IsInf(next, 1) {
			return
		}
		q.advance(next, rate)
		switch kind {
		case 0:
			q.waiting = append(q.waiting, arrivals[0])
			arrivals = arrivals[1:]
		case 1:
			leave(heap.Pop(&q.sleeping).(request))
		case 2:
			q.offCPU(proc, leave)
		}
	}
}

// rate is the speed of every process that has something to run.
func (q *queue) rate() float64 {
	active := 0
	for _, rs := range q.running {
		if len(rs) > 0 {
			active++
		}
	}
	return min(1, float64(q.cores)/float64(max(1, active)))
}

func (q *queue) advance(to, rate float64) {
	for _, rs := range q.running {
		for i := range rs {
			rs[i].left -= (to - q.now) * rate / float64(len(rs))
		}
	}
	q.now = to
}

// admit gives the head of the queue to the process with the most free slots.
func (q *queue) admit() {
	for len(q.waiting) > 0 {
		best := 0
		for p := range q.slots {
			if q.slots[p] < q.slots[best] {
				best = p
			}
		}
		if q.slots[best] >= q.cell.Threads {
			return
		}
		q.slots[best]++
		q.running[best] = append(q.running[best], request{arrived: q.waiting[0], left: q.cpu * (0.5 + q.rng.Float64()), process: best})
		q.waiting = q.waiting[1:]
	}
}

// offCPU takes the request of a process that has had its CPU off it.
func (q *queue) offCPU(p int, leave func(request)) {
	least := 0
	for i, r := range q.running[p] {
		if r.left < q.running[p][least].left {
			least = i
		}
	}
	r := q.running[p][least]
	q.running[p] = append(q.running[p][:least], q.running[p][least+1:]...)
	if q.wait == 0 {
		leave(r)
		return
	}
	r.wakes = q.now + q.wait
	heap.Push(&q.sleeping, r)
}
