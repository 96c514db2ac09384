package analysis

import "math"

// posterior is what tries tell of the rate at which half of the trials pass: on
// a grid of logarithms, by probit likelihoods of a common width.
type posterior struct {
	from, step float64
	weight     []float64
}

const (
	probitSD   = 0.03 // width of the passing probability, as the standard deviation of a logarithm
	priorWidth = 0.25 // of the first rate
	gridPoints = 801
)

func newPosterior(start float64, tries []try) posterior {
	p := posterior{from: math.Log(start) - 1, step: 2.0 / (gridPoints - 1), weight: make([]float64, gridPoints)}
	total := 0.0
	for i := range p.weight {
		theta := p.from + float64(i)*p.step
		z := (theta - math.Log(start)) / priorWidth
		log := -z * z / 2
		for _, t := range tries {
			d := (theta - math.Log(t.rate)) / probitSD
			if !t.passed {
				d = -d
			}
			log += math.Log(max(1e-12, 0.02+0.96*0.5*math.Erfc(-d/math.Sqrt2)))
		}
		p.weight[i] = math.Exp(log)
		total += p.weight[i]
	}
	for i := range p.weight {
		p.weight[i] /= total
	}
	return p
}

// summary returns the median rate and the standard deviation of its logarithm.
func (p posterior) summary() (median, sd float64) {
	sum, mean, square := 0.0, 0.0, 0.0
	for i, w := range p.weight {
		theta := p.from + float64(i)*p.step
		if sum < 0.5 && sum+w >= 0.5 {
			median = math.Exp(theta)
		}
		sum += w
		mean += w * theta
		square += w * theta * theta
	}
	return median, math.Sqrt(max(0, square-mean*mean))
}
