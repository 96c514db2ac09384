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
	Checks  []Check  // whether the generator was the limit; empty when the load was not sent
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

	// AtLeast says that the generator was the limit of a closed loop: the true
	// value is this or more.
	AtLeast bool
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
	Because  string  // one sentence: why this outcome
	Winner   *Cell   // nil unless Outcome is Recommended
	RunnerUp *Cell   // the best cell that is not the winner; nil when there is none
	Lead     *Figure // the winner's sustainable rate over the runner-up's; nil when there is no runner-up
	Ties     []*Cell
	Folklore []Comparison // every folklore setting, against the winner
	ProxyTax []Comparison // the winner's proxy twins, against the winner
	Contest  *Contest     // what the scenario compares; nil when it compares nothing, or too little was measured
	Limit    Limit        // what limits the winner
	Scaling  *Scaling     // the winner on other numbers of cores; nil when none was measured
	Cells    []*Cell      // every cell of the matrix, in its order
	Trials   []Judged     // in order
	Spent    time.Duration
	Budget   time.Duration
	Partial  string   // why the search did not finish; empty when it did
	Target   string   // address of the running server that was measured; empty when the run started its own
	Embedded bool     // measured on the embedded, synthetic stack
	Warnings []string // doubts about the run as a whole

	Generator    []Answer // whether the generator was the limit, over all trials
	Confidence   float64  // of an adaptive search: the probability that no cell is better than the winner by Regret or more; 0 when it is not told
	Headroom     float64  // share of what the winner sustains that is to stay free, 0…1
	Usable       float64  // what is left of it to plan with, requests/s; 0 unknown
	Regret       float64  // what the search is content with, as a share
	Sites        []Site   // of a fleet, by name; nil for one site
	AboveCeiling string   // why the recommended rate may be the generator's as much as the winner's; empty when it is not near its ceiling
}

// Cell sums up what was measured of one cell.
type Cell struct {
	scenarios.Planned
	Saturation           *Figure                      // goodput of closed-loop bursts, requests/s: throughput only
	Explored             *Figure                      // sustainable rate found while searching, requests/s; of several sites, as their mean would have it
	Final                *Figure                      // sustainable rate on the final fresh starts, requests/s, likewise; only this backs a claim
	Rates                []float64                    // of every start that Sustainable is the mean of, in their order, requests/s
	Low, High            float64                      // highest rate that passed and lowest that failed, requests/s; 0 unknown
	Infeasible           string                       // why no rate meets the objectives; empty otherwise
	Struck               string                       // the constraint that the cell breaks; empty otherwise
	Tied                 bool                         // statistically as good as the best
	Latency              map[string]rundir.Latency    // response by class, merged over the passed trials nearest to the sustainable rate; key scenarios.All, Static, Dynamic
	Distribution         map[string]Distribution      // the same, from the fastest response to the slowest
	LatencyRate          float64                      // mean offered rate of those trials, requests/s
	Service              rundir.Latency               // the same trials' service time, all classes
	Mismatch             string                       // where the stack that ran was not the cell; its trials are void then
	Classes              map[string]*Figure           // goodput of closed-loop bursts of one class alone on final starts, requests/s: throughput only; empty when they were not measured
	ClassCPU             map[string]*Figure           // CPU time of application and proxy per good request in those loops, ms
	Lottery              *Lottery                     // how unevenly connections fell to the workers; nil when that was not seen
	Beside               *Beside                      // what was held beside the attack; nil when nothing was
	Peak                 *rundir.Peak                 // requests that it worked on at once; nil when that was not measured
	Static               []rundir.StaticAnswer        // how it serves static files
	Upstream             string                       // between proxy and application; empty without a proxy
	Databases            map[string]rundir.ServiceUse // most connections seen, by service
	Curve                []Point                      // latency against load, by rising offered rate
	AppCPU               *Figure                      // application CPU, ms per good request
	ProxyCPU             *Figure                      // proxy CPU, ms per good request
	Utilisation          float64                      // share of the application's cores busy with the application, at the sustainable rate, 0…1
	WorkerCPU            *Figure                      // CPUs that a worker keeps busy at the sustainable rate, mean over the workers; nil: not known
	Memory               int64                        // PSS of application and proxy, bytes, largest seen
	ProcessMemory        int64                        // PSS of a process of the application, mean over them, bytes, largest seen; 0: not known
	Growth               *Figure                      // of that, bytes in an hour at the sustainable rate; nil: none was shown
	Processes            int                          // of application and proxy
	Cores                float64                      // that the application had, whole or not; 0 unknown
	Pod                  bool                         // they were the quota of a control group of its own
	Passed, Failed, Void int                          // trials
	Failure              string                       // first failure, with the log's tail
	Dropped              string                       // where an adaptive search gave it up, and why; empty when it did not
	speeds               speeds                       // of the sites where it was measured
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
	Cut      bool                      // the trial was cut short: its latencies say no more than that they were too long
	Response map[string]rundir.Latency // by class
}

