package simulate

import (
	"math"
	"math/rand/v2"
	"sort"
)

// Noise is how a machine's speed varies. Standard deviations are of the
// logarithm of the speed.
type Noise struct {
	Start  float64 // from one fresh start to the next
	Window float64 // from one 5 seconds to the next
	Drift  float64 // amplitude of a slow swing, of 40 minutes, in a phase of the machine's own
}

// NewNoise is noise as it was seen on shared machines, with a coefficient of
// variation between windows.
func NewNoise(window float64) Noise { return Noise{Start: 0.015, Window: window, Drift: 0.03} }

// window is how long the speed stays, in seconds.
const window = 5.0

// clock maps wall time to the machine's own, in which it always has its
// nominal speed: both in seconds from the beginning of a trial.
type clock struct {
	speeds []float64 // by window
	ends   []float64 // of the windows, in machine time
}

// swing is how long the slow swing takes, in seconds.
const swing = 2400.0

// newClock is the clock of a trial that lasts for span and begins at wall time
// at, on a start of that speed.
func (n Noise) newClock(rng *rand.Rand, start, at, span float64) *clock {
	c := &clock{}
	for t, end := 0.0, 0.0; ; t += window {
		drift := 1 + n.Drift*math.Sin(2*math.Pi*(at+t)/swing)
		speed := start * drift * math.Exp(n.Window*rng.NormFloat64())
		end += speed * window
		c.speeds, c.ends = append(c.speeds, speed), append(c.ends, end)
		if t > span {
			return c
		}
	}
}

// machine returns the machine time of a wall time.
func (c *clock) machine(wall float64) float64 {
	i := min(int(wall/window), len(c.ends)-1)
	return c.ends[i] - c.speeds[i]*(window*float64(i+1)-wall)
}

// wall is the inverse of machine.
func (c *clock) wall(machine float64) float64 {
	i := min(sort.SearchFloat64s(c.ends, machine), len(c.ends)-1)
	return window*float64(i+1) - (c.ends[i]-machine)/c.speeds[i]
}
