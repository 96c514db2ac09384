package analysis

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"sweetspot/analysis/simulate"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// bound is what a resource of a world lets a cell do, requests/s.
type bound struct {
	what string
	rate float64
}

// boundsOf are the asymptotic bounds of a cell: each resource over what a
// request takes of it, the lowest first. Processes that share caches, or wait for
// each other's turn, do less on a core.
func boundsOf(w *simulate.World, c scenarios.Cell) []bound {
	app, proxy := w.Demand(c)
	running := math.Min(float64(c.Processes()), float64(w.Cores))
	waiting := math.Max(0, float64(c.Processes()-w.Cores)) / float64(w.Cores)
	slow := (1 + w.Crowding*(running-1)) * (1 + w.Switching*waiting)
	cpu := app.Seconds() * slow
	if c.Threads > 1 {
		cpu += w.Lock.Seconds() * slow
	}
	kept := cpu + (w.Wait.Mean + w.Database.Mean + w.Proxies[c.Proxy].Hold).Seconds()
	out := []bound{
		{LimitAppCPU, float64(w.Cores) / (cpu + proxy.Seconds()*slow)},
		{LimitWaiting, float64(c.Slots()) / kept},
	}
	if c.Processes() < w.Cores {
		out = append(out, bound{LimitLock, float64(c.Processes()) / cpu})
	}
	if w.Connections > 0 {
		out = append(out, bound{LimitDatabase, float64(w.Connections) / w.Database.Mean.Seconds()})
	}
	slices.SortFunc(out, func(a, b bound) int { return int(math.Copysign(1, a.rate-b.rate)) })
	return out
}

// apart is how far the next bound must be for the lowest to be the one that
// limits a cell: where two are near each other, both do.
const apart = 1.2

// The limit that is named is the true one, in workloads where that is known by
// construction: for the best of the cells and for both folklore settings, in
// at least 9 of 10 where one resource clearly limits.
func TestLimitIsTheTrueOne(t *testing.T) {
	const seeds, least = 40, 0.9
	for _, kind := range []string{"cpu", "wait", "database", "crowded"} {
		t.Run(kind, func(t *testing.T) {
			right, clearly, wrong := 0, 0, map[string]int{}
			for seed := range uint64(seeds) {
				w := simulate.NewWorld(kind, seed)
				trials, best := burstsOfWorld(w, seed)
				for _, c := range []scenarios.Cell{best, worldCell(2*w.Cores+1, 1), worldCell(w.Cores, 1)} {
					bounds := boundsOf(w, c)
					if bounds[1].rate < apart*bounds[0].rate {
						continue
					}
					clearly++
					got := limitOf(c, trials)
					if got.What == bounds[0].what {
						right++
					} else {
						wrong[fmt.Sprintf("%s for %s", got.What, bounds[0].what)]++
					}
				}
			}
			if clearly < seeds {
				t.Errorf("only %d cells have one clear limit", clearly)
			}
			if float64(right) < least*float64(clearly) {
				t.Errorf("%d of %d limits are the true one: %v", right, clearly, wrong)
			}
		})
	}
}

func worldCell(workers, threads int) scenarios.Cell {
	return scenarios.Cell{Server: "simulated", Proxy: scenarios.Direct, Workers: workers, Threads: threads}
}

// burstsOfWorld makes a burst of ten seconds on each of some cells, and returns
// the one that did the most.
func burstsOfWorld(w *simulate.World, seed uint64) (trials []Judged, best scenarios.Cell) {
	s := w.Scenario(1)
	m := simulate.NewMachine(w, s, simulate.NewNoise(0.05), seed)
	var done []rundir.Trial
	most := 0.0
	for _, workers := range []int{1, 2, w.Cores, 2 * w.Cores, 2*w.Cores + 1} {
		for _, threads := range []int{1, 4, 16} {
			c := worldCell(workers, threads)
			if slices.ContainsFunc(done, func(t rundir.Trial) bool { return t.Step.Cell == c }) {
				continue
			}
			t := m.Trial(rundir.Step{Cell: c, Phase: rundir.Saturation, Connections: 2 * c.Slots(), Warmup: 3 * time.Second, Duration: 10 * time.Second})
			done = append(done, t)
			if t.Load.Goodput > most {
				most, best = t.Load.Goodput, c
			}
		}
	}
	return JudgeAll(s, done, nil), best
}
