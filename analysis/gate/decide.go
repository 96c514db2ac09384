package gate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// The design: group sequential, with an independent block that has to confirm a
// regression. Its error probabilities are one-sided and of a whole gate. A false
// alarm takes both the suspicion and its confirmation, nominally 0.06 · 0.06, and
// that all rounds together do not show the margin to be kept. Among designs of
// such products this one has the most power within ten minutes: a late or strict
// suspicion leaves the block too few rounds.
const (
	firstLook  = 6    // rounds
	lookEvery  = 2    // rounds
	suspicion  = 0.06 // spent on suspecting a regression where there is none, over all deciding metrics
	suspectBy  = 0.67 // of all rounds: by then the suspicion is spent
	confirming = 0.06 // level of the block that confirms, over what is suspected
	passing    = 0.01 // spent on passing a change of the margin, of every metric
	better     = 0.01 // spent on calling better what is not
	blockPower = 1.96 // quantile of the block's power, 97.5 %, at three quarters of the change found or at the margin

	leastBlock = 3 // rounds
	leastLook  = 3 // rounds, of a gate that can make no more
)

// criterion is a metric that is judged.
type criterion struct {
	key
	scenarios.Criterion
}

func criteria(list []scenarios.Criterion) (out []criterion) {
	for _, c := range list {
		out = append(out, criterion{key{c.Metric, c.Scope}, c})
	}
	return out
}

// margin is the change for the worse that is still accepted, as the estimates
// are: a log ratio above 0, or a difference of rates.
func (c criterion) margin() float64 {
	switch {
	case c.isErrors():
		return c.By
	case c.Drops():
		return -math.Log1p(-c.By)
	}
	return math.Log1p(c.By)
}

// slowdown is the estimate of the change for the worse.
func (k key) slowdown(rounds []round) estimate {
	samples := k.samples(rounds)
	if k.worse() < 0 {
		for i := range samples {
			s := &samples[i]
			s.base, s.candidate, s.diff, s.around.xy = -s.base, -s.candidate, -s.diff, -s.around.xy
		}
	}
	return estimateOf(samples, k.kind().paced)
}

// decision is what the rounds so far come to.
type decision struct {
	verdict   Verdict // empty: more rounds are to be made
	because   string
	confirmed int   // rounds of the block that confirmed
	regressed []key // in it
	suspects  []key // that a block under way is to confirm
	block     int   // rounds that it has
	undecided []key // at the last look
	looks     []int
	final     bool
}

// decide follows the looks through the rounds. A pass needs all deciding
// metrics; a suspicion, by Holm over them, is followed by a block of fresh
// rounds, the last of the gate. A candidate that fails again, in a fresh start,
// while the base has held in all of its own has regressed without a block: the
// second failure is what confirms the first, and no figure is needed.
func (c course) decide() decision {
	var d decision
	if c.failures[rundir.Candidate] >= mostFailures && c.failures[rundir.Base] == 0 {
		d.verdict = Regressed
		d.because = fmt.Sprintf("the candidate does not hold, the base does: it failed in %d starts, the last time because %s", c.failures[rundir.Candidate], c.failure)
		return d
	}
	deciding := criteria(c.plan.Gate.Fail)
	most, made, over := c.most(), len(c.rounds), c.over()
	for _, k := range deciding {
		d.undecided = append(d.undecided, k.key)
	}
	for next := min(firstLook, most); ; {
		if made < next {
			if over == "" {
				return d
			}
			if made < leastLook || len(d.looks) > 0 && d.looks[len(d.looks)-1] >= made {
				return c.ended(d, over)
			}
			next = made
		}
		d.final = next >= most || made == next && over != ""
		d.looks = append(d.looks, next)
		at := look{plan: c.plan, rounds: c.rounds[:next], looks: d.looks, most: most, final: d.final}
		seen := at.judge(deciding)
		d.undecided = seen.undecided
		if len(seen.undecided) == 0 {
			d.verdict, d.because = seen.passed()
			return d
		}
		if len(seen.suspects) > 0 {
			return c.confirmation(d, at, seen.suspects, over)
		}
		if d.final {
			return c.ended(d, cmp.Or(over, fmt.Sprintf("the budget of %v allows %d rounds", c.plan.Gate.Budget, most)))
		}
		next = min(next+lookEvery, most)
	}
}

// ended is a gate that can make no more rounds and has no clear verdict.
func (c course) ended(d decision, why string) decision {
	d.verdict = Inconclusive
	if why == "" {
		why = fmt.Sprintf("the budget of %v allows %d rounds", c.plan.Gate.Budget, c.most())
	}
	if len(d.suspects) > 0 {
		d.because = fmt.Sprintf("%s is suspected to be worse, which no fresh rounds confirm: %s", names(d.suspects), why)
		return d
	}
	d.because = fmt.Sprintf("%s is shown neither to be worse nor to keep its margin: %s", names(d.undecided), why)
	return d
}

