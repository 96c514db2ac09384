package wire

import (
	"errors"
	"fmt"
	"time"
)

// What a generator is asked.
const (
	AskPing = "ping" // Ping: what its clock says
	AskArm  = "arm"  // Arm
	AskFire = "fire" // Fire
	AskPoll = "poll" // About: how far its shard is; the answer is a Status
	AskEnd  = "end"  // About: to end its shard early, and keep what was measured
	AskPart = "part" // About: what was measured, once it is over; the answer is an attack.Part
	AskDrop = "drop" // About: to end its shard, and forget it
)

// About names the attack that a generator is asked about. That is also how it
// knows that the subject is still there.
type About struct{ Trial string }

// Check implements Message.
func (a *About) Check() error { return CheckVisit(a.Trial) }

// MostTicks bounds those of a Status.
const MostTicks = 60

// Status is how far a shard is.
type Status struct {
	Trial   string
	Done    bool   // it is over, and its raw results are handed in
	Aborted bool   `json:",omitempty"` // it ended before its schedule did
	Err     string `json:",omitempty"` // what went wrong: there is no part
	Ticks   []Tick `json:",omitempty"` // what came back since the last time
}

// Check implements Message.
func (s *Status) Check() error {
	err := CheckVisit(s.Trial)
	if len(s.Ticks) > MostTicks {
		err = errors.Join(err, fmt.Errorf("status of %s: %d intervals, at most %d are taken", s.Trial, len(s.Ticks), MostTicks))
	}
	return err
}

// Tick is what came back to one shard in about a second: see rundir.Interval.
type Tick struct {
	End      time.Duration // since the beginning of the attack
	Span     time.Duration
	Warmup   bool `json:",omitempty"`
	Due      uint64
	Good     uint64
	Errors   uint64
	InFlight uint64
	Response string // histogram of two significant digits: HdrHistogram's compressed V2 encoding, in base64; empty: of none
}
