package metrics

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	api "go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"sweetspot/runner/rundir"
)

// times returns an HdrHistogram of response times as they are: most of some
// milliseconds, a long tail, and some too short for the clock. Its values, as it
// tells them, come with it.
func times(t *testing.T, n int, h *hdr.Histogram) (values []float64) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		micros := int64(math.Exp(8.5 + 1.2*random.NormFloat64()))
		if i%50 == 0 {
			micros = 0
		}
		if err := h.RecordValue(micros); err != nil {
			t.Fatal(err)
		}
	}
	for _, bar := range h.Distribution() {
		for range bar.Count {
			values = append(values, float64(bar.To)/1e6)
		}
	}
	return values
}

// A percentile of the exponential histogram is in the bucket of the one that the
// HdrHistogram tells: whoever reads the one for the other is at most a bucket
// off, which is 2.2 %.
func TestPercentilesAreThoseOfTheHdrHistogram(t *testing.T) {
	for _, tt := range []struct {
		name string
		hdr  *hdr.Histogram
	}{
		{"three digits, of a trial", rundir.NewHistogram()},
		{"two digits, of a second", rundir.NewBriefHistogram()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const n = 20_000
			times(t, n, tt.hdr)
			var e exponential
			e.add(tt.hdr)
			if e.count != n || e.zero != n/50 {
				t.Fatalf("%d values, %d of them zero; want %d and %d", e.count, e.zero, n, n/50)
			}
			if mean := e.sum / n * 1e6; math.Abs(mean-tt.hdr.Mean()) > 1e-6*mean {
				t.Errorf("mean %g µs, want %g", mean, tt.hdr.Mean())
			}
			for _, p := range []float64{5, 50, 75, 90, 95, 99, 99.9, 99.99, 100} {
				want := float64(tt.hdr.ValueAtPercentile(p)) / 1e6
				low, high := bucketAt(e, p)
				if want <= low || want > high {
					t.Errorf("p%v: between %g and %g s, but the HdrHistogram says %g", p, low, high, want)
				}
				if width := high/low - 1; width > 0.0219 {
					t.Errorf("p%v: a bucket from %g to %g is %.2f %% wide", p, low, high, 100*width)
				}
			}
		})
	}
}

// bucketAt returns the bounds, in seconds, of the bucket that a percentile is in.
func bucketAt(e exponential, percentile float64) (low, high float64) {
	rank := uint64(math.Max(math.Floor(percentile/100*float64(e.count)+0.5), 1)) // HdrHistogram's
	seen := e.zero
	first, counts := e.filled()
	for i, n := range counts {
		if seen += n; seen >= rank {
			return bound(first + i - 1), bound(first + i)
		}
	}
	return 0, 0
}

// bound is the upper bound of a bucket.
func bound(bucket int) float64 { return math.Exp2(math.Ldexp(float64(bucket), -Schema)) }

// Prometheus's own library puts the same values into the same buckets.
func TestBucketsAreThoseOfPrometheus(t *testing.T) {
	h := rundir.NewHistogram()
	values := times(t, 2000, h)
	oracle := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "oracle", NativeHistogramBucketFactor: math.Exp2(math.Exp2(-Schema)) + 1e-9, NativeHistogramZeroThreshold: zeroThreshold,
	})
	var e exponential
	e.add(h)
	for _, edge := range []int64{1, 2, 1_000, 1_000_000, 500_000, 250_000, 2_000_000, 3_600_000_000} { // bounds among them
		e.addTimes(edge, 1)
		e.count++
		values = append(values, float64(edge)/1e6)
	}
	for _, v := range values {
		oracle.Observe(v)
	}
	var want dto.Metric
	if err := oracle.Write(&want); err != nil {
		t.Fatal(err)
	}
	if want.Histogram.GetSchema() != Schema {
		t.Fatalf("the oracle has schema %d, want %d", want.Histogram.GetSchema(), Schema)
	}
	d := prometheus.NewDesc("subject", "", nil, nil)
	var got dto.Metric
	if err := (sample{times: e}).prometheus(d, histogram, time.Time{}).Write(&got); err != nil {
		t.Fatal(err)
	}
	if a, b := absolute(got.Histogram), absolute(want.Histogram); !slices.Equal(a, b) {
		t.Errorf("buckets %v, want %v", a, b)
	}
	if a, b := got.Histogram.GetZeroCount(), want.Histogram.GetZeroCount(); a != b {
		t.Errorf("%d in the zero bucket, want %d", a, b)
	}
	if a, b := got.Histogram.GetSampleCount(), want.Histogram.GetSampleCount(); a != b {
		t.Errorf("%d values, want %d", a, b)
	}
}

