package analysis

import (
	"errors"
	"fmt"
	"math"

	"sweetspot/scenarios"
)

// Demand is what a capacity plan is for.
type Demand struct {
	Rate      float64              // requests/s at the peak, over all machines
	Objective *scenarios.Objective // of latency; nil: the run's own objectives
	Headroom  float64              // share of what a machine sustains that is to stay free, 0…1
}

// Plan is how many machines a demand needs, each as the measured one.
type Plan struct {
	Demand   Demand
	Cell     *Cell
	Sustains *Figure // one machine, within the objective, requests/s
	Usable   float64 // of that, with the headroom left free, requests/s
	Machines int
	Low      int                // of machines, by the upper end of what one sustains; 0: there is no interval
	High     int                // by its lower end
	Each     float64            // load on each of the machines, requests/s
	Latency  map[string]*Figure // expected there, seconds, by metric; a metric is missing where it was not measured
	Unknown  map[string]string  // why it is missing
	Doubled  int                // machines for twice the rate
}

// planned metrics of the expected latency.
var planMetrics = []string{"p50", "p95", "p99"}

// NewPlan plans for a demand with the machines that a cell was measured on. It
// never extrapolates: a figure that was not measured is missing and says why.
func NewPlan(c *Cell, d Demand) (*Plan, error) {
	if !(d.Rate > 0) {
		return nil, fmt.Errorf("plan for %g requests/s: want more than none", d.Rate)
	}
	if d.Headroom < 0 || d.Headroom >= 1 {
		return nil, fmt.Errorf("plan with a headroom of %g %%: want 0 to less than 100 %%", 100*d.Headroom)
	}
	p := &Plan{Demand: d, Cell: c, Latency: map[string]*Figure{}, Unknown: map[string]string{}}
	var err error
	if p.Sustains, err = sustains(c, d.Objective); err != nil {
		return nil, err
	}
	p.Usable = p.Sustains.Value * (1 - d.Headroom)
	p.Machines = p.machines(d.Rate, p.Sustains.Value)
	if p.Sustains.Low > 0 && !math.IsNaN(p.Sustains.High) {
		p.Low, p.High = p.machines(d.Rate, p.Sustains.High), p.machines(d.Rate, p.Sustains.Low)
	}
	p.Doubled = p.machines(2*d.Rate, p.Sustains.Value)
	p.Each = d.Rate / float64(p.Machines)
	for _, m := range planMetrics {
		f, err := expected(c, scenarios.Objective{Class: scenarios.All, Metric: m}, p.Each)
		if err != nil {
			p.Unknown[m] = err.Error()
			continue
		}
		p.Latency[m] = f
	}
	return p, nil
}

// errNoRate says that a cell has no figure to plan with.
var errNoRate = errors.New("no sustainable rate was measured")

// sustains returns what one machine sustains within an objective: what the run
// found for its own ones, or where the measured latency curve crosses another.
func sustains(c *Cell, o *scenarios.Objective) (*Figure, error) {
	if o == nil {
		if c.Sustainable() == nil {
			return nil, fmt.Errorf("%v: %w", c.Cell, errNoRate)
		}
		return c.Sustainable(), nil
	}
	k, err := NewLatencyCurve(c, *o)
	if err != nil {
		return nil, err
	}
	return k.Within(o.Limit.Seconds())
}

// expected returns a statistic of the latency at a load on one machine.
func expected(c *Cell, o scenarios.Objective, rate float64) (*Figure, error) {
	k, err := NewLatencyCurve(c, o)
	if err != nil {
		return nil, err
	}
	return k.At(rate)
}

// machines is how many machines a rate takes that sustain so much each.
func (p *Plan) machines(rate, each float64) int {
	return max(1, int(math.Ceil(rate/(each*(1-p.Demand.Headroom))-1e-9)))
}
