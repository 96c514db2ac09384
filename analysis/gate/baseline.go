package gate

import (
	"fmt"
	"math"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Series are the values of metrics by their keys, as p95 or p95/checkout: one a
// fresh start, in the metric's unit.
type Series map[string][]float64

// baselineLevel is one-sided: of calling worse what is not, over all deciding
// metrics, and of passing a change of the margin.
const baselineLevel = 0.01

// leastAlone is how many rounds of a candidate are set against a stored baseline.
const leastAlone = 5

// AgainstRounds is how many rounds of a candidate, at most the scenario's, would
// show every deciding metric to keep its margin with a power of 95 %, if nothing
// has changed and it spreads as the baseline's starts do. Where sessions differ
// too much for that, it is the number from which on the candidate's starts add
// next to nothing to the error.
func AgainstRounds(g scenarios.Gate, base []Series) int {
	n := float64(leastAlone)
	for _, c := range criteria(g.Fail) {
		b := c.stored(base)
		room := c.margin() / roundsPower
		room = room*room - b.apart()
		if least := b.apart() / mostOfStarts; !(room > least) {
			room = least // more rounds would not make it clear
		}
		if need := b.within / room; !math.IsNaN(need) {
			n = max(n, need)
		}
	}
	return min(g.Rounds, int(math.Ceil(min(n, 1e6))))
}

// roundsPower is the sum of the quantiles of passing, 1 %, and of its power.
// mostOfStarts is by how much the variance between sessions is to exceed that
// of a candidate's starts.
const (
	roundsPower  = 3.97
	mostOfStarts = 10
)

// Against judges the starts of a candidate by those of a stored baseline, which
// were made at another time, in one session or more: a t test on logarithms by
// the spread between starts on both sides and between the sessions of the
// baseline, seen and expected, with Holm over the deciding metrics. It sees less than a duet and
// makes no rounds, so that nothing is confirmed.
func Against(g scenarios.Gate, base []Series, candidate Series) Result {
	r := Result{Source: Baseline, Warnings: []string{
		"the baseline was measured at another time: what the machine has changed since passes for a change of the application; a duet of both builds is sharper",
	}}
	if len(base) == 1 {
		r.Warnings = append(r.Warnings, "the baseline is of one session: how much sessions differ is not known but assumed; record several, of different days")
	}
	deciding := criteria(g.Fail)
	var worse []string
	undecided := []key{}
	levels := holm(deciding, base, candidate)
	judge := func(c criterion, role string, level float64) Metric {
		e := c.against(base, candidate[c.key.Key()])
		m := c.unpaired(e, base, candidate[c.key.Key()])
		m.Role, m.Criterion, m.Margin, m.P = role, c.Criterion.String(), c.By, e.above(0)
		passes := e.below(c.margin()) <= baselineLevel
		switch {
		case passes && e.below(0) <= baselineLevel/float64(max(1, len(deciding))):
			m.Verdict = Improved
		case passes:
			m.Verdict = Pass
		case m.P <= level:
			m.Verdict = Regressed
		default:
			m.Verdict = Inconclusive
		}
		return m
	}
	r.Verdict = Pass
	for i, c := range deciding {
		m := judge(c, "fail", levels[i])
		switch m.Verdict {
		case Regressed:
			worse = append(worse, m.change())
		case Inconclusive:
			undecided = append(undecided, c.key)
		case Improved:
			r.Verdict = Improved
		}
		r.Metrics = append(r.Metrics, m)
	}
	for _, c := range criteria(g.Warn) {
		r.Metrics = append(r.Metrics, judge(c, "warn", baselineLevel))
	}
	switch {
	case len(worse) > 0:
		r.Verdict, r.Because = Regressed, fmt.Sprintf("%s against the baseline", worse[0])
	case len(undecided) > 0:
		r.Verdict, r.Because = Inconclusive, names(undecided)+" is shown neither to be worse nor to keep its margin, at the spread between starts of both sides"
	default:
		r.Because = "every deciding metric is shown to keep its margin"
	}
	return r
}

// holm is the level of each criterion: that of all over one more than the number
// of those with a larger p, as long as the smaller ones are significant.
func holm(deciding []criterion, base []Series, candidate Series) []float64 {
	p := make([]float64, len(deciding))
	for i, c := range deciding {
		if p[i] = c.against(base, candidate[c.key.Key()]).above(0); math.IsNaN(p[i]) {
			p[i] = 1
		}
	}
	levels := make([]float64, len(p))
	for i := range p {
		smaller := 0
		for j := range p {
			if p[j] < p[i] || p[j] == p[i] && j < i {
				smaller++
			}
		}
		levels[i] = baselineLevel / float64(len(p)-smaller)
		for j := range p { // one of the smaller ones is not significant: neither is this
			rank := 0
			for k := range p {
				if p[k] < p[j] || p[k] == p[j] && k < j {
					rank++
				}
			}
			if rank < smaller && p[j] > baselineLevel/float64(len(p)-rank) {
				levels[i] = 0
			}
		}
	}
	return levels
}

// logs are the values as the estimates take them; what has no logarithm is left
// out.
func (k key) logs(values []float64) (out []float64) {
	for _, v := range values {
		if k.isErrors() {
			v /= k.kind().scale
		} else {
			v = math.Log(positive(v))
		}
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			out = append(out, v)
		}
	}
	return out
}

