package lint

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// openLoop looks at the trials whose latencies are claimed.
func openLoop(f *facts) verdict {
	var wrong []string
	n := 0
	for _, t := range f.counted {
		if !claims(t) {
			continue
		}
		n++
		all := t.Load.Classes[scenarios.All]
		switch {
		case t.Step.Rate <= 0 || t.Load.Offered <= 0:
			wrong = append(wrong, fmt.Sprintf("trial %d of phase %s had no schedule", t.ID, t.Step.Phase))
		case all.Response.Mean < all.Service.Mean:
			wrong = append(wrong, fmt.Sprintf("trial %d: mean response time %v is less than mean service time %v: it does not count from the schedule", t.ID, all.Response.Mean, all.Service.Mean))
		}
	}
	if n == 0 {
		return fails("no open-loop trial counts")
	}
	return unless(wrong, holds("%d trials claim latencies, all of them by a schedule of %s arrivals", n, f.scenario.Traffic.Arrivals))
}

// asked are the checks of the generator that an open-loop trial must have
// recorded.
var asked = []string{analysis.CheckLag, analysis.CheckCPU}

func generator(f *facts) verdict {
	var wrong []string
	n := 0
	for _, t := range f.counted {
		if t.Load.Sent == 0 {
			continue
		}
		n++
		for _, c := range t.Verdict.Checks {
			if !c.OK && c.Voids {
				wrong = append(wrong, fmt.Sprintf("trial %d counts although %s", t.ID, c.Reason))
			}
		}
		for _, name := range asked {
			if claims(t) && !slices.ContainsFunc(t.Verdict.Checks, func(c analysis.Check) bool { return c.Name == name && c.Value != "" }) {
				wrong = append(wrong, fmt.Sprintf("trial %d does not tell the %s", t.ID, name))
			}
		}
	}
	if n == 0 {
		return fails("no trial counts")
	}
	if why := f.Result.AboveCeiling; why != "" {
		wrong = append(wrong, why)
	}
	v := holds("%d trials count, and in none of them was the generator the limit", n)
	for _, a := range f.Result.Generator {
		if a.Trials > 0 && a.Limit != "" {
			v.evidence = append(v.evidence, fmt.Sprintf("%s: at worst %s, %s (%d trials)", a.Name, a.Value, a.Limit, a.Trials))
		}
	}
	return unless(wrong, v)
}

func intervals(f *facts) verdict {
	if len(f.compared) == 0 {
		return nothingCompared
	}
	var wrong []string
	n := 0
	ask := func(what string, x *analysis.Figure) {
		if n++; !hasInterval(x) {
			wrong = append(wrong, what+" has no interval")
		}
	}
	for _, c := range f.compared {
		ask(fmt.Sprintf("the rate of %v", c.Cell), c.Sustainable())
	}
	for _, c := range slices.Concat(f.Result.Folklore, f.Result.ProxyTax) {
		if c.Ratio != nil {
			ask(fmt.Sprintf("the ratio to %v", c.Cell.Cell), c.Ratio)
		}
	}
	if k := f.Result.Contest; k != nil {
		for _, e := range k.Entries {
			if e.Ratio != nil {
				ask(fmt.Sprintf("the ratio of %s", e.Value), e.Ratio)
			}
		}
	}
	return unless(wrong, holds("all %d rates and ratios have one", n))
}

// samples looks at the percentiles that the objectives name: they are what the
// rates are claimed to hold.
func samples(f *facts) verdict {
	var wrong, good []string
	asks := 0
	for _, o := range f.scenario.Objectives {
		q, ok := o.Quantile()
		if !ok {
			continue
		}
		asks++
		class := o.Class
		if class == "" {
			class = scenarios.All
		}
		least := math.Inf(1)
		for _, c := range f.compared {
			beyond := float64(c.Latency[class].Count) * (1 - q)
			least = min(least, beyond)
			if !analysis.Claimable(c.Latency[class].Count, q) {
				wrong = append(wrong, fmt.Sprintf("%v: %s %s rests on %d samples, %.0f beyond it", c.Cell, class, o.Metric, c.Latency[class].Count, math.Floor(beyond)))
			}
		}
		good = append(good, fmt.Sprintf("%s %s: at least %.0f samples beyond it for each of %d configurations", class, o.Metric, math.Floor(least), len(f.compared)))
	}
	switch {
	case asks == 0:
		return moot("no objective names a percentile")
	case len(f.compared) == 0:
		return nothingCompared
	}
	return unless(wrong, verdict{Holds, good})
}

func errorsUncounted(f *facts) verdict {
	var wrong []string
	if !slices.ContainsFunc(f.scenario.Objectives, func(o scenarios.Objective) bool { return o.Metric == scenarios.Errors }) {
		wrong = append(wrong, "no objective bounds the errors")
	}
	for _, r := range f.scenario.Traffic.Requests {
		if e := r.Expect; e.Status == 0 && e.Length == nil && e.Contains == "" && e.SHA256 == "" {
			wrong = append(wrong, fmt.Sprintf("request %s: nothing says what a good answer is", r.Name))
		}
	}
	var sent, failed uint64
	for _, t := range f.counted {
		all := t.Load.Classes[scenarios.All]
		sent, failed = sent+all.Sent, failed+all.Sent-min(all.Good, all.Sent)
		if most := float64(all.Good) + 0.5; t.Load.Goodput*t.Load.Span.Seconds() > most || all.Good > all.Sent {
			wrong = append(wrong, fmt.Sprintf("trial %d: a goodput of %.1f requests/s over %v is more than its %d good answers", t.ID, t.Load.Goodput, t.Load.Span, all.Good))
		}
	}
	return unless(wrong, holds("%d of %d requests of the trials that count were errors, none of them in a goodput", failed, sent))
}

func reasons(f *facts) verdict {
	var wrong []string
	void, failed := 0, 0
	for _, t := range f.Result.Trials {
		switch t.Verdict.Kind {
		case analysis.Void:
			void++
		case analysis.Failed:
			failed++
		default:
			continue
		}
		if strings.TrimSpace(strings.Join(t.Verdict.Reasons, "")) == "" {
			wrong = append(wrong, fmt.Sprintf("trial %d of %v is %s and does not say why", t.ID, t.Step.Cell, t.Verdict.Kind))
		}
	}
	return unless(wrong, holds("%d void and %d failed trials, each with its reason", void, failed))
}

// mostUsed is the share of its cores that an application can have used, for the
// clocks of CPU time tick.
const mostUsed = 1.05

func physics(f *facts) verdict {
	var wrong []string
	for _, t := range f.counted {
		u, all := t.Usage, t.Load.Classes[scenarios.All]
		if cores := u.AppCapacity() * u.Wall.Seconds(); cores > 0 && u.App.CPUSeconds > mostUsed*cores {
			wrong = append(wrong, fmt.Sprintf("trial %d: the application used %.2f s of CPU time of at most %.2f s", t.ID, u.App.CPUSeconds, cores))
		}
		var parts uint64
		for name, c := range t.Load.Classes {
			if name != scenarios.All {
				parts += c.Sent
			}
		}
		if all.Sent != t.Load.Sent || parts != all.Sent {
			wrong = append(wrong, fmt.Sprintf("trial %d: %d requests sent, %d in all classes together, %d by class", t.ID, t.Load.Sent, all.Sent, parts))
		}
	}
	if len(f.counted) == 0 {
		return moot("no trial counts")
	}
	return unless(wrong, holds("in each of %d trials the classes add up, and the application used no more than its cores", len(f.counted)))
}
