package analysis

import (
	"time"

	"sweetspot/scenarios"
)

// plan is what a budget allows: how long each part of a visit to a cell is,
// and how many of them there are.
type plan struct {
	Warmup     time.Duration // once per fresh start
	Settle     time.Duration // before every further trial of a start
	Burst      time.Duration // closed loop
	Glance     time.Duration // closed loop, the first burst of an adaptive search on a cell
	Heat       time.Duration // closed loop, in its race
	Probe      time.Duration // at a tenth of the load
	Trial      time.Duration // open loop
	Tries      int           // open-loop trials of a visit, once one has passed and one has failed
	FinalTries int           // the same of a final visit, which begins close to its end
	Resolution float64       // width of the bracket that ends a walk, as a ratio less 1
	Screen     bool          // bursts for every cell first: the budget does not do for a walk on each
	Settled    bool          // every cell is going to be in the finals: bursts do before them, walks wait for them
	Race       race          // of an adaptive search
	Finalists  int           // leaders in the finals
	FinalCells int           // the leaders, the folklore settings and the leader's twins: at most
	Bursts     int           // closed-loop bursts of a final visit
	Prolonged  int           // by which the burst of the whole mix is longer in the final visit of a cell that may be the best
	Curves     int           // points of the latency curve of a final visit
	Explore    time.Duration // spent by the end of the exploring, at most
	See        time.Duration // spent when the last cell of all is first begun, at most: what is left does for the rounds that an interval needs
	Budget     time.Duration // of the search: what other numbers of cores take is not in it
}

// race is how widely an adaptive search looks, and how long its race is.
type race struct {
	Worth     float64       // of the best throughput: a cell with a lower forecast is not looked at
	Entrants  int           // of the first heat, at most
	Narrowing int           // by how many fewer cells a heat has than the one before, at least
	Heats     int           // of a race that has more cells than finalists, at least
	Visits    int           // in all: a guess, to plan with
	Glance    float64       // length of a glance, in trials
	MaxGlance time.Duration // and at most
}

// With short trials most of the time goes to starts, and a wide race would leave
// the finals none; with long ones bursts cost next to nothing.
var (
	shortRace = race{Worth: 0.85, Entrants: 12, Narrowing: 2, Heats: 3, Visits: 30, Glance: 1. / 12, MaxGlance: 5 * time.Second}
	longRace  = race{Worth: 0.5, Entrants: 24, Narrowing: 4, Heats: 5, Visits: 40, Glance: 1. / 4, MaxGlance: 15 * time.Second}
)

// Bounds of the lengths chosen from a budget.
const (
	maxWarmup, minWarmup = 5 * time.Second, 500 * time.Millisecond
	maxBurst, minBurst   = 20 * time.Second, time.Second
	maxHeat              = 20 * time.Second
	maxTrial, minTrial   = 60 * time.Second, 1500 * time.Millisecond
	maxProbe, maxSettle  = 10 * time.Second, time.Second
	longTrial            = 8 * time.Second // from here on, tries are many and the bracket is narrow
	reserve              = 0.08            // of the budget: void trials, walks longer than most
	leastExplore         = 0.5             // of the budget, for the race of an adaptive search
	startCost            = 2 * time.Second // to start, check and stop a stack: a guess, the strategy counts what it takes
)

// newPlan divides the budget over the cells: the longest trials with which the
// walks on every cell and all final rounds fit. When even the shortest do not,
// the plan is to screen. What the scenario fixes stays.
func newPlan(s *scenarios.Scenario, cells []scenarios.Planned) plan {
	budget, n := time.Duration(s.Search.Budget), len(cells)
	p := withTrial(s, minTrial, cells)
	for d := maxTrial; d > minTrial; d = scale(d, 0.97) {
		if q := withTrial(s, d, cells); q.total(s, n) <= scale(budget, 1-reserve) {
			p = q
			break
		}
	}
	p.Budget = budget - min(p.scaling(len(s.Search.Cores)*s.Search.Finals), scale(budget, mostScaling))
	p.Explore = p.Budget - time.Duration(s.Search.Finals)*p.round()
	p.See = p.Budget - time.Duration(min(2, s.Search.Finals))*p.round()
	short, adaptive := p.total(s, n) > budget, s.Search.Strategy == scenarios.Adaptive
	switch {
	case short && adaptive:
		p.Explore = max(p.See, scale(budget, leastExplore))
	case short, adaptive && p.Race == longRace: // what final rounds take less than planned makes up for the last of them
		p.Explore = p.See
	}
	p.Screen = short && !adaptive
	return p
}

