package analysis

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/montanaflynn/stats"

	"sweetspot/scenarios"
)

// walkTo walks on a subject that passes with a chance by rate.
func walkTo(w walk, chance func(rate float64) float64, rng *rand.Rand) walk {
	for {
		rate, ok := w.next()
		if !ok {
			return w
		}
		w.tries = append(w.tries, try{rate, rng.Float64() < chance(rate)})
	}
}

// A subject with a sharp edge: every walk ends at it.
func TestWalkFindsASharpEdge(t *testing.T) {
	for _, edge := range []float64{12, 45, 80, 95, 97.5, 99.2, 130, 300} {
		w := walkTo(walk{start: 97, resolution: 0.02, most: 20}, func(rate float64) float64 {
			if rate <= edge {
				return 1
			}
			return 0
		}, rand.New(rand.NewPCG(1, 1)))
		if e := w.estimate(); math.Abs(e/edge-1) > 0.02 {
			t.Errorf("edge %g: found %.2f after %d tries", edge, e, len(w.tries))
		}
		if len(w.tries) > 15 {
			t.Errorf("edge %g: %d tries", edge, len(w.tries))
		}
	}
}

// A subject whose trials pass by luck near its edge: walks are right in the
// mean, and as far off as they say.
func TestWalkIsUnbiased(t *testing.T) {
	const edge, walks, width = 90.0, 400, 0.025
	rng := rand.New(rand.NewPCG(1, 2))
	var logs []float64
	for range walks {
		w := walkTo(walk{start: 97, resolution: 0.02, most: 20}, func(rate float64) float64 {
			return math.Erfc(math.Log(rate/edge)/width/math.Sqrt2) / 2
		}, rng)
		logs = append(logs, math.Log(w.estimate()/edge))
	}
	mean, _ := stats.Mean(logs)
	sd, _ := stats.StandardDeviationSample(logs)
	if math.Abs(mean) > 0.01 {
		t.Errorf("off by %.2f %% in the mean", 100*mean)
	}
	if sd < 0.012 || sd > 0.026 {
		t.Errorf("spread %.2f %%, and walks end at 2 %%", 100*sd)
	}
}

func TestWalkEnds(t *testing.T) {
	always := func(p float64) func(float64) float64 { return func(float64) float64 { return p } }
	rng := rand.New(rand.NewPCG(1, 3))
	up := walkTo(walk{start: 97, resolution: 0.02, most: 3}, always(1), rng)
	if e := up.estimate(); e < 5*97 || len(up.tries) != mostUp {
		t.Errorf("all passed: estimate %g after %d tries, want %d that end far up", e, len(up.tries), mostUp)
	}
	down := walkTo(walk{start: 97, resolution: 0.02, most: 3}, always(0), rng)
	if e := down.estimate(); e != 0 || len(down.tries) != giveUp || down.tries[giveUp-1].rate > 0.2*97 {
		t.Errorf("all failed: estimate %g after %v, want 0 after %d that end far down", e, down.tries, giveUp)
	}
	if toss := walkTo(walk{start: 97, resolution: 1e-9, most: 5}, always(0.5), rng); len(toss.tries) > 5+giveUp {
		t.Errorf("a coin was tossed %d times", len(toss.tries))
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
