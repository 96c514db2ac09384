package simulate

import (
	"math"
	"math/rand/v2"

	"sweetspot/scenarios"
)

// quantum is how long a thread keeps Python's lock while others want it, in
// seconds.
const quantum = 0.005

// engine plays requests through one cell in machine time: seconds of a machine
// at its nominal speed.
type engine struct {
	w     *World
	cell  scenarios.Cell
	proxy Proxy
	rng   *rand.Rand

	now     float64
	virtual float64 // CPU time that every process with work has had
	speed   float64 // of virtual time
	cores   float64 // that every process with work has

	ready   []fifo    // requests by process, the first has the lock; the application's processes come first
	slice   []float64 // CPU time that the first gets before the others' turn
	onCPU   events    // by process with work: when its slice ends, in virtual time
	working [2]int    // processes with work: the application's, the proxy's
	busy    [2]float64

	asleep    events // by request
	waiting   fifo   // for a slot
	slots     []int  // taken, by process of the application
	taken     int
	queued    fifo // for the database
	connected int

	requests []request
	free     []int32
	turn     int // of the proxy's processes
}

// Stages of a request.
const (
	inProxy = iota
	queueing
	firstHalf
	sleeping
	onDatabase
	secondHalf
	leaving
)

type request struct {
	arrived              float64
	left                 float64 // CPU time to go in this stage
	half, wait, database float64
	process              int32
	stage                uint8
}

func newEngine(w *World, c scenarios.Cell, rng *rand.Rand) *engine {
	n := c.Processes()
	e := &engine{w: w, cell: c, proxy: w.Proxies[c.Proxy], rng: rng, slots: make([]int, n)}
	if e.proxy.CPU > 0 {
		n += w.Cores
	}
	e.ready, e.slice = make([]fifo, n), make([]float64, n)
	e.setSpeed()
	return e
}

// run plays arrivals, which tells when the next request arrives and +Inf when
// none does, until all have left or done returns false. Whoever leaves is told
// to done, and arrives again if the arrivals are closed.
func (e *engine) run(arrivals func() float64, again func() bool, done func(arrived, left float64) bool) {
	next := arrivals()
	for {
		at, kind := next, 0
		if len(e.asleep) > 0 && e.asleep[0].at < at {
			at, kind = e.asleep[0].at, 1
		}
		if len(e.onCPU) > 0 {
			if t := e.now + (e.onCPU[0].at-e.virtual)/e.speed; t < at {
				at, kind = t, 2
			}
		}
		if math.IsInf(at, 1) {
			return
		}
		e.advance(max(at, e.now))
		left := int32(-1)
		switch kind {
		case 0:
			e.arrive()
			next = arrivals()
		case 1:
			left = e.wake(e.asleep.pop().id)
		case 2:
			left = e.endSlice(e.onCPU.pop().id)
		}
		if left < 0 {
			continue
		}
		arrived := e.requests[left].arrived
		e.leave(left)
		if !done(arrived, e.now) {
			return
		}
		if again() {
			e.arrive()
		}
	}
}

func (e *engine) advance(to float64) {
	d := to - e.now
	e.now = to
	e.virtual += d * e.speed
	for i, n := range e.working {
		e.busy[i] += d * e.cores * float64(n)
	}
}

// setSpeed goes with how many processes have work.
func (e *engine) setSpeed() {
	n, cores := float64(e.working[0]+e.working[1]), float64(e.w.Cores)
	e.cores = 1
	if n > cores {
		e.cores = cores / n
	}
	e.speed = e.cores / (1 + e.w.Crowding*max(0, min(n, cores)-1)) / (1 + e.w.Switching*max(0, n-cores)/cores)
}

