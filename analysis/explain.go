package analysis

import (
	"fmt"
	"time"

	"sweetspot/scenarios"
)

// What a cell with more slots tells.
const (
	moreSlots = 1.5  // times the slots that a larger cell has, at least
	helps     = 1.15 // times the throughput from which more slots help
)

// moreHelps says whether a larger cell does more, so that it is the slots that
// were too few.
func (b burst) moreHelps() bool { return b.larger != nil && b.larger.goodput >= helps*b.goodput }

// stuck says whether a larger cell does no more although it has CPUs to spare,
// so that all slots wait for something that they share.
func (b burst) stuck() bool {
	return b.larger != nil && !b.moreHelps() && b.larger.busy <= saturated*float64(b.larger.cores) && !b.larger.rationed()
}

func (b burst) noMore() string {
	return fmt.Sprintf("more slots do no more, with CPUs to spare: %d × %d did %.0f requests/s", b.cell.Processes(), b.cell.Threads, b.goodput)
}

// beside finds the cells of the same server and proxy that tell something of
// this one.
func (b *burst) beside(trials []Judged) {
	seen := map[scenarios.Cell]bool{b.cell: true}
	for _, t := range trials {
		c := t.Step.Cell
		if seen[c] || c.Server != b.cell.Server || c.Proxy != b.cell.Proxy {
			continue
		}
		seen[c] = true
		o, ok := burstsOf(c, trials)
		if !ok || o.goodput <= 0 {
			continue
		}
		if float64(c.Slots()) >= moreSlots*float64(b.cell.Slots()) && (b.larger == nil || o.goodput > b.larger.goodput) {
			b.larger = &o
		}
		if o.uncontended() && (b.alone == nil || c.Slots() < b.alone.cell.Slots()) {
			b.alone = &o
		}
	}
	if own := *b; b.alone == nil && b.uncontended() {
		b.alone = &own
	}
}

// rationed says whether the application has used its quota up.
func (b burst) rationed() bool { return b.quota > 0 && b.app > saturated*b.quota }

// uncontended says whether a request of a burst waited for no core, no quota and
// no other thread, so that the time that it kept a slot is its own.
func (b burst) uncontended() bool {
	return !b.loop && b.throttled == 0 && b.cell.Threads == 1 && b.cell.Slots() <= b.appCores && b.busy <= saturated*float64(b.cores) && b.taken() >= saturated*float64(b.cell.Slots())
}

// seen are the figures that the limit rests on.
func (b burst) seen() *Seen {
	s := &Seen{
		Goodput: b.goodput, App: b.app, Proxy: b.proxy, Services: b.services, Generator: b.generator,
		Busy: b.busy / float64(b.cores), Cores: b.cores, AppCores: b.appCores, Slots: b.cell.Slots(), Taken: b.taken(), Loop: b.loop, Overflows: b.overflows,
		Database: b.database(),
	}
	if b.goodput > 0 {
		s.AppDemand, s.ProxyDemand = perRequest(b.app, b.goodput), perRequest(b.proxy, b.goodput)
		s.Kept = perRequest(b.taken(), b.goodput)
	}
	if used := b.app + b.proxy; used > 0 {
		s.Most = float64(b.cores) * b.goodput / used
	}
	if s.Quota = b.quota; b.quota > 0 && b.app > 0 {
		s.Most = min(s.Most, b.quota*b.goodput/b.app)
	}
	if b.periods > 0 {
		s.Throttled = float64(b.throttled) / float64(b.periods)
	}
	if b.larger != nil {
		s.Larger, s.LargerGoodput = &b.larger.cell, b.larger.goodput
	}
	if b.alone != nil {
		s.Alone, s.Away = &b.alone.cell, max(0, perRequest(b.alone.taken()-b.alone.app, b.alone.goodput))
	}
	return s
}

// perRequest shares what is busy at once out over requests a second.
func perRequest(busy, rate float64) time.Duration {
	return time.Duration(busy / rate * float64(time.Second))
}
