package main

import (
	"strings"
	"testing"

	"sweetspot/runner"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestProgressSaysWhenAStepAsksMuchOfTheGenerator(t *testing.T) {
	calibrated := &rundir.Calibration{Ceiling: 1000}
	for _, tt := range []struct {
		name        string
		calibration *rundir.Calibration
		step        rundir.Step
		want        string
	}{
		{"at the bound", calibrated, rundir.Step{Rate: 700}, "at 700 requests/s\n"},
		{"above", calibrated, rundir.Step{Rate: 701}, "at 701 requests/s, above 70 % of what the generator does on this machine\n"},
		{"not calibrated", nil, rundir.Step{Rate: 701}, "at 701 requests/s\n"},
		{"closed loop", calibrated, rundir.Step{Connections: 64}, "at 64 connections\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			p := newProgress(&b, &scenarios.Scenario{})
			p.calibration = tt.calibration
			p.observe(runner.Event{Step: tt.step})
			if !strings.HasSuffix(b.String(), tt.want) {
				t.Errorf("got %q, want it to end with %q", b.String(), tt.want)
			}
		})
	}
}