// absolute returns number and count of every bucket of Prometheus's histogram
// that is not empty.
func absolute(h *dto.Histogram) (out [][2]int64) {
	bucket, count, i := int64(0), int64(0), 0
	for _, span := range h.GetPositiveSpan() {
		bucket += int64(span.GetOffset())
		for range span.GetLength() {
			count += h.GetPositiveDelta()[i]
			i++
			if count > 0 {
				out = append(out, [2]int64{bucket, count})
			}
			bucket++
		}
	}
	return out
}

// OpenTelemetry's own library puts the same values into the same buckets.
func TestBucketsAreThoseOfOpenTelemetry(t *testing.T) {
	h := rundir.NewHistogram()
	values := times(t, 2000, h)
	var e exponential
	e.add(h)
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithView(sdk.NewView(
		sdk.Instrument{Name: "*"},
		sdk.Stream{Aggregation: sdk.AggregationBase2ExponentialHistogram{MaxSize: 2000, MaxScale: Schema}},
	)))
	var oracle api.Float64Histogram
	oracle, err := provider.Meter("test").Float64Histogram("oracle")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		oracle.Record(context.Background(), v)
	}
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	want := all.ScopeMetrics[0].Metrics[0].Data.(metricdata.ExponentialHistogram[float64]).DataPoints[0]
	got := e.point(want.Attributes, want.StartTime, want.Time)
	if got.Scale != want.Scale || got.Count != want.Count || got.ZeroCount != want.ZeroCount {
		t.Errorf("scale %d, %d values, %d of them zero; want %d, %d and %d", got.Scale, got.Count, got.ZeroCount, want.Scale, want.Count, want.ZeroCount)
	}
	if got.PositiveBucket.Offset != want.PositiveBucket.Offset || !slices.Equal(got.PositiveBucket.Counts, want.PositiveBucket.Counts) {
		t.Errorf("buckets from %d: %v\nwant from %d: %v", got.PositiveBucket.Offset, got.PositiveBucket.Counts, want.PositiveBucket.Offset, want.PositiveBucket.Counts)
	}
	if math.Abs(got.Sum-want.Sum) > 0.001*want.Sum { // HdrHistogram's mean takes the middle of its buckets
		t.Errorf("sum %g, want %g", got.Sum, want.Sum)
	}
}

func TestFilled(t *testing.T) {
	var empty exponential
	if _, counts := empty.filled(); len(counts) != 0 {
		t.Errorf("an empty histogram has buckets %v", counts)
	}
	var short exponential
	short.addTimes(0, 3)
	if _, counts := short.filled(); len(counts) != 0 || short.zero != 3 {
		t.Errorf("three times of zero: buckets %v and %d in the zero bucket, want none and 3", counts, short.zero)
	}
	var apart exponential
	apart.addTimes(1_000_000, 1)
	apart.addTimes(2_000_000, 2)
	first, counts := apart.filled()
	if first != 0 || len(counts) != 1<<Schema+1 || counts[0] != 1 || counts[1<<Schema] != 2 {
		t.Errorf("1 s and twice 2 s: from bucket %d %v, want from 0, an octave long", first, counts)
	}
}
