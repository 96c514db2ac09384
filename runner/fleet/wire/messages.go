package wire

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Agent is one agent as it describes itself, anew every Beat.
type Agent struct {
	Name     string
	Site     string
	Role     string // Subject, Generator or Both
	Version  string // of sweetspot
	Protocol int
	Host     rundir.Host
	CPUs     []int         // that it may use
	IPs      []netip.Addr  // of its host, where others reach it
	Run      string        `json:",omitempty"` // that it works for; empty: none
	Offset   time.Duration // of its clock against the hub's, positive where it is ahead
	Bound    time.Duration // of Offset's error
	Token    uint64        `json:",omitempty"` // of the site's lease, which it holds; 0: it does not
	Visit    string        `json:",omitempty"` // that it makes; empty: none
	Delivery int           `json:",omitempty"` // of that visit to a site, from 1
	Dropped  int           `json:",omitempty"` // malformed messages that it got
}

// Beat is how often an agent describes itself and renews its lease; what was
// not renewed for Expiry is gone.
const (
	Beat   = 2 * time.Second
	Expiry = 10 * time.Second
)

// Check implements Message.
func (a *Agent) Check() error {
	err := errors.Join(CheckName("agent", a.Name), CheckName("site", a.Site))
	if a.Role != Subject && a.Role != Generator && a.Role != Both {
		err = errors.Join(err, fmt.Errorf("agent %s: role %q: want %s, %s or %s", a.Name, a.Role, Subject, Generator, Both))
	}
	return err
}

// Visit is one fresh start of a cell, and all trials on it: the unit of work.
type Visit struct {
	Run      string
	Name     string         // one token; the same cell, start and cores have the same one
	Cell     scenarios.Cell `json:",omitzero"`
	Start    int
	Protocol int     // of the controller
	Cores    float64 `json:",omitempty"` // that the application gets, in a scaling burst; 0: all of its CPUs
}

// Survey is the name of the visit that starts nothing: the site says what it
// is like.
const Survey = "survey"

// Check implements Message.
func (v *Visit) Check() error { return errors.Join(CheckName("run", v.Run), CheckVisit(v.Name)) }

// Ask is what a site sends to know the next step of its visit.
type Ask struct {
	Visit    string
	Site     string
	Agent    string
	Token    uint64 // of its lease
	Sequence uint64 // of the visit's message in WorkStream
	Delivery int    // of that message, from 1
	Facts    *Facts `json:",omitempty"` // in the first one of a visit
	Refuse   string `json:",omitempty"` // why the site cannot make the visit; empty: it can
}

// Check implements Message.
func (a *Ask) Check() error {
	return errors.Join(CheckVisit(a.Visit), CheckName("site", a.Site), CheckName("agent", a.Agent))
}

// Answer is what the controller says to that.
type Answer struct {
	Over   bool         // the visit is complete, or not wanted any more
	Number int          // of the trial in its visit, from 0
	Step   *rundir.Step // nil when it is over
	Refuse string       `json:",omitempty"` // why the site is not to go on: its token is old, the run was cancelled
}

// Check implements Message.
func (a *Answer) Check() error {
	if !a.Over && a.Refuse == "" && a.Step == nil {
		return errors.New("answer without a step")
	}
	if a.Number < 0 {
		return fmt.Errorf("answer for trial %d of a visit", a.Number)
	}
	return nil
}

// Done tells of one trial that a site made. Its folder, trial.json and
// histograms.json included, is the object, a tar archive in gzip.
type Done struct {
	Visit  string
	Number int
	Site   string
	Agent  string
	Token  uint64
	Object string // in RawBucket
	Digest string // SHA-256 of it, in hex

	Delivery int // of the visit's message, from 1
}

// Check implements Message.
func (d *Done) Check() error {
	err := errors.Join(CheckVisit(d.Visit), CheckName("site", d.Site), CheckName("agent", d.Agent))
	if d.Number < 0 || d.Object == "" || len(d.Digest) != 64 {
		err = errors.Join(err, fmt.Errorf("result of visit %s: trial %d, object %q, digest %q: incomplete", d.Visit, d.Number, d.Object, d.Digest))
	}
	return err
}

// States of a run.
const (
	Running   = "running"
	Cancelled = "cancelled"
	Finished  = "finished"
)

// Run is one run as the hub knows it.
type Run struct {
	ID       string
	Name     string // of its scenario
	State    string // Running, Cancelled or Finished
	Began    time.Time
	Heard    time.Time // when its controller last said something
	Trials   int       // that are committed
	Left     time.Duration
	Manifest string // object in RawBucket: the manifest and what the run replays, a tar archive in gzip
	App      string `json:",omitempty"` // object in RawBucket: the application's folder, a tar archive in gzip; empty: a built-in one
	Refused  int    `json:",omitempty"` // results that came too late, or were not what they should be
	Dropped  int    `json:",omitempty"` // malformed messages that its controller got
}

