package rundir

import (
	"fmt"
	"time"

	"sweetspot/scenarios"
)

// Manifest is all that is needed to repeat a run, complete before its first
// trial and not changed afterwards.
type Manifest struct {
	Schema       int    // version of this layout
	RunID        string // random, marks the run's processes
	Tool         string // version of sweetspot
	Began        time.Time
	CommandLine  []string
	Source       string             // the scenario as given, YAML
	SourceName   string             // its file, or the name of a built-in one
	Overrides    []string           `json:",omitempty"` // --set path=value
	Scenario     scenarios.Scenario // as resolved
	ScenarioHash string             // SHA-256 of Scenario in JSON
	Seed         uint64
	Recording    scenarios.Recording `json:"-"`          // what is replayed; kept in a file of its own, and not read from it by Read
	ArrivalsHash string              `json:",omitempty"` // SHA-256 of Recording's text; empty: nothing is replayed
	Host         Host
	Versions     map[string]string // of every component, by name
	Missing      map[string]string `json:",omitempty"` // servers and proxies of the matrix that are not installed: name → remedy
	CPUs         CPUs
	Calibration  *Calibration `json:",omitempty"` // of the generator, made before the first trial; nil: none was made
	Notes        []string     `json:",omitempty"` // what the reader must know, such as shared CPU sets
	Gate         *Gate        `json:",omitempty"` // nil: the run is a search
}

// Gate is what a gate compares.
type Gate struct {
	Source          string // duet, aa or baseline
	Cell            scenarios.Cell
	Base, Candidate Build
	Stored          *Stored `json:",omitempty"` // the baseline; nil: Base is measured, too
}

// Stored is a baseline that was measured at another time.
type Stored struct {
	File     string
	Sessions []map[string][]float64 // by metric, a value a start
	Rate     float64                // offered there, requests per second, where latencies were measured
	Rounds   int                    // of the candidate, that the spread of the baseline asks for
	Doubts   []string               `json:",omitempty"`
}

// Build is one side of a gate.
type Build struct {
	Dir      string // of the application; of a checkout, relative to its root
	Revision string `json:",omitempty"` // of git, with "+changes" for uncommitted ones; empty: not known
	Branch   string `json:",omitempty"` // that a revision was named by; empty: it was not, or not by one
	Changes  string `json:",omitempty"` // SHA-256 of those, in hex; empty: there are none
	Checkout string `json:",omitempty"` // commit that is checked out for the gate; empty: Dir is a folder of the machine
	Repo     string `json:",omitempty"` // root of the working tree that the commit comes from
}

// Calibration is what the generator does on this machine, measured against a
// server that answers at once.
type Calibration struct {
	Took          time.Duration
	Ceiling       float64         // most requests per second, of a closed loop
	CPUPerRequest time.Duration   // of the generator, at its ceiling
	Lags          []CalibratedLag // by rate, rising
	Observing     []ObservedPair  // what sampling and keeping raw results cost
}

// Time returns what the calibration took; 0 when none was made.
func (c *Calibration) Time() time.Duration {
	if c == nil {
		return 0
	}
	return c.Took
}

// CalibratedLag is how late requests left at one rate.
type CalibratedLag struct {
	Share         float64 // of the ceiling
	Rate          float64 // offered, requests per second
	P50, P99, Max time.Duration
}

// ObservedPair is two attacks at one rate, one with sampling and raw results
// and one without.
type ObservedPair struct {
	Rate          float64 // offered, requests per second
	With, Without Observed
}

// Observed is what the generator spent in one attack, and what it saw.
type Observed struct {
	CPUPerRequest time.Duration
	P50           time.Duration // response time
}

// CPUs is where each part runs, as lists of CPU numbers.
type CPUs struct {
	Generator, Proxy, App []int // no Generator: those of a fleet have hosts of their own
	Shared                bool  // the sets overlap because the machine is too small
}

// String is as "generator 0, proxy 1, application 2-3". Generators on hosts of
// their own are not in it.
func (c CPUs) String() string {
	text := fmt.Sprintf("proxy %s, application %s", scenarios.CPUList(c.Proxy), scenarios.CPUList(c.App))
	if len(c.Generator) > 0 {
		text = fmt.Sprintf("generator %s, %s", scenarios.CPUList(c.Generator), text)
	}
	if c.Shared {
		text += ", shared"
	}
	return text
}

// Procs is how many processors of Go's scheduler the generator takes: where
// the subject wants its CPUs, too, it is content with one and one for sampling.
func (c CPUs) Procs() int {
	if c.Shared {
		return 2
	}
	return len(c.Generator)
}

// Host is what a run depends on in the machine.
type Host struct {
	Hostname    string
	OS          string // as in /etc/os-release
	Kernel      string
	Arch        string
	CPUModel    string
	Cores       int     // that this process may use
	MachineCPUs int     // online
	MemoryBytes uint64  //
	CPUQuota    float64 // CPUs allowed by cgroups; 0 means no quota
	MemoryLimit uint64  // bytes allowed by cgroups; 0 means none
	CPUSet      string  `json:",omitempty"` // CPUs allowed by cgroups, as 0-3; empty means that none says
	FileLimit   uint64  // open files
	PortLow     int     // ephemeral ports
	PortHigh    int
	Somaxconn   int
	AutoGroup   bool   // sched_autogroup: CPU is shared between sessions first
	TwReuse     int    // net.ipv4.tcp_tw_reuse
	Virtualised string `json:",omitempty"`

	ControlGroups string `json:",omitempty"` // versions mounted, with their controllers; empty: not recorded, or none
}
