// Package rundir is the on-disk run: its manifest, its trials and their raw
// results. Whatever is committed survives any interruption.
package rundir

import (
	"time"

	"sweetspot/scenarios"
)

// Phases of a search that a trial can belong to.
const (
	Saturation = "saturation" // closed-loop burst: how much can it do at all
	Probe      = "probe"      // a tenth of the load: can it meet the objectives at all
	Bracket    = "bracket"    // open loop, walking towards the sustainable rate
	Final      = "final"      // open loop, fresh starts of the finalists, interleaved
	Curve      = "curve"      // open loop, at a share of the sustainable rate: latency at lower loads
	Scaling    = "scaling"    // closed-loop burst on a number of cores, fresh starts, interleaved
	Duel       = "duet"       // bursts that alternate between two builds, both of which run
)

// Builds of a gate, as its steps name them.
const (
	Base      = "base"
	Candidate = "candidate"
)

// Step is what to measure next.
type Step struct {
	Cell        scenarios.Cell
	Start       int           // which fresh start of the cell; steps in a row that share it share the running stack
	Phase       string        // Saturation, Probe, Bracket, Final, Curve, Scaling or Duel
	Rate        float64       // offered, requests per second; 0 means closed loop
	Connections int           // closed loop only: requests kept in flight
	Warmup      time.Duration // load before measuring
	Duration    time.Duration // measured
	Cores       float64       `json:",omitempty"` // Scaling only: that the application gets, whole or not
	Class       string        `json:",omitempty"` // only requests of this class are sent; empty: the whole mix
	Alone       bool          `json:",omitempty"` // without the slow clients and WebSockets that the traffic has beside it
	Hot         bool          `json:",omitempty"` // the running stack may be resized to the cell instead of being started anew
	Build       string        `json:",omitempty"` // Base or Candidate, of a gate; of a Duel both are started, and run until the next start
	Note        string        `json:",omitempty"` // for the progress line, as "bracket 3 of 14"
	Left        time.Duration `json:"-"`          // estimate of what the run still takes, this step included
}

// Strategy chooses the next step from the trials done, in the order they were
// done. ok is false when the search is over. It is pure: the same trials give
// the same step, so that a resumed run goes on where it stopped.
type Strategy func(done []Trial) (next Step, ok bool)

// Trial is one attack at one load on one started cell, as it happened. It
// holds facts only; package analysis judges them.
type Trial struct {
	ID        int // 1 is the first of the run
	Step      Step
	Began     time.Time
	Cost      time.Duration // wall time that the trial took from the budget, start and stop of the stack included
	Fresh     bool          // the stack was started for this trial
	StartTime time.Duration `json:",omitempty"` // from spawning to ready; only when Fresh
	Resized   bool          `json:",omitempty"` // the running stack was resized to the cell
	Quiet     *Quiet        `json:",omitempty"` // the machine at rest, before a Duel's builds were started; nil: it was not watched
	Effective Effective
	Load      Load
	Usage     Usage
	Beside    *Beside `json:",omitempty"` // what was held beside the attack; nil when nothing was
	Failure   string  `json:",omitempty"` // the stack did not start, or died: what happened, with the log's tail
	Unlimited string  `json:",omitempty"` // why the scenario's limits were not enforced; empty where they were, or are none
	Broken    string  `json:",omitempty"` // the measurement itself could not be made: the trial is void
	Placed    *Placed `json:",omitempty"` // where in a fleet it was made; nil: on the machine of the run
}

// Quiet is what a machine did while nothing of ours ran.
type Quiet struct {
	Load         float64       // of the minute before, as in /proc/loadavg
	StealShare   float64       // of its CPU time, taken by the hypervisor
	ForeignShare float64       // of its CPU time, used by processes that are not ours
	Waited       time.Duration `json:",omitempty"` // until it was quiet, or in vain
}

// Enough tells whether it was quiet enough to measure.
func (q Quiet) Enough() bool { return q.StealShare <= MaxSteal && q.ForeignShare <= MaxForeign }

