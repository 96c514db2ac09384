package analysis

import (
	"math"
	"testing"
	"time"

	"sweetspot/runner/rundir"
)

func TestObserving(t *testing.T) {
	pair := func(cpuWith, cpu, p50With, p50 time.Duration) rundir.ObservedPair {
		return rundir.ObservedPair{Rate: 1000, With: rundir.Observed{CPUPerRequest: cpuWith, P50: p50With}, Without: rundir.Observed{CPUPerRequest: cpu, P50: p50}}
	}
	for _, tt := range []struct {
		name         string
		pairs        []rundir.ObservedPair
		cpu, latency float64 // 0: none
	}{
		{"none", nil, 0, 0},
		{"twice the CPU, the same latency", []rundir.ObservedPair{pair(20, 10, 5, 5), pair(40, 20, 7, 7)}, 2, 1},
		{"geometric mean", []rundir.ObservedPair{pair(40, 10, 8, 2), pair(10, 10, 2, 2)}, 2, 2},
		{"latency too short to read", []rundir.ObservedPair{pair(11, 10, 0, 5)}, 1.1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cpu, latency := Observing(tt.pairs)
			for _, got := range []struct {
				name string
				f    *Figure
				want float64
			}{{"CPU", cpu, tt.cpu}, {"latency", latency, tt.latency}} {
				if (got.f == nil) != (got.want == 0) || got.f != nil && math.Abs(got.f.Value-got.want) > 1e-9 {
					t.Errorf("%s: %+v, want %v", got.name, got.f, got.want)
				}
			}
		})
	}
}
