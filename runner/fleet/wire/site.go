package wire

import (
	"errors"
	"time"

	"sweetspot/runner/rundir"
)

// Facts are what a site knows of itself for a run.
type Facts struct {
	CPUs        rundir.CPUs         // Generator is empty where the generators have hosts of their own
	Versions    map[string]string   // of every component, by name
	Missing     map[string]string   `json:",omitempty"` // servers and proxies that are not installed: name → remedy
	Calibration *rundir.Calibration `json:",omitempty"` // of the generator, with a survey; nil: none was made
	Note        string              `json:",omitempty"` // on the calibration
}

// Interval is a rundir.Interval on its way.
type Interval struct {
	Visit    string
	Step     rundir.Step
	At       time.Time
	Span     time.Duration
	Warmup   bool
	Due      uint64
	Good     uint64
	Errors   uint64
	InFlight uint64
	Response []byte // the histogram, in HdrHistogram's V2 compressed encoding
}

// Check implements Message.
func (i *Interval) Check() error {
	if i.Span < 0 || len(i.Response) == 0 {
		return errors.New("interval without a histogram")
	}
	return CheckVisit(i.Visit)
}
