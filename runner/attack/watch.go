package attack

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"sweetspot/scenarios"
)

// enoughErrors is the least number of errors that end an attack early.
const enoughErrors = 5

// watch tells when an objective cannot be met any more, whatever the rest of
// the planned responses may be. A shard knows of its own ones only, and takes
// those of the others for good: what it says is right of the whole attack, and
// comes later than if it knew them all.
type watch struct {
	plan   plan
	mix    Mix
	class  []string // by request
	ledger *ledger
	bounds []bound
}

// bound is one objective and what already speaks against it.
type bound struct {
	scenarios.Objective
	planned uint64        // hits of the class, those of other shards included
	allowed float64       // slow responses, or errors
	bad     uint64        // slow responses, or errors, so far
	total   time.Duration // of all responses so far
	overdue uint64        // hits below it that had no response within the limit are in bad
}

// newWatch returns nil when there is nothing to watch in an open loop: no
// objectives.
func newWatch(s Spec, p plan, l *ledger) *watch {
	if len(s.Objectives) == 0 {
		return nil
	}
	w := &watch{plan: p, mix: s.Mix, ledger: l}
	for _, r := range s.Requests {
		w.class = append(w.class, r.Class)
	}
	planned := map[string]uint64{scenarios.All: p.of.hits - p.of.first}
	all := whole(s.Mix)
	for seq := p.of.first; seq < p.of.hits; seq++ {
		planned[w.class[all.Pick(seq)]]++
	}
	for _, o := range s.Objectives {
		b := bound{Objective: o, planned: planned[o.Class], overdue: p.first}
		b.allowed = allowed(o, b.planned)
		w.bounds = append(w.bounds, b)
	}
	return w
}

// allowed returns how many of n responses may be bad. It is for quantiles what
// the histogram's rank leaves above it: n − ⌊q·n + ½⌋.
func allowed(o scenarios.Objective, n uint64) float64 {
	switch o.Metric {
	case scenarios.Errors:
		return max(o.Ratio*float64(n), enoughErrors-1)
	case scenarios.Max:
		return 0
	case scenarios.Mean:
		return math.Inf(1)
	}
	percent, err := strconv.ParseFloat(strings.TrimPrefix(o.Metric, "p"), 64)
	if err != nil {
		return math.Inf(1)
	}
	rank := min(max(math.Floor(percent/100*float64(n)+0.5), 1), float64(n))
	return float64(n) - rank
}

// finished takes note of a response to hit seq of the measured part.
func (w *watch) finished(seq uint64, request int, response time.Duration, isGood bool) {
	for i := range w.bounds {
		b := &w.bounds[i]
		if !b.covers(w.class[request]) {
			continue
		}
		b.total += response
		slow := response >= b.Limit
		switch {
		case b.Metric == scenarios.Errors:
			if !isGood {
				b.bad++
			}
		case seq >= b.overdue && slow:
			b.bad++
		case seq < b.overdue && !slow: // in time, but taken note of later
			b.bad--
		}
	}
}

// check counts the hits that should have been answered by now, a time from the
// start, and returns why the attack is lost; "" when it is not.
func (w *watch) check(now time.Duration) string {
	if w == nil {
		return ""
	}
	for i := range w.bounds {
		b := &w.bounds[i]
		if b.Metric != scenarios.Errors {
			w.countOverdue(b, now)
		}
		if why := b.lost(); why != "" {
			return why
		}
	}
	return ""
}

// countOverdue adds to a bound the hits that were due longer ago than its
// limit and have no response: in flight or not even sent, they are slow.
func (w *watch) countOverdue(b *bound, now time.Duration) {
	for ; b.overdue < w.plan.hits && now-w.ledger.due(b.overdue) > b.Limit; b.overdue++ {
		if !w.ledger.done(b.overdue) && b.covers(w.class[w.mix.Pick(b.overdue)]) {
			b.bad++
		}
	}
}

// needed returns the first hit that a check may still ask for.
func (w *watch) needed() uint64 {
	first := uint64(math.MaxUint64)
	if w == nil {
		return first
	}
	for _, b := range w.bounds {
		if b.Metric != scenarios.Errors {
			first = min(first, b.overdue)
		}
	}
	return first
}

func (b *bound) covers(class string) bool { return b.Class == scenarios.All || b.Class == class }

func (b *bound) lost() string {
	what := "slower"
	switch {
	case b.Metric == scenarios.Mean:
		if b.total.Seconds() <= b.Limit.Seconds()*float64(b.planned) {
			return ""
		}
		return fmt.Sprintf("%s cannot be met any more: the responses so far took %v together, more than %s planned may",
			b.name(), b.total.Round(time.Millisecond), grouped(b.planned))
	case float64(b.bad) <= b.allowed:
		return ""
	case b.Metric == scenarios.Errors:
		what = "wrong"
	}
	return fmt.Sprintf("%s cannot be met any more: %s of %s planned responses %s",
		b.name(), grouped(b.bad), grouped(b.planned), what)
}

// name returns the objective as a scenario writes it.
func (b *bound) name() string {
	limit := b.Limit.String()
	if b.Metric == scenarios.Errors {
		limit = strconv.FormatFloat(b.Ratio*100, 'g', 6, 64) + "%"
	}
	name := b.Metric + " < " + limit
	if b.Class != scenarios.All {
		name = b.Class + " " + name
	}
	return name
}

// grouped writes 12345 as "12,345".
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
