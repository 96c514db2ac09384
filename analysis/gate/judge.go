package gate

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Input is what there is to judge.
type Input struct {
	Plan
	Source          string // Duet or Self
	Base, Candidate Build
	Trials          []rundir.Trial
	Interrupted     string // why the gate ended early; empty: it did not
}

// Judge says what a gate has come to, by its trials. It is pure, and what is
// not known is NaN.
func Judge(in Input) Result {
	c := in.Plan.read(in.Trials)
	if in.Interrupted == "" {
		c.open = nil
	}
	d := c.decide()
	r := Result{
		Source: in.Source, Verdict: d.verdict, Because: d.because, Base: in.Base, Candidate: in.Candidate,
		Cell: in.Cell, Rounds: len(c.rounds), MostRounds: c.most(), Voids: c.voids, Confirmed: d.confirmed,
		Spent: c.spent, Interrupted: in.Interrupted,
	}
	if r.Verdict == "" {
		r.Verdict, r.Because = Inconclusive, cmp.Or(in.Interrupted, "the gate is not complete")
	}
	if len(d.looks) == 0 {
		d.looks = []int{max(1, len(c.rounds))}
	}
	l := look{plan: in.Plan, rounds: c.rounds, looks: d.looks, most: r.MostRounds, final: d.final}
	deciding, warning := criteria(in.Gate.Fail), criteria(in.Gate.Warn)
	for _, k := range deciding {
		r.Metrics = append(r.Metrics, l.metric(k, "fail", slices.Contains(d.regressed, k.key)))
	}
	for _, k := range warning {
		r.Metrics = append(r.Metrics, l.metric(k, "warn", false))
	}
	taken := append(keysOf(deciding), keysOf(warning)...)
	for _, k := range informing(in.Scenario, taken) {
		if m := l.figures(k); len(m.Rounds) > 0 {
			r.Metrics = append(r.Metrics, m)
		}
	}
	if r.Verdict == Inconclusive {
		for _, m := range r.Metrics[:len(deciding)] {
			r.MoreRounds = max(r.MoreRounds, m.MoreRounds)
		}
	}
	if r.Verdict == Regressed && r.Because == "" {
		r.Because = r.regression(d)
	}
	r.Warnings = c.doubts(r)
	return r
}

// metric judges a metric by all the rounds, a regression by what was confirmed.
func (l look) metric(c criterion, role string, regressed bool) Metric {
	m := l.figures(c.key)
	m.Role, m.Criterion, m.Margin = role, c.Criterion.String(), c.By
	e := c.slowdown(l.rounds)
	m.P = e.above(0)
	warns := role == "warn"
	switch {
	case regressed, warns && m.P <= l.level(better, l.most) && !l.passes(c, e):
		m.Verdict = Regressed
	case l.passes(c, e) && e.below(0) <= l.level(better, l.most):
		m.Verdict = Improved
	case l.passes(c, e):
		m.Verdict = Pass
	default:
		m.Verdict = Inconclusive
		if need := e.roundsFor(c.margin()); need > 0 {
			m.MoreRounds = max(1, need-e.n)
		}
	}
	return m
}

// figures is how a metric stands, without a verdict.
func (l look) figures(k key) Metric {
	kind, sign := k.kind(), k.worse()
	m := Metric{Name: k.metric, Scope: k.scope, Unit: kind.unit, Higher: sign < 0, Role: "inform"}
	samples := k.samples(l.rounds)
	e := k.slowdown(l.rounds)
	out := func(log float64) float64 { return kind.scale * math.Exp(log) }
	relative := math.Expm1
	if k.isErrors() {
		out = func(rate float64) float64 { return kind.scale * rate }
		relative = func(difference float64) float64 { return difference }
	}
	base, candidate := 0., 0.
	for _, s := range samples {
		m.Rounds = append(m.Rounds, Pair{Round: s.round, Base: out(s.base), Candidate: out(s.candidate), Log: s.diff})
		base += s.base / float64(len(samples))
		candidate += s.candidate / float64(len(samples))
	}
	m.Base, m.Candidate = out(base), out(candidate)
	if len(samples) == 0 {
		m.Base, m.Candidate = math.NaN(), math.NaN()
	}
	low, high := e.interval()
	if sign < 0 {
		low, high = -high, -low
	}
	m.Effect, m.Low, m.High = relative(sign*e.mean), relative(low), relative(high)
	m.Visible = math.Abs(relative(sign * e.visible()))
	m.P = math.NaN()
	return m
}

