package simulate

import (
	"strings"
	"testing"

	"sweetspot/analysis/gate"
	"sweetspot/scenarios"
)

// A few gates of every kind, whose seeds are fixed: thousands are bench-gate's.
func TestKnownTruth(t *testing.T) {
	const gates = 10
	for _, tt := range []struct {
		name    string
		world   World
		metrics int
		right   gate.Verdict
		least   int // gates that say so
	}{
		{"the same", Noisy(0.01), 1, gate.Pass, 9},
		{"the same, three metrics", Noisy(0.02), 3, gate.Pass, 8},
		{"slower", slower(Noisy(0.01), 0.1), 3, gate.Regressed, 10},
		{"a little slower", slower(Noisy(0.01), 0.05), 1, gate.Regressed, 8},
		{"faster", slower(Noisy(0.01), -0.1), 1, gate.Improved, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			counts := map[gate.Verdict]int{}
			for seed := range uint64(gates) {
				counts[tt.world.Run(Plan(tt.metrics, seed), seed).Verdict]++
			}
			if counts[tt.right] < tt.least {
				t.Errorf("verdicts %v, want at least %d %s", counts, tt.least, tt.right)
			}
		})
	}
}

func slower(w World, by float64) World {
	w.Slower = by
	return w
}

// The request that is slower is the one that is named.
func TestCulprit(t *testing.T) {
	w := slower(Noisy(0.01), 0.1)
	w.Request = map[string]float64{name(2): 0.5}
	p := Plan(3, 1)
	r := w.Run(p, 1)
	if m, ok := r.Culprit(); r.Verdict != gate.Regressed || !ok || m.Scope != name(2) {
		t.Errorf("%s: %s; the culprit is %s", r.Verdict, r.Because, m.Scope)
	}
}

// One request that is slower is caught by its own metric, named once, though the
// whole is not slower.
func TestOwnMetric(t *testing.T) {
	w := Noisy(0.01)
	w.Request = map[string]float64{name(2): 0.3}
	p := Plan(1, 1)
	p.Gate.Fail = append(p.Gate.Fail, scenarios.Criterion{Scope: name(2), Metric: scenarios.Response, By: 0.1})
	r := w.Run(p, 1)
	if r.Verdict != gate.Regressed || !strings.HasPrefix(r.Because, name(2)+" response grows by ") || strings.Count(r.Because, name(2)) != 1 {
		t.Errorf("%s: %s", r.Verdict, r.Because)
	}
}