// Effective is the configuration as read back from the running stack.
type Effective struct {
	Workers     int                 // live worker processes, those of all instances
	Threads     int                 // most threads seen in one worker, housekeeping ones included; 0 when not read
	Peak        *Peak               `json:",omitempty"` // nil when it was not measured
	Connections []int               `json:",omitempty"` // client or proxy connections by worker, half-way through the trial
	Upstream    string              `json:",omitempty"` // what lies between proxy and application: unix or tcp, and uwsgi where it speaks that; empty without a proxy
	Static      []StaticAnswer      `json:",omitempty"` // how static files are served
	Argv        map[string][]string `json:",omitempty"` // command line per process, by role: app, proxy
}

// Peak is the largest number of requests that were inside the application at
// once while it got many more than it has slots for.
type Peak struct {
	Seen    int
	Want    int // what the cell promises; 0: it promises none, as an event loop
	Offered int // requests that were kept in flight
}

// StaticAnswer is how the stack serves one static file.
type StaticAnswer struct {
	Path         string
	Status       int
	Length       int64  // of the body, bytes
	Verified     bool   // length and SHA-256 are those of the file
	Encoding     string `json:",omitempty"` // Content-Encoding that a client gets which takes gzip
	CacheControl string `json:",omitempty"`
	ETag         bool
	LastModified bool
}

// Beside is what was held beside an attack.
type Beside struct {
	Slow       *SlowClients `json:",omitempty"`
	WebSockets *WebSockets  `json:",omitempty"`
}

// SlowClients is what became of the slow clients in the measured part.
type SlowClients struct {
	Clients int    // that were at it
	Kind    string // headers, body or read
	Served  uint64 // requests that were answered in full
	Dropped uint64 // requests whose connection the stack closed, or refused
	Most    int    // connections open at once
}

// WebSockets is what became of the WebSocket connections.
type WebSockets struct {
	Wanted      int
	Held        int            // open when the attack ended
	Refused     int            // handshakes answered otherwise, or not at all
	Dropped     int            // that were open and that the stack closed
	Refusals    map[string]int `json:",omitempty"` // by normalised reason, as "status 404"
	Echo        Latency        // from sending a message to having it back
	Wrong       uint64         // echoes that were not what was sent, or did not come in time
	BytesBefore uint64         // PSS of application and proxy before they were opened
	BytesAfter  uint64         // and once they were
}

// Load is what the generator sent and what came back in the measured part of
// a trial. Latencies from Response count from the scheduled time.
type Load struct {
	Offered   float64       // scheduled rate, requests per second; 0 for a closed loop
	Speed     float64       `json:",omitempty"` // of a replay: recorded time over the trial's; 0 for other arrivals
	Achieved  float64       // sent per second of schedule
	Goodput   float64       // verified responses per second
	Planned   uint64        // hits the schedule asked for; for a closed loop, hits sent
	Sent      uint64        // hits sent
	Unsent    uint64        // planned hits that were never sent
	Span      time.Duration // from the first scheduled hit to the end of the schedule, or to the abort
	InFlight  float64       // mean number in flight over Span
	Workers   int           // cap on requests in flight
	Late      uint64        // hits sent late while workers were free: the generator starved
	LateBusy  uint64        // hits sent late because every worker was busy: the subject queues
	StarveLag Latency       // lag of the hits that found a free worker
	Aborted   string        `json:",omitempty"` // why the attack ended before its schedule did
	Classes   map[string]Class
	Requests  map[string]Class  // by name of the request
	Protocols map[string]uint64 `json:",omitempty"` // answers by what was negotiated, as "HTTP/1.1" or "HTTP/2.0 TLS 1.3"
	Redials   uint64            // connections opened in the measured part
	Resent    uint64            // requests sent again, because a kept connection was closed before it answered
	Windows   []Window          // one per second of completion
}

