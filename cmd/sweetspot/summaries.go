package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"sweetspot/analysis"
	"sweetspot/analysis/gate"
	"sweetspot/runner/rundir"
	"sweetspot/runner/store"
)

// runSummary sums up the recommended cell of a run for the history. The same
// run has the same ID. A run that recommends nothing has none.
func runSummary(run *rundir.Run, res *analysis.Result, c commit) (store.Summary, error) {
	m := run.Manifest
	if res.Winner == nil {
		return store.Summary{}, exitError{exitInconclusive, fmt.Errorf("%s recommends no configuration to record: %s", run.Dir, res.Because)}
	}
	s := store.Summary{
		ID: runSummaryID(m), Kind: store.Run, Time: m.Began, Tool: m.Tool, Scenario: m.Scenario.Name, ScenarioHash: m.ScenarioHash,
		Cell: res.Winner.Cell.String(), Host: m.Host, Metrics: map[string]store.Metric{},
	}
	s = placed(s, c)
	for _, r := range analysis.Replicates(judgeInput(run, ""), res.Winner.Cell) {
		key := gate.Metric{Name: r.Name, Scope: r.Scope}.Key()
		s.Metrics[key] = store.Metric{Unit: r.Unit, Higher: r.Higher, Values: r.Values}
	}
	return s, nil
}

// runSummaryID is by what makes a run itself.
func runSummaryID(m rundir.Manifest) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s", m.RunID, m.Began.UTC().Format(time.RFC3339Nano), m.ScenarioHash))
	return m.Began.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(sum[:6])
}

// gateSummary sums up one side of a gate, base or candidate, for the history or
// as a baseline. What a gate's result does not tell is taken from about: time,
// tool, scenario, host, rate, and the ID of both sides together.
func gateSummary(res *gate.Result, side string, about store.Summary) store.Summary {
	s := about
	s.ID, s.Kind, s.Cell, s.Metrics = about.ID+"-"+side, store.Gate, res.Cell.String(), map[string]store.Metric{}
	for _, m := range res.Metrics {
		var values []float64
		for _, p := range m.Rounds {
			v := p.Candidate
			if side == res.Base.Name {
				v = p.Base
			}
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			s.Metrics[m.Key()] = store.Metric{Unit: m.Unit, Higher: m.Higher, Values: values}
		}
	}
	return s
}

// placed is a summary with its commit.
func placed(s store.Summary, c commit) store.Summary {
	s.Revision, s.Branch, s.Committed, s.Ordinal = c.Revision, c.Branch, c.Committed, c.Ordinal
	return s
}
