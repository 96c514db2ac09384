package simulate

import (
	"math"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// truthRequests is how many requests a rate is judged by: some 300 of them are
// beyond the 99th percentile. Where a few take very long, one bad moment decides
// about those, and it takes heavyRequests.
const (
	truthRequests = 30_000
	heavyRequests = 240_000
	heavySigma    = 0.8
)

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

// Sustains says whether a cell meets the objectives of the world's scenario at a
// rate on a machine without noise, in one very long trial.
func (w *World) Sustains(c scenarios.Cell, rate float64) bool {
	n := float64(truthRequests)
	if w.CPU.Sigma > heavySigma {
		n = heavyRequests
	}
	m := NewMachine(w, w.Scenario(1), Noise{}, 1)
	t := m.Trial(rundir.Step{Cell: c, Phase: rundir.Bracket, Rate: rate, Warmup: 5 * time.Second, Duration: seconds(n / rate)})
	return t.Load.Aborted == ""
}

// Sustainable returns the highest rate that a cell sustains; saturation bounds
// it. It is 0 when the cell does not sustain a twentieth of that.
func (w *World) Sustainable(c scenarios.Cell, saturation float64) float64 {
	low, high := saturation/20, saturation*1.6 // more than in the closed loop where crowding slows that down
	if !w.Sustains(c, low) {
		return 0
	}
	for high/low > 1.004 {
		mid := math.Sqrt(low * high)
		if w.Sustains(c, mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return math.Sqrt(low * high)
}