// Comparison sets one cell against the winner.
type Comparison struct {
	Name   string // what it is, as "2 × cores + 1 workers"
	Cell   *Cell
	Ratio  *Figure // winner's sustainable rate over the cell's; nil when the cell sustains nothing
	Paired bool    // both from the same rounds of final starts
	Limit  Limit   // what keeps the cell from more; of the folklore settings only
}

// Contest is what a scenario compares: for every value of one dimension the
// best cell, on final starts of the same rounds.
type Contest struct {
	Dimension string   // one of the scenarios.Compare… words
	Entries   []Entry  // best first
	Absent    []Absent // values without an entry
}

// Absent is a value of which no cell could be compared.
type Absent struct {
	Value string
	Why   string
}

// Entry is the best cell of one value.
type Entry struct {
	Value     string // as nginx, wsgi or 5
	Cell      *Cell
	Reference bool               // that the others are set against
	Ratio     *Figure            // its sustainable rate over the reference's; nil when either has none, or it is the reference
	Classes   map[string]*Figure // the same of the closed-loop goodput of one class alone
	CPU       map[string]*Figure // the same of the CPU time of application and proxy per request in those loops
	Latency   map[string]*Figure // the same of the median response time at a share of its sustainable rate, by class: above 1 is slower
}

// Lottery is how unevenly connections fell to the workers of a cell that keeps
// them.
type Lottery struct {
	Trials  int     // that were looked at, with two or more workers and some connections
	Typical float64 // median over them of the busiest worker's connections over the mean
	Worst   float64
	WorstOf []int // connections by worker in the worst trial, most first
}

// Beside is what was held beside the attacks on a cell.
type Beside struct {
	Slow       *rundir.SlowClients // of the last trial with them
	WebSockets *rundir.WebSockets  // of the last trial with them
	BytesEach  float64             // memory of one open WebSocket, bytes; 0 unknown
	Rate       float64             // requests/s at which the two below were measured; 0 when they were not
	With       rundir.Latency      // response time of normal requests
	Alone      rundir.Latency      // the same load without what is held
	Answered   float64             // share of the normal requests that were answered well beside it at the lowest rate tried, 0…1
	AnsweredAt float64             // that rate, requests/s; 0 when none was tried
}

// Limit names what keeps a cell from more.
type Limit struct {
	What     string // one of the Limit… words
	Evidence []string
	Seen     *Seen // what it rests on; nil when no burst of the cell counts
}

// Seen is what the saturation bursts of a cell showed in the mean. There every
// slot has work, so that whatever is used up is the limit.
type Seen struct {
	Goodput                         float64 // requests/s
	App, Proxy, Services, Generator float64 // CPUs
	Busy                            float64 // share of the machine's CPU time, 0…1
	Cores, AppCores                 int     // of the machine, and that the application may use
	Quota                           float64 // cores of the application's control group; 0: it has none
	Throttled                       float64 // share of the group's periods in which it was out of quota, 0…1
	Slots                           int
	Taken                           float64       // slots with a request
	Loop                            bool          // an event loop: it works on more requests at once than it has slots
	Kept                            time.Duration // that a request kept a slot (Little's law)
	AppDemand, ProxyDemand          time.Duration // CPU time of a request
	Most                            float64       // requests/s that the machine's cores, or the quota, can do at that (utilisation law); 0 unknown
	Database                        string        // the database that had nearly all its connections; empty for none
	Overflows                       uint64        // connections dropped at a full listen queue

	Larger        *scenarios.Cell // the best of the same server and proxy with half as many slots again or more; nil for none
	LargerGoodput float64         // requests/s
	Alone         *scenarios.Cell // where nothing contends, of the same server and proxy; nil: no such cell was measured
	Away          time.Duration   // that a request was off the CPU there
}
