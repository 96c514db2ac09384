package analysis

import (
	"cmp"
	"math"
	"slices"

	"sweetspot/scenarios"
)

// Scaling is how the throughput of the recommended cell goes with the cores
// that the application gets, its workers in proportion.
type Scaling struct {
	Points   []ScalingPoint // fewest cores first
	Law      *Scalability   // nil: Refused says why there is none
	Refused  error
	Demand   *Figure   // CPU s of the application a good request, on DemandAt cores; nil: unknown
	DemandAt float64   // measured number of cores nearest to one
	Crowded  []float64 // numbers of cores on which the machine was full, so that others took part of them
}

// newScaling fits what the bursts on numbers of cores tell; nil for none.
func newScaling(trials []Judged, seed uint64) *Scaling {
	bursts := scalingTrials(trials)
	if len(bursts) == 0 {
		return nil
	}
	slices.SortStableFunc(bursts, func(a, b Judged) int { return cmp.Compare(a.Step.Cores, b.Step.Cores) })
	s := &Scaling{}
	for _, t := range bursts {
		good := float64(t.Load.Classes[scenarios.All].Good)
		s.Points = append(s.Points, ScalingPoint{
			Cores: t.Step.Cores, Rate: t.Load.Goodput, Cell: t.Step.Cell,
			App: t.Usage.App.CPUSeconds / good, Proxy: t.Usage.Proxy.CPUSeconds / good,
		})
		if crowded(t) && !slices.Contains(s.Crowded, t.Step.Cores) {
			s.Crowded = append(s.Crowded, t.Step.Cores)
		}
	}
	s.Law, s.Refused = FitUSL(s.Points, seed)
	s.demand()
	return s
}

// crowded says whether the machine was full while the application was short of
// the cores that it was to have.
func crowded(t Judged) bool {
	u, wall := t.Usage, t.Usage.Wall.Seconds()
	return u.BusySeconds >= allBusy*float64(u.Cores)*wall && u.App.CPUSeconds < allBusy*t.Step.Cores*wall
}

// demand is what a request takes of the application's CPU where cores do not
// get into each other's way, or least: on the number of cores nearest to one.
func (s *Scaling) demand() {
	for _, p := range s.Points {
		if s.DemandAt == 0 || math.Abs(math.Log(p.Cores)) < math.Abs(math.Log(s.DemandAt)) {
			s.DemandAt = p.Cores
		}
	}
	var seconds []float64
	for _, p := range s.On(s.DemandAt) {
		if p.App > 0 {
			seconds = append(seconds, p.App)
		}
	}
	s.Demand = amount(seconds)
}

// On returns what was measured on a number of cores.
func (s *Scaling) On(cores float64) (out []ScalingPoint) {
	for _, p := range s.Points {
		if p.Cores == cores {
			out = append(out, p)
		}
	}
	return out
}

// Cores are the numbers of cores that were measured, the fewest first.
func (s *Scaling) Cores() (out []float64) {
	for _, p := range s.Points {
		if !slices.Contains(out, p.Cores) {
			out = append(out, p.Cores)
		}
	}
	return out
}

// Rate estimates the throughput that was measured on a number of cores; nil
// for one that was not.
func (s *Scaling) Rate(cores float64) *Figure {
	var rates []float64
	for _, p := range s.On(cores) {
		rates = append(rates, p.Rate)
	}
	return amount(rates)
}

// Bound is the most that n cores do by the utilisation law, n over the CPU time
// of a request: requests/s. It is +Inf where that is not known. The cores are
// the application's, and so is the time: a proxy has others.
func (s *Scaling) Bound(n float64) float64 {
	if s.Demand == nil || s.Demand.Value <= 0 {
		return math.Inf(1)
	}
	return n / s.Demand.Value
}

// Predict returns the throughput on n cores by the law, with its 95 % interval,
// and none of it above the bound of the utilisation law. A nil Scaling, on
// which nothing was measured, refuses as one of too few points does.
func (s *Scaling) Predict(n float64) (*Figure, error) {
	if s == nil {
		return nil, fewPoints(0)
	}
	if s.Law == nil {
		return nil, s.Refused
	}
	f, err := s.Law.Predict(n)
	if err != nil {
		return nil, err
	}
	bound := s.Bound(n)
	low, high := bound, bound
	if d := s.Demand; d != nil && d.Low > 0 && d.N > 1 {
		low, high = n/d.High, n/d.Low // the bound has an interval, too
	}
	f.Value, f.Low, f.High = min(f.Value, bound), min(f.Low, low), min(f.High, high)
	return f, nil
}

// Ratio returns the throughput on some cores over that on others, both as in
// Predict. The interval is that of the ratio: what a law has too much on both is
// not in it.
func (s *Scaling) Ratio(cores, over float64) (*Figure, error) {
	a, err := s.Predict(cores)
	if err != nil {
		return nil, err
	}
	b, err := s.Predict(over)
	if err != nil {
		return nil, err
	}
	f := &Figure{Value: a.Value / b.Value, N: a.N}
	ratios := make([]float64, len(s.Law.samples))
	for i, u := range s.Law.samples {
		ratios[i] = min(s.Law.beyond(u, cores), s.Bound(cores)) / min(s.Law.beyond(u, over), s.Bound(over))
	}
	f.Low, f.High = middle(ratios)
	f.Low, f.High = min(f.Low, f.Value), max(f.High, f.Value)
	return f, nil
}
