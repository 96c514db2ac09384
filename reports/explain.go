package reports

import (
	"fmt"
	"strings"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// headroom says with which load to plan.
func (m *model) headroom() string {
	r := m.Result
	if r.Usable <= 0 || r.Headroom <= 0 {
		return ""
	}
	return fmt.Sprintf("Plan with at most %s requests/s (%s headroom).", number(r.Usable), percent(r.Headroom))
}

// explain says in one paragraph why the recommended configuration, and what
// holds the folklore settings back. Every clause rests on a figure that was
// measured; where one is missing, it says so.
func (m *model) explain() string {
	w := m.Result.Winner
	if w == nil || m.Result.Target != "" {
		return ""
	}
	l := m.Result.Limit
	if l.Seen == nil {
		return sentence(fmt.Sprintf("Why %s is not known: no saturation burst of it counts", sizeMark(w.Cell)))
	}
	texts := []string{
		sentence(sizeMark(w.Cell) + demand(l.Seen)),
		sentence(away(l.Seen)),
		sentence(fmt.Sprintf("%s did %s requests/s at saturation: %s", sizeMark(w.Cell), number(l.Seen.Goodput), holds(l))),
	}
	for _, f := range m.Result.Folklore {
		if f.Cell != nil && !same(f.Cell, w) {
			texts = append(texts, sentence(folkloreHeld(f, w.Cell)))
		}
	}
	return strings.Join(append(texts, m.beyondLimits(w)), " ")
}

// sizeMark writes a cell's numbers in a sentence: "4 × 2".
func sizeMark(c scenarios.Cell) string {
	return strings.ReplaceAll(sizeShort(c), "×", " × ")
}

// demand says what a request takes of the CPUs, and what these can do at most.
func demand(s *analysis.Seen) string {
	if s.Most == 0 || s.AppDemand == 0 {
		return ": the CPU time of a request was too little to tell"
	}
	text := fmt.Sprintf(" because a request takes %s ms of the application's CPU time", number(milliseconds(s.AppDemand)))
	if s.ProxyDemand > 0 {
		text += fmt.Sprintf(" and %s ms of the proxy's", number(milliseconds(s.ProxyDemand)))
	}
	if s.Quota > 0 {
		return fmt.Sprintf("%s, of which a quota of %s cores does at most %s a second", text, number(s.Quota), number(s.Most))
	}
	return fmt.Sprintf("%s, of which %s do at most %s a second", text, counted(s.Cores, "core"), number(s.Most))
}

// little is the share of a request's CPU time below which time off the CPU is
// not worth telling.
const little = 0.1

// away says how long a request waits for others.
func away(s *analysis.Seen) string {
	switch {
	case s.Alone == nil:
		return "How long it waits for others was not measured: no configuration that a request has to itself was"
	case float64(s.Away) < little*float64(s.AppDemand):
		return fmt.Sprintf("It hardly waits for anything else, as %s showed, where nothing contends", sizeMark(*s.Alone))
	}
	return fmt.Sprintf("It also spends %s ms off the CPU, as %s showed, where nothing contends", number(milliseconds(s.Away)), sizeMark(*s.Alone))
}

// holds says what keeps a configuration from more, with what was seen.
func holds(l analysis.Limit) string {
	s := l.Seen
	busy := fmt.Sprintf("the machine was %s busy", percent(s.Busy))
	text := ""
	switch l.What {
	case analysis.LimitAppCPU:
		text = fmt.Sprintf("the application used %s of %s and %s, so the CPU is used up", number(s.App), counted(s.AppCores, "core"), busy)
		if s.Larger != nil && s.LargerGoodput < s.Goodput {
			text += fmt.Sprintf("; %s did no more, %s", sizeMark(*s.Larger), number(s.LargerGoodput))
		}
	case analysis.LimitQuota:
		text = fmt.Sprintf("the application used %s cores of its quota of %s and was throttled in %s of its periods, while %s", number(s.App), number(s.Quota), percent(s.Throttled), busy)
	case analysis.LimitLock:
		text = fmt.Sprintf("its processes used %s cores, nearly all that so few can keep busy, while %s", number(s.App), busy)
	case analysis.LimitWaiting:
		text = fmt.Sprintf("%s taken while %s, and a request kept one for %s ms", slots(s.Slots), busy, number(milliseconds(s.Kept)))
	case analysis.LimitShared:
		text = fmt.Sprintf("%s taken while %s, and %s, with more of them, did no more, %s: requests wait for something that they share", slots(s.Slots), busy, sizeMark(*s.Larger), number(s.LargerGoodput))
	case analysis.LimitDatabase:
		text = fmt.Sprintf("%s, while %s", s.Database, busy)
	case analysis.LimitServices:
		text = fmt.Sprintf("the services used %s CPUs, more than the application's %s, and %s", number(s.Services), number(s.App), busy)
	case analysis.LimitProxy:
		text = fmt.Sprintf("the proxy used %s CPUs, more than the application's %s, and %s", number(s.Proxy), number(s.App), busy)
	case analysis.LimitGenerator:
		text = fmt.Sprintf("the load generator used %s CPUs and %s, so it, not the configuration, was the limit", number(s.Generator), busy)
	default:
		text = fmt.Sprintf("nothing that was watched is used up: %s, and %s of %s had a request", busy, number(s.Taken), counted(s.Slots, "slot"))
		if s.Loop {
			text = fmt.Sprintf("nothing that was watched is used up: %s, and an event loop takes more requests than the bursts offered", busy)
		}
	}
	if s.Overflows > 0 {
		text += fmt.Sprintf("; at a full listen queue %s dropped", wereCounted(s.Overflows, "connection"))
	}
	return text
}

// slots begins a clause on slots that were taken.
func slots(n int) string {
	switch n {
	case 1:
		return "its only slot was"
	case 2:
		return "both slots were"
	}
	return fmt.Sprintf("all %s slots were", count(n))
}

func wereCounted(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun + " was"
	}
	return fmt.Sprintf("%s %ss were", count(int(n)), noun)
}

