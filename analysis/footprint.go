package analysis

import (
	"math"

	"github.com/montanaflynn/stats"

	"sweetspot/runner/rundir"
)

// How memory growth is extrapolated.
const (
	growthHour = 3600 // seconds at the sustainable rate
	mostGrowth = 4    // times the memory measured: beyond that nothing is extrapolated
	leastShare = 0.01 // of the memory measured: growth that does not come to as much is none
)

// footprint is the memory of a trial's application and proxy, bytes of PSS.
func footprint(u rundir.Usage) int64 { return int64(u.App.PSSBytes + u.Proxy.PSSBytes) }

// life is the memory of one start of a cell, from process start to end.
type life struct {
	served []float64 // requests so far, warm-ups included
	bytes  []float64 // PSS of application and proxy then
}

// memoryGrowth returns by how many bytes the memory of a cell grows in an hour
// at its sustainable rate, bounded so that it is at most mostGrowth times what
// was measured; nil when the starts below end show no growth. N is how many
// starts showed it.
//
// Memory is fitted as a line of the requests served, with one slope for all
// starts. Only the second half of every start's requests counts, for until then
// modules are loaded, caches filled and pages unshared; and where the last
// quarter rises by less than half of that slope, it is settling.
func (g *grid) memoryGrowth(c *Cell, end int) *Figure {
	rate := c.Sustainable()
	if rate == nil || c.Memory == 0 {
		return nil
	}
	all := lives(g.trialsOf(c.Cell, end))
	f, last := slope(all, 0.5), slope(all, 0.75)
	if f == nil || last == nil || last.Value < f.Value/2 {
		return nil
	}
	hour := rate.Value * growthHour
	if !(f.Low*hour >= leastShare*float64(c.Memory)) {
		return nil
	}
	bounded := func(perRequest float64) float64 { return min(perRequest*hour, (mostGrowth-1)*float64(c.Memory)) }
	return &Figure{Value: bounded(f.Value), Low: bounded(f.Low), High: bounded(f.High), N: f.N}
}

// lives parts trials in order into the starts that they were made on, each with
// its memory after every trial.
func lives(trials []Judged) (out []life) {
	start := -1
	for _, t := range trials {
		if t.Failure != "" || t.Usage.App.PSSAfter == 0 {
			start = -1
			continue
		}
		if t.Fresh || t.Step.Start != start {
			out, start = append(out, life{}), t.Step.Start
		}
		l := &out[len(out)-1]
		before := 0.0
		if n := len(l.served); n > 0 {
			before = l.served[n-1]
		}
		l.served = append(l.served, before+t.Load.Achieved*(t.Step.Warmup+t.Load.Span).Seconds())
		l.bytes = append(l.bytes, float64(t.Usage.App.PSSAfter+t.Usage.Proxy.PSSAfter))
	}
	return out
}

// from returns the part of a life after that share of its requests.
func (l life) from(share float64) life {
	for i, n := range l.served {
		if n >= share*l.served[len(l.served)-1] {
			return life{l.served[i:], l.bytes[i:]}
		}
	}
	return l
}

// slope returns the bytes that a request leaves behind after that share of a
// start's requests, by least squares with a level for every life and one slope
// for all. Its interval is NaN where there are too few points for one; it is nil
// where there are too few for a slope.
func slope(all []life, share float64) *Figure {
	var xx, xy, yy float64
	n, points := 0, 0
	for _, l := range all {
		if l = l.from(share); len(l.served) < 2 {
			continue
		}
		n, points = n+1, points+len(l.served)
		meanX, _ := stats.Mean(l.served)
		meanY, _ := stats.Mean(l.bytes)
		for i := range l.served {
			x, y := l.served[i]-meanX, l.bytes[i]-meanY
			xx, xy, yy = xx+x*x, xy+x*y, yy+y*y
		}
	}
	if xx == 0 {
		return nil
	}
	f := &Figure{Value: xy / xx, Low: math.NaN(), High: math.NaN(), N: n}
	if free := points - n - 1; free > 0 {
		half := tQuantile(free) * math.Sqrt(max(0, yy-f.Value*xy)/float64(free)/xx)
		f.Low, f.High = f.Value-half, f.Value+half
	}
	return f
}
