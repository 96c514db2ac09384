package gate

import (
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// family says which bursts of a round a metric is of.
type family int

const (
	anyBurst family = iota
	closedLoop
	openLoop
)

// kind is what is known of a metric beforehand.
type kind struct {
	unit   string
	family family
	scale  float64 // from what of returns to the unit
	beyond float64 // share of the requests beyond it; 0: it is no percentile
	paced  bool    // it goes with the speed of the machine

	sessions float64 // standard deviation of its logarithm between sessions on one machine, as it is expected before any is seen; 0: none is expected
}

var kinds = map[string]kind{
	scenarios.Throughput: {unit: "requests/s", family: closedLoop, scale: 1, paced: true, sessions: 0.03},
	scenarios.CPU:        {unit: "ms/request", family: closedLoop, scale: 1e3, paced: true, sessions: 0.03},
	scenarios.Response:   {unit: "ms", family: closedLoop, scale: 1e3, beyond: 0.5, paced: true, sessions: 0.06},
	"p50":                {unit: "ms", family: openLoop, scale: 1e3, beyond: 0.5, paced: true, sessions: 0.06},
	"p95":                {unit: "ms", family: openLoop, scale: 1e3, beyond: 0.05, paced: true, sessions: 0.1},
	"p99":                {unit: "ms", family: openLoop, scale: 1e3, beyond: 0.01, paced: true, sessions: 0.1},
	scenarios.Errors:     {unit: "%", family: openLoop, scale: 100},
	scenarios.Memory:     {unit: "MB", scale: 1e-6, sessions: 0.01},
	scenarios.Startup:    {unit: "s", scale: 1, sessions: 0.05},
}

// A percentile of a round needs this many requests beyond it, and the rounds
// together as many as a claim of it does.
const (
	leastBeyond    = 10
	leastBeyondAll = 100
)

// key is a metric of a scope.
type key struct{ metric, scope string }

// Key is Metric.Key of the metric.
func (k key) Key() string { return Metric{Name: k.metric, Scope: k.scope}.Key() }

func (k key) kind() kind     { return kinds[k.metric] }
func (k key) isErrors() bool { return k.metric == scenarios.Errors }

// worse is the sign of a change for the worse.
func (k key) worse() float64 {
	if k.metric == scenarios.Throughput {
		return -1
	}
	return 1
}

// of returns the metric in one burst, in seconds, bytes, requests/s or as a
// share, and how many requests it is of. NaN: the burst does not tell it.
func (k key) of(t *rundir.Trial) (value, requests float64) {
	all := t.Load.Classes[scenarios.All]
	class, ok := all, true
	if k.scope != "" {
		if class, ok = t.Load.Classes[k.scope]; !ok {
			class, ok = t.Load.Requests[k.scope]
		}
	}
	used := t.Usage
	switch k.metric {
	case scenarios.Throughput:
		return positive(t.Load.Goodput), float64(all.Sent)
	case scenarios.CPU:
		return positive((used.App.CPUSeconds + used.Proxy.CPUSeconds) / float64(all.Good)), float64(all.Sent)
	case scenarios.Memory:
		return positive(float64(used.App.PSSBytes + used.Proxy.PSSBytes)), 0
	case scenarios.Startup:
		if !t.Fresh {
			return math.NaN(), 0
		}
		return positive(t.StartTime.Seconds()), 0
	}
	if !ok || class.Sent == 0 {
		return math.NaN(), 0
	}
	n := float64(class.Sent)
	at := func(d time.Duration) (float64, float64) { return positive(d.Seconds()), n }
	switch k.metric {
	case "p50", scenarios.Response:
		return at(class.Response.P50)
	case "p95":
		return at(class.Response.P95)
	case "p99":
		return at(class.Response.P99)
	}
	return float64(class.Errors()) / n, n
}

// positive is x, or NaN where it has no logarithm.
func positive(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 0) {
		return math.NaN()
	}
	return x
}

// pace is the machine's: the logarithm of the CPU time that a fixed piece of work
// took during the burst. The builds have no part in it, and other tenants of the
// cores slow it as they slow the application. The generator's own CPU time per
// request would not do: it grows when requests come back more slowly. NaN: it was
// not measured.
func pace(t *rundir.Trial) float64 { return math.Log(positive(t.Usage.Pace)) }

