package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxScrapes is how many scrapes are answered at once; more are refused.
const maxScrapes = 4

// Handler answers a scrape with the figures of this moment: in Prometheus's
// protobuf format where it is asked for, which alone has native histograms, else
// in OpenMetrics or the older text, where a histogram is its count and sum.
func (r *Run) Handler() http.Handler {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newCollector(r)) // cannot fail: the table is checked by a test
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: maxScrapes,
	})
}

// collector makes Prometheus's figures of a run.
type collector struct {
	run          *Run
	descriptions map[*metric]*prometheus.Desc
}

func newCollector(r *Run) collector {
	c := collector{run: r, descriptions: map[*metric]*prometheus.Desc{}}
	for _, m := range table {
		c.descriptions[m] = prometheus.NewDesc(m.prometheusName(), m.help, m.labels, nil)
	}
	return c
}

// Describe is part of prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range table {
		out <- c.descriptions[m]
	}
}

// Collect is part of prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	families, _ := c.run.collect()
	for _, f := range families {
		d := c.descriptions[f.metric]
		for _, s := range f.samples {
			out <- s.prometheus(d, f.kind, f.since)
		}
	}
}

// prometheus is the sample in Prometheus's words. It panics where the labels are
// not those of the table.
func (s sample) prometheus(d *prometheus.Desc, k kind, since time.Time) prometheus.Metric {
	switch k {
	case counter:
		return prometheus.MustNewConstMetricWithCreatedTimestamp(d, prometheus.CounterValue, s.value, since, s.labels...)
	case gauge:
		return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, s.value, s.labels...)
	}
	first, counts := s.times.filled()
	buckets := map[int]int64{}
	for i, n := range counts {
		if n > 0 {
			buckets[first+i] = int64(n)
		}
	}
	h := s.times
	return prometheus.MustNewConstNativeHistogram(d, h.count, h.sum, buckets, nil, h.zero, Schema, zeroThreshold, since, s.labels...)
}