// withTrial is the plan whose other lengths go with trials of length d.
func withTrial(s *scenarios.Scenario, d time.Duration, cells []scenarios.Planned) plan {
	p := plan{
		Warmup: choose(s.Search.Warmup, scale(d, 0.3), minWarmup, maxWarmup),
		Burst:  choose(s.Search.Burst, scale(d, 0.6), minBurst, maxBurst),
		Trial:  choose(s.Search.Trial, d, minTrial, maxTrial),
		Tries:  3, FinalTries: 3, Resolution: 0.04, Finalists: 2, Bursts: 1, Prolonged: 1, Curves: 1,
		Race: shortRace,
	}
	p.Settle = min(p.Warmup/2, maxSettle)
	p.Probe = min(p.Trial, maxProbe)
	p.Heat = choose(s.Search.Burst, scale(d, 1./3), minBurst, maxHeat)
	if p.Trial >= longTrial {
		p.Tries, p.FinalTries, p.Resolution, p.Finalists = 6, 5, 0.025, 3
		if s.Search.Strategy == scenarios.Adaptive {
			p.Finalists, p.Prolonged = 5, 3 // later rounds leave out those that lose
		}
		p.Race = longRace
	}
	p.Glance = choose(s.Search.Burst, scale(d, p.Race.Glance), minBurst, p.Race.MaxGlance)
	g := grid{scenario: s}
	if g.parted() {
		p.Bursts = 3
	}
	if s.Traffic.Beside() {
		p.Curves = 2
	}
	others := len(s.Matrix.Proxies)
	values := contestValues(s, cells)
	if len(values) > 0 {
		others = len(values)
	}
	p.FinalCells = min(p.Finalists+folkloreSettings(cells)+others-1, len(cells))
	p.Settled = len(values) == len(cells)
	return p
}

// folkloreSettings counts the settings that some cell is.
func folkloreSettings(cells []scenarios.Planned) int {
	settings := map[string]bool{}
	for _, c := range cells {
		for _, name := range c.Folklore {
			settings[name] = true
		}
	}
	return len(settings)
}

// total estimates the wall time of the whole search: every cell is walked, or
// glanced at and raced, and the recommended one has its numbers of cores.
func (p plan) total(s *scenarios.Scenario, n int) time.Duration {
	finals := time.Duration(s.Search.Finals)*p.round() + p.scaling(len(s.Search.Cores)*s.Search.Finals)
	if s.Search.Strategy == scenarios.Adaptive {
		short := func(burst time.Duration) time.Duration { return startCost + min(p.Warmup, burst/2) + burst }
		return time.Duration(n)*short(p.Glance) + time.Duration(p.Race.Visits)*short(p.Heat) + finals
	}
	tries := p.Tries
	if p.Settled {
		tries = 0
	}
	return time.Duration(n*s.Search.Replicates)*p.visitCost(true, tries) + finals
}

// round estimates the wall time of one round of the finals.
func (p plan) round() time.Duration {
	return time.Duration(p.FinalCells) * p.finalCost()
}

// finalCost estimates the wall time of one final visit, the bursts of single
// classes and the points of its latency curve included.
func (p plan) finalCost() time.Duration {
	bursts := time.Duration(p.Bursts-1)*(p.Settle+p.Burst) + time.Duration(p.Prolonged-1)*p.Burst
	return p.visitCost(true, p.FinalTries) + bursts + time.Duration(p.Curves)*(p.Settle+p.Trial)
}

// visitCost estimates the wall time of one visit. A walk seldom needs all its
// tries, and a trial that must fail is cut short.
func (p plan) visitCost(burst bool, tries int) time.Duration {
	d := startCost + p.Warmup + scale(p.Settle+p.Trial, 0.9*float64(tries))
	if burst {
		d += p.Burst
	}
	return d
}

// choose returns the fixed value if there is one, else the wish within its
// bounds.
func choose(fixed scenarios.Duration, wish, low, high time.Duration) time.Duration {
	if fixed > 0 {
		return time.Duration(fixed)
	}
	return min(max(wish, low), high).Round(10 * time.Millisecond)
}

func scale(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }
