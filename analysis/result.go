// Package analysis turns trials into answers: which trials count, what each
// cell sustains, which cell to run, and why. Its functions are pure.
package analysis

import (
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Kinds of verdict over a trial.
const (
	Passed = "passed" // the load was held within the objectives
	Failed = "failed" // it was not: counts against the cell
	Void   = "void"   // says nothing about the cell: counts for nothing
)

// Verdict judges one trial.
type Verdict struct {
	Kind    string
	Reasons []string // why it failed or is void; empty when it passed
	Notes   []string // doubts that do not change the verdict
}

// Judged is a trial with its verdict.
type Judged struct {
	rundir.Trial
	Verdict Verdict
}

// Figure is an estimate over replicates with its confidence interval. With
// fewer than two replicates there is no interval: Low and High are NaN.
type Figure struct {
	Value     float64
	Low, High float64
	N         int // replicates: fresh starts, never requests
}

// Outcomes of a run.
const (
	Recommended  = "recommended"  // a cell is recommended
	NotMet       = "not met"      // no cell meets the objectives
	Inconclusive = "inconclusive" // too little could be measured to say
)

// Result is what a run found. It is the only input of the reports besides the
// manifest.
type Result struct {
	Outcome  string
	Because  string // one sentence: why this outcome
	Winner   *Cell  // nil unless Outcome is Recommended
	RunnerUp *Cell  // the best cell that is not the winner; nil when there is none
	Ties     []*Cell
	Folklore []Comparison // every folklore setting, against the winner
	ProxyTax []Comparison // the winner's proxy twins, against the winner
	Limit    Limit        // what limits the winner
	Cells    []*Cell      // every cell of the matrix, in its order
	Trials   []Judged     // in order
	Spent    time.Duration
	Budget   time.Duration
	Partial  string   // why the search did not finish; empty when it did
	Embedded bool     // measured on the embedded, synthetic stack
	Warnings []string // doubts about the run as a whole
}

// Cell sums up what was measured of one cell.
type Cell struct {
	scenarios.Planned
	Saturation           *Figure                   // goodput of closed-loop bursts, requests/s: throughput only
	Explored             *Figure                   // sustainable rate found while searching, requests/s
	Final                *Figure                   // sustainable rate on the final fresh starts, requests/s; only this backs a claim
	Low, High            float64                   // highest rate that passed and lowest that failed, requests/s; 0 unknown
	Infeasible           string                    // why no rate meets the objectives; empty otherwise
	Struck               string                    // the constraint that the cell breaks; empty otherwise
	Tied                 bool                      // statistically as good as the best
	Latency              map[string]rundir.Latency // response by class, merged over the passed trials nearest to the sustainable rate; key scenarios.All, Static, Dynamic
	LatencyRate          float64                   // mean offered rate of those trials, requests/s
	Service              rundir.Latency            // the same trials' service time, all classes
	Curve                []Point                   // latency against load, by rising offered rate
	AppCPU               *Figure                   // application CPU, ms per good request
	ProxyCPU             *Figure                   // proxy CPU, ms per good request
	Utilisation          float64                   // share of the application's cores busy with the application, at the sustainable rate, 0…1
	Memory               int64                     // PSS of application and proxy, bytes, largest seen
	Processes            int                       // of application and proxy
	Passed, Failed, Void int                       // trials
	Failure              string                    // first failure, with the log's tail
}

// Sustainable returns the figure that speaks for the cell: Final where there
// is one, else Explored; nil when neither was measured.
func (c *Cell) Sustainable() *Figure {
	if c.Final != nil {
		return c.Final
	}
	return c.Explored
}

// Point is one open-loop trial on a latency curve.
type Point struct {
	Offered  float64 // requests/s
	Goodput  float64 // requests/s
	Verdict  string
	Response map[string]rundir.Latency // by class
}

// Comparison sets one cell against the winner.
type Comparison struct {
	Name   string // what it is, as "2 × cores + 1 workers"
	Cell   *Cell
	Ratio  *Figure // winner's sustainable rate over the cell's; nil when the cell sustains nothing
	Paired bool    // both from the same rounds of final starts
}

// Limit names what keeps the winner from more.
type Limit struct {
	What     string // "application CPU", "workers all waiting", "proxy", "generator" or "unknown"
	Evidence []string
}
