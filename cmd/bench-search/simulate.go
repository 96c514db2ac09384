package main

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sweetspot/analysis"
	"sweetspot/analysis/simulate"
	"sweetspot/cmd/internal/benchmark"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// result is what one strategy found in one world.
type result struct {
	World    string
	Noise    float64
	Strategy string

	Sites      int     `json:",omitempty"` // that searched side by side; 0: one
	Cell       string  // recommended; empty when none was
	Regret     float64 // how much less it sustains than the best cell, as a share
	Seconds    float64 // trial-seconds
	Wall       float64 // s, starts of the stack included; of several sites, until the last has ended
	Trials     int
	Confidence float64 `json:",omitempty"` // that the search states
	Truth      float64 `json:",omitempty"` // of a rate: what the cell sustains, requests/s
	Found      float64 `json:",omitempty"` // and what was found
}

func (r result) Key() string { return fmt.Sprintf("%s %g %s", r.World, r.Noise, r.name()) }

// name is the strategy, and the sites if they are several.
func (r result) name() string {
	if r.Sites > 1 {
		return fmt.Sprintf("%s, %d sites", r.Strategy, r.Sites)
	}
	return r.Strategy
}

// mostTrials is more than any search takes.
const mostTrials = 20_000

// Strategies that are compared. The budgets of those but the first are shares
// of the wall time that the full grid took in the same world. An adaptive search
// makes more of it with starts and less with load, so that of the grid's
// trial-seconds its share is smaller: a quarter and a tenth.
const (
	fullGrid   = "grid"
	burstGrid  = "grid of 60 s bursts"
	randomGrid = "random cells, 25 %"
	adaptive25 = "adaptive, 25 %"
	adaptive10 = "adaptive, 10 %"
)

var strategies = []string{fullGrid, burstGrid, randomGrid, adaptive25, adaptive10}

// simulateAll searches every world by every strategy at every noise.
func simulateAll(ctx context.Context, o options, s *benchmark.Ledger[result], progress io.Writer) error {
	if o.workers == 0 {
		o.workers = runtime.NumCPU()
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.workers)
	var mu sync.Mutex
	began, done := time.Now(), 0
	for i := range o.workloads {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			w := simulate.NewWorld(simulate.Kinds[i%len(simulate.Kinds)], uint64(i/len(simulate.Kinds)+1))
			if err := searchWorld(ctx, o, s, w); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			left := time.Since(began) / time.Duration(done) * time.Duration(o.workloads-done)
			fmt.Fprintf(progress, "[%d/%d, %v left] %s\n", done, o.workloads, left.Round(time.Second), w.Name)
			return nil
		})
	}
	return g.Wait()
}

// searchWorld searches one world by every strategy at every noise.
func searchWorld(ctx context.Context, o options, s *benchmark.Ledger[result], w *simulate.World) error {
	truth := newTruth(w)
	for k, noise := range o.noises {
		var grid result
		for _, r := range searches(o.sites) {
			r.World, r.Noise = w.Name, noise
			if s.Holds(r.Key()) {
				if r.name() == fullGrid {
					grid, _ = s.Get(r.Key())
				}
				continue
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			m := simulate.NewMachine(w, w.Scenario(uint64(k+1)), simulate.NewNoise(noise), seedOf(w, k))
			if err := search(m, &r, grid.Wall, truth); err != nil {
				return fmt.Errorf("%s: %w", r.Key(), err)
			}
			if r.name() == fullGrid {
				grid = r
			}
			if err := s.Add(r); err != nil {
				return err
			}
		}
		if noise != rateNoise {
			continue
		}
		if err := rateWorld(ctx, s, w, truth, noise, seedOf(w, k)); err != nil {
			return err
		}
	}
	return nil
}

// searches are those of one world at one noise. Several sites make the full grid
// and an adaptive search.
func searches(sites int) (out []result) {
	for _, name := range strategies {
		out = append(out, result{Strategy: name})
	}
	if sites > 1 {
		out = append(out, result{Strategy: fullGrid, Sites: sites}, result{Strategy: adaptive25, Sites: sites})
	}
	return out
}

// measure lets the scenario's strategy search on a machine, or on so many like
// it.
func measure(m *simulate.Machine, cells []scenarios.Planned, sites int) (done []rundir.Trial, wall time.Duration, ended bool) {
	sc := m.Scenario
	if sites < 2 {
		done, ended = m.Search(analysis.Strategies[sc.Search.Strategy](sc, cells), mostTrials)
		return done, m.Wall, ended
	}
	all := simulate.Sites{Machines: []*simulate.Machine{m}}
	for i := 1; i < sites; i++ {
		all.Machines = append(all.Machines, simulate.NewMachine(m.World, sc, m.Noise, m.Seed+uint64(i)))
	}
	done, ended = all.Search(analysis.Fleets[sc.Search.Strategy](sc, cells), mostTrials)
	return done, all.Wall, ended
}

// seedOf is another one for every world and every noise.
func seedOf(w *simulate.World, noise int) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, w.Name, noise)
	return h.Sum64()
}

