package metrics

import (
	"maps"
	"math"
	"slices"
	"time"
)

// family is a metric with its series at one moment.
type family struct {
	*metric
	since   time.Time // from when what rises has been counted
	samples []sample
}

// sample is one series at one moment.
type sample struct {
	labels []string // values, in the order of the metric's labels
	value  float64
	times  exponential // of a histogram
}

// collect returns all figures of this moment, in the order of the table. They
// share nothing with the run.
func (r *Run) collect() (families []family, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at = r.now()
	by := map[*metric][]sample{}
	set := func(m *metric, v float64, labels ...string) {
		if !math.IsNaN(v) { // not known
			by[m] = append(by[m], sample{labels: labels, value: v})
		}
	}
	times := func(m *metric, e exponential, labels ...string) {
		by[m] = append(by[m], sample{labels: labels, times: e.clone()})
	}
	r.collectRun(set, at)
	r.collectAttack(set, times)
	r.trials.collect(set, times)
	for _, m := range table {
		f := family{metric: m, since: r.about.Began, samples: by[m]}
		if m.ofProcess() {
			f.since = r.started
		}
		families = append(families, f)
	}
	return families, at
}

// setter adds a series with its value; NaN adds none.
type setter func(m *metric, v float64, labels ...string)

// timer adds a series with its histogram.
type timer func(m *metric, e exponential, labels ...string)

func (r *Run) collectRun(set setter, at time.Time) {
	set(runInfo, 1, r.about.Run, r.about.Scenario, r.about.Version)
	set(runStart, float64(r.about.Began.UnixMicro())/1e6)
	if left, ok := r.left(at); ok {
		set(runRemaining, left.Seconds())
		if all := r.trials.spent + left; all > 0 {
			set(runProgress, r.trials.spent.Seconds()/all.Seconds())
		}
	}
	if r.step != nil {
		set(stepInfo, 1, r.step.Cell.String(), r.step.Phase)
	}
	for verdict, n := range r.trials.verdicts {
		set(trialsDone, n, verdict)
	}
	for _, c := range r.cells {
		set(sustained, c.value, c.name)
		set(sustainedLow, c.low, c.name)
		set(sustainedHigh, c.high, c.name)
	}
	set(unlisted, float64(r.dropped))
}

// left is how long the run still takes; ok is false while nobody knows.
func (r *Run) left(at time.Time) (_ time.Duration, ok bool) {
	switch {
	case r.over:
		return 0, true
	case r.step == nil:
		return 0, false
	}
	return max(r.step.Left-at.Sub(r.since), 0), true
}

func (r *Run) collectAttack(set setter, times timer) {
	if r.last != nil {
		set(inFlight, float64(r.last.InFlight))
		if rate := r.last.Step.Rate; rate > 0 {
			set(offered, rate)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.parts)) {
		p := r.parts[name]
		set(due, float64(p.due), name)
		set(answered, float64(p.good), name, "good")
		set(answered, float64(p.errors), name, "error")
		times(attackTime, p.response, name)
	}
}

func (t *totals) collect(set setter, times timer) {
	for _, name := range slices.Sorted(maps.Keys(t.classes)) {
		c := t.classes[name]
		set(requests, float64(c.sent), name)
		set(goodRequests, float64(c.good), name)
		for _, fault := range slices.Sorted(maps.Keys(c.faults)) {
			set(requestErrors, float64(c.faults[fault]), name, fault)
		}
		times(responseTime, c.response, name)
		times(serviceTime, c.service, name)
		times(lag, c.lag, name)
	}
	set(wallTime, t.wall)
	for role, spent := range t.cpu {
		set(cpuTime, spent, role)
	}
	for role, bytes := range t.memory {
		set(memory, bytes, role)
	}
}
