package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"sweetspot/runner/process"
)

const (
	truthRate    = 200.0
	truthService = time.Millisecond
)

// truthCases are the bounds on connections; 0 is none.
var truthCases = []struct {
	name        string
	connections int
}{{"unlimited", 0}, {"4 connections", 4}}

// truthStall is the stall of the latency part. The first of them begins 4.4975
// s into the attack, between two requests of a constant schedule, so that it
// disturbs no start and hits the same requests each time. An attack of 14 s
// meets two of them: 200 of its 2,800 requests. One of 34 s would meet six, 8.8 %
// of its requests, and the p90 would be near the edge between those that met a
// stall and those that did not.
var truthStall = stall{Every: 5 * time.Second, Length: 500 * time.Millisecond, Phase: 502500 * time.Microsecond}

// latencyJobs compare latencies with the truth, with as many connections as it
// takes and with four.
func (b *bench) latencyJobs() []job {
	return b.inRounds(1, func(int) (jobs []job) {
		for _, c := range truthCases {
			for _, t := range b.in(latency) {
				l := load{Rate: truthRate, Connections: c.connections, Duration: b.options.latency}
				jobs = append(jobs, b.each(t, measurement{Part: latency, Case: c.name, Tool: t.name, Load: l}, b.errorOf))
			}
		}
		return jobs
	})
}

// errorOf attacks a server of its own, whose clock starts with the attack.
func (b *bench) errorOf(ctx context.Context, t tool, m measurement) measurement {
	server, err := b.startTruth(ctx, truthSpec{Service: truthService, Stall: truthStall})
	if err != nil {
		return failedAs(m, err)
	}
	m.Load.Address, m.Load.Path = server.address, truthPath
	m, _, err = b.attack(ctx, t, m, b.kids)
	served, askErr := server.stop()
	m.Served = served.Requests
	m.Truth = truth(m.Load, served.Service.P50, truthStall)
	return failedAs(m, errors.Join(err, askErr))
}

// truthProcess is a running truth server.
type truthProcess struct {
	address string
	process *process.Process
}

// startTruth starts one. It has to be stopped.
func (b *bench) startTruth(ctx context.Context, spec truthSpec) (*truthProcess, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	spec.Address = address
	argument, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("prepare truth server: %w", err)
	}
	p, err := process.Start(ctx, process.Spec{
		Role: "truth server", Argv: []string{b.self, truthCommand, string(argument)},
		Dir: b.dir, Env: b.env, CPUs: []int{b.server}, Log: filepath.Join(b.dir, "truth.log"),
	})
	if err != nil {
		return nil, err
	}
	if err := awaitListener(ctx, address, p); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return &truthProcess{address, p}, nil
}

// stop ends it and returns what it measured of itself.
func (t *truthProcess) stop() (served truthServed, err error) {
	defer func() { err = errors.Join(err, t.process.Stop()) }()
	resp, err := http.Get("http://" + t.address + truthStats)
	if err != nil {
		return served, fmt.Errorf("ask truth server: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&served); err != nil {
		return served, fmt.Errorf("ask truth server: %w", err)
	}
	return served, nil
}
