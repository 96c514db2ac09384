package sample

import (
	"math"
	"runtime/metrics"
	"time"

	"sweetspot/runner/rundir"
)

// gcPauses returns how often the garbage collector has stopped this process so
// far, by length. Reading it stops nothing, other than runtime.ReadMemStats.
func gcPauses() *metrics.Float64Histogram {
	s := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(s)
	return s[0].Value.Float64Histogram()
}

// pausesSince sums up the pauses between two readings.
func pausesSince(before, after *metrics.Float64Histogram) *rundir.Pauses {
	p := &rundir.Pauses{}
	since := make([]uint64, len(after.Counts))
	for i, n := range after.Counts {
		since[i] = n - before.Counts[i]
		p.Count += int(since[i])
	}
	seen := 0
	for i, n := range since {
		if n == 0 {
			continue
		}
		length := upperBound(after.Buckets, i)
		if rank := int(math.Ceil(0.99 * float64(p.Count))); seen < rank {
			p.P99 = length
		}
		seen += int(n)
		p.Max = length
		p.Total += time.Duration(n) * length
	}
	return p
}

// upperBound is the end of a bucket; of the last, which has none, its start.
func upperBound(buckets []float64, i int) time.Duration {
	bound := buckets[i+1]
	if math.IsInf(bound, 1) {
		bound = buckets[i]
	}
	return time.Duration(bound * float64(time.Second))
}
