package simulate

import (
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// truthRequests is how many requests a rate is judged by: some 300 of them are
// beyond the 99th percentile.
const truthRequests = 30_000

// Saturation returns the goodput of a cell in a closed loop of twice its slots,
// on a machine without noise: requests/s. The n-th request takes the same in
// every cell, so that cells compare better than the figure is exact.
func (w *World) Saturation(c scenarios.Cell) float64 {
	m := NewMachine(w, w.Scenario(1), Noise{}, 1)
	step := rundir.Step{Cell: c, Phase: rundir.Saturation, Connections: 2 * c.Slots(), Warmup: 5 * time.Second}
	step.Duration = 10 * time.Second
	rough := m.Trial(step).Load.Goodput
	m.Trials = 0
	step.Duration = seconds(truthRequests / max(1, rough))
	return m.Trial(step).Load.Goodput
}

// Sustainable returns the highest rate at which a cell meets the objectives of
// the world's scenario on a machine without noise, in trials of truthRequests
// requests; saturation bounds it. It is 0 when the cell does not meet them at a
// twentieth of that.
func (w *World) Sustainable(c scenarios.Cell, saturation float64) float64 {
	s := w.Scenario(1)
	passes := func(rate float64) bool {
		m := NewMachine(w, s, Noise{}, 1)
		t := m.Trial(rundir.Step{Cell: c, Phase: rundir.Bracket, Rate: rate, Warmup: 5 * time.Second, Duration: seconds(truthRequests / rate)})
		return t.Load.Aborted == ""
	}
	low, high := saturation/20, saturation*1.6 // more than in the closed loop where crowding slows that down
	if !passes(low) {
		return 0
	}
	for high/low > 1.004 {
		mid := (low + high) / 2
		if passes(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}
