package rundir

import (
	"fmt"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Histograms holds the latencies of one class in microseconds: 1 µs to 1 h,
// three significant digits, so that any two of them can be merged.
type Histograms struct {
	Response, Service, Lag *hdr.Histogram
}

// NewHistograms returns empty histograms.
func NewHistograms() Histograms {
	return Histograms{Response: NewHistogram(), Service: NewHistogram(), Lag: NewHistogram()}
}

// NewHistogram returns an empty histogram of the project's one configuration.
func NewHistogram() *hdr.Histogram { return hdr.New(1, 3600*1000*1000, 3) }

// Summary sums a histogram up. An empty one gives the zero Latency.
func Summary(h *hdr.Histogram) Latency {
	if h.TotalCount() == 0 {
		return Latency{}
	}
	at := func(p float64) time.Duration {
		return time.Duration(h.ValueAtQuantile(p)) * time.Microsecond
	}
	return Latency{
		Count: h.TotalCount(),
		Mean:  time.Duration(h.Mean() * float64(time.Microsecond)),
		P50:   at(50), P75: at(75), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9), P9999: at(99.99),
		Max: time.Duration(h.Max()) * time.Microsecond,
	}
}

// Merge adds from to h. Both have the project's one configuration, so that
// nothing can be out of range.
func Merge(h, from *hdr.Histogram) {
	if dropped := h.Merge(from); dropped > 0 {
		panic(fmt.Sprintf("rundir: %d values lost in a merge of histograms", dropped))
	}
}
