package scenarios

import "slices"

// arrivals are all arrival processes.
var arrivals = append([]string{Poisson, Constant}, moving...)

// moving are those that have a shape.
var moving = []string{Ramp, Step, Sine, Replay}

// IsArrivals tells whether a word names an arrival process.
func IsArrivals(word string) bool { return slices.Contains(arrivals, word) }

// moves tells whether an arrival process has a shape.
func moves(arrivals string) bool { return slices.Contains(moving, arrivals) }

// Steady tells whether requests arrive at one rate throughout a trial.
func (t Traffic) Steady() bool { return t.Arrivals == Poisson || t.Arrivals == Constant }

// Peak returns the highest rate of a trial over its mean rate: 1 for Poisson
// and constant arrivals, and for a replay, whose peaks are not known here. That
// of a sine is exact where the trial holds whole periods.
func (t Traffic) Peak() float64 {
	switch s := t.Shape; t.Arrivals {
	case Ramp:
		return 2 * max(s.From, s.To) / (s.From + s.To)
	case Step:
		sum := 0.0
		for _, m := range s.Steps {
			sum += m
		}
		return slices.Max(s.Steps) * float64(len(s.Steps)) / sum
	case Sine:
		return 1 + s.Amplitude
	}
	return 1
}
