package analysis

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"sweetspot/scenarios"
)

// LatencyCurve is a statistic of the response time of one cell against load, as
// measured: the rising curve that is nearest to the trials, and what their
// scatter leaves open. Between two trials it follows the law of a queue, which
// is linear in 1/(1 − load/saturation).
type LatencyCurve struct {
	objective  scenarios.Objective // class and metric
	saturation float64             // requests/s
	rates      []float64           // measured, rising, without duplicates
	logs       []float64           // of the latency in seconds there
	samples    [][]float64         // the same for curves that fit as well
}

const (
	curveSamples = 500
	curveSD      = 0.08 // of the logarithm of a trial's latency at half the load: what is thought of it before it is seen
	curveWide    = 1.25 // drawn curves are pooled twice, and so too narrow by that much
	curveWorth   = 4    // and how many trials that is worth
)

// NewLatencyCurve makes the curve of a class and a metric, such as all and p99,
// from the open-loop trials of a cell that were not cut short.
func NewLatencyCurve(c *Cell, o scenarios.Objective) (*LatencyCurve, error) {
	k := &LatencyCurve{objective: o}
	if c.Saturation != nil {
		k.saturation = c.Saturation.Value
	}
	var points []loaded
	for _, p := range c.Curve {
		class, ok := p.Response[o.Class]
		if !ok || class.Count == 0 || p.Cut || p.Verdict == Void {
			continue
		}
		if l := metric(class, o.Metric).Seconds(); l > 0 {
			points = append(points, loaded{rate: p.Offered, log: math.Log(l)})
			k.saturation = max(k.saturation, 1.01*p.Offered)
		}
	}
	if len(points) < 2 || points[0].rate == points[len(points)-1].rate {
		return nil, fmt.Errorf("%v has fewer than two measured loads with a %s latency of %s requests", c.Cell, o.Metric, o.Class)
	}
	for i := range points {
		points[i].weight = 1 / square(k.scatter(points[i].rate))
	}
	k.rates, k.logs = rising(points)
	k.resample(points)
	return k, nil
}

// loaded is one trial.
type loaded struct {
	rate, log float64
	weight    float64 // inverse of the variance of log, but for a common factor
}

// scatter is how much the logarithm of a trial's latency scatters at a rate,
// over that at half the saturation: as a queue's, the closer to saturation the
// more, by 1/(1 − load).
func (k *LatencyCurve) scatter(rate float64) float64 {
	return max(1, 0.5/(1-min(rate/k.saturation, 0.95)))
}

// rising returns the rates without duplicates, and the values of the rising
// curve that is nearest to the points by least squares: it pools adjacent
// violators.
func rising(points []loaded) (rates, values []float64) {
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b loaded) int { return cmp.Compare(a.rate, b.rate) })
	type block struct {
		sum, weight float64
		rates       []float64
	}
	var blocks []block
	for _, p := range points {
		if n := len(blocks); n > 0 && blocks[n-1].rates[len(blocks[n-1].rates)-1] == p.rate {
			blocks[n-1].sum += p.weight * p.log
			blocks[n-1].weight += p.weight
		} else {
			blocks = append(blocks, block{p.weight * p.log, p.weight, []float64{p.rate}})
		}
		for n := len(blocks); n > 1 && blocks[n-2].sum/blocks[n-2].weight >= blocks[n-1].sum/blocks[n-1].weight; n-- {
			last := blocks[n-1]
			blocks = blocks[:n-1]
			b := &blocks[n-2]
			b.sum, b.weight, b.rates = b.sum+last.sum, b.weight+last.weight, append(b.rates, last.rates...)
		}
	}
	for _, b := range blocks {
		for _, r := range b.rates {
			rates, values = append(rates, r), append(values, b.sum/b.weight)
		}
	}
	return rates, values
}

// resample draws curves that fit as well, with the scatter of the trials about
// the curve.
func (k *LatencyCurve) resample(points []loaded) {
	squares := curveWorth * curveSD * curveSD
	for _, p := range points {
		d := p.log - k.logs[slices.Index(k.rates, p.rate)]
		squares += p.weight * d * d
	}
	sd := math.Sqrt(squares / float64(curveWorth+max(1, len(points)-len(k.rates)/2)))
	rng := rand.New(rand.NewPCG(1, uint64(len(points))))
	drawn := slices.Clone(points)
	for range curveSamples {
		for i, p := range points {
			drawn[i].log = k.logs[slices.Index(k.rates, p.rate)] + curveWide*sd/math.Sqrt(p.weight)*rng.NormFloat64()
		}
		_, logs := rising(drawn)
		k.samples = append(k.samples, logs)
	}
}

// Measured returns the lowest and the highest load of the curve, requests/s.
func (k *LatencyCurve) Measured() (low, high float64) { return k.rates[0], k.rates[len(k.rates)-1] }

// At returns the latency in seconds at a load, with its 95 % interval. It is an
// error to ask beyond what was measured.
func (k *LatencyCurve) At(rate float64) (*Figure, error) {
	low, high := k.Measured()
	if rate < low || rate > high {
		return nil, fmt.Errorf("%.0f requests/s on a machine are beyond the %.0f to %.0f that were measured", rate, low, high)
	}
	f := &Figure{Value: math.Exp(k.between(k.logs, rate)), N: len(k.rates)}
	at := make([]float64, len(k.samples))
	for i, logs := range k.samples {
		at[i] = math.Exp(k.between(logs, rate))
	}
	f.Low, f.High = middle(at)
	return f, nil
}

// between interpolates the latency at a rate, and returns its logarithm.
func (k *LatencyCurve) between(logs []float64, rate float64) float64 {
	i, found := slices.BinarySearch(k.rates, rate)
	if found {
		return logs[i]
	}
	queue := func(r float64) float64 { return 1 / (1 - min(r/k.saturation, 0.999)) }
	share := (queue(rate) - queue(k.rates[i-1])) / (queue(k.rates[i]) - queue(k.rates[i-1]))
	a, b := math.Exp(logs[i-1]), math.Exp(logs[i])
	return math.Log(a + share*(b-a))
}

// Within returns the highest load at which the latency is below a limit in
// seconds, with its 95 % interval. AtLeast says that it is below it at every
// load measured; it is an error if it is so at none.
func (k *LatencyCurve) Within(limit float64) (*Figure, error) {
	value, open := k.crossing(k.logs, math.Log(limit))
	if value == 0 {
		return nil, fmt.Errorf("at the lowest load measured, %.0f requests/s, the %s of %s requests is %.0f ms already", k.rates[0], k.objective.Metric, k.objective.Class, 1000*math.Exp(k.logs[0]))
	}
	f := &Figure{Value: value, N: len(k.rates), AtLeast: open}
	at := make([]float64, len(k.samples))
	for i, logs := range k.samples {
		at[i], _ = k.crossing(logs, math.Log(limit))
	}
	f.Low, f.High = middle(at)
	return f, nil
}

// crossing returns the load at which a curve crosses a limit: 0 when that is
// below all, and the highest one, open, when it is above.
func (k *LatencyCurve) crossing(logs []float64, limit float64) (rate float64, open bool) {
	n := len(logs)
	switch {
	case logs[0] >= limit:
		return 0, false
	case logs[n-1] < limit:
		return k.rates[n-1], true
	}
	i := slices.IndexFunc(logs, func(l float64) bool { return l >= limit })
	low, high := k.rates[i-1], k.rates[i]
	for range 40 {
		mid := (low + high) / 2
		if k.between(logs, mid) < limit {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2, false
}
