package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/montanaflynn/stats"

	"sweetspot/runner/attack"
	"sweetspot/runner/process"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// selfScenario is one slot of the embedded stack that burns 2 ms of CPU a
// request: 500 requests/s, but for what the machine adds.
const selfScenario = `
name: self-measurement
app:
  interface: embedded
  routes: [{path: /, cpu: 2ms}]
matrix: {servers: [embedded], workers: [1]}
traffic:
  requests: [{name: cpu, path: /}]
`

const (
	selfBursts  = 5
	selfWarmup  = 200 * time.Millisecond
	selfBurst   = time.Second
	selfService = 2 * time.Millisecond
)

// selfMeasure says how steady the machine is: the spread of five one-second
// closed-loop bursts, and how far they stay below the arithmetic.
func selfMeasure(ctx context.Context) (checks []sample.Check, err error) {
	s, err := scenarios.Parse("self-measurement", []byte(selfScenario), ".", nil, stack.Catalogue())
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sweetspot-doctor-")
	if err != nil {
		return nil, fmt.Errorf("self-measurement: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	runID := newRunID()
	release, err := process.Watch(runID)
	if err != nil {
		return nil, err
	}
	defer release()
	app, err := stack.Prepare(ctx, s, dir, io.Discard)
	if err != nil {
		return nil, err
	}
	cell := scenarios.Cell{Server: "embedded", Proxy: scenarios.Direct, Workers: 1, Threads: 1}
	live, err := stack.Start(ctx, stack.Config{App: app, Cell: cell, Dir: dir, RunID: runID, TrialID: runID})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, live.Stop()) }()
	rates, err := selfBurstRates(ctx, s, live)
	if err != nil {
		return nil, err
	}
	return noiseChecks(rates), nil
}

func selfBurstRates(ctx context.Context, s *scenarios.Scenario, live *stack.Stack) (rates []float64, err error) {
	mix, err := scenarios.NewMix(s.Traffic, 1)
	if err != nil {
		return nil, err
	}
	for range selfBursts {
		res, err := attack.Run(ctx, attack.Spec{
			Network: live.Network, Address: live.Address,
			Requests: s.Traffic.Requests, Mix: mix, Connections: 2,
			Warmup: selfWarmup, Duration: selfBurst, Timeout: time.Second, Seed: 1,
		})
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		rates = append(rates, res.Load.Goodput)
	}
	return rates, nil
}

// noiseChecks judges the spread of the bursts. Beyond 5 % between bursts a
// difference of cells below 10 % needs more starts than a short run makes.
func noiseChecks(rates []float64) []sample.Check {
	mean, _ := stats.Mean(rates)
	sd, _ := stats.StandardDeviationSample(rates)
	spread := sd / mean
	capacity := 1 / selfService.Seconds()
	c := sample.Check{
		Name: "noise",
		Value: fmt.Sprintf("%d bursts on the embedded stack: %.0f requests/s ± %.1f %%, %.0f %% of the arithmetic %.0f",
			len(rates), mean, 100*spread, 100*mean/capacity, capacity),
	}
	const steady = 0.05
	if spread > steady || math.IsNaN(spread) {
		c.Problem = fmt.Sprintf("bursts of the same load differ by %.1f %%; %.0f %% or less is steady", 100*spread, 100*steady)
		c.Remedy = "stop other work on this machine, or raise --budget so that more fresh starts average it out"
	}
	return []sample.Check{c}
}
