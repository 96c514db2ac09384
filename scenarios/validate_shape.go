package scenarios

import (
	"fmt"
	"slices"
	"time"
)

const (
	maxMultiple = 1000
	maxSteps    = 1000
	minPeriod   = Duration(10 * time.Millisecond)
)

// shape checks how the rate of a trial moves.
func (c checker) shape() {
	t := c.s.Traffic
	if c.isWrong("traffic.arrivals") || c.isWrong("traffic.shape") || !IsArrivals(t.Arrivals) {
		return
	}
	if t.Shape == nil {
		c.faultIf(moves(t.Arrivals), "traffic.shape", "is missing", "say how the rate moves, or write arrivals: poisson")
		return
	}
	if !moves(t.Arrivals) {
		c.fault("traffic.shape", "is given, and "+t.Arrivals+" arrivals have none", "write arrivals: "+c.meant()+", or delete it")
		return
	}
	c.strangers()
	switch t.Arrivals {
	case Ramp:
		c.ramp(*t.Shape)
	case Step:
		c.steps(t.Shape.Steps)
	case Sine:
		c.sine(*t.Shape)
	case Replay:
		c.replay(t.Shape.File)
	}
}

// shapeField is a field of the shape, and the arrivals that it is for.
type shapeField struct {
	path, arrivals string
	isSet          bool
}

// shapeFields returns the fields of the scenario's shape.
func (c checker) shapeFields() []shapeField {
	s := c.s.Traffic.Shape
	fields := []shapeField{
		{"from", Ramp, s.From != 0}, {"to", Ramp, s.To != 0}, {"steps", Step, s.Steps != nil},
		{"amplitude", Sine, s.Amplitude != 0}, {"period", Sine, s.Period != 0}, {"file", Replay, s.File != ""},
	}
	for i := range fields {
		f := &fields[i]
		f.path = "traffic.shape." + f.path
		f.isSet = f.isSet || c.given(f.path)
	}
	return fields
}

// meant returns the arrivals that the given shape is for.
func (c checker) meant() string {
	for _, f := range c.shapeFields() {
		if f.isSet {
			return f.arrivals
		}
	}
	return oneOf(moving)
}

// strangers reports fields of the shape that are for other arrivals.
func (c checker) strangers() {
	kind := c.s.Traffic.Arrivals
	for _, f := range c.shapeFields() {
		c.faultIf(f.isSet && f.arrivals != kind, f.path, "is not used by "+kind+" arrivals", "delete it, or write arrivals: "+f.arrivals)
	}
}

// multiple reports what is no multiple of a rate.
func (c checker) multiple(path string, m float64) bool {
	ok := m >= 0 && m <= maxMultiple
	c.faultIf(!ok, path, fmt.Sprintf("is %v, must be from 0 to %d", m, maxMultiple), "it is a multiple of the trial's rate")
	return ok && !c.isWrong(path)
}

func (c checker) ramp(s Shape) {
	from, to := c.multiple("traffic.shape.from", s.From), c.multiple("traffic.shape.to", s.To)
	c.faultIf(from && to && s.From == s.To, "traffic.shape", fmt.Sprintf("begins and ends at %v × the rate, which is no ramp", s.From),
		"write two different multiples, as {from: 0.5, to: 1.5}, or arrivals: poisson")
}

func (c checker) steps(steps []float64) {
	const path, hint = "traffic.shape.steps", "write multiples of the rate, as steps: [0.5, 1, 1.5]"
	switch {
	case len(steps) == 0:
		c.fault(path, emptyOrMissing(c.given(path)), hint)
		return
	case len(steps) == 1 || len(steps) > maxSteps:
		c.fault(path, fmt.Sprintf("is a list of %d, must be one of 2 to %d", len(steps), maxSteps), hint)
		return
	}
	good := !c.isWrong(path)
	for i, m := range steps {
		good = c.multiple(fmt.Sprintf("%s[%d]", path, i), m) && good
	}
	c.faultIf(good && slices.Max(steps) == 0, path, "has no multiple above 0", hint)
}

func (c checker) sine(s Shape) {
	c.faultIf(!(s.Amplitude > 0 && s.Amplitude <= 1), "traffic.shape.amplitude", fmt.Sprintf("is %v, must be above 0 and at most 1", s.Amplitude),
		"it is the share of the rate by which it rises and falls")
	if s.Period != 0 || c.given("traffic.shape.period") {
		c.between("traffic.shape.period", s.Period, minPeriod, maxBudget)
	}
}

// replay checks the recording by reading it.
func (c checker) replay(file string) {
	const path = "traffic.shape.file"
	if c.missing(path, file, "name a file of recorded times, as file: access.log") {
		return
	}
	if _, err := ReadRecording(inFolder(c.dir, file), c.s.Search.Seed); err != nil {
		c.misfit(path, err)
	}
}
