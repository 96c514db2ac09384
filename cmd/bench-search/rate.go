package main

import (
	"context"
	"math"
	"time"

	"sweetspot/analysis"
	"sweetspot/analysis/simulate"
	"sweetspot/cmd/internal/benchmark"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// How the sustainable rate of the best cell is found.
const (
	rateOfVisit  = "rate of one start"  // whose speed varies from window to window only
	rateOfFinals = "rate of the finals" // the mean of three starts, with drift and with what starts differ by
)

// rateNoise is the noise at which the rates are looked at.
const rateNoise = 0.05

// rateWorld finds the sustainable rate of a world's best cell in both ways.
func rateWorld(ctx context.Context, s *benchmark.Ledger[result], w *simulate.World, truth *truth, noise float64, seed uint64) error {
	half := 0.0
	for _, name := range []string{rateOfVisit, rateOfFinals} {
		r := result{World: w.Name, Noise: noise, Strategy: name}
		if s.Holds(r.Key()) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		truth.find()
		if half == 0 {
			half = halfRate(w, truth, noise, seed)
		}
		r.Cell, r.Truth = truth.best.String(), half
		if err := findRate(w, noise, seed, &r, truth.best); err != nil {
			return err
		}
		if err := s.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// findRate searches a matrix of one cell.
func findRate(w *simulate.World, noise float64, seed uint64, r *result, cell scenarios.Cell) error {
	sc := w.Scenario(seed)
	sc.Search.Strategy, sc.Search.Budget = scenarios.Grid, scenarios.Duration(1000*time.Hour)
	machine := simulate.NewNoise(noise)
	if r.Strategy == rateOfVisit {
		machine = simulate.Noise{Window: noise}
	}
	m := simulate.NewMachine(w, sc, machine, seed+99)
	cells := []scenarios.Planned{{Cell: cell}}
	grid := analysis.Grid(sc, cells)
	next := func(done []rundir.Trial) (rundir.Step, bool) {
		step, ok := grid(done)
		one := len(done) == 0 || step.Start == done[0].Step.Start
		return step, ok && (one || r.Strategy == rateOfFinals)
	}
	done, _ := m.Search(next, mostTrials)
	res, err := analysis.Summarise(analysis.Input{Scenario: sc, Cells: cells, Trials: done, Histograms: noHistograms})
	if err != nil {
		return err
	}
	r.account(m.Wall, done)
	if f := res.Cells[0].Sustainable(); f != nil {
		r.Found = f.Value
	}
	return nil
}

// halfRate bisects the rate at which half of the trials of five minutes pass,
// long enough for a queue that grows to show, on a machine whose speed varies
// from window to window only.
func halfRate(w *simulate.World, truth *truth, noise float64, seed uint64) float64 {
	const trials = 20
	sc := w.Scenario(seed)
	low, high := 0.6*truth.rate(truth.best), 1.2*truth.rate(truth.best)
	for range 7 {
		mid := math.Sqrt(low * high)
		m := simulate.NewMachine(w, sc, simulate.Noise{Window: noise}, seed+500)
		passed := 0
		for i := range trials {
			t := m.Trial(rundir.Step{Cell: truth.best, Start: i, Phase: rundir.Bracket, Rate: mid, Warmup: 5 * time.Second, Duration: 5 * time.Minute})
			if analysis.Judge(sc, t).Kind == analysis.Passed {
				passed++
			}
		}
		if 2*passed > trials {
			low = mid
		} else {
			high = mid
		}
	}
	return math.Sqrt(low * high)
}
