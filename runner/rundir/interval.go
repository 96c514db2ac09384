package rundir

import (
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Interval is what came back in about a second of a running attack. It is for
// who watches a run: what the trial comes to is in Trial.
//
// The intervals of an attack follow each other without a gap. A hit is in the
// interval in which its result was taken, so that every hit that was sent is in
// exactly one; the end of the warm-up parts two intervals, and what was sent
// before it and came back after it is in the second.
type Interval struct {
	Trial    int            // ID of the trial that is made; no such trial is kept if it is interrupted
	Step     Step           // what is measured
	At       time.Time      // when it ended
	Span     time.Duration  // of it: a second, or more when the watcher was busy, or less at the end of the warm-up or of the attack
	Warmup   bool           // before the measured part
	Due      uint64         // hits that were due by the schedule; of a closed loop, those that came back
	Good     uint64         // verified responses
	Errors   uint64         // hits that were not answered well
	InFlight uint64         // at its end: hits that were due and have no result, be they sent or not; of a closed loop, its connections
	Response *hdr.Histogram // response times of Good and Errors, in microseconds, of NewBriefHistogram's configuration; whoever is told may keep it, and not change it
}

// Done returns how many hits had a result.
func (i Interval) Done() uint64 { return i.Good + i.Errors }

// NewBriefHistogram returns an empty histogram for about a second: 1 µs to 1 h,
// in microseconds, with two significant digits, so that it takes 28 kB and any
// two can be merged.
func NewBriefHistogram() *hdr.Histogram { return hdr.New(1, time.Hour.Microseconds(), 2) }
