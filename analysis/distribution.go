package analysis

import (
	"math"
	"slices"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Distribution is the response times of one class of a cell near its
// sustainable rate, from the fastest to the slowest.
type Distribution struct {
	Count  int64 // responses
	Starts int   // fresh starts that they come from
	Max    time.Duration
	Points []Quantile // by rising share, up to the last with a response beyond it
}

// Quantile is the response time that a share of the responses does not exceed.
type Quantile struct {
	Share     float64       // 0…1
	Value     time.Duration // of all starts, merged
	Low, High time.Duration // of the fastest and the slowest start; 0 with one start, and where one of them has fewer than 100 responses beyond
}

// Claimed tells whether the 100 responses lie beyond a share that claiming its
// quantile takes.
func (d Distribution) Claimed(share float64) bool { return Claimable(d.Count, share) }

// Claimable tells whether so many samples have the 100 beyond the quantile of a
// share that claiming it takes.
func Claimable(samples int64, share float64) bool {
	return float64(samples)*(1-share) >= leastBeyond-1e-6
}

// At returns the quantile of a share; ok is false when it is not among the
// points.
func (d Distribution) At(share float64) (q Quantile, ok bool) {
	i := slices.IndexFunc(d.Points, func(q Quantile) bool { return math.Abs(q.Share-share) < 1e-9 })
	if i < 0 {
		return Quantile{}, false
	}
	return d.Points[i], true
}

// named are the percentiles that every distribution has a point for, if it has
// that many responses.
var named = []float64{0, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 99.9999}

// stepsPerDecade is how many points lie between 90 % and 99 %, and so on.
const stepsPerDecade = 16

// distribution sums up the histograms of the starts of one class; all is their
// merge.
func distribution(all *hdr.Histogram, starts map[int]*hdr.Histogram) Distribution {
	d := Distribution{Count: all.TotalCount(), Starts: len(starts), Max: time.Duration(all.Max()) * time.Microsecond}
	percents := percentsUpTo(d.Count)
	for i, us := range all.ValueAtPercentilesSlice(percents) {
		d.Points = append(d.Points, Quantile{Share: percents[i] / 100, Value: time.Duration(us) * time.Microsecond})
	}
	if len(starts) < 2 {
		return d
	}
	for i := range d.Points {
		d.Points[i].Low = math.MaxInt64
	}
	for _, h := range starts {
		one := Distribution{Count: h.TotalCount()}
		for i, us := range h.ValueAtPercentilesSlice(percents) {
			q := &d.Points[i]
			if v := time.Duration(us) * time.Microsecond; one.Claimed(q.Share) {
				q.Low, q.High = min(q.Low, v), max(q.High, v)
			} else {
				q.Low = 0
			}
		}
	}
	for i := range d.Points {
		if d.Points[i].Low == 0 {
			d.Points[i].High = 0
		}
	}
	return d
}

// percentsUpTo returns the percentiles of n responses that have a response
// beyond them, rising, at even distances of the logarithm of 1/(1 − share) and
// with those that have a name.
func percentsUpTo(n int64) (percents []float64) {
	for _, p := range named {
		if float64(n)*(1-p/100) >= 1-1e-6 {
			percents = append(percents, p)
		}
	}
	for k := 1; ; k++ {
		beyond := math.Pow(10, -float64(k)/stepsPerDecade)
		if float64(n)*beyond < 1 {
			break
		}
		p := 100 * (1 - beyond)
		if !slices.ContainsFunc(percents, func(q float64) bool { return math.Abs(q-p) < 1e-9 }) {
			percents = append(percents, p)
		}
	}
	slices.Sort(percents)
	return percents
}
