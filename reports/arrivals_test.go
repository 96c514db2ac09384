package reports

import (
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestShapeText(t *testing.T) {
	const mean = " A trial's rate is the mean over its measured part; the warm-up before it has Poisson arrivals at that rate."
	for _, tt := range []struct {
		arrivals, want string
		shape          *scenarios.Shape
	}{
		{scenarios.Poisson, "", nil},
		{scenarios.Ramp, "Within a trial the rate ramps evenly, in the proportion 0.5 : 2, and peaks at 1.60 × the trial's." + mean, &scenarios.Shape{From: 0.5, To: 2}},
		{scenarios.Step, "Within a trial the rate takes 3 steps of equal length, in the proportions 0.5 : 1 : 1.5, and peaks at 1.50 × the trial's." + mean,
			&scenarios.Shape{Steps: []float64{0.5, 1, 1.5}}},
		{scenarios.Step, "Within a trial the rate takes 14 steps of equal length, in the proportions 1 : 1 : 1 : 1 : 1 : 1 : 1 : 1 : 1 : 1 : 1 : 1 : …, and peaks at 1.00 × the trial's." + mean,
			&scenarios.Shape{Steps: []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}},
		{scenarios.Sine, "Within a trial the rate swings up and down once, as a sine of 50 % of it." + mean, &scenarios.Shape{Amplitude: 0.5}},
		{scenarios.Sine, "Within a trial the rate swings up and down every 10 s, as a sine of 25 % of it." + mean,
			&scenarios.Shape{Amplitude: 0.25, Period: scenarios.Duration(10 * time.Second)}},
		{scenarios.Replay, "Every trial replays what was recorded in /var/log/access.log from its beginning, at the speed at which as many requests as it asks for fill its measured part; a shorter recording is repeated." + mean,
			&scenarios.Shape{File: "/var/log/access.log"}},
	} {
		if got := shapeText(scenarios.Traffic{Arrivals: tt.arrivals, Shape: tt.shape}); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.arrivals, got, tt.want)
		}
	}
}

func TestTrialRate(t *testing.T) {
	trial := rundir.Trial{Step: rundir.Step{Rate: 50}}
	steady := trialRate(trial)
	trial.Load.Speed = 12.3456
	if got, want := trialRate(trial), steady+", replayed at 12.3 × the recorded speed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
