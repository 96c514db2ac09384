package attack

import (
	"errors"
	"time"

	"sweetspot/runner/sample"
)

// meter reads the CPU time of this process at the beginning and at the end of
// the measured part.
type meter struct{ first, last *reading }

// reading is one that is made at a time of its own.
type reading struct {
	timer *time.Timer
	done  chan struct{} // closed when it is made
	used  time.Duration
	err   error
}

func newMeter(from, to time.Time) *meter { return &meter{readAt(from), readAt(to)} }

func readAt(at time.Time) *reading {
	r := &reading{done: make(chan struct{})}
	r.timer = time.AfterFunc(time.Until(at), r.read)
	return r
}

func (r *reading) read() {
	r.used, r.err = sample.OwnCPU()
	close(r.done)
}

// stop returns the seconds of CPU time of the measured part, or of what there
// was of it until now.
func (m *meter) stop() (seconds float64, err error) {
	for _, r := range []*reading{m.first, m.last} {
		if r.timer.Stop() {
			r.read()
		}
		<-r.done
	}
	return (m.last.used - m.first.used).Seconds(), errors.Join(m.first.err, m.last.err)
}
