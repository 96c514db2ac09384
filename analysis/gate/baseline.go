package gate

import (
	"fmt"
	"math"

	"sweetspot/scenarios"
)

// Series are the values of metrics by their keys, as p95 or p95/checkout: one a
// fresh start, in the metric's unit.
type Series map[string][]float64

// Series returns what one build of a gate came to, for a store.
func (r Result) Series(build string) Series {
	out := Series{}
	for _, m := range r.Metrics {
		for _, p := range m.Rounds {
			v := p.Base
			if build == r.Candidate.Name {
				v = p.Candidate
			}
			out[m.Key()] = append(out[m.Key()], v)
		}
	}
	return out
}

// baselineLevel is one-sided: of calling worse what is not, over all deciding
// metrics, and of passing a change of the margin.
const baselineLevel = 0.01

// Against judges the starts of a candidate by those of a stored baseline, which
// were made at another time: Welch's t test on logarithms, by the spread between
// starts on both sides, with Holm over the deciding metrics. It sees less than a
// duet and makes no rounds, so that nothing is confirmed.
func Against(g scenarios.Gate, base, candidate Series) Result {
	r := Result{Source: Baseline, Warnings: []string{
		"the baseline was measured at another time: what the machine has changed since passes for a change of the application; a duet of both builds is sharper",
	}}
	deciding := criteria(g.Fail)
	var worse []string
	undecided := []key{}
	levels := holm(deciding, base, candidate)
	judge := func(c criterion, role string, level float64) Metric {
		e := welch(c.key, base[c.Key()], candidate[c.Key()])
		m := unpaired(c.key, e, base[c.Key()], candidate[c.Key()])
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
func holm(deciding []criterion, base, candidate Series) []float64 {
	p := make([]float64, len(deciding))
	for i, c := range deciding {
		if p[i] = welch(c.key, base[c.Key()], candidate[c.Key()]).above(0); math.IsNaN(p[i]) {
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

// welch is the change for the worse from one set of starts to the other, with
// the degrees of freedom of Welch and Satterthwaite.
func welch(k key, base, candidate []float64) estimate {
	a, b := k.logs(base), k.logs(candidate)
	na, nb := float64(len(a)), float64(len(b))
	e := estimate{n: min(len(a), len(b)), mean: math.NaN(), se: math.NaN(), sd: math.NaN(), df: math.NaN()}
	if e.n == 0 {
		return e
	}
	meanA, squaresA := moments(a)
	meanB, squaresB := moments(b)
	e.mean = k.worse() * (meanB - meanA)
	if e.n < 2 {
		return e
	}
	va, vb := squaresA/(na-1)/na, squaresB/(nb-1)/nb
	e.se = math.Sqrt(va + vb)
	e.sd = e.se * math.Sqrt(float64(e.n))
	e.df = na + nb - 2
	if e.se > 0 {
		e.df = (va + vb) * (va + vb) / (va*va/(na-1) + vb*vb/(nb-1))
	}
	return e
}

// unpaired is how a metric stands.
func unpaired(k key, e estimate, base, candidate []float64) Metric {
	kind, sign := k.kind(), k.worse()
	m := Metric{Name: k.metric, Scope: k.scope, Unit: kind.unit, Higher: sign < 0, Base: math.NaN(), Candidate: math.NaN()}
	relative, back := math.Expm1, math.Exp
	if k.isErrors() {
		relative = func(x float64) float64 { return x }
		back = func(x float64) float64 { return kind.scale * x }
	}
	if a, b := k.logs(base), k.logs(candidate); len(a) > 0 && len(b) > 0 {
		meanA, _ := moments(a)
		meanB, _ := moments(b)
		m.Base, m.Candidate = back(meanA), back(meanB)
	}
	low, high := e.interval()
	if sign < 0 {
		low, high = -high, -low
	}
	m.Effect, m.Low, m.High = relative(sign*e.mean), relative(low), relative(high)
	m.Visible = math.Abs(relative(sign * e.visible()))
	return m
}
