package metrics

import (
	"math"
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Schema is the resolution of the exponential histograms: bucket bounds are the
// powers of 2^(1/2^Schema), which is 1.0219. So whatever a value or percentile
// is read as, it lies in the bucket of the true one, at most 2.2 % off.
const Schema = 5

// zeroThreshold is the width of the zero bucket, seconds: times are whole
// microseconds, so that it takes what was shorter than one.
const zeroThreshold = 0.5e-6

// Values that are counted lie within these buckets: 1 µs, and an hour with what
// an HdrHistogram of three digits cannot tell from it.
var firstBucket, lastBucket = bucketOf(1e-6), bucketOf(3604)

// bucketOf returns the number of the bucket of a time in seconds, as Prometheus
// counts: bucket i holds 2^((i−1)/2^Schema) < v ≤ 2^(i/2^Schema). OpenTelemetry's
// number is one less.
func bucketOf(seconds float64) int {
	return int(math.Ceil(math.Ldexp(math.Log2(seconds), Schema)))
}

// exponential is a histogram of times in exponential buckets.
type exponential struct {
	count, zero uint64
	sum         float64  // seconds
	buckets     []uint64 // from firstBucket to lastBucket; nil: all are empty
}

// add counts what an HdrHistogram of microseconds holds, bucket by bucket: a
// value counts as the one by which the HdrHistogram tells its own percentiles.
// The sum is that of its mean.
func (e *exponential) add(h *hdr.Histogram) {
	if h == nil || h.TotalCount() == 0 {
		return
	}
	e.count += uint64(h.TotalCount())
	e.sum += h.Mean() * float64(h.TotalCount()) / 1e6
	for _, bar := range h.Distribution() {
		e.addTimes(bar.To, uint64(bar.Count))
	}
}

// addTimes counts n equal values.
func (e *exponential) addTimes(micros int64, n uint64) {
	switch {
	case n == 0:
		return
	case micros == 0:
		e.zero += n
		return
	}
	if e.buckets == nil {
		e.buckets = make([]uint64, lastBucket-firstBucket+1)
	}
	i := min(max(bucketOf(float64(micros)/1e6), firstBucket), lastBucket)
	e.buckets[i-firstBucket] += n
}

// clone returns a copy that shares nothing.
func (e exponential) clone() exponential {
	e.buckets = slices.Clone(e.buckets)
	return e
}

// filled returns the part of the buckets from the first to the last that is not
// empty, and the number of its first.
func (e exponential) filled() (first int, counts []uint64) {
	from, to := 0, len(e.buckets)
	for from < to && e.buckets[from] == 0 {
		from++
	}
	for to > from && e.buckets[to-1] == 0 {
		to--
	}
	return firstBucket + from, e.buckets[from:to]
}
