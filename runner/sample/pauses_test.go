package sample

import (
	"math"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"sweetspot/runner/rundir"
)

func TestPausesSince(t *testing.T) {
	const ms = time.Millisecond
	buckets := []float64{math.Inf(-1), 0, 0.001, 0.002, 0.008, math.Inf(1)}
	of := func(counts ...uint64) *metrics.Float64Histogram {
		return &metrics.Float64Histogram{Counts: counts, Buckets: buckets}
	}
	for _, tt := range []struct {
		name          string
		before, after *metrics.Float64Histogram
		want          rundir.Pauses
	}{
		{"none", of(0, 7, 3, 1, 0), of(0, 7, 3, 1, 0), rundir.Pauses{}},
		{"only what is new counts", of(0, 7, 3, 1, 0), of(0, 9, 4, 1, 0), rundir.Pauses{Count: 3, P99: 2 * ms, Max: 2 * ms, Total: 4 * ms}},
		{"one in a hundred is beyond p99", of(0, 0, 0, 0, 0), of(0, 99, 0, 1, 0), rundir.Pauses{Count: 100, P99: 1 * ms, Max: 8 * ms, Total: 107 * ms}},
		{"two in a hundred are not", of(0, 0, 0, 0, 0), of(0, 98, 0, 2, 0), rundir.Pauses{Count: 100, P99: 8 * ms, Max: 8 * ms, Total: 114 * ms}},
		{"beyond the last bound", of(0, 0, 0, 0, 0), of(0, 0, 0, 0, 1), rundir.Pauses{Count: 1, P99: 8 * ms, Max: 8 * ms, Total: 8 * ms}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := pausesSince(tt.before, tt.after); *got != tt.want {
				t.Errorf("got %+v, want %+v", *got, tt.want)
			}
		})
	}
}

func TestPausesOfThisProcess(t *testing.T) {
	s := mustSample(t, Roles{})
	runtime.GC()
	u, err := s.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if p := u.GC; p == nil || p.Count == 0 || p.Max <= 0 || p.Total < p.Max || p.P99 > p.Max {
		t.Errorf("pauses %+v after a collection, want some", p)
	}
}
