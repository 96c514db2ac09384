package attack

import (
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

var _ Mix = (*scenarios.Mix)(nil)

// As many slow responses as are allowed leave the quantile below the limit,
// one more does not: an attack is ended neither too early nor too late.
func TestAllowedIsWhatTheHistogramAllows(t *testing.T) {
	for _, o := range []struct {
		metric     string
		percentile float64
	}{{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p99.9", 99.9}} {
		for _, n := range []uint64{1, 10, 40, 60, 149, 1000, 4999, 5000} {
			most := allowed(scenarios.Objective{Metric: o.metric}, n)
			if met := quantileWith(uint64(most), n, o.percentile); met >= time.Second {
				t.Errorf("%s of %d with %v slow = %v, want below 1 s", o.metric, n, most, met)
			}
			if uint64(most) == n {
				continue
			}
			if missed := quantileWith(uint64(most)+1, n, o.percentile); missed < time.Second {
				t.Errorf("%s of %d with %v + 1 slow = %v, want 1 s", o.metric, n, most, missed)
			}
		}
	}
}

// quantileWith returns a percentile of n responses of which some take 1 s and
// the others 1 ms.
func quantileWith(slow, n uint64, percentile float64) time.Duration {
	h := rundir.NewHistogram()
	for i := range n {
		if i < slow {
			observe(h, time.Second)
		} else {
			observe(h, time.Millisecond)
		}
	}
	return micros(h.ValueAtPercentile(percentile))
}

func TestErrorsNeedAHandful(t *testing.T) {
	o := scenarios.Objective{Metric: scenarios.Errors, Ratio: 0.001}
	for _, tt := range []struct {
		planned uint64
		want    float64
	}{{100, 4}, {4000, 4}, {5000, 5}, {100_000, 100}} {
		if got := allowed(o, tt.planned); got != tt.want {
			t.Errorf("allowed errors of %d = %v, want %v", tt.planned, got, tt.want)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s, want %s", n, got, want)
		}
	}
}