// confirmation follows the block of fresh rounds behind a suspicion. It is looked
// at when it has the rounds that are likely to do, and again until no more can
// be made; what its looks may spend is the level of the block. A suspicion that
// the block drops may still pass, by all the rounds.
func (c course) confirmation(d decision, at look, suspects []criterion, over string) decision {
	d.suspects = keysOf(suspects)
	begin, made := len(at.rounds), len(c.rounds)
	room := at.most - begin
	if over != "" {
		room = min(room, made-begin)
	}
	if room < leastBlock {
		return c.ended(d, over)
	}
	var sizes []int
	for size := min(at.block(suspects), room); ; size = min(size+lookEvery, room) {
		if begin+size > made {
			d.block = size
			return d
		}
		sizes = append(sizes, size)
		last := size == room
		levels := spending{confirming, room}.levels(sizes, last)
		rounds := c.rounds[:begin+size]
		d.looks, d.final = append(slices.Clip(d.looks), len(rounds)), last
		seen := look{plan: c.plan, rounds: rounds, looks: d.looks, most: at.most, final: last}.judge(criteria(c.plan.Gate.Fail))
		d.undecided = seen.undecided
		// What all rounds together show to keep its margin has not regressed.
		d.regressed = slices.DeleteFunc(at.confirm(suspects, rounds, levels[len(levels)-1]), func(k key) bool { return !slices.Contains(seen.undecided, k) })
		if len(d.regressed) > 0 {
			d.verdict, d.confirmed, d.suspects = Regressed, size, nil
			return d
		}
		switch {
		case len(seen.undecided) == 0:
			d.verdict, d.because = seen.passed()
			d.suspects = nil
			return d
		case last:
			return c.ended(d, over)
		}
	}
}

func names(keys []key) string {
	var out []string
	for _, k := range keys {
		out = append(out, k.String())
	}
	return strings.Join(out, ", ")
}

// String names a metric as criteria do, as "checkout p95".
func (k key) String() string {
	return strings.TrimSpace(k.scope + " " + k.metric)
}

func keysOf(list []criterion) (out []key) {
	for _, c := range list {
		out = append(out, c.key)
	}
	return out
}

// look is one look at the rounds.
type look struct {
	plan   Plan
	rounds []round
	looks  []int
	most   int
	final  bool
}

// level is the nominal level of this look of an error's probability.
func (l look) level(total float64, by int) float64 {
	levels := spending{total, max(1, by)}.levels(l.looks, l.final)
	return levels[len(levels)-1]
}

// seen is what a look tells of the deciding metrics.
type seen struct {
	suspects  []criterion
	undecided []key
	improved  []key
	all       int
}

func (l look) judge(deciding []criterion) (s seen) {
	type standing struct {
		criterion
		worse, better float64 // p
	}
	s.all = len(deciding)
	var bad, good []standing
	for _, c := range deciding {
		e := c.slowdown(l.rounds)
		st := standing{c, e.above(0), e.below(0)}
		switch {
		case l.passes(c, e):
			good = append(good, st)
			continue
		case !math.IsNaN(st.worse):
			bad = append(bad, st)
		}
		s.undecided = append(s.undecided, c.key)
	}
	// Holm: the smallest p against the level of all, the next of all but one.
	slices.SortStableFunc(bad, func(a, b standing) int { return cmp.Compare(a.worse, b.worse) })
	for i, st := range bad {
		if st.worse > l.level(suspicion/float64(len(deciding)-i), l.suspectBy()) {
			break
		}
		s.suspects = append(s.suspects, st.criterion)
	}
	slices.SortStableFunc(good, func(a, b standing) int { return cmp.Compare(a.better, b.better) })
	for i, st := range good {
		if !(st.better <= l.level(better/float64(len(deciding)-i), l.suspectBy())) {
			break
		}
		s.improved = append(s.improved, st.key)
	}
	return s
}

func (l look) suspectBy() int { return max(firstLook, int(math.Ceil(suspectBy*float64(l.most)))) }

// passes tells whether a metric is shown to keep its margin.
func (l look) passes(c criterion, e estimate) bool {
	return e.below(c.margin()) <= l.level(passing, l.most)
}

// passed is the verdict when every deciding metric keeps its margin.
func (s seen) passed() (Verdict, string) {
	all := "every deciding metric is"
	if s.all == 1 {
		all = "the deciding metric is"
	}
	if len(s.improved) > 0 {
		return Improved, fmt.Sprintf("%s shown to be better, and %s shown to keep its margin", names(s.improved), all)
	}
	return Pass, all + " shown to keep its margin"
}

// block is how many fresh rounds are to confirm the suspects: as many as show
// one of them at the level of the block with a power of 97.5 %, if it is three
// quarters of what was found, for what stands out is overestimated, or its
// margin.
func (l look) block(suspects []criterion) int {
	size := math.Inf(1)
	level := normal.Quantile(1 - confirming/float64(len(suspects)))
	for _, c := range suspects {
		e := c.slowdown(l.rounds)
		need := (level + blockPower) * e.sd / max(c.margin(), 0.75*e.mean)
		size = min(size, need*need+1)
	}
	return int(math.Ceil(max(leastBlock, min(size, 1e6))))
}

// confirm returns the suspects that the rounds since the look show to be worse,
// by those alone: their spread, and how they go with the machine's pace, are
// those of all rounds.
func (l look) confirm(suspects []criterion, rounds []round, level float64) (out []key) {
	type confirmed struct {
		key
		p float64
	}
	var all []confirmed
	for _, c := range suspects {
		e := c.slowdown(rounds)
		sum, n := 0., 0.
		for _, s := range c.samples(rounds) {
			if s.round > len(l.rounds) {
				sum += c.worse()*s.diff - pacePart(e.slope, s.pace)
				n++
			}
		}
		if n < 2 {
			continue
		}
		fresh := estimate{n: int(n), mean: sum / n, se: e.sd / math.Sqrt(n), df: e.df}
		all = append(all, confirmed{c.key, fresh.above(0)})
	}
	slices.SortStableFunc(all, func(a, b confirmed) int { return cmp.Compare(a.p, b.p) })
	for i, c := range all {
		if !(c.p <= level/float64(len(suspects)-i)) {
			break
		}
		out = append(out, c.key)
	}
	return out
}

// pacePart is what of a difference goes with the machine's pace.
func pacePart(slope, pace float64) float64 {
	if slope == 0 {
		return 0 // the pace may not be known
	}
	return slope * pace
}
