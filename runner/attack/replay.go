package attack

import (
	"math"
	"time"

	"sweetspot/scenarios"
)

// playback is a part of a recording, from its beginning, at another speed: as
// many hits as the trial's rate asks for, so that the rate is their mean. A
// recording that is shorter is repeated, with its mean gap in between.
type playback struct {
	recorded scenarios.Recording
	period   float64 // ns, after which the recording begins anew
	hits     int
	speed    float64 // recorded time over the trial's
}

func newPlayback(recorded scenarios.Recording, rate float64, length time.Duration) playback {
	n := len(recorded)
	span := float64(recorded[n-1])
	p := playback{recorded: recorded, period: span + span/float64(n-1), hits: int(rate*length.Seconds() + 0.5)}
	// The part ends where the first hit that it leaves out begins. One of many
	// at the recording's first moment is no end.
	end := 0.0
	for k := p.hits; end == 0; k++ {
		end = p.at(k)
	}
	p.speed = end / float64(length)
	return p
}

// at returns when recorded hit k arrived, in ns from the first.
func (p playback) at(k int) float64 {
	n := len(p.recorded)
	return float64(k/n)*p.period + float64(p.recorded[k%n])
}

// replayed plans the hits of a playback, from a time on.
func replayed(p playback, from, length time.Duration) arrivals {
	k := 0
	return func() (time.Duration, bool) {
		if k == p.hits {
			return 0, false
		}
		due := time.Duration(math.Round(p.at(k) / p.speed))
		k++
		return from + min(due, length-1), true
	}
}

// speed is how much faster than recorded the spec replays; 0 when it does not.
func (s Spec) speed() float64 {
	if s.Rate == 0 || s.Arrivals != scenarios.Replay {
		return 0
	}
	return newPlayback(s.Recording, s.Rate, s.Duration).speed
}
