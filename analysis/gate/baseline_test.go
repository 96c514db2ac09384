package gate

import (
	"math"
	"testing"

	"sweetspot/scenarios"
)

func TestAgainstABaseline(t *testing.T) {
	near := func(x, spread float64) (out []float64) {
		for i := range 12 {
			out = append(out, x*(1+spread*math.Sin(float64(7*i*i+i))))
		}
		return out
	}
	g := scenarios.Gate{Fail: []scenarios.Criterion{{Metric: scenarios.Throughput, By: 0.05}, {Metric: "p50", By: 0.1}}}
	for _, tt := range []struct {
		name            string
		base, candidate Series
		want            Verdict
	}{
		{"the same", Series{"throughput": near(100, 0.01), "p50": near(10, 0.02)}, Series{"throughput": near(100.5, 0.01), "p50": near(10, 0.02)}, Pass},
		{"slower", Series{"throughput": near(100, 0.01), "p50": near(10, 0.02)}, Series{"throughput": near(85, 0.01), "p50": near(10, 0.02)}, Regressed},
		{"faster", Series{"throughput": near(100, 0.01), "p50": near(10, 0.02)}, Series{"throughput": near(120, 0.01), "p50": near(10, 0.02)}, Improved},
		{"too noisy", Series{"throughput": near(100, 0.3), "p50": near(10, 0.02)}, Series{"throughput": near(98, 0.3), "p50": near(10, 0.02)}, Inconclusive},
		{"a metric that the baseline lacks", Series{"throughput": near(100, 0.01)}, Series{"throughput": near(100, 0.01), "p50": near(10, 0.02)}, Inconclusive},
		{"nothing", nil, nil, Inconclusive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Against(g, tt.base, tt.candidate)
			if r.Verdict != tt.want || len(r.Warnings) != 1 {
				t.Errorf("%s: %s; want %s", r.Verdict, r.Because, tt.want)
			}
		})
	}
}
