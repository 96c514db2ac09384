// Package gate decides whether one build of an application is worse than
// another, at the level where the variance lives: between fresh starts.
package gate

import (
	"time"

	"sweetspot/scenarios"
)

// Verdict is what a gate says of one metric, or of all.
type Verdict string

const (
	Pass         Verdict = "pass"         // shown to be no worse than the margin allows
	Regressed    Verdict = "regressed"    // shown to be worse, and confirmed
	Improved     Verdict = "improved"     // shown to be better
	Inconclusive Verdict = "inconclusive" // neither is shown
	Informs      Verdict = ""             // the metric decides nothing
)

// Sources of a baseline.
const (
	Duet     = "duet"     // both builds, alternating
	Self     = "aa"       // the same build twice
	Baseline = "baseline" // a stored summary
)

// Result is what a gate came to.
type Result struct {
	Source      string  // Duet, Self or Baseline
	Verdict     Verdict // of all deciding metrics together
	Because     string  // one sentence
	Base        Build
	Candidate   Build
	Cell        scenarios.Cell
	Metrics     []Metric // deciding ones first, then those that warn, then those that inform
	Rounds      int      // that count
	MostRounds  int      // that the budget or the scenario allows
	Voids       []Void   // rounds that do not count
	Confirmed   int      // rounds of the independent block that confirmed a regression; 0: there was none
	MoreRounds  int      // that an inconclusive gate would take beyond those made; 0: not known, or not needed
	Spent       time.Duration
	Interrupted string   // why the gate ended early; empty when it did not
	Warnings    []string // doubts, such as: the duet is sharper than a stored baseline
}

// Build is one side of a gate.
type Build struct {
	Name     string // base or candidate
	Dir      string // of the application
	Revision string // of git, with "+changes" for uncommitted ones; empty: not known
}

// Metric is how one metric stands: effects are relative changes from base to
// candidate, 0.05 is 5 % more. Low and High are a 95 % interval; NaN where
// there is none.
type Metric struct {
	Name       string  // throughput, cpu, response, p50, p95, p99, errors, memory, startup
	Scope      string  // class or request name; empty: all traffic
	Unit       string  // requests/s, ms, ms/request, MB, s, %
	Higher     bool    // more is better
	Role       string  // fail, warn or inform
	Criterion  string  // as the scenario has it, "p95 grows > 10%"; empty for those that inform
	Margin     float64 // relative change for the worse that is still accepted; 0 for those that inform
	Base       float64 // geometric mean over the rounds, in Unit
	Candidate  float64
	Effect     float64
	Low, High  float64
	Visible    float64 // smallest change for the worse that this many rounds show with a power of 95 %; NaN unknown
	Verdict    Verdict
	P          float64 // one-sided, of no change for the worse, before Holm; NaN when not tested
	MoreRounds int     // for a clear verdict of this metric; 0: none, or not known
	Rounds     []Pair
}

// Pair is one round of a metric.
type Pair struct {
	Round           int     // 1 is the first
	Base, Candidate float64 // in Unit
	Log             float64 // paired log ratio of candidate and base, what the replicate is
}

// Void is a round that does not count, by a rule fixed beforehand.
type Void struct {
	Round int
	Why   string
}

// Key names a metric, as p95 or p95/checkout.
func (m Metric) Key() string {
	if m.Scope == "" {
		return m.Name
	}
	return m.Name + "/" + m.Scope
}
