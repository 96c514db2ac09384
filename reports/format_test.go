package reports

import (
	"math"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

func TestTexts(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct{ name, got, want string }{
		{"whole", number(412.4), "412"},
		{"tens", number(41.25), "41.2"},
		{"units", number(1.369), "1.37"},
		{"thousands", number(12345.6), "12,346"},
		{"millions", number(-1234567), "−1,234,567"},
		{"zero", number(0), "0"},
		{"not a number", number(nan), none},
		{"infinite", number(math.Inf(-1)), none},
		{"interval", interval(&analysis.Figure{Value: 412, Low: 398.2, High: 425.9, N: 5}), "398–426"},
		{"interval as exact as its estimate", interval(&analysis.Figure{Value: 99.4, Low: 96, High: 102.8, N: 5}), "96.0–102.8"},
		{"interval below zero", interval(&analysis.Figure{Value: 412, Low: -12, High: 836, N: 2}), "−12 to 836"},
		{"interval of one start", support(&analysis.Figure{Value: 412, Low: nan, High: nan, N: 1}), "no interval, 1 fresh start"},
		{"interval of none", withInterval(nil), none},
		{"ratio", ratio(&analysis.Figure{Value: 1.31, Low: 1.22, High: 1.4, N: 5}), "1.31 × (1.22–1.40)"},
		{"memory", size(147e6), "147 MB"},
		{"memory rounds up to the next unit", size(999_600_000), "1.00 GB"},
		{"memory unknown", size(0), none},
		{"limit", exact(250 * time.Millisecond), "250 ms"},
		{"long limit", exact(1500 * time.Millisecond), "1.5 s"},
		{"budget", exact(5 * time.Minute), "5 min"},
		{"errors", objectiveText(scenarios.Objective{Class: scenarios.All, Metric: scenarios.Errors, Ratio: 0.001}), "errors < 0.1 %"},
		{"class", objectiveText(scenarios.Objective{Class: scenarios.Static, Metric: "p99", Limit: 50 * time.Millisecond}), "static p99 < 50 ms"},
		{"CPU list", scenarios.CPUList([]int{0, 1, 2, 5, 7, 8}), "0-2,5,7-8"},
		{"no CPU list", scenarios.CPUList(nil), "any"},
		{"shell", shellLine([]string{"a", "b c", "d'e", ""}), `a 'b c' 'd'\''e' ''`},
		{"prose", join([]string{"a", "b", "c"}), "a, b and c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

func TestClaimable(t *testing.T) {
	for _, tt := range []struct {
		samples int64
		q       float64
		want    bool
	}{
		{199, 0.5, false}, {200, 0.5, true}, {1999, 0.95, false}, {2000, 0.95, true}, {9999, 0.99, false}, {10000, 0.99, true}, {0, 0.5, false},
	} {
		if got := claimable(tt.samples, tt.q); got != tt.want {
			t.Errorf("claimable(%d, %v) = %v, want %v", tt.samples, tt.q, got, tt.want)
		}
	}
}
