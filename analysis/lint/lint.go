// Package lint holds a run against the rules of measurement: which of them
// hold, by which figures, and what is missing for its report to be published.
// Its functions are pure.
package lint

import (
	"fmt"
	"strings"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
)

// Verdicts over a rule.
const (
	Holds = "holds"
	Fails = "does not hold"
	Moot  = "does not apply"
)

// Input is all that a run is judged by.
type Input struct {
	Manifest rundir.Manifest
	Result   *analysis.Result
	Hosts    []rundir.FleetHost       // of the fleet that made the run; none: one machine did
	Kept     func(trial int) []string // names of the files that a trial keeps
}

// Finding is the verdict over one rule. Its names are stable.
type Finding struct {
	ID       string   `json:"id"`
	Asks     string   `json:"asks"`
	Verdict  string   `json:"verdict"`
	Evidence []string `json:"evidence"`         // a sentence each, with the figures, cells or trials
	Remedy   string   `json:"remedy,omitempty"` // of a rule that does not hold
}

// Report is the verdict over a run.
type Report struct {
	Publishable bool      `json:"publishable"` // no rule fails
	Findings    []Finding `json:"rules"`       // in the order of the rules
}

// Run holds a run against every rule.
func Run(in Input) Report {
	r := Report{Publishable: true}
	f := newFacts(in)
	for _, rule := range rules {
		v := rule.check(f)
		if v.kind == "" {
			continue
		}
		x := Finding{ID: rule.id, Asks: rule.asks, Verdict: v.kind, Evidence: v.evidence}
		if v.kind == Fails {
			x.Remedy, r.Publishable = rule.remedy, false
		}
		r.Findings = append(r.Findings, x)
	}
	return r
}

// Missing returns the rules that do not hold.
func (r Report) Missing() (out []Finding) {
	for _, f := range r.Findings {
		if f.Verdict == Fails {
			out = append(out, f)
		}
	}
	return out
}

// Stamp says in one line whether the report of the run may be published.
func (r Report) Stamp() string {
	apply := 0
	for _, f := range r.Findings {
		if f.Verdict != Moot {
			apply++
		}
	}
	var ids []string
	for _, f := range r.Missing() {
		ids = append(ids, f.ID)
	}
	if len(ids) == 0 {
		return fmt.Sprintf("Publishable: all %d rules of measurement that apply hold.", apply)
	}
	verb := "do"
	if len(ids) == 1 {
		verb = "does"
	}
	return fmt.Sprintf("Not publishable: %d of %d rules of measurement that apply %s not hold: %s.", len(ids), apply, verb, strings.Join(ids, ", "))
}

// verdict is what a rule finds. One without a kind is that of a rule which is
// not asked of such runs at all.
type verdict struct {
	kind     string
	evidence []string
}

func holds(format string, args ...any) verdict {
	return verdict{Holds, []string{fmt.Sprintf(format, args...)}}
}

func fails(format string, args ...any) verdict {
	return verdict{Fails, []string{fmt.Sprintf(format, args...)}}
}

func moot(format string, args ...any) verdict {
	return verdict{Moot, []string{fmt.Sprintf(format, args...)}}
}

// nothingCompared is what rules on comparisons find without one. That there is
// none is for the rule on fresh starts to say.
var nothingCompared = moot("nothing was measured on final fresh starts")

// mostNamed bounds how many cells or trials a finding names.
const mostNamed = 8

// unless fails with what is wrong, a sentence each, and is v when nothing is.
func unless(wrong []string, v verdict) verdict {
	if len(wrong) == 0 {
		return v
	}
	if more := len(wrong) - mostNamed; more > 0 {
		wrong = append(wrong[:mostNamed:mostNamed], fmt.Sprintf("and %d more", more))
	}
	return verdict{Fails, wrong}
}

// rule is one row of the checklist.
type rule struct {
	id, asks, remedy string
	check            func(*facts) verdict
}

// rules are the checklist, in the order in which it is shown.
var rules = []rule{
	{"conclusion", "The search went to its end and answers the question.",
		"measure with a larger --budget, on a quiet machine; a run that was interrupted goes on with --resume", conclusion},
	{"open-loop", "Latency is claimed of open-loop trials only, and counts from when a request was due.",
		"raise the budget until the finals are measured; closed-loop figures are throughput only", openLoop},
	{"generator", "The generator proves, trial by trial, that it was not the limit.",
		"give the generator cores of its own (cpus), or measure on a quieter or larger machine", generator},
	{"fresh-starts", "Every configuration that is compared was measured on 3 fresh starts or more.",
		"raise the budget, or search.finals, until every finalist has three starts", freshStarts},
	{"interleaving", "The starts of the configurations are interleaved, round by round.",
		"measure with the search of this program, which interleaves them, and in one run", interleaving},
	{"intervals", "Every figure that decides has an interval.",
		"raise the budget: an interval takes two starts or more", intervals},
	{"samples", "Every percentile that is claimed has 100 samples or more beyond it.",
		"raise search.trial, or state the objectives by a lower percentile", samples},
	{"baselines", "The defaults and the folklore settings were measured as the others were.",
		"leave one worker in matrix.workers, search.compare empty, and raise the budget until the folklore settings are in the finals", baselines},
	{"tuning", "Rivals were tuned with the same budget: the same range for each, and every setting measured or ruled out for a reason.",
		"give every server and proxy the same workers, without exclusions of one of them, and raise the budget until no setting is left out", tuning},
	{"errors", "Errors are never counted as throughput.",
		"state an objective on errors, as errors < 0.1%, and what every request expects", errorsUncounted},
	{"versions", "Versions of all components and the facts of the host are disclosed.",
		"measure with a released build of sweetspot, and with servers that tell their version", versions},
	{"configs", "Scenario, command line, seed and rendered configurations are disclosed.",
		"measure again with this version, on stacks that sweetspot starts itself", configs},
	{"read-back", "The effective configuration was read back from the running stack.",
		"name in app.wait a path that waits, and measure again", readBack},
	{"cpu-sets", "The CPU sets of generator, proxy and application are stated, and so is it when they overlap.",
		"state them in cpus, and measure again", cpuSets},
	{"sites", "The sites of the fleet are the same machine several times, with the same programs.",
		"measure at sites that are alike, or set only configurations against each other that one of them measured", sites},
	{"ties", "Configurations within the noise are named as tied.",
		"judge the run again with sweetspot report", tieStatements},
	{"reasons", "Every void and every failed trial has its reason.",
		"measure again with this version", reasons},
	{"physics", "The figures agree with each other: counts add up, and no more CPU was used than there is.",
		"measure again; when it stays, it is a fault of this program: report it", physics},
}