// stored is a metric of a stored baseline, on the scale of the estimates.
type stored struct {
	n        int     // starts
	sessions float64 // that have some
	mean     float64 // of the sessions' means; NaN: there are none
	within   float64 // variance between the starts of a session; NaN: unknown
	starts   part    // of the variance of mean, that the starts explain
	between  part    // variance between sessions
}

// part is one part of a variance, with its degrees of freedom.
type part struct{ variance, df float64 }

// apart is the variance of the difference of the baseline's mean from that of
// one more session of very many starts.
func (s stored) apart() float64 { return s.between.variance*(1+1/s.sessions) + s.starts.variance }

// expected is how many sessions' worth of degrees of freedom the spread between
// sessions has that is expected before any is seen. Sessions that happen to
// agree, or a single one, do not prove that days do not differ: without that, a
// baseline of one session called every fourth build worse where sessions differ
// by 3 %.
const expected = 4

// stored sums the sessions of a baseline up: a random effects model, each
// session of the same weight. What its variance between sessions is comes from
// the sessions and from what is expected of them, as the mean of a scaled
// inverse χ² distribution's update.
func (k key) stored(base []Series) stored {
	s := stored{mean: math.NaN(), within: math.NaN()}
	var means []float64
	squares, explained := 0., 0.
	for _, session := range base {
		logs := k.logs(session[k.Key()])
		if len(logs) == 0 {
			continue
		}
		mean, around := moments(logs)
		s.n, s.sessions = s.n+len(logs), s.sessions+1
		means, squares = append(means, mean), squares+around
		explained += 1 / float64(len(logs))
	}
	if s.n == 0 {
		return s
	}
	around := 0.
	s.mean, around = moments(means)
	if free := float64(s.n) - s.sessions; free > 0 {
		s.within = squares / free
		s.starts = part{s.within * explained / (s.sessions * s.sessions), free}
	}
	prior := k.kind().sessions
	seen, df := 0., s.sessions-1
	if df > 0 {
		seen = max(0, around/df-s.starts.variance*s.sessions)
	}
	if prior > 0 {
		s.between = part{(expected*prior*prior + df*seen) / (expected + df), expected + df}
	} else {
		s.between = part{seen, df}
	}
	return s
}

// against is the change for the worse from a baseline to a candidate's starts,
// which are one more session, with the degrees of freedom of Satterthwaite.
func (k key) against(base []Series, candidate []float64) estimate {
	a, logs := k.stored(base), k.logs(candidate)
	n := float64(len(logs))
	e := estimate{n: min(a.n, len(logs)), mean: math.NaN(), se: math.NaN(), sd: math.NaN(), df: math.NaN()}
	if e.n == 0 {
		return e
	}
	mean, squares := moments(logs)
	e.mean = k.worse() * (mean - a.mean)
	if e.n < 2 || math.IsNaN(a.within) {
		return e
	}
	variance, uncertain := 0., 0.
	for _, p := range []part{a.starts, {a.between.variance * (1 + 1/a.sessions), a.between.df}, {squares / (n - 1) / n, n - 1}} {
		if p.variance > 0 {
			variance += p.variance
			uncertain += p.variance * p.variance / p.df
		}
	}
	e.se, e.df = math.Sqrt(variance), float64(a.n)+n-2
	e.sd = e.se * math.Sqrt(float64(e.n))
	if uncertain > 0 {
		e.df = variance * variance / uncertain
	}
	return e
}

