package reports

import (
	"fmt"
	"strings"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
)

// calibrationLines say what the generator did by itself before the run, and
// what observing a trial costs.
func calibrationLines(c *rundir.Calibration) (lines []string) {
	if c == nil {
		return nil
	}
	text := fmt.Sprintf("Against a server that answers at once the generator does %s requests/s, with %s of CPU each", number(c.Ceiling), exact(c.CPUPerRequest.Round(100*time.Nanosecond)))
	var lags []string
	for _, l := range c.Lags {
		lags = append(lags, fmt.Sprintf("%.0f %% of that is p50 %s, p99 %s", 100*l.Share, exact(l.P50), exact(l.P99)))
	}
	if len(lags) > 0 {
		text += "; its lag at " + strings.Join(lags, ", at ") + " and at most " + exact(c.Lags[len(c.Lags)-1].Max)
	}
	lines = append(lines, sentence(text))
	if cpu, latency := analysis.Observing(c.Observing); cpu != nil && latency != nil {
		lines = append(lines, fmt.Sprintf("Observing, which is sampling the machine and keeping raw results, costs %s the generator's CPU time and %s the median response time (%s of attacks at %s requests/s).",
			ratio(cpu), ratio(latency), counted(len(c.Observing), "pair"), number(c.Observing[0].Rate)))
	}
	return lines
}

// calibrationDoc is what the generator does on the machine of the run.
type calibrationDoc struct {
	TookS     quantity           `json:"took_seconds"`
	Ceiling   quantity           `json:"ceiling_requests_per_second"`
	CPU       quantity           `json:"cpu_microseconds_per_request"`
	Lags      []calibratedLagDoc `json:"lags"`
	Pairs     int                `json:"observing_pairs"`
	Observing *observingDoc      `json:"observing,omitempty"`
}

type calibratedLagDoc struct {
	Share quantity `json:"share_of_ceiling"`
	Rate  quantity `json:"offered_requests_per_second"`
	P50   quantity `json:"p50_ms"`
	P99   quantity `json:"p99_ms"`
	Max   quantity `json:"max_ms"`
}

// observingDoc is the cost of observing, as ratios.
type observingDoc struct {
	Rate    quantity `json:"offered_requests_per_second"`
	CPU     ratioDoc `json:"generator_cpu"`
	Latency ratioDoc `json:"median_response_time"`
}

type ratioDoc struct {
	Value quantity `json:"value"`
	Low   quantity `json:"low_95"`
	High  quantity `json:"high_95"`
}

func newCalibrationDoc(c *rundir.Calibration) *calibrationDoc {
	if c == nil {
		return nil
	}
	d := &calibrationDoc{
		TookS: quantity(c.Took.Seconds()), Ceiling: quantity(c.Ceiling), CPU: quantity(1000 * milliseconds(c.CPUPerRequest)),
		Lags: []calibratedLagDoc{}, Pairs: len(c.Observing),
	}
	for _, l := range c.Lags {
		d.Lags = append(d.Lags, calibratedLagDoc{quantity(l.Share), quantity(l.Rate), quantity(milliseconds(l.P50)), quantity(milliseconds(l.P99)), quantity(milliseconds(l.Max))})
	}
	if cpu, latency := analysis.Observing(c.Observing); cpu != nil && latency != nil {
		d.Observing = &observingDoc{quantity(c.Observing[0].Rate), newRatioDoc(cpu), newRatioDoc(latency)}
	}
	return d
}

func newRatioDoc(f *analysis.Figure) ratioDoc {
	return ratioDoc{quantity(f.Value), quantity(f.Low), quantity(f.High)}
}
