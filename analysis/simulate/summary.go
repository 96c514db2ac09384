package simulate

import (
	"math"
	"slices"

	"github.com/montanaflynn/stats"

	"sweetspot/runner/rundir"
)

// summary sums latencies in seconds up; it sorts them.
func summary(latencies []float64) rundir.Latency {
	n := len(latencies)
	if n == 0 {
		return rundir.Latency{}
	}
	slices.Sort(latencies)
	q := func(share float64) float64 { return latencies[max(0, int(math.Ceil(share*float64(n)))-1)] }
	mean, _ := stats.Mean(latencies)
	return rundir.Latency{
		Count: int64(n), Mean: seconds(mean),
		P50: seconds(q(0.5)), P75: seconds(q(0.75)), P90: seconds(q(0.9)), P95: seconds(q(0.95)),
		P99: seconds(q(0.99)), P999: seconds(q(0.999)), P9999: seconds(q(0.9999)), Max: seconds(latencies[n-1]),
	}
}

// windowOf sums the latencies of one second up; it sorts them.
func windowOf(second int, latencies []float64) rundir.Window {
	l, n := summary(latencies), uint64(len(latencies))
	return rundir.Window{Second: second, Sent: n, Good: n, P50: l.P50, P95: l.P95, P99: l.P99, Max: l.Max}
}
