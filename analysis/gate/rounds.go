package gate

import (
	"cmp"
	"fmt"
	"iter"
	"strings"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
)

// attempt is one go at a round: all bursts of one start of both builds.
type attempt struct {
	number int // the Start of its steps; 1 is the first
	trials []rundir.Trial
	last   bool // no other has begun since
}

// round is an attempt that counts.
type round struct{ attempt }

// of yields the bursts of a build.
func (r round) of(build string) iter.Seq[*rundir.Trial] {
	return func(yield func(*rundir.Trial) bool) {
		for i := range r.trials {
			if r.trials[i].Step.Build == build && !yield(&r.trials[i]) {
				return
			}
		}
	}
}

func (a attempt) cost() (sum time.Duration) {
	for i := range a.trials {
		sum += a.trials[i].Cost
	}
	return sum
}

// attempts groups the bursts by their start.
func attempts(trials []rundir.Trial) (out []attempt) {
	begin := 0 // of the trials of the last of them, which follow one another
	for i := range trials {
		step := &trials[i].Step
		if step.Phase != rundir.Duel {
			continue
		}
		if n := len(out); n == 0 || out[n-1].number != step.Start {
			begin = i
			out = append(out, attempt{number: step.Start})
		}
		out[len(out)-1].trials = trials[begin : i+1 : i+1]
	}
	if n := len(out); n > 0 {
		out[n-1].last = true
	}
	return out
}

// void says why an attempt does not count: a build's stack failed, or a build
// has not gone through all its bursts in one start. Empty: it counts, or may yet.
func (a attempt) void(bursts int) string {
	fresh := map[string]int{}
	for i := range a.trials {
		t := &a.trials[i]
		if t.Failure != "" {
			return fmt.Sprintf("%s failed: %s", t.Step.Build, firstLine(t.Failure))
		}
		if t.Fresh {
			fresh[t.Step.Build]++
		}
		if fresh[t.Step.Build] != 1 {
			return "it was interrupted, and its bursts would be of two starts"
		}
	}
	if len(a.trials) < bursts && !a.last {
		return "it was interrupted"
	}
	return ""
}

// disturbed are bursts of an attempt that do not count.
type disturbed struct {
	bursts map[int]bool // by their place in the round
	tooFew string       // why the attempt does not count either; empty: it does
	last   string       // why the last of them do not
	n      int          // of the bursts that stood for themselves and the other build's
}

// disturbed finds the bursts that are void by the rules of package analysis, as
// when others took CPU time. Each goes out with its neighbour, a burst of the
// same kind on the other build, whatever the two came to. An attempt of which
// more than half of the pairs of a kind go out does not count.
func (p Plan) disturbed(a attempt) (d disturbed) {
	d.bursts = map[int]bool{}
	each, left := 2, map[bool]int{false: p.Gate.Bursts / 2, true: p.Gate.OpenBursts / 2}
	if p.Alone {
		each = 1
	}
	for i := range a.trials {
		why := p.voidTrial(&a.trials[i])
		pair := i - i%each
		if why == "" || d.bursts[pair] {
			continue
		}
		for k := range each {
			d.bursts[pair+k] = true
		}
		d.last = why
		d.n++
		open := a.trials[i].Step.Rate > 0
		if left[open]--; left[open] < 0 && d.tooFew == "" {
			d.tooFew = why
		}
	}
	return d
}

// without is the attempt less the bursts that do not count.
func (a attempt) without(d disturbed) attempt {
	if len(d.bursts) == 0 {
		return a
	}
	var kept []rundir.Trial
	for i := range a.trials {
		if !d.bursts[i] {
			kept = append(kept, a.trials[i])
		}
	}
	a.trials = kept
	return a
}

// voidTrial says why a trial is void; empty: it is not.
func (p Plan) voidTrial(t *rundir.Trial) string {
	if why, ok := p.memo.voids[t.ID]; ok {
		return why
	}
	why := ""
	if v := analysis.Judge(p.Scenario, *t); v.Kind == analysis.Void {
		why = firstLine(v.Reasons[0])
	}
	if p.memo.voids != nil {
		p.memo.voids[t.ID] = why
	}
	return why
}

// memo keeps what does not change from one step of a gate to the next.
type memo struct {
	voids   map[int]string   // by trial
	decided map[int]decision // by attempts, between two of them
}