// in tells whether the metric is of this burst.
func (k kind) in(t *rundir.Trial) bool {
	return k.family == anyBurst || (k.family == openLoop) == (t.Step.Rate > 0)
}

// side is what the bursts of one build in a round come to.
type side struct {
	value  float64 // mean of the logarithms, or the pooled rate of errors; NaN: they do not tell it
	pace   float64 // mean of the same bursts
	beyond float64 // requests beyond the percentile
	around scatter // of the bursts
}

// scatter is how points lie around their mean: sums of squares and of products
// of the deviations in x, here the pace, and in y. Scatters around several means
// add up.
type scatter struct{ xx, xy, yy, df float64 }

func (s scatter) plus(o scatter) scatter {
	return scatter{s.xx + o.xx, s.xy + o.xy, s.yy + o.yy, s.df + o.df}
}

func scatterOf(x, y []float64) (s scatter) {
	meanX, _ := moments(x)
	meanY, _ := moments(y)
	for i := range x {
		dx, dy := x[i]-meanX, y[i]-meanY
		s = s.plus(scatter{dx * dx, dx * dy, dy * dy, 0})
	}
	s.df = float64(len(x) - 1)
	return s
}

// side sums up the bursts of one build in a round. Its value is never a mean of
// percentiles, nor said to be a percentile of all the bursts: what counts is its
// difference between the builds.
func (k key) side(bursts iter.Seq[*rundir.Trial]) side {
	var x, y []float64
	errors, requests := 0., 0.
	for t := range bursts {
		v, of := k.of(t)
		if !k.kind().in(t) || math.IsNaN(v) {
			continue
		}
		requests += of
		errors += v * of
		x, y = append(x, pace(t)), append(y, math.Log(v))
	}
	out := side{value: math.NaN(), pace: math.NaN(), beyond: requests * k.kind().beyond}
	switch {
	case len(x) == 0, k.kind().beyond > 0 && out.beyond < leastBeyond:
		out.beyond = 0
	case k.isErrors():
		out.value = errors / requests
	default:
		out.value, _ = moments(y)
		out.pace, _ = moments(x)
		out.around = scatterOf(x, y)
	}
	return out
}

// sample is the metric in one round: what the replicate is made of.
type sample struct {
	round           int     // 1 is the first
	base, candidate float64 // logarithms; of errors the rates
	diff            float64 // candidate less base
	pace, paceMean  float64 // the same of the machine's pace, and its mean over both; NaN: not known
	around          scatter // of the bursts of either build around its mean
	beyond          float64 // requests beyond the percentile, of the side that has fewer
}

// samples returns the metric in every round that tells it.
func (k key) samples(rounds []round) (out []sample) {
	beyond := 0.
	for i, r := range rounds {
		b, c := k.side(r.of(rundir.Base)), k.side(r.of(rundir.Candidate))
		if math.IsNaN(b.value) || math.IsNaN(c.value) {
			continue
		}
		s := sample{
			round: i + 1, base: b.value, candidate: c.value, diff: c.value - b.value,
			pace: c.pace - b.pace, paceMean: (b.pace + c.pace) / 2, around: b.around.plus(c.around), beyond: min(b.beyond, c.beyond),
		}
		beyond += s.beyond
		out = append(out, s)
	}
	if k.kind().beyond > 0 && beyond < leastBeyondAll {
		return nil
	}
	return out
}

// informing returns the metrics that no criterion bounds, in the order of
// reports: of all traffic, of the classes, of the requests.
func informing(s *scenarios.Scenario, taken []key) (out []key) {
	add := func(k key) {
		if !slices.Contains(taken, k) {
			out = append(out, k)
		}
	}
	for _, metric := range scenarios.GateMetrics {
		add(key{metric: metric})
	}
	classes := map[string]bool{}
	var names []string
	for _, r := range s.Traffic.Requests {
		if r.Weight > 0 {
			classes[r.Class] = true
			names = append(names, r.Name)
		}
	}
	scopes := names
	if len(classes) > 1 {
		scopes = append(slices.Sorted(maps.Keys(classes)), names...)
	}
	for _, scope := range scopes {
		for _, metric := range scenarios.ScopedMetrics {
			add(key{metric, scope})
		}
	}
	return out
}
