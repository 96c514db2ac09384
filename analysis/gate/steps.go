package gate

import (
	"fmt"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Plan is what a gate is asked to do.
type Plan struct {
	Scenario *scenarios.Scenario
	Gate     scenarios.Gate // the scenario's, as the command line has changed it
	Cell     scenarios.Cell
	Seed     uint64
	Rate     float64 // of the open loops, of a stored baseline; 0: the base's saturation tells it
	Alone    bool    // the candidate only: the base is a stored baseline

	memo memo // of Steps
}

// OpenRate is the rate of the open loops, as the trials so far fix it; 0: they
// do not yet.
func (p Plan) OpenRate(trials []rundir.Trial) float64 { return p.read(trials).rate }

// bursts is how many a round has.
func (p Plan) bursts() int {
	n := p.Gate.Bursts + p.Gate.OpenBursts
	if p.Alone {
		return n
	}
	return 2 * n
}

// Steps is the strategy of a gate: a saturation of the base, which fixes the
// rate of the open loops once for all, then rounds until the verdict is clear or
// no more can be made. kept is the number of trials that an earlier process has
// left: a round that it had begun is made again, for both builds are to go
// through a round in one start. Of a Plan that is Alone it is as many rounds of
// the candidate as are planned: a stored baseline is judged once, at the end.
func Steps(p Plan, kept int) rundir.Strategy {
	p.memo = memo{voids: map[int]string{}, decided: map[int]decision{}}
	return func(done []rundir.Trial) (rundir.Step, bool) {
		c := p.read(done)
		if c.open == nil && c.over() != "" {
			return rundir.Step{}, false
		}
		if c.rate == 0 {
			return p.saturation(c), true
		}
		if c.open != nil && kept > 0 && kept <= len(done) && c.open.trials[0].ID <= done[kept-1].ID {
			c.open = nil
		}
		made, number := 0, c.attempts+1
		if c.open != nil {
			made, number = len(c.open.trials), c.open.number
		} else if !p.Alone {
			d := c.decide()
			p.memo.decided[c.attempts] = d
			if d.verdict != "" {
				return rundir.Step{}, false
			}
		}
		return p.step(c, number, made), true
	}
}

// saturation is the closed loop that tells what the base can do.
func (p Plan) saturation(c course) rundir.Step {
	g := p.Gate
	return rundir.Step{
		Cell: p.Cell, Start: -1 - c.tries, Phase: rundir.Saturation, Build: rundir.Base, Connections: 2 * p.Cell.Slots(),
		Warmup: firstSettle(g), Duration: saturationBursts * g.Burst.Std(), Note: "the base's saturation", Left: p.budget() - c.spent,
	}
}

// saturationBursts is how many bursts long the saturation of the base is: one
// alone would make the rate of all open loops a matter of luck.
const saturationBursts = 5

// firstSettle is how long a fresh start is loaded before its first burst.
func firstSettle(g scenarios.Gate) time.Duration { return 8 * g.Settle.Std() }

// step is burst number made of a round.
func (p Plan) step(c course, number, made int) rundir.Step {
	g := p.Gate
	b := p.order(len(c.rounds))[made]
	s := rundir.Step{
		Cell: p.Cell, Start: number, Phase: rundir.Duel, Build: b.build,
		Warmup: g.Settle.Std(), Duration: g.Burst.Std(), Note: p.note(c), Left: c.left(),
	}
	if b.first {
		s.Warmup = firstSettle(g)
	}
	if b.open {
		s.Rate, s.Duration = c.rate, g.OpenBurst.Std()
	} else {
		s.Connections = 2 * p.Cell.Slots()
	}
	return s
}

// note says which round it is, and what is still open.
func (p Plan) note(c course) string {
	text := fmt.Sprintf("round %d of at most %d", len(c.rounds)+1, c.most())
	if p.Alone || len(c.rounds) < firstLook {
		return text
	}
	before := c.attempts
	if c.open != nil {
		before--
	}
	switch d := p.memo.decided[before]; {
	case len(d.suspects) > 0:
		return text + ", to confirm that " + names(d.suspects) + " is worse"
	case len(d.undecided) > 0:
		return text + ", undecided: " + names(d.undecided)
	}
	return text
}

// left estimates what the gate still takes at most.
func (c course) left() time.Duration {
	rounds := time.Duration(c.most()-len(c.rounds)) * c.roundCost()
	if c.open != nil {
		rounds -= c.open.cost()
	}
	return max(0, min(rounds, c.plan.budget()-c.spent))
}
