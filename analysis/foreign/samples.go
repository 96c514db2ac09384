package foreign

import (
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// claimed are the percentiles that are computed where a file has every request.
var claimed = []float64{50, 75, 90, 95, 99, 99.9, 99.99}

// recordIn adds a latency to a histogram of the project's configuration, whose
// largest value stands for all above it.
func recordIn(h *hdr.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d.Microseconds(), 0), h.HighestTrackableValue())) // it is in range
}

// fill takes the percentiles of every request.
func (s *Single) fill(h *hdr.Histogram) {
	s.Samples = uint64(h.TotalCount())
	s.Quantiles = map[string]time.Duration{most: time.Duration(h.Max()) * time.Microsecond}
	for _, p := range claimed {
		s.Quantiles[percentile(p)] = time.Duration(h.ValueAtQuantile(p)) * time.Microsecond
	}
}