// regression says what got worse, and which request stands out.
func (r Result) regression(d decision) string {
	text := ""
	for _, m := range r.Metrics {
		if m.failed() {
			if text != "" {
				text += ", "
			}
			text += m.change()
		}
	}
	text += fmt.Sprintf("; %d fresh rounds confirm it", d.confirmed)
	if m, ok := r.Culprit(); ok && !m.failed() { // else it is named above
		text += "; most of all the request " + m.Scope + ": " + m.change()
	}
	return text
}

// failed tells whether the metric is one that the gate fails by.
func (m Metric) failed() bool { return m.Role == "fail" && m.Verdict == Regressed }

// change is a metric's change in words, as "p95 grows by 12.3 %".
func (m Metric) change() string {
	verb, by := "grows", m.Effect
	if by < 0 {
		verb, by = "drops", -by
	}
	name := m.Name
	if m.Scope != "" && m.Role == "fail" {
		name = m.Scope + " " + m.Name
	}
	if m.Name == "errors" {
		return fmt.Sprintf("%s %s by %.2f percentage points", name, verb, 100*by)
	}
	return fmt.Sprintf("%s %s by %.1f %%", name, verb, 100*by)
}

// Culprit is the request whose response time in the closed loops grew most
// beside the other requests of the same rounds: a queue in front of all of them
// slows them alike, and so does a busy machine. ok is false where none stands out
// at a level of 1 %, over all of them.
func (r Result) Culprit() (worst Metric, ok bool) {
	var requests []Metric
	sum, n := map[int]float64{}, map[int]float64{}
	for _, m := range r.Metrics {
		if m.Name != scenarios.Response || m.Scope == "" || m.Scope == scenarios.Static || m.Scope == scenarios.Dynamic {
			continue
		}
		requests = append(requests, m)
		for _, p := range m.Rounds {
			sum[p.Round] += p.Log
			n[p.Round]++
		}
	}
	most := 0.
	for _, m := range requests {
		var beside []sample
		for _, p := range m.Rounds {
			if others := n[p.Round] - 1; others > 0 {
				beside = append(beside, sample{diff: p.Log - (sum[p.Round]-p.Log)/others})
			}
		}
		e := plain(beside)
		if m.Effect > 0 && e.mean > most && e.above(0) <= culpritLevel/float64(len(requests)) {
			worst, ok, most = m, true, e.mean
		}
	}
	return worst, ok
}

const culpritLevel = 0.01

// doubts are what the reader must know beside the verdict.
func (c course) doubts(r Result) (out []string) {
	for _, m := range r.Metrics {
		if m.Role == "fail" && len(m.Rounds) == 0 && r.Rounds > 0 {
			out = append(out, fmt.Sprintf("%s is not known: %s", key{m.Name, m.Scope}, lack(m)))
		}
		if m.Role == "warn" && m.Verdict == Regressed {
			out = append(out, fmt.Sprintf("%s, beyond what %q accepts or not shown to be within it; it only warns", m.change(), m.Criterion))
		}
	}
	if c.leftOut > 0 {
		each := len(c.rounds) * c.plan.bursts()
		of := "bursts"
		if !c.plan.Alone {
			each, of = each/2, "pairs of bursts"
		}
		out = append(out, fmt.Sprintf("of %d %s %d do not count, the last because %s", each, of, c.leftOut, c.leftOutWhy))
	}
	return out
}

func lack(m Metric) string {
	if kinds[m.Name].beyond > 0 {
		return fmt.Sprintf("a round has fewer than %d requests beyond it, or all rounds fewer than %d; lengthen gate.open_burst, raise gate.open_bursts or bound a lower percentile", leastBeyond, leastBeyondAll)
	}
	return "no burst tells it"
}
