package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"sweetspot/runner/attack"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

const (
	requestTimeout = 10 * time.Second
	endlessHits    = 1 << 40 // more than a closed loop sends in any time
)

// attackWithSweetspot is an attack as a trial makes it.
func attackWithSweetspot(ctx context.Context, s engineSpec) (_ engineReport, err error) {
	spec, err := attackSpec(s)
	if err != nil {
		return engineReport{}, err
	}
	if s.Raw != "" {
		raw, err := rundir.CreateRaw(s.Raw)
		if err != nil {
			return engineReport{}, err
		}
		defer func() { err = errors.Join(err, raw.Close()) }()
		spec.Raw = raw
	}
	points := watchSelf(ctx, s.Every)
	var watched judged
	if s.Judge != nil {
		if watched, err = startJudging(*s.Judge); err != nil {
			return engineReport{}, err
		}
	}
	res, err := attack.Run(ctx, spec)
	if err != nil {
		return engineReport{}, err
	}
	report := engineReport{Reading: loadReading(res.Load), Planned: res.Load.Planned, Points: points()}
	if s.Judge != nil {
		err = watched.judge(&report, spec, res)
	}
	return report, err
}

func attackSpec(s engineSpec) (attack.Spec, error) {
	requests := []scenarios.Request{{
		Name: "page", Class: scenarios.Static, Weight: 1, Method: "GET", Path: s.Path, Expect: scenarios.Expect{Status: 200},
	}}
	mix, err := scenarios.NewMix(scenarios.Traffic{Requests: requests}, s.Seed)
	if err != nil {
		return attack.Spec{}, fmt.Errorf("prepare attack: %w", err)
	}
	spec := attack.Spec{
		Network: "tcp", Address: s.Address, Requests: requests, Mix: mix, Seed: s.Seed,
		Arrivals: s.Arrivals, Rate: s.Rate, Duration: s.Duration, Timeout: requestTimeout,
	}
	if s.Rate > 0 {
		spec.MaxInFlight = s.Connections
	} else {
		spec.Connections, spec.MaxHits = s.Connections, cmp.Or(s.MaxHits, endlessHits)
	}
	return spec, nil
}

func loadReading(l rundir.Load) reading {
	all := l.Classes[scenarios.All]
	return reading{
		Requests: l.Sent, Errors: all.Errors(), Rate: l.Goodput,
		Quantiles: map[string]time.Duration{
			"p50": all.Response.P50, "p90": all.Response.P90, "p99": all.Response.P99, "p99.9": all.Response.P999, "max": all.Response.Max,
		},
	}
}