// failed names the build whose stack did not start or died; empty: none did.
func (a attempt) failed() (build, why string) {
	for i := range a.trials {
		if t := &a.trials[i]; t.Failure != "" {
			return t.Step.Build, firstLine(t.Failure)
		}
	}
	return "", ""
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// course is what the trials of a gate have come to so far.
type course struct {
	plan       Plan
	rate       float64 // fixed, of the open loops; 0: the base's saturation is not known yet
	tries      int     // of finding it
	stuck      string  // why it can not be found
	rounds     []round
	voids      []Void
	leftOut    int            // pairs of bursts, of rounds that count
	leftOutWhy string         // the last of them
	failures   map[string]int // of the stacks, by build
	failure    string         // the last of them
	open       *attempt       // under way; nil: none is
	attempts   int
	spent      time.Duration
	spentAt    time.Duration // when the rounds of the first look were there
	firstCost  time.Duration // mean of those
}

// mostTries is how often a saturation that is void is made again. Then the best
// of them has to do: it fixes the rate for both builds alike, and no verdict
// rests on it.
const mostTries = 3

// read follows the trials of a gate.
func (p Plan) read(trials []rundir.Trial) course {
	c := course{plan: p, rate: p.Rate, failures: map[string]int{}}
	best := 0. // of the saturations that are void
	for i := range trials {
		t := &trials[i]
		c.spent += t.Cost
		if t.Step.Phase != rundir.Saturation || c.rate > 0 {
			continue
		}
		c.tries++
		void := p.voidTrial(t)
		switch {
		case t.Failure != "":
			c.stuck = "the base does not run: " + firstLine(t.Failure)
		case t.Broken != "":
			c.stuck = "the saturation of the base could not be measured: " + firstLine(t.Broken)
		case !(t.Load.Goodput > 0):
			c.stuck = "the base answered nothing well"
		case void == "":
			c.rate, c.stuck = float64(p.Gate.Load)*t.Load.Goodput, ""
		default:
			best = max(best, t.Load.Goodput)
		}
		if c.rate == 0 && c.tries == mostTries && best > 0 {
			c.rate, c.stuck = float64(p.Gate.Load)*best, ""
		}
	}
	all := attempts(trials)
	bursts := p.bursts()
	spent := c.spent
	for _, a := range all {
		spent -= a.cost() // what was spent before the first of them
	}
	for i, a := range all {
		spent += a.cost()
		c.attempts = a.number
		if build, why := a.failed(); build != "" {
			c.failures[build]++
			c.failure = why
		}
		noisy := p.disturbed(a)
		if why := cmp.Or(noisy.tooFew, a.void(bursts)); why != "" {
			c.voids = append(c.voids, Void{Round: len(c.rounds) + 1, Why: why})
			continue
		}
		if len(a.trials) < bursts {
			c.open = &all[i]
			continue
		}
		c.rounds = append(c.rounds, round{a.without(noisy)})
		if noisy.n > 0 {
			c.leftOut, c.leftOutWhy = c.leftOut+noisy.n, noisy.last
		}
		if len(c.rounds) <= firstLook {
			c.spentAt = spent
			c.firstCost += (a.cost() - c.firstCost) / time.Duration(len(c.rounds))
		}
	}
	return c
}

// roundCost is what a round takes: the mean of the first ones, or a guess.
func (c course) roundCost() time.Duration {
	if len(c.rounds) > 0 {
		return c.firstCost
	}
	g := c.plan.Gate
	each := time.Duration(g.Bursts)*(g.Burst.Std()+g.Settle.Std()) + time.Duration(g.OpenBursts)*(g.OpenBurst.Std()+g.Settle.Std()) + firstSettle(g)
	if c.plan.Alone {
		return startsCost/2 + each
	}
	return startsCost + 2*each
}

// startsCost is a guess of what starting two builds takes, and stopping them.
const startsCost = 6 * time.Second

// most is how many rounds the scenario and the budget allow. Once the first
// look is due it stays, so that no outcome moves it.
func (c course) most() int {
	left := c.plan.budget() - c.spentAt
	if len(c.rounds) == 0 {
		left = c.plan.budget() - c.spent
	}
	n := min(len(c.rounds), firstLook) + max(0, int(left/c.roundCost()))
	return max(1, min(c.plan.Gate.Rounds, n))
}

// over says why no further round is made; empty: one can be.
func (c course) over() string {
	switch {
	case c.stuck != "" && (c.tries >= mostTries || c.rate > 0):
		return c.stuck
	case c.failures[rundir.Base] >= mostFailures:
		return "the base does not hold: " + c.failure
	case c.failures[rundir.Candidate] >= mostFailures:
		return "the candidate does not hold: " + c.failure
	case len(c.rounds) >= c.plan.Gate.Rounds:
		return fmt.Sprintf("all %d rounds are made", len(c.rounds))
	case len(c.voids) >= c.plan.mostVoids():
		return fmt.Sprintf("%d rounds were void, the last because %s", len(c.voids), c.voids[len(c.voids)-1].Why)
	case c.open == nil && c.spent+c.roundCost() > c.plan.budget():
		return fmt.Sprintf("the budget of %v has no room for another round", c.plan.Gate.Budget)
	}
	return ""
}

const mostFailures = 2 // of a build's stack, until it counts as one that does not hold

// mostVoids is how many rounds are made again.
func (p Plan) mostVoids() int { return max(4, p.Gate.Rounds) }

func (p Plan) budget() time.Duration { return p.Gate.Budget.Std() }