// search lets one strategy search, and sets what it recommends against the
// truth. The full grid took so many seconds of wall time.
func search(m *simulate.Machine, r *result, gridWall float64, truth *truth) error {
	sc, cells := m.Scenario, m.World.Cells()
	share := 0.0
	switch r.Strategy {
	case fullGrid:
		sc.Search.Strategy = scenarios.Grid
		sc.Search.Budget = scenarios.Duration(1000 * time.Hour)
	case burstGrid:
		done, best := bursts(m, cells)
		r.Cell = best.String()
		r.account(m.Wall, done)
		r.Regret = truth.regret(best)
		return nil
	case randomGrid:
		sc.Search.Strategy, share = scenarios.Grid, 0.25
		// Of the finals the folklore settings have their part anyway.
		cells = sample(cells, len(cells)/6, m.Seed)
	case adaptive25:
		sc.Search.Strategy, share = scenarios.Adaptive, 0.285
	case adaptive10:
		sc.Search.Strategy, share = scenarios.Adaptive, 0.135
	}
	if share > 0 {
		sc.Search.Budget = scenarios.Duration(share * gridWall * float64(time.Second))
	}
	done, wall, ended := measure(m, cells, r.Sites)
	if !ended {
		return fmt.Errorf("the search did not end in %d trials", mostTrials)
	}
	res, err := analysis.Summarise(analysis.Input{Scenario: sc, Cells: cells, Trials: done, Histograms: noHistograms})
	if err != nil {
		return err
	}
	r.account(wall, done)
	r.Regret = 1
	if res.Winner != nil {
		r.Cell, r.Confidence = res.Winner.Cell.String(), res.Confidence
		r.Regret = truth.regret(res.Winner.Cell)
	}
	return nil
}

func noHistograms(int) (map[string]rundir.Histograms, error) { return nil, nil }

// account keeps what a search took.
func (r *result) account(wall time.Duration, done []rundir.Trial) {
	r.Wall, r.Trials = wall.Seconds(), len(done)
	for _, t := range done {
		r.Seconds += (t.Step.Warmup + t.Load.Span).Seconds()
	}
}

// bursts has one closed loop of a minute on every cell, and the largest
// throughput wins.
func bursts(m *simulate.Machine, cells []scenarios.Planned) (done []rundir.Trial, best scenarios.Cell) {
	most := 0.0
	for _, c := range cells {
		t := m.Trial(rundir.Step{Cell: c.Cell, Phase: rundir.Saturation, Connections: 2 * c.Cell.Slots(), Warmup: 5 * time.Second, Duration: time.Minute})
		done = append(done, t)
		if t.Load.Goodput > most {
			most, best = t.Load.Goodput, c.Cell
		}
	}
	return done, best
}

// sample draws n of the cells.
func sample(cells []scenarios.Planned, n int, seed uint64) []scenarios.Planned {
	out := slices.Clone(cells)
	rand.New(rand.NewPCG(seed, 3)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:n]
}

// truth is what the cells of a world sustain without noise.
type truth struct {
	world       *simulate.World
	saturation  map[scenarios.Cell]float64
	sustainable map[scenarios.Cell]float64
	best        scenarios.Cell
}

// contender is the share of the highest saturation throughput from which a cell
// may be the one that sustains the most.
const contender = 0.9

// newTruth is found when it is asked for.
func newTruth(w *simulate.World) *truth {
	return &truth{world: w, saturation: map[scenarios.Cell]float64{}, sustainable: map[scenarios.Cell]float64{}}
}

// find finds the best cell: the one that sustains the most of those with a
// high saturation throughput.
func (t *truth) find() {
	if len(t.saturation) > 0 {
		return
	}
	top := 0.0
	cells := t.world.Cells()
	for _, c := range cells {
		x := t.world.Saturation(c.Cell)
		t.saturation[c.Cell], top = x, max(top, x)
	}
	slices.SortFunc(cells, func(a, b scenarios.Planned) int { return cmp.Compare(t.saturation[b.Cell], t.saturation[a.Cell]) })
	for _, c := range cells {
		if t.saturation[c.Cell] < contender*top {
			break
		}
		worse := t.best != (scenarios.Cell{}) && !t.world.Sustains(c.Cell, t.rate(t.best))
		if !worse && t.rate(c.Cell) > t.rate(t.best) {
			t.best = c.Cell
		}
	}
}

// rate returns what a cell sustains; 0 for the zero cell.
func (t *truth) rate(c scenarios.Cell) float64 {
	if c == (scenarios.Cell{}) {
		return 0
	}
	if _, ok := t.sustainable[c]; !ok {
		t.sustainable[c] = t.world.Sustainable(c, t.saturation[c])
	}
	return t.sustainable[c]
}

func (t *truth) regret(c scenarios.Cell) float64 {
	t.find()
	return max(0, 1-t.rate(c)/t.rate(t.best))
}
