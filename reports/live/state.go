// Package live shows a run while it goes: a feed keeps what is known of it, a
// terminal view draws that, and a server shows it as a page that follows the
// run. Nothing here can hold the run up.
package live

import (
	"math"
	"time"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// How much of a run is kept, however long it takes.
const (
	keptSeconds   = 300 // of Second
	keptLines     = 200 // of the log
	recentSeconds = 5   // that Recent sums up
)

// State is what is known of a run. In JSON it is what the page begins with.
type State struct {
	Scenario   string   `json:"scenario"`
	Dir        string   `json:"dir"` // of the run
	Objectives []string `json:"objectives"`
	Began      int64    `json:"began"` // Unix ms; of a run that goes on, earlier by what it took before
	Doing      Doing    `json:"doing"`
	Recent     *Recent  `json:"recent"`  // nil: nothing has come back of what is done now
	Seconds    []Second `json:"seconds"` // the last keptSeconds of load, oldest first
	Race       []Row    `json:"race"`    // best first; empty before the first trial, and of a gate
	Counts     Counts   `json:"counts"`
	Lines      []Line   `json:"lines"` // the last keptLines of the log, oldest first
	End        *End     `json:"end"`   // nil while the run goes
	Now        int64    `json:"now"`   // when this was told, Unix ms
}

// Stages of a step.
const (
	Starting  = "starting"
	WarmingUp = "warming up"
	Measuring = "measuring"
)

// Doing is what the run is at.
type Doing struct {
	Text     string  `json:"text"`  // as "preparing the application", or what the search says of a step
	Phase    string  `json:"phase"` // of a step, as this and all below but Left and At
	Cell     string  `json:"cell"`
	Build    string  `json:"build"` // of a gate
	Load     string  `json:"load"`
	Stage    string  `json:"stage"`
	Since    int64   `json:"since"`    // when the stage began, Unix ms
	Warmup   float64 `json:"warmup"`   // seconds
	Duration float64 `json:"duration"` // seconds, measured
	Left     float64 `json:"left"`     // seconds that the run still takes, as estimated At; 0 unknown
	At       int64   `json:"at"`       // Unix ms
}

// Second is one interval of an attack. Rates are per second, times in ms.
type Second struct {
	Trial    int     `json:"trial"`
	At       int64   `json:"at"` // end, Unix ms
	Span     float64 `json:"span"`
	Warmup   bool    `json:"warmup"`
	Due      float64 `json:"due"`
	Good     float64 `json:"good"`
	Errors   float64 `json:"errors"`
	InFlight uint64  `json:"in_flight"`
	P50      float64 `json:"p50"`
	P99      float64 `json:"p99"`
	Max      float64 `json:"max"`
	Answers  int64   `json:"answers"` // that the times rest on
}

// Recent sums up the last seconds of the load that runs, within one stage. Its
// percentiles are those of all responses in them.
type Recent struct {
	Span     float64 `json:"span"` // seconds
	Due      float64 `json:"due"`
	Good     float64 `json:"good"`
	Errors   float64 `json:"errors"`
	InFlight uint64  `json:"in_flight"`
	P50      float64 `json:"p50"`
	P99      float64 `json:"p99"`
	Max      float64 `json:"max"`
	Answers  int64   `json:"answers"`
}

// Row is one cell in the race.
type Row struct {
	Cell       string  `json:"cell"`
	Server     string  `json:"server"`
	Proxy      string  `json:"proxy"`
	Workers    int     `json:"workers"` // of each instance
	Threads    int     `json:"threads"`
	Instances  int     `json:"instances"`
	Sustained  float64 `json:"sustained"`  // requests/s; 0: not found
	Throughput float64 `json:"throughput"` // goodput of bursts, requests/s; 0: not measured
	Starts     int     `json:"starts"`
	State      string  `json:"state"`
}

// Rows are the standings of a search.
func Rows(standings []analysis.Standing) (rows []Row) {
	for _, s := range standings {
		c := s.Cell
		rows = append(rows, Row{
			Cell: c.String(), Server: c.Server, Proxy: c.Proxy, Workers: c.Workers, Threads: c.Threads, Instances: c.Servers(),
			Sustained: rounded(s.Sustained), Throughput: rounded(s.Throughput), Starts: s.Starts, State: s.State,
		})
	}
	return rows
}

// Counts are the trials so far, by their verdict.
type Counts struct {
	Passed int `json:"passed"`
	Failed int `json:"failed"`
	Void   int `json:"void"`
}

func (c *Counts) add(verdict string) {
	switch verdict {
	case analysis.Passed:
		c.Passed++
	case analysis.Failed:
		c.Failed++
	case analysis.Void:
		c.Void++
	}
}

// Sum returns all trials so far.
func (c Counts) Sum() int { return c.Passed + c.Failed + c.Void }

// Note is the kind of a line that is not about a trial; others have the kind
// of its verdict.
const Note = "note"

// Line is one line of the log.
type Line struct {
	At   int64  `json:"at"` // Unix ms
	Kind string `json:"kind"`
	Cell string `json:"cell"` // of a trial
	Text string `json:"text"`
}

// End tells that a run is over.
type End struct {
	Outcome string `json:"outcome"` // an outcome of analysis, or a verdict of a gate, or Interrupted or Broken
	Text    string `json:"text"`
	Report  string `json:"report"` // file; empty: none was written
}

// Outcomes that an analysis does not know.
const (
	Interrupted = "interrupted"
	Broken      = "broken"
)

// share returns how much of the run is done, 0…1, and how long it still takes;
// known is false when nothing tells.
func (s *State) share(now time.Time) (done float64, gone, left time.Duration, known bool) {
	at := now.UnixMilli()
	gone = time.Duration(max(at-s.Began, 0)) * time.Millisecond
	if s.Doing.Left <= 0 {
		return 0, gone, 0, false
	}
	left = time.Duration(max(s.Doing.Left-float64(at-s.Doing.At)/1000, 0) * float64(time.Second))
	return gone.Seconds() / max((gone+left).Seconds(), 1e-9), gone, left, true
}

// rounded keeps four significant digits: more would be noise, and take space.
func rounded(x float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}

// millis returns d in milliseconds, to the microsecond.
func millis(us int64) float64 { return float64(us) / 1000 }

// objectives are a scenario's, as it writes them.
func objectives(o scenarios.Objectives) (out []string) {
	for _, one := range o {
		out = append(out, one.String())
	}
	return out
}
