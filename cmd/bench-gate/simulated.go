package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"

	"sweetspot/analysis/gate"
	"sweetspot/analysis/gate/simulate"
	"sweetspot/cmd/internal/benchmark"
)

// world is a simulated case: a promise is judged by its gates.
type world struct {
	starts  float64 // coefficient of variation between starts
	slower  float64 // by which the candidate is slower
	metrics int     // that decide
	least   float64 // share of the gates that have to say regressed; 0: at most one in a hundred may
}

func (w world) String() string {
	return fmt.Sprintf("simulated, starts %.0f %%, %d deciding, %.0f %% slower", 100*w.starts, w.metrics, 100*w.slower)
}

var worlds = []world{
	{0.01, 0, 1, 0}, {0.02, 0, 1, 0}, {0.03, 0, 1, 0},
	{0.01, 0, 3, 0}, {0.02, 0, 3, 0}, {0.03, 0, 3, 0},
	{0.01, 0, 16, 0}, {0.02, 0, 16, 0}, {0.03, 0, 16, 0},
	{0.01, 0.05, 1, 0.95}, {0.02, 0.05, 1, 0.95}, {0.01, 0.05, 3, 0.95}, {0.02, 0.05, 3, 0.95},
	{0.05, 0.10, 1, 0.95}, {0.05, 0.10, 3, 0.95},
}

// simulateAll makes the simulated gates that are not there.
func simulateAll(ctx context.Context, o options, s *benchmark.Ledger[outcome], progress io.Writer) error {
	workers := o.workers
	if workers < 1 {
		workers = runtime.NumCPU()
	}
	for _, w := range worlds {
		fmt.Fprintf(progress, "%v: %d gates\n", w, o.gates)
		seeds := make(chan uint64)
		errs := make(chan error, workers)
		var wait sync.WaitGroup
		for range workers {
			wait.Go(func() {
				for seed := range seeds {
					if err := s.Add(w.gate(seed)); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		for seed := range uint64(o.gates) {
			if ctx.Err() != nil || len(errs) > 0 {
				break
			}
			if !s.Holds(outcome{Case: w.String(), Seed: seed}.Key()) {
				seeds <- seed
			}
		}
		close(seeds)
		wait.Wait()
		select {
		case err := <-errs:
			return err
		default:
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (w world) gate(seed uint64) outcome {
	truth := simulate.Noisy(w.starts)
	truth.Slower = w.slower
	r := truth.Run(simulate.Plan(w.metrics, seed), seed)
	return outcome{Case: w.String(), Seed: seed, Verdict: r.Verdict, Rounds: r.Rounds, Spent: r.Spent.Seconds()}
}

// kept tells whether a share of regressed gates keeps the world's promise.
func (w world) kept(regressed float64) bool {
	if w.least > 0 {
		return regressed >= w.least
	}
	return regressed <= 0.01
}

var verdicts = []gate.Verdict{gate.Pass, gate.Improved, gate.Regressed, gate.Inconclusive}
