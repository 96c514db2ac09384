package attack

import (
	"strconv"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"sweetspot/runner/rundir"
)

// tally counts the hits of one request, and then of one class.
type tally struct {
	sent, good, bytes uint64
	service           time.Duration // sum
	statuses          map[uint16]uint64
	faults            map[fault]uint64
	latency           rundir.Histograms
}

func newTally() *tally {
	return &tally{statuses: map[uint16]uint64{}, faults: map[fault]uint64{}, latency: rundir.NewHistograms()}
}

// hit is one hit of the measured part.
type hit struct {
	code                   uint16
	found                  finding
	lag, service, response time.Duration
}

func (t *tally) add(h hit) {
	t.sent++
	t.bytes += h.found.in
	t.service += h.service
	t.statuses[h.code]++
	if h.found.fault == good {
		t.good++
	} else {
		t.faults[h.found.fault]++
	}
	observe(t.latency.Response, h.response)
	observe(t.latency.Service, h.service)
	observe(t.latency.Lag, h.lag)
}

// merge adds another tally's hits.
func (t *tally) merge(o *tally) {
	t.sent += o.sent
	t.good += o.good
	t.bytes += o.bytes
	t.service += o.service
	for code, n := range o.statuses {
		t.statuses[code] += n
	}
	for f, n := range o.faults {
		t.faults[f] += n
	}
	// All histograms have one configuration: merging drops nothing.
	t.latency.Response.Merge(o.latency.Response)
	t.latency.Service.Merge(o.latency.Service)
	t.latency.Lag.Merge(o.latency.Lag)
}

func (t *tally) class() rundir.Class {
	c := rundir.Class{
		Sent:     t.sent,
		Good:     t.good,
		Bytes:    t.bytes,
		Statuses: map[string]uint64{},
		Response: summarise(t.latency.Response),
		Service:  summarise(t.latency.Service),
		Lag:      summarise(t.latency.Lag),
	}
	for code, n := range t.statuses {
		c.Statuses[strconv.Itoa(int(code))] = n
	}
	for f, n := range t.faults {
		if c.Faults == nil {
			c.Faults = map[string]uint64{}
		}
		c.Faults[f.String()] = n
	}
	return c
}

// observe records d in microseconds; beyond an hour counts as an hour.
func observe(h *hdr.Histogram, d time.Duration) {
	us := min(max(d.Microseconds(), 0), time.Hour.Microseconds())
	_ = h.RecordValue(us) // in range by the line above
}

func summarise(h *hdr.Histogram) rundir.Latency {
	at := func(percentile float64) time.Duration { return micros(h.ValueAtPercentile(percentile)) }
	return rundir.Latency{
		Count: h.TotalCount(),
		Mean:  time.Duration(h.Mean() * float64(time.Microsecond)),
		P50:   at(50),
		P75:   at(75),
		P90:   at(90),
		P95:   at(95),
		P99:   at(99),
		P999:  at(99.9),
		P9999: at(99.99),
		Max:   micros(h.Max()),
	}
}

func micros(us int64) time.Duration { return time.Duration(us) * time.Microsecond }