// folkloreHeld says what keeps a folklore setting from more.
func folkloreHeld(f analysis.Comparison, winner scenarios.Cell) string {
	name := sizeMark(f.Cell.Cell)
	if c := f.Cell.Cell; c.Server != winner.Server || c.Proxy != winner.Proxy {
		name = stackPhrase(c) + ", " + name
	}
	name = fmt.Sprintf("%s (%s)", upperFirst(f.Name), name)
	if f.Limit.Seen == nil {
		return name + ": no saturation burst of it counts, so what holds it back is not known"
	}
	return fmt.Sprintf("%s did %s: %s", name, number(f.Limit.Seen.Goodput), holds(f.Limit))
}

// beyondLimits names the best configuration that does more than the winner and
// is struck out.
func (m *model) beyondLimits(w *analysis.Cell) string {
	var best *analysis.Cell
	for _, c := range m.Result.Cells {
		f := c.Sustainable()
		if c.Struck != "" && f != nil && f.Value > w.Sustainable().Value && (best == nil || f.Value > best.Sustainable().Value) {
			best = c
		}
	}
	if best == nil {
		return ""
	}
	return sentence(fmt.Sprintf("More is sustained by %s, %s, but it is struck out: %s", cellPhrase(best.Cell), value(best.Sustainable()), best.Struck))
}

// folkloreLimits names what limits each folklore setting, with the evidence.
func (m *model) folkloreLimits() (lines []string) {
	for _, f := range m.Result.Folklore {
		if f.Cell != nil && f.Limit.What != "" && !same(f.Cell, m.Result.Winner) {
			lines = append(lines, fmt.Sprintf("%s (%s): %s. %s", upperFirst(f.Name), cellPhrase(f.Cell.Cell), f.Limit.What, sentence(upperFirst(strings.Join(f.Limit.Evidence, "; ")))))
		}
	}
	return lines
}

// growthNote says that the winner's memory grows.
func growthNote(w *analysis.Cell) string {
	if w == nil || w.Growth == nil {
		return ""
	}
	g := w.Growth
	by := fmt.Sprintf("by %s (95 %% interval %s to %s)", size(g.Value), size(g.Low), size(g.High))
	if g.Low == g.High { // bounded: see analysis
		by = fmt.Sprintf("by %s or more, beyond which this is not extrapolated,", size(g.Value))
	}
	return fmt.Sprintf("The memory of the recommended configuration grew while it was measured: from %s %s in an hour at %s requests/s, if it goes on. Have workers start anew after some number of requests, or measure for longer.",
		size(float64(w.Memory)), by, value(w.Sustainable()))
}
