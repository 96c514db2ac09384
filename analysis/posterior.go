package analysis

import "math"

// posterior is what the tries of a walk tell of the rate at which half of them
// would pass: weights on evenly spaced logarithms of rates. The chance of a try
// to pass falls with its rate as a logistic function does; what is thought of
// the rate beforehand is a Cauchy distribution about the first try.
type posterior struct {
	from, step float64 // of the logarithm of the rate
	weight     []float64
}

// From simulation at a spread of 3 to 8 % between windows of 5 s.
const (
	passWidth   = 0.025 // of the chance to pass, as the standard deviation of a logarithm
	firstWidth  = 0.06  // of the first rate's error
	passLapse   = 0.01  // chance that a try tells nothing
	farthest    = 3.2   // logarithm of how far the rate may be from the first try
	besides     = 0.25  // the same from tries that bracket it
	rateSamples = 320
)

// newPosterior weighs the tries, of which there is one at least.
func newPosterior(tries []try) posterior {
	first := math.Log(tries[0].rate)
	from, to := first-farthest, first+farthest
	if low, high := (walk{tries: tries}).bounds(); low > 0 && high > 0 {
		from, to = math.Log(min(low, high))-besides, math.Log(max(low, high))+besides
	}
	p := posterior{from: from, step: (to - from) / (rateSamples - 1), weight: make([]float64, rateSamples)}
	odds := make([]float64, len(tries)) // that a try passes where the rate is the one at from
	for i, t := range tries {
		odds[i] = math.Exp((from - math.Log(t.rate)) / logisticWidth)
	}
	rise := math.Exp(p.step / logisticWidth)
	total := 0.0
	for i := range p.weight {
		z := (p.from + float64(i)*p.step - first) / firstWidth
		weight := 1 / (1 + z*z)
		for k, t := range tries {
			chance := odds[k] / (1 + odds[k])
			if !t.passed {
				chance = 1 - chance
			}
			weight *= passLapse + (1-2*passLapse)*chance
			odds[k] = min(odds[k]*rise, 1e100)
		}
		p.weight[i] = weight
		total += weight
	}
	for i := range p.weight {
		p.weight[i] /= total
	}
	return p
}

// logisticWidth is the scale of a logistic distribution with the standard
// deviation passWidth.
const logisticWidth = passWidth * 1.7320508 / math.Pi

// quantile returns the rate below which the q-th part of the weight is.
func (p posterior) quantile(q float64) float64 {
	sum := 0.0
	for i, w := range p.weight {
		if sum+w >= q {
			return math.Exp(p.from + (float64(i)-0.5+(q-sum)/w)*p.step)
		}
		sum += w
	}
	return math.Exp(p.from + float64(len(p.weight)-1)*p.step)
}

// spread returns half of the central 68 %, as the standard deviation of a
// logarithm.
func (p posterior) spread() float64 {
	return math.Log(p.quantile(0.84)/p.quantile(0.16)) / 2
}
