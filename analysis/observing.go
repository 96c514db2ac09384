package analysis

import "sweetspot/runner/rundir"

// Observing estimates what sampling and keeping raw results cost: the
// generator's CPU time per request and the median response time, with over
// without. Both are nil without pairs.
func Observing(pairs []rundir.ObservedPair) (cpu, latency *Figure) {
	var with, without [2][]float64
	for _, p := range pairs {
		with[0], without[0] = append(with[0], p.With.CPUPerRequest.Seconds()), append(without[0], p.Without.CPUPerRequest.Seconds())
		with[1], without[1] = append(with[1], p.With.P50.Seconds()), append(without[1], p.Without.P50.Seconds())
	}
	return RatioFigure(with[0], without[0]), RatioFigure(with[1], without[1])
}