// arrive draws all that a request will take, so that the n-th one takes the
// same in every cell.
func (e *engine) arrive() {
	var id int32
	if n := len(e.free); n > 0 {
		id, e.free = e.free[n-1], e.free[:n-1]
	} else {
		id = int32(len(e.requests))
		e.requests = append(e.requests, request{})
	}
	a, b, c := e.rng.NormFloat64(), e.rng.NormFloat64(), e.rng.NormFloat64()
	w := e.w
	e.requests[id] = request{
		arrived: e.now, process: -1,
		half: (w.CPU.draw(a) + e.proxy.Cost.Seconds()) / 2, wait: w.Wait.draw(b), database: w.Database.draw(c),
	}
	if e.proxy.CPU == 0 {
		e.enqueue(id)
		return
	}
	r := &e.requests[id]
	r.left = e.proxy.CPU.Seconds()
	e.turn = (e.turn + 1) % w.Cores
	e.compute(id, int32(len(e.slots)+e.turn))
}

// enqueue puts a request at the end of the queue for a slot.
func (e *engine) enqueue(id int32) {
	e.requests[id].stage = queueing
	e.waiting.push(id)
	e.admit()
}

// admit gives the free slots to the head of the queue, those of the process
// with the most first.
func (e *engine) admit() {
	for e.waiting.len() > 0 && e.taken < len(e.slots)*e.cell.Threads {
		least := 0
		for p, n := range e.slots {
			if n < e.slots[least] {
				least = p
			}
		}
		id := e.waiting.pop()
		e.slots[least]++
		e.taken++
		r := &e.requests[id]
		r.stage, r.left = firstHalf, r.half
		e.compute(id, int32(least))
	}
}

// compute has a request wait for the lock of a process.
func (e *engine) compute(id, process int32) {
	e.requests[id].process = process
	e.ready[process].push(id)
	if e.ready[process].len() == 1 {
		e.working[e.role(process)]++
		e.setSpeed()
		e.startSlice(process)
	}
}

// role is 0 for the application's processes and 1 for the proxy's.
func (e *engine) role(process int32) int {
	if int(process) < len(e.slots) {
		return 0
	}
	return 1
}

func (e *engine) startSlice(process int32) {
	e.slice[process] = min(quantum, e.requests[e.ready[process].first()].left)
	e.onCPU.push(event{e.virtual + e.slice[process], process})
}

// endSlice hands the lock on. It returns the request if it leaves, else -1.
func (e *engine) endSlice(process int32) int32 {
	q := &e.ready[process]
	id := q.pop()
	r := &e.requests[id]
	r.left -= e.slice[process]
	over := r.left <= 1e-12
	if !over {
		q.push(id)
	}
	if q.len() == 0 {
		e.working[e.role(process)]--
		e.setSpeed()
	} else {
		if next := q.first(); next != id {
			e.requests[next].left += e.w.Lock.Seconds()
		}
		e.startSlice(process)
	}
	if !over {
		return -1
	}
	return e.advanced(id)
}

// wake ends a sleep of a request. It returns the request if it leaves, else -1.
func (e *engine) wake(id int32) int32 {
	if e.requests[id].stage == onDatabase {
		e.connected--
		if e.queued.len() > 0 {
			e.connect(e.queued.pop())
		}
	}
	return e.advanced(id)
}

func (e *engine) connect(id int32) {
	e.connected++
	e.asleep.push(event{e.now + e.requests[id].database, id})
}

// advanced takes a request to its next stage that takes time. It returns the
// request if there is none, else -1.
func (e *engine) advanced(id int32) int32 {
	r := &e.requests[id]
	for {
		r.stage++
		switch r.stage {
		case queueing:
			e.enqueue(id)
			return -1
		case sleeping:
			if r.wait > 0 {
				e.asleep.push(event{e.now + r.wait, id})
				return -1
			}
		case onDatabase:
			if r.database > 0 {
				if e.w.Connections > 0 && e.connected >= e.w.Connections {
					e.queued.push(id)
				} else {
					e.connect(id)
				}
				return -1
			}
		case secondHalf:
			r.left = r.half
			e.compute(id, r.process)
			return -1
		case leaving:
			if hold := e.proxy.Hold.Seconds(); hold > 0 {
				e.asleep.push(event{e.now + hold, id})
				return -1
			}
		default:
			return id
		}
	}
}

// leave frees the slot of a request.
func (e *engine) leave(id int32) {
	e.slots[e.requests[id].process]--
	e.taken--
	e.free = append(e.free, id)
	e.admit()
}