// Check implements Message.
func (r *Run) Check() error {
	err := CheckName("run", r.ID)
	if r.State != Running && r.State != Cancelled && r.State != Finished {
		err = errors.Join(err, fmt.Errorf("run %s: state %q: want %s, %s or %s", r.ID, r.State, Running, Cancelled, Finished))
	}
	return err
}

// Announcement is what a subject offers to be attacked. Generators attack
// nothing else.
type Announcement struct {
	Run     string
	Site    string
	Agent   string
	Address netip.AddrPort // at one of the IPs of the agent
}

// Check implements Message.
func (a *Announcement) Check() error {
	err := errors.Join(CheckName("run", a.Run), CheckName("site", a.Site), CheckName("agent", a.Agent))
	if !a.Address.IsValid() || a.Address.Port() == 0 {
		err = errors.Join(err, fmt.Errorf("announcement of %s: address %v: want an IP address and a port", a.Agent, a.Address))
	}
	return err
}

// Ping asks for the clock of an agent.
type Ping struct{ Seq int }

// Check implements Message.
func (*Ping) Check() error { return nil }

// Pong is its clock.
type Pong struct {
	Seq int
	Now time.Time
}

// Check implements Message.
func (*Pong) Check() error { return nil }

// Arm prepares a shard of an attack. The generator answers once it could begin.
type Arm struct {
	Run         string
	Trial       string // names the attempt; no other one has it
	Site        string
	Subject     string // agent that announced the target
	Token       uint64 // of the site's lease
	Shard       int    // from 0
	Shards      int
	Address     netip.AddrPort
	Host        string // header; empty means Address
	TLS         bool
	Roots       []byte                      `json:",omitempty"` // PEM, that the subject's certificate is checked by
	Files       map[string]scenarios.Expect `json:",omitempty"`
	Standard    bool                        // net/http is the client
	HTTP2       bool
	Traffic     scenarios.Traffic // as resolved
	Class       string            // only its requests are sent; empty: all
	Rate        float64           // of all shards, requests per second; 0 means a closed loop
	Connections int               // of a closed loop, of all shards
	Warmup      time.Duration
	Duration    time.Duration
	Seed        uint64 // of the arrivals
	MixSeed     uint64 // of the mix
	Raw         bool   // raw results are wanted
	Protocol    int    // of the subject
	Digest      string // of the plan: the generator's has to have the same one
	ServerName  string `json:",omitempty"` // that the subject's certificate is for
	Recording   string `json:",omitempty"` // object in RawBucket: what a replay replays
	MaxInFlight int    `json:",omitempty"` // of an open loop, of all shards; 0: the default
	MaxHits     uint64 `json:",omitempty"` // of a closed loop, of all shards; 0: the default
	Objectives  scenarios.Objectives
}

// Bounds of an attack that a generator takes part in.
const (
	MaxShards   = 1000
	MaxRate     = 1e6
	MaxInFlight = 100_000
	MaxDuration = 20 * time.Minute // what a generator measures in it, second by second, is one message
)

// Check implements Message.
func (a *Arm) Check() error {
	err := errors.Join(CheckName("run", a.Run), CheckVisit(a.Trial), CheckName("site", a.Site), CheckName("agent", a.Subject))
	require := func(ok bool, format string, args ...any) {
		if !ok {
			err = errors.Join(err, fmt.Errorf("attack %s: "+format, append([]any{a.Trial}, args...)...))
		}
	}
	require(a.Shards >= 1 && a.Shards <= MaxShards && a.Shard >= 0 && a.Shard < a.Shards, "shard %d of %d: want 1 to %d, counted from 0", a.Shard, a.Shards, MaxShards)
	require(a.Address.IsValid() && a.Address.Port() != 0, "address %v: want an IP address and a port", a.Address)
	require(a.Rate >= 0 && a.Rate <= MaxRate && !math.IsNaN(a.Rate), "rate %v/s: want 0 to %.0f", a.Rate, MaxRate)
	require((a.Rate > 0 || a.Connections >= 1) && a.Connections <= MaxInFlight && a.MaxInFlight >= 0 && a.MaxInFlight <= MaxInFlight,
		"%d connections, %d requests in flight: want 1 to %d", a.Connections, a.MaxInFlight, MaxInFlight)
	require(a.Duration > 0 && a.Warmup >= 0 && max(a.Duration, a.Warmup, a.Duration+a.Warmup) <= MaxDuration, "warm-up %v and duration %v: want at most %v together", a.Warmup, a.Duration, MaxDuration)
	require(len(a.Traffic.Requests) > 0, "no requests")
	return err
}

// Armed answers Arm, Fire, and what ends a shard.
type Armed struct {
	Trial string
	Err   string `json:",omitempty"` // why it is not going to be
	Busy  bool   `json:",omitempty"` // because the generator has another attack: it can be tried again
}

// Check implements Message.
func (a *Armed) Check() error { return CheckVisit(a.Trial) }

// Fire starts a shard that is armed, at a time of the generator's own clock.
type Fire struct {
	Trial string
	At    time.Time
}

// Check implements Message.
func (f *Fire) Check() error { return CheckVisit(f.Trial) }
