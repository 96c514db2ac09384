package attack

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sweetspot/scenarios"
)

// A ledger answers as if it held everything, and holds little.
func TestLedger(t *testing.T) {
	const hits, inFlight = 20 * leafHits, 300
	sched := Spec{Arrivals: scenarios.Poisson, Rate: 1000, Duration: 100 * time.Second, Seed: 1}.schedule()
	l := newLedger(sched.arrivals())
	order := rand.New(rand.NewPCG(1, 2))
	var open []uint64
	finished := map[uint64]bool{}
	most := 0
	for seq := range uint64(hits) {
		open = append(open, seq)
		if len(open) < inFlight {
			continue
		}
		i := order.IntN(len(open)) // results come in any order
		done := open[i]
		open[i] = open[len(open)-1]
		open = open[:len(open)-1]
		if l.done(done) || l.due(done) != sched[done] {
			t.Fatalf("hit %d: done %v, due %v, want not done and %v", done, l.done(done), l.due(done), sched[done])
		}
		l.finish(done)
		finished[done] = true
		if oldest := open[0]; finished[oldest] != l.done(oldest) {
			t.Fatalf("hit %d is done: %v", oldest, l.done(oldest))
		}
		l.forget(math.MaxUint64)
		most = max(most, len(l.leaves))
	}
	if most > 4 {
		t.Errorf("%d leaves of %d hits for %d in flight, want few", most, leafHits, inFlight)
	}
}

// What is not done is kept however old, and what somebody still asks for, too.
func TestLedgerKeeps(t *testing.T) {
	for _, tt := range []struct {
		name   string
		open   uint64 // the one hit that is not done
		below  uint64
		leaves int
	}{
		{"nothing", math.MaxUint64, math.MaxUint64, 0},
		{"an open hit and what follows", leafHits + 7, math.MaxUint64, 3},
		{"hits that are asked for", math.MaxUint64, 2 * leafHits, 2},
		{"a leaf of which some are", math.MaxUint64, 2*leafHits - 1, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLedger(constant(1000, time.Hour))
			for seq := range uint64(4 * leafHits) {
				if seq != tt.open {
					l.finish(seq)
				}
			}
			l.forget(tt.below)
			if len(l.leaves) != tt.leaves {
				t.Errorf("%d leaves, want %d", len(l.leaves), tt.leaves)
			}
			if want := seconds(float64(4*leafHits) / 1000); l.due(4*leafHits) != want {
				t.Errorf("the next hit is due at %v, want %v", l.due(4*leafHits), want)
			}
		})
	}
}

// An attack takes the same memory however long it is planned for.
func TestAPlanTakesNoMemory(t *testing.T) {
	short := testing.AllocsPerRun(1, func() {
		openPlan(Spec{Arrivals: scenarios.Poisson, Rate: 1000, Duration: time.Second, Timeout: time.Second})
	})
	long := testing.AllocsPerRun(1, func() {
		openPlan(Spec{Arrivals: scenarios.Poisson, Rate: 1000, Duration: time.Hour, Timeout: time.Second})
	})
	if long > short {
		t.Errorf("%v allocations for an hour, %v for a second", long, short)
	}
}