// Faults of the generator's own process or machine, as they are named in
// Class.Faults: it had no local port, or no descriptor, for a connection.
const (
	FaultNoPort = "no free local port"
	FaultNoFile = "too many open files"
)

// Class sums up the requests of one class, or of one name.
type Class struct {
	Sent     uint64
	Good     uint64            // verified
	Bytes    uint64            // of the bodies received
	Statuses map[string]uint64 // by status code; "0" is no answer
	Faults   map[string]uint64 `json:",omitempty"` // by normalised error; a wrong body is one too
	Response Latency           // from the scheduled time to the last byte
	Service  Latency           // from sending to the last byte
	Lag      Latency           // how late requests left
}

// Errors returns how many requests were not answered well.
func (c Class) Errors() uint64 { return c.Sent - c.Good }

// Latency sums up one histogram (HdrHistogram, three significant digits,
// 1 µs to 1 h). Errors are in it too: a failed request took its time.
type Latency struct {
	Count                                int64
	Mean                                 time.Duration
	P50, P75, P90, P95, P99, P999, P9999 time.Duration
	Max                                  time.Duration
}

// Window is one second of a trial, by time of completion.
type Window struct {
	Second int // from the start of the measured part
	Sent   uint64
	Good   uint64
	Errors uint64
	P50    time.Duration // response
	P95    time.Duration
	P99    time.Duration
	Max    time.Duration
}

// Usage is what the machine spent during the measured part of a trial.
type Usage struct {
	Wall            time.Duration
	App             Group
	Proxy           Group
	Services        Group
	Databases       map[string]ServiceUse `json:",omitempty"` // by name of the service
	Generator       Group
	Cores           int     // of the machine
	AppCores        int     // that the application may use
	Quota           float64 `json:",omitempty"` // cores that the application's own control group has; 0: it has none
	AppPeriods      uint64  `json:",omitempty"` // periods of that group in which it ran
	AppThrottled    uint64  `json:",omitempty"` // and those of them in which it was throttled
	Pace            float64 `json:",omitempty"` // CPU time that a fixed piece of work took meanwhile on the application's CPUs, ns; 0: not measured
	OwnCores        int     `json:",omitempty"` // of the generator, that nothing else of the run may use
	BusySeconds     float64 // CPU time of the whole machine, steal not counted
	ForeignSeconds  float64 // CPU time of processes that are not ours
	IntruderSeconds float64 `json:",omitempty"` // CPU time of others on the generator's own cores
	StealSeconds    float64 // taken by the hypervisor
	Throttled       uint64  // cgroup periods in which we were throttled
	ListenOverflows uint64  // connections dropped at a full listen queue
	TimeWaitBefore  int     // sockets in TIME_WAIT at the start
	TimeWait        int     // and at the end
	Ports           int     // ephemeral ports of the network namespace; 0: not recorded
	PortsWaiting    int     // of those, at most this many were in TIME_WAIT towards the server at the end
	GC              *Pauses `json:",omitempty"` // of the generator; nil: not recorded
	Timeline        []Moment
}

// Pauses are the moments in which the garbage collector stopped a program.
// Times are the upper bounds of the runtime's buckets, at most a quarter too
// long.
type Pauses struct {
	Count           int
	P99, Max, Total time.Duration
}

// ServiceUse is how many connections a service had, against its limit.
type ServiceUse struct {
	Connections int // most seen at once
	Limit       int // of the service's configuration
}

// Group is what the processes of one role used.
type Group struct {
	CPUSeconds float64
	PSSBytes   uint64        // proportional set size, the larger of before and after
	PSSBefore  uint64        `json:",omitempty"` // of the measured part; 0: not recorded
	PSSAfter   uint64        `json:",omitempty"`
	Processes  int           // at the end
	Threads    int           // at the end
	WaitTime   time.Duration // runnable but waiting for a CPU, where the kernel tells
}

// Moment is one second of the machine, in CPUs busy.
type Moment struct {
	Second                         int
	App, Proxy, Generator, Foreign float64
	Services                       float64 `json:",omitempty"`
}
