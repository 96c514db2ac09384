// Package metrics tells Prometheus and OpenTelemetry of a run while it goes on:
// counters, gauges, and times as exponential histograms, which are made of whole
// histograms once a second and once a trial. Nothing is done for a request.
package metrics

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// maxCells is how many cells have a series of their own at most.
const maxCells = 300

// About says which run it is.
type About struct {
	Run      string // its ID
	Scenario string // its name
	Version  string // of sweetspot
	Began    time.Time
}

// Run holds the figures of one run. All its methods may be called from any
// goroutine, and none waits for an exporter.
type Run struct {
	about   About
	started time.Time // this process
	now     func() time.Time

	mu      sync.Mutex
	step    *rundir.Step // that is made; nil: none is
	since   time.Time    // when it began
	last    *rundir.Interval
	parts   map[string]*part
	trials  totals
	cells   []cell
	dropped int // cells that are not listed
	over    bool
}

// part sums up the intervals of one part of the attacks.
type part struct {
	due, good, errors uint64
	response          exponential
}

// totals sum up trials.
type totals struct {
	spent    time.Duration
	verdicts map[string]float64
	classes  map[string]*class
	wall     float64 // seconds
	cpu      map[string]float64
	memory   map[string]float64 // of the last trial with an attack, bytes
}

// class sums up the requests of one class.
type class struct {
	sent, good             uint64
	faults                 map[string]uint64
	response, service, lag exponential
}

// cell is what a cell sustains; low and high are NaN while they are not known.
type cell struct {
	name             string
	value, low, high float64 // requests/s
}

// New returns the figures of a run without trials.
func New(a About) *Run {
	r := &Run{
		about: a, now: time.Now, parts: map[string]*part{},
		trials: totals{verdicts: map[string]float64{}, classes: map[string]*class{}, cpu: map[string]float64{}},
	}
	for _, v := range []string{analysis.Passed, analysis.Failed, analysis.Void} {
		r.trials.verdicts[v] = 0 // a counter is there before it rises
	}
	r.started = r.now()
	return r
}

// Begin takes note of the step that begins.
func (r *Run) Begin(s rundir.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step, r.since = &s, r.now()
}

// Second adds what came back in about a second.
func (r *Run) Second(i rundir.Interval) {
	name := "measured"
	if i.Warmup {
		name = "warmup"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.parts[name]
	if p == nil {
		p = &part{}
		r.parts[name] = p
	}
	p.due += i.Due
	p.good += i.Good
	p.errors += i.Errors
	p.response.add(i.Response)
	r.last = &i
}

// Trial adds a trial that is done, with its verdict and its histograms by class,
// which a trial without an attack has none of. The step is over.
func (r *Run) Trial(t *rundir.Trial, verdict string, histograms map[string]rundir.Histograms) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step, r.last = nil, nil
	r.trials.verdicts[verdict]++
	r.trials.spent += t.Cost
	for name, c := range t.Load.Classes {
		if name != scenarios.All { // their sum
			r.trials.class(name).add(c, histograms[name])
		}
	}
	if t.Usage.Wall > 0 {
		r.trials.use(t.Usage)
	}
}

func (t *totals) class(name string) *class {
	c := t.classes[name]
	if c == nil {
		c = &class{faults: map[string]uint64{}}
		t.classes[name] = c
	}
	return c
}

func (c *class) add(o rundir.Class, h rundir.Histograms) {
	c.sent += o.Sent
	c.good += o.Good
	for name, n := range o.Faults {
		c.faults[name] += n
	}
	c.response.add(h.Response)
	c.service.add(h.Service)
	c.lag.add(h.Lag)
}

// use adds what the machine spent. A role that a trial lacks, as that of a proxy,
// has no memory in it.
func (t *totals) use(u rundir.Usage) {
	t.wall += u.Wall.Seconds()
	t.memory = map[string]float64{}
	for role, g := range map[string]rundir.Group{"app": u.App, "proxy": u.Proxy, "services": u.Services, "generator": u.Generator} {
		t.cpu[role] += g.CPUSeconds
		if g.PSSBytes > 0 {
			t.memory[role] = float64(g.PSSBytes)
		}
	}
	t.cpu["foreign"] += u.ForeignSeconds
	t.cpu["stolen"] += u.StealSeconds
}

// Standings takes note of what the cells sustain by the trials so far, the best
// first.
func (r *Run) Standings(standings []analysis.Standing) {
	var cells []cell
	for _, s := range standings {
		if s.Sustained > 0 {
			cells = append(cells, cell{s.Cell.String(), s.Sustained, math.NaN(), math.NaN()})
		}
	}
	r.list(cells)
}

// Conclude takes note of what the run found, nil for nothing: nothing is measured
// any more. The run is over, or can be gone on with.
func (r *Run) Conclude(res *analysis.Result, over bool) {
	r.mu.Lock()
	r.over, r.step, r.last = over, nil, nil
	r.mu.Unlock()
	if res == nil {
		return
	}
	var cells []cell
	for _, c := range res.Cells {
		if f := c.Sustainable(); f != nil {
			cells = append(cells, cell{c.Cell.String(), f.Value, f.Low, f.High})
		}
	}
	r.list(cells)
}

// list keeps the cells that sustain most.
func (r *Run) list(cells []cell) {
	slices.SortStableFunc(cells, func(a, b cell) int { return cmp.Compare(b.value, a.value) })
	n := min(len(cells), maxCells)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cells, r.dropped = cells[:n], len(cells)-n
}
