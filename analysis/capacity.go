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
	Cores     float64              // that the application gets on each machine; 0: as many as it was measured on
}

// Plan is how many machines a demand needs, each as the measured one or, by the
// scalability law, with other cores.
type Plan struct {
	Demand   Demand
	Cell     *Cell
	Measured *Figure // what the measured machine sustains, within the objective, requests/s
	Ratio    *Figure // of the throughput on the demand's cores over that on the measured ones; nil: they are the same
	Sustains *Figure // one of the planned machines, requests/s
	Usable   float64 // of that, with the headroom left free, requests/s
	Machines int
	Low      int                // of machines, by the upper end of what one sustains; 0: there is no interval
	High     int                // by its lower end
	Each     float64            // load on each of the machines, requests/s
	Latency  map[string]*Figure // expected there, seconds, by metric; a metric is missing where it was not measured
	Unknown  map[string]string  // why it is missing
	Doubled  int                // machines for twice the rate
	Twice    *Figure            // throughput of a machine with twice the cores over that of one; nil: it is not known
	NoTwice  string             // why not
}

// PlanMetrics are the statistics of the expected latency, in the order in which
// they are told.
var PlanMetrics = []string{scenarios.Mean, "p50", "p95", "p99"}

// NewPlan plans for a demand with machines like the one that a cell was measured
// on, or with other cores by how its throughput goes with them, nil where that
// was not measured. It never extrapolates a latency: one that was not measured
// is missing and says why.
func NewPlan(c *Cell, s *Scaling, d Demand) (*Plan, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	p := &Plan{Demand: d, Cell: c, Latency: map[string]*Figure{}, Unknown: map[string]string{}}
	var err error
	if p.Measured, err = sustains(c, d.Objective); err != nil {
		return nil, err
	}
	if p.Sustains, err = p.onCores(s); err != nil {
		return nil, err
	}
	p.Usable = p.Sustains.Value * (1 - d.Headroom)
	p.Machines = p.machines(d.Rate, p.Sustains.Value)
	if p.Sustains.Low > 0 && !math.IsNaN(p.Sustains.High) {
		p.Low, p.High = p.machines(d.Rate, p.Sustains.High), p.machines(d.Rate, p.Sustains.Low)
	}
	p.Doubled = p.machines(2*d.Rate, p.Sustains.Value)
	p.Each = d.Rate / float64(p.Machines)
	p.latencies()
	p.twice(s)
	return p, nil
}

// check refuses a demand that is none.
func (d Demand) check() error {
	switch {
	case !(d.Rate > 0) || math.IsInf(d.Rate, 0):
		return fmt.Errorf("plan for %g requests/s: want more than none", d.Rate)
	case !(d.Headroom >= 0 && d.Headroom < 1):
		return fmt.Errorf("plan with a headroom of %g %%: want 0 to less than 100 %%", 100*d.Headroom)
	case !(d.Cores >= 0) || math.IsInf(d.Cores, 0):
		return fmt.Errorf("plan for %g cores: want more than none", d.Cores)
	}
	return nil
}

// Cores are what the application gets on each of the planned machines; 0
// unknown.
func (p *Plan) Cores() float64 {
	if p.Demand.Cores > 0 {
		return p.Demand.Cores
	}
	return p.Cell.Cores
}

// Run is the cell of each machine: with other cores its workers are in
// proportion.
func (p *Plan) Run() scenarios.Cell {
	if p.Ratio == nil {
		return p.Cell.Cell
	}
	return proportioned(p.Cell.Cell, p.Cell.Cores, p.Demand.Cores)
}

// onCores returns what a machine with the demand's cores sustains: what was
// measured times the ratio of the throughputs, with the intervals of both. They
// are independent, so that squares of relative widths add.
func (p *Plan) onCores(s *Scaling) (*Figure, error) {
	own, cores := p.Cell.Cores, p.Cores()
	if cores == own {
		return p.Measured, nil
	}
	if own == 0 {
		return nil, fmt.Errorf("plan for other cores (%g): how many the measured application had is not known; leave --cores out", cores)
	}
	ratio, err := s.Ratio(cores, own)
	if err != nil {
		return nil, fmt.Errorf("plan for other cores (%g) than those of the run (%g): %w", cores, own, err)
	}
	p.Ratio = ratio
	m := p.Measured
	f := &Figure{Value: m.Value * ratio.Value, N: m.N, AtLeast: m.AtLeast}
	f.Low = f.Value * math.Exp(-math.Hypot(math.Log(m.Value/m.Low), math.Log(ratio.Value/ratio.Low)))
	f.High = f.Value * math.Exp(math.Hypot(math.Log(m.High/m.Value), math.Log(ratio.High/ratio.Value)))
	return f, nil
}

// twice fills in what doubling the cores of one machine gives.
func (p *Plan) twice(s *Scaling) {
	if p.Cores() == 0 {
		p.NoTwice = "how many cores the application had is not known"
		return
	}
	var err error
	if p.Twice, err = s.Ratio(2*p.Cores(), p.Cores()); err != nil {
		p.NoTwice = err.Error()
	}
}

// latencies fills in what is expected of the response time.
func (p *Plan) latencies() {
	for _, m := range PlanMetrics {
		if p.Ratio != nil {
			p.Unknown[m] = fmt.Sprintf("they were measured on %g cores only; with others a queue is another at the same share of the load", p.Cell.Cores)
			continue
		}
		f, err := expected(p.Cell, scenarios.Objective{Class: scenarios.All, Metric: m}, p.Each)
		if err != nil {
			p.Unknown[m] = err.Error()
			continue
		}
		p.Latency[m] = f
	}
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
