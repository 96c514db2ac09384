package analysis

import (
	"math"
	"testing"
	"time"

	"sweetspot/scenarios"
)

// A subject with a sharp edge: every walk ends with the edge in its bracket.
func TestWalkBracketsASharpEdge(t *testing.T) {
	for _, edge := range []float64{12, 45, 80, 95, 97.5, 99.2} {
		w := walk{start: 97, cap: 100, resolution: 0.02, most: 20}
		for range 30 {
			rate, ok := w.next()
			if !ok {
				break
			}
			w.tries = append(w.tries, try{rate, rate <= edge})
		}
		low, high := w.bounds()
		if low > edge || high < edge || high > low*1.0201 {
			t.Errorf("edge %g: bracket %.2f to %.2f after %d tries", edge, low, high, len(w.tries))
		}
		if len(w.tries) > 14 {
			t.Errorf("edge %g: %d tries", edge, len(w.tries))
		}
	}
}

func TestWalkEnds(t *testing.T) {
	up := walk{start: 97, cap: 100, resolution: 0.02, most: 20}
	down := walk{start: 97, cap: 100, resolution: 0.02, most: 3}
	for _, w := range []*walk{&up, &down} {
		for {
			rate, ok := w.next()
			if !ok {
				break
			}
			w.tries = append(w.tries, try{rate, w == &up})
			if len(w.tries) > giveUp {
				t.Fatalf("the walk does not end: %v", w.tries)
			}
		}
	}
	if e := up.estimate(); e != 100 {
		t.Errorf("all passed: estimate %g, want the cap", e)
	}
	if e := down.estimate(); e != 0 || len(down.tries) != giveUp {
		t.Errorf("all failed: estimate %g after %d tries, want 0 after %d", e, len(down.tries), giveUp)
	}
}

func TestFirstRate(t *testing.T) {
	s := testScenario(time.Minute, "p99 < 100ms")
	want := 100 * (1 - math.Log(100)*1.5/(2*100*0.1))
	if got := firstRate(s, 100); math.Abs(got-want) > 1e-9 {
		t.Errorf("firstRate = %g, want %g", got, want)
	}
	s.Traffic.Arrivals, s.Traffic.Shape = scenarios.Ramp, &scenarios.Shape{To: 2}
	if got := firstRate(s, 100); math.Abs(got-want/2) > 1e-9 {
		t.Errorf("firstRate with a ramp from 0 = %g, want half of that, %g", got, want/2)
	}
	s.Traffic.Arrivals = scenarios.Constant
	if got := firstRate(s, 1e6); got != 0.97e6 {
		t.Errorf("firstRate with constant arrivals = %g, want 97 %% of it", got)
	}
}
