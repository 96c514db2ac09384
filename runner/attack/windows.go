package attack

import (
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"sweetspot/runner/rundir"
)

// windows sums up hits by the second in which they completed. A window is
// summarised two seconds after its own, because results arrive nearly in the
// order of completion; only the summary is kept, but for a part, which is merged
// with others.
type windows struct {
	done []rundir.Window
	open [2]window // the second len(done), and the one after
	keep bool
	kept []window // what done sums up, if keep
}

type window struct {
	good, errors uint64
	responses    *hdr.Histogram // microseconds
}

func newWindows() *windows {
	w := &windows{}
	for i := range w.open {
		w.open[i].responses = rundir.NewBriefHistogram() // two digits do for a second, and keep closing it cheap
	}
	return w
}

// add counts a hit that completed at the given time of the measured part. One
// that arrives after its window was closed counts in the oldest open one.
func (w *windows) add(completed time.Duration, isGood bool, response time.Duration) {
	second := int(completed / time.Second)
	for second > len(w.done)+1 {
		w.close()
	}
	open := &w.open[max(second-len(w.done), 0)]
	if isGood {
		open.good++
	} else {
		open.errors++
	}
	observe(open.responses, response)
}

// close summarises the oldest open window.
func (w *windows) close() {
	o := w.open[0]
	w.done = append(w.done, o.summary(len(w.done)))
	if w.keep {
		w.kept = append(w.kept, o)
		o.responses = rundir.NewBriefHistogram()
	}
	o.responses.Reset()
	w.open[0], w.open[1] = w.open[1], window{responses: o.responses}
}

func (w window) summary(second int) rundir.Window {
	return rundir.Window{
		Second: second,
		Sent:   w.good + w.errors,
		Good:   w.good,
		Errors: w.errors,
		P50:    micros(w.responses.ValueAtPercentile(50)),
		P95:    micros(w.responses.ValueAtPercentile(95)),
		P99:    micros(w.responses.ValueAtPercentile(99)),
		Max:    micros(w.responses.Max()),
	}
}

// finish summarises what is open and returns all windows, up to the last
// second in which anything completed.
func (w *windows) finish() []rundir.Window {
	for w.open[0].responses.TotalCount()+w.open[1].responses.TotalCount() > 0 {
		w.close()
	}
	return w.done
}