// unpaired is how a metric stands.
func (k key) unpaired(e estimate, base []Series, candidate []float64) Metric {
	kind, sign := k.kind(), k.worse()
	m := Metric{Name: k.metric, Scope: k.scope, Unit: kind.unit, Higher: sign < 0, Base: math.NaN(), Candidate: math.NaN()}
	relative, back := math.Expm1, math.Exp
	if k.isErrors() {
		relative = func(x float64) float64 { return x }
		back = func(x float64) float64 { return kind.scale * x }
	}
	if a := k.stored(base); a.n > 0 {
		m.Base = back(a.mean)
	}
	if logs := k.logs(candidate); len(logs) > 0 {
		mean, _ := moments(logs)
		m.Candidate = back(mean)
	}
	low, high := e.interval()
	if sign < 0 {
		low, high = -high, -low
	}
	m.Effect, m.Low, m.High = relative(sign*e.mean), relative(low), relative(high)
	m.Visible = math.Abs(relative(sign * e.visible()))
	return m
}

// JudgeBaseline says what the rounds of a candidate alone come to against a
// stored baseline. The plan of the input is Alone.
func JudgeBaseline(in Input, base []Series) Result {
	c := in.Plan.read(in.Trials)
	candidate := Series{}
	pairs := map[key][]Pair{}
	deciding, warning := criteria(in.Gate.Fail), criteria(in.Gate.Warn)
	judged := append(keysOf(deciding), keysOf(warning)...)
	informs := informing(in.Scenario, judged)
	for _, k := range append(judged, informs...) {
		pairs[k] = k.alone(c.rounds)
		for _, p := range pairs[k] {
			candidate[k.Key()] = append(candidate[k.Key()], p.Candidate)
		}
	}
	r := Against(in.Gate, base, candidate)
	for i := range r.Metrics {
		m := &r.Metrics[i]
		m.Rounds = pairs[key{m.Name, m.Scope}]
	}
	for _, k := range informs {
		if len(pairs[k]) == 0 {
			continue
		}
		m := k.unpaired(k.against(base, candidate[k.Key()]), base, candidate[k.Key()])
		m.Role, m.P, m.Rounds = "inform", math.NaN(), pairs[k]
		r.Metrics = append(r.Metrics, m)
	}
	r.Base, r.Candidate, r.Cell, r.Interrupted = in.Base, in.Candidate, in.Cell, in.Interrupted
	r.Rounds, r.MostRounds, r.Voids, r.Spent = len(c.rounds), c.most(), c.voids, c.spent
	switch over := c.over(); {
	case in.Interrupted != "":
		r.Verdict, r.Because = Inconclusive, in.Interrupted
	case c.failures[in.Candidate.Name] >= mostFailures:
		r.Verdict, r.Because = Inconclusive, over+"; whether the baseline's build starts today is not known"
	case len(c.rounds) < leastLook:
		r.Verdict, r.Because = Inconclusive, over
	}
	r.Warnings = append(r.Warnings, c.doubts(r)...)
	return r
}

// alone is the metric of the candidate in every round that tells it.
func (k key) alone(rounds []round) (out []Pair) {
	beyond := 0.
	for i, r := range rounds {
		s := k.side(r.of(rundir.Candidate))
		if math.IsNaN(s.value) {
			continue
		}
		beyond += s.beyond
		value := k.kind().scale * math.Exp(s.value)
		if k.isErrors() {
			value = k.kind().scale * s.value
		}
		out = append(out, Pair{Round: i + 1, Base: math.NaN(), Candidate: value, Log: math.NaN()})
	}
	if k.kind().beyond > 0 && beyond < leastBeyondAll {
		return nil
	}
	return out
}
