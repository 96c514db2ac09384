package reports

import (
	"fmt"
	"strings"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// arrivals names how requests arrive, for a sentence.
func arrivals(t scenarios.Traffic) string {
	switch t.Arrivals {
	case scenarios.Constant:
		return "constant"
	case scenarios.Replay:
		return "recorded"
	}
	return "Poisson"
}

// shapeText says how the rate of a trial moves, or what is replayed; empty for
// a steady rate.
func shapeText(t scenarios.Traffic) (text string) {
	s := t.Shape
	if s == nil {
		return ""
	}
	peak := " and peaks at " + number(t.Peak()) + " × the trial's."
	switch t.Arrivals {
	case scenarios.Ramp:
		text = fmt.Sprintf("Within a trial the rate ramps evenly, in the proportion %g : %g,", s.From, s.To) + peak
	case scenarios.Step:
		text = fmt.Sprintf("Within a trial the rate takes %d steps of equal length, in the proportions %s,", len(s.Steps), proportions(s.Steps)) + peak
	case scenarios.Sine:
		period := "once"
		if s.Period > 0 {
			period = "every " + exact(time.Duration(s.Period))
		}
		text = fmt.Sprintf("Within a trial the rate swings up and down %s, as a sine of %g %% of it.", period, 100*s.Amplitude)
	case scenarios.Replay:
		text = fmt.Sprintf("Every trial replays what was recorded in %s from its beginning, at the speed at which as many requests as it asks for fill its measured part; a shorter recording is repeated.", s.File)
	}
	return text + " A trial's rate is the mean over its measured part; the warm-up before it has Poisson arrivals at that rate."
}

// proportions lists multiples as 0.5 : 1 : 1.5, the first dozen of them.
func proportions(multiples []float64) string {
	const most = 12
	var texts []string
	for _, m := range multiples[:min(len(multiples), most)] {
		texts = append(texts, fmt.Sprintf("%g", m))
	}
	if len(multiples) > most {
		texts = append(texts, "…")
	}
	return strings.Join(texts, " : ")
}

// trialRate writes the load of a trial, with the speed of a replay.
func trialRate(t rundir.Trial) string {
	text := stepRate(t.Step)
	if t.Load.Speed > 0 {
		text += ", replayed at " + number(t.Load.Speed) + " × the recorded speed"
	}
	return text
}
