package analysis

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/montanaflynn/stats"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Strategies is the table of search strategies, by the name a scenario uses.
var Strategies = map[string]func(*scenarios.Scenario, []scenarios.Planned) rundir.Strategy{
	scenarios.Grid:     Grid,
	scenarios.Adaptive: Adaptive,
}

// finalStart is the number of the first final start; lower ones explore.
const finalStart = 1000

// Repeats of one step that went wrong in one start.
const (
	maxVoids   = 2 // void trials in a row before the visit is given up
	maxCrashes = 2 // starts of a cell that fail before the cell is given up

	maxMismatches = 2 // trials whose stack was not the cell before the cell is given up
)

// Grid measures every cell that applies: in each replicate, in a seeded order
// that replicates do not share, a saturation burst and a walk to the
// sustainable rate. Then the leaders, the leader's twins behind other proxies
// and the folklore settings are measured again, interleaved, on fresh starts.
// When the budget is too short for a walk on every cell, the bursts come
// first and the walks go to the cells with the highest throughput.
func Grid(s *scenarios.Scenario, cells []scenarios.Planned) rundir.Strategy {
	return newSearch(s, cells, scenarios.Grid).next
}

var gridStages = []stage{{(*grid).exploring, finalStart}, {(*grid).finishing, scalingStart}}

// grid is the state of a search, rebuilt from the trials done.
type grid struct {
	scenario *scenarios.Scenario
	adaptive bool
	plan     plan
	cells    []scenarios.Planned
	visits   map[visitKey]*visit
	of       map[scenarios.Cell][]*visit    // the same by cell, in no order
	spent    time.Duration                  // on them, and on what is taken
	taken    map[rundir.Visit]time.Duration // visits that some site makes, with what they are still expected to take
	complete map[int]bool                   // final rounds, by number: all visits of them are
	several  bool                           // they were made at several sites
	scaled   []Judged                       // trials on other numbers of cores
	chosen   []scenarios.Planned            // the finalists; nil: not chosen yet
	conclusions
}

type visitKey struct {
	cell  scenarios.Cell
	start int
}

// visit is one fresh start of a cell and the trials made on it.
type visit struct {
	visitKey
	burst, walk bool // what is wanted of it
	probe       bool // whether a cell whose burst missed an objective is to show that it meets them at all
	trials      []Judged
}

func newGrid(s *scenarios.Scenario, cells []scenarios.Planned, done []rundir.Trial) *grid {
	return gridOf(s, cells, JudgeAll(s, done, nil))
}

// gridOf is newGrid for trials that have been judged.
func gridOf(s *scenarios.Scenario, cells []scenarios.Planned, done []Judged) *grid {
	g := &grid{scenario: s, adaptive: s.Search.Strategy == scenarios.Adaptive, cells: cells, plan: newPlan(s, cells),
		visits: map[visitKey]*visit{}, of: map[scenarios.Cell][]*visit{}, conclusions: newConclusions(),
		taken: map[rundir.Visit]time.Duration{}, complete: map[int]bool{},
	}
	for _, t := range done {
		if t.Step.Phase == rundir.Scaling {
			g.scaled = append(g.scaled, t)
			continue
		}
		v := g.visit(t.Step.Cell, t.Step.Start)
		v.trials = append(v.trials, t)
		g.several = g.several || t.site() != done[0].site()
		g.spent += t.Cost
	}
	return g
}

func (g *grid) visit(c scenarios.Cell, start int) *visit {
	key := visitKey{c, start}
	if g.visits[key] == nil {
		g.visits[key] = g.newVisit(key)
		g.of[c] = append(g.of[c], g.visits[key])
	}
	return g.visits[key]
}

// newVisit is a visit without trials. What is wanted of it goes by its number.
func (g *grid) newVisit(key visitKey) *visit {
	v := &visit{visitKey: key}
	switch {
	case key.start >= finalStart:
		v.burst, v.walk = true, true
	case g.adaptive:
		v.burst, v.probe = true, key.start == 1
	case key.start%2 == 0: // of a replicate
		v.burst, v.walk = true, !g.plan.Screen && !g.plan.Settled
	default:
		v.walk = true
	}
	return v
}

// lastStart is one more than the highest number of a start.
func (g *grid) lastStart() int { return finalStart + g.rounds() }

// rounds is how many final rounds there are at most.
func (g *grid) rounds() int {
	if g.adaptive {
		return max(g.scenario.Search.Finals, mostFinals)
	}
	return g.scenario.Search.Finals
}

// mostFinals is how many final rounds a search makes at most to be sure of its
// recommendation.
const mostFinals = 12

// sure is the confidence with which a search ends.
const sure = 0.95

// exploring returns the first visit before the finals that has work left and
// fits in the budget; nil when there is none.
func (g *grid) exploring() *visit {
	for r := range g.scenario.Search.Replicates {
		within := func(limit time.Duration) func(*visit) bool {
			return func(v *visit) bool { return g.wanted(v, limit) }
		}
		if v := g.free(g.exploringOrder(r), 2*r, within(g.visitLimit(r))); v != nil {
			return v
		}
		if !g.plan.Screen || g.plan.Settled {
			continue
		}
		if g.takenIn(2*r, 2*r+1) {
			return nil // which cells are walked goes by the bursts of all
		}
		if v := g.free(g.byThroughput(), 2*r+1, within(g.plan.Explore)); v != nil {
			return v
		}
	}
	return nil
}

// visitLimit is when to stop visiting cells in a replicate. Seeing every cell
// comes before a second look at any, and before the last rounds of the finals.
func (g *grid) visitLimit(replicate int) time.Duration {
	switch {
	case g.plan.Screen:
		return g.plan.Budget
	case replicate == 0:
		return max(g.plan.Explore, g.plan.See)
	}
	return g.plan.Explore
}

// finishing returns the first final visit that has work left. A round is begun
// only if all of it fits in the budget, except for the first: without it there
// would be no answer at all. Several sites may be at two rounds at a time, but
// not before it is known whether the search goes on after the scenario's rounds.
func (g *grid) finishing() *visit {
	open := 0 // rounds with a visit that is not complete
	for r := range g.rounds() {
		if open > 1 || open > 0 && r == g.scenario.Search.Finals {
			return nil
		}
		if r >= g.scenario.Search.Finals && g.settled(g.known(r)) {
			return nil
		}
		order := g.order(r)
		round := time.Duration(len(order)) * g.finalCost(g.known(r))
		begun := slices.ContainsFunc(order, func(c scenarios.Planned) bool { return g.begun(g.visit(c.Cell, finalStart+r)) })
		if len(order) == 0 || r > 0 && !begun && g.spent+round > g.plan.Budget {
			return nil
		}
		if v := g.free(order, finalStart+r, func(v *visit) bool { return !g.finished(v) }); v != nil {
			return v
		}
		if !g.completed(r) {
			open++
		}
	}
	return nil
}

// order returns the cells of a final round in the order of their visits.
func (g *grid) order(round int) []scenarios.Planned {
	return g.shuffled(g.contenders(g.finalists(), round), finalStart+round)
}

// completed says whether all visits of a final round are complete.
func (g *grid) completed(round int) bool {
	is, known := g.complete[round]
	if !known {
		is = !slices.ContainsFunc(g.contenders(g.finalists(), round), func(c scenarios.Planned) bool {
			return !g.finished(g.visit(c.Cell, finalStart+round))
		})
		g.complete[round] = is
	}
	return is
}

// known is the number below which all final starts of the rounds before one are
// complete, so that what is concluded from them stays: on one site, that of the
// round itself.
func (g *grid) known(round int) int {
	for r := range round {
		if !g.completed(r) {
			return finalStart + r
		}
	}
	return finalStart + round
}

// finalCost estimates the wall time of a final visit: the mean of those below
// end, or what is planned.
func (g *grid) finalCost(end int) time.Duration {
	n := 0
	for key, v := range g.visits {
		if key.start >= finalStart && key.start < end && len(v.trials) > 0 {
			n++
		}
	}
	if !g.adaptive || n == 0 {
		return g.plan.finalCost()
	}
	return (g.spentBefore(end) - g.spentBefore(finalStart)) / time.Duration(n)
}

// settled says whether the final starts below end are enough to be sure of what
// they recommend, or recommend nothing.
func (g *grid) settled(end int) bool {
	s := g.standing(end)
	return s.winner == nil || s.confidence >= sure
}

// shuffled returns the cells in an order that depends on the seed and the
// round only.
func (g *grid) shuffled(cells []scenarios.Planned, round int) []scenarios.Planned {
	out := slices.Clone(cells)
	rng := rand.New(rand.NewPCG(g.scenario.Search.Seed, uint64(round)))
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// exploringOrder is the order of a replicate's visits. Where running stacks are
// resized, cells that differ in their workers only follow each other, the fewest
// first: not every server can end workers.
func (g *grid) exploringOrder(round int) []scenarios.Planned {
	order := g.shuffled(g.cells, round)
	if !g.scenario.Search.Hot {
		return order
	}
	first := map[scenarios.Cell]int{}
	family := func(c scenarios.Cell) scenarios.Cell { c.Workers = 0; return c }
	for i, c := range order {
		if _, ok := first[family(c.Cell)]; !ok {
			first[family(c.Cell)] = i
		}
	}
	slices.SortStableFunc(order, func(a, b scenarios.Planned) int {
		return cmp.Or(cmp.Compare(first[family(a.Cell)], first[family(b.Cell)]), cmp.Compare(a.Cell.Workers, b.Cell.Workers))
	})
	return order
}

// byThroughput returns the cells that have a saturation throughput, highest
// first.
func (g *grid) byThroughput() (out []scenarios.Planned) {
	for _, c := range g.cells {
		if g.meanBurst(c.Cell, finalStart) > 0 {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b scenarios.Planned) int {
		return cmp.Compare(g.meanBurst(b.Cell, finalStart), g.meanBurst(a.Cell, finalStart))
	})
	return out
}

// wanted says whether a visit has work left. One that has not begun is begun
// only within the limit; one that has is carried to its end.
func (g *grid) wanted(v *visit, limit time.Duration) bool {
	if g.finished(v) {
		return false
	}
	return len(v.trials) > 0 || g.spent+g.cost(v) <= limit
}

// cost estimates the wall time of a visit before the finals.
func (g *grid) cost(v *visit) time.Duration {
	d := g.plan.visitCost(false, v.tries()) - g.plan.Warmup + g.warmth(v)
	if v.burst {
		d += g.burstLength(v, "")
	}
	return d
}

func (g *grid) finished(v *visit) bool {
	_, ok := g.step(v)
	return !ok
}

// step returns the next trial of a visit; ok is false when it is complete or
// given up.
func (g *grid) step(v *visit) (rundir.Step, bool) {
	step := rundir.Step{Cell: v.cell, Start: v.start, Warmup: g.plan.Settle, Duration: g.plan.Trial}
	if len(v.trials) == 0 || v.trials[len(v.trials)-1].Failure != "" {
		step.Warmup = g.warmth(v)
	}
	step.Hot = g.scenario.Search.Hot && v.start < finalStart
	if v.voids() > maxVoids || g.crashes(v.cell) >= maxCrashes || g.mismatch(v.cell, g.lastStart()) != "" {
		return step, false
	}
	// Earlier bursts do for the probe of a race.
	if v.probe && g.meanBurst(v.cell, v.start) > 0 && !g.probed(v.cell, v.start) && g.doubtful(v) {
		probe := v.last(rundir.Probe)
		if probe == nil {
			step.Phase, step.Rate, step.Duration = rundir.Probe, g.meanBurst(v.cell, v.start)/10, g.plan.Probe
			return step, true
		}
		if probe.Verdict.Kind == Failed {
			return step, false
		}
	}
	for _, class := range g.bursts(v) {
		if v.lastOf(rundir.Saturation, class) == nil {
			step.Phase, step.Class, step.Alone = rundir.Saturation, class, g.scenario.Traffic.Beside()
			step.Connections, step.Duration = 2*v.cell.Slots(), g.burstLength(v, class)
			return step, true
		}
	}
	saturation := g.saturation(v)
	// What is held beside the attack is of interest for every cell, and the
	// probe is the first trial that has it.
	if saturation == 0 || !v.walk && !g.scenario.Traffic.Beside() {
		return step, false
	}
	if v.start < finalStart && g.doubtful(v) {
		probe := v.last(rundir.Probe)
		if probe == nil {
			step.Phase, step.Rate, step.Duration = rundir.Probe, saturation/10, g.plan.Probe
			return step, true
		}
		if probe.Verdict.Kind == Failed {
			return step, false
		}
	}
	if !v.walk {
		return step, false
	}
	step.Phase = rundir.Bracket
	if v.start >= finalStart {
		step.Phase = rundir.Final
	}
	rate, ok := g.walk(v).next()
	if !ok && g.drawn(v) {
		step.Phase = rundir.Curve
		rate, step.Alone, ok = g.belowRate(v)
	}
	step.Rate = rate
	return step, ok
}

// curveShares are the shares of the sustainable rate at which final starts, in
// turn, measure latency once.
var curveShares = []float64{0.5, 0.75, 0.25, 0.9}

// belowRate returns the rate at which a final visit measures its point of the
// latency curve; ok is false when it has, or sustains nothing. Where the
// traffic has something beside the attack, the point is measured again alone:
// the two tell what that costs.
func (g *grid) belowRate(v *visit) (rate float64, alone, ok bool) {
	if t := v.curve(false); t != nil {
		return t.Step.Rate, true, g.scenario.Traffic.Beside() && v.curve(true) == nil
	}
	rate = v.found() * g.curveShare(v)
	return rate, false, rate > 0
}

// curveShare is the share of the sustainable rate at which a final visit
// measures its point of the latency curve.
func (g *grid) curveShare(v *visit) float64 { return curveShares[g.points(v)%len(curveShares)] }

// points counts the final visits of the cell, before this one, that measured a
// point of its latency curve, or that another site has not come to the end of.
func (g *grid) points(v *visit) (n int) {
	known := g.known(v.start - finalStart)
	for _, start := range g.starts(v.cell, finalStart, v.start) {
		if earlier := g.visits[visitKey{v.cell, start}]; earlier.curve(false) != nil || start >= known && !g.finished(earlier) {
			n++
		}
	}
	return n
}

// drawn says whether a final visit measures a point of the cell's latency
// curve: as many have one as there are final rounds. Where walks are long, cells
// that are beaten and no folklore setting have none.
func (g *grid) drawn(v *visit) bool {
	if v.start < finalStart || g.points(v) >= g.scenario.Search.Finals {
		return false
	}
	return g.plan.Race != longRace || len(g.planned(v.cell).Folklore) > 0 || !g.beaten(v)
}

// curve returns the visit's point of the latency curve that says something,
// with what is beside the attack or alone; nil for none.
func (v *visit) curve(alone bool) *Judged {
	for i := range v.trials {
		if t := &v.trials[i]; t.Step.Phase == rundir.Curve && t.Step.Alone == alone && t.Verdict.Kind != Void && t.Load.Sent > 0 {
			return t
		}
	}
	return nil
}

// bursts are the classes whose saturation throughput a visit measures, "" for
// the whole mix. Final visits measure static and dynamic traffic apart where
// proxies are compared.
func (g *grid) bursts(v *visit) []string {
	switch {
	case !v.burst:
		return nil
	case v.start >= finalStart && g.parted():
		return []string{"", scenarios.Static, scenarios.Dynamic}
	}
	return []string{""}
}

// parted says whether static and dynamic traffic are also measured apart.
func (g *grid) parted() bool {
	has := func(class string) bool {
		return slices.ContainsFunc(g.scenario.Traffic.Requests, func(r scenarios.Request) bool { return r.Class == class && r.Weight > 0 })
	}
	compared := g.scenario.Search.Compare == scenarios.CompareProxy || g.scenario.Search.Compare == scenarios.CompareClass
	return compared && has(scenarios.Static) && has(scenarios.Dynamic)
}

// mismatch says where stacks of the cell, of starts below end, were not the
// cell; empty when they were, but for one trial: that may have met a worker on
// its way back.
func (g *grid) mismatch(c scenarios.Cell, end int) string {
	n := 0
	for _, start := range g.starts(c, 0, end) {
		for _, t := range g.visits[visitKey{c, start}].trials {
			why := mismatch(t.Trial)
			if why != "" {
				n++
			}
			if n >= maxMismatches {
				return why
			}
		}
	}
	return ""
}

// doubtful says whether a probe is needed before a walk: the saturation burst
// itself, with two requests for every slot, missed a latency objective.
func (g *grid) doubtful(v *visit) bool {
	if g.scenario.Traffic.Beside() {
		return true // the burst was alone
	}
	var burst *Judged
	for _, start := range g.starts(v.cell, 0, v.start+1) {
		if b := g.visits[visitKey{v.cell, start}].last(rundir.Saturation); b != nil {
			burst = b
		}
	}
	if burst == nil {
		return true
	}
	t := burst.Trial
	t.Load.Offered = t.Load.Goodput // have its latencies judged as if they were open loop
	return len(misses(g.scenario, t)) > 0
}

// walk returns the walk of a visit so far.
func (g *grid) walk(v *visit) walk {
	saturation := g.saturation(v)
	w := walk{start: g.guess(v, saturation), resolution: g.plan.Resolution, most: g.plan.Tries}
	if v.start >= finalStart {
		w.most = g.plan.FinalTries
	}
	if g.beaten(v) {
		w.most, w.resolution = beatenTries, beatenResolution
	}
	w.tries = v.walked()
	return w
}

// walkTrials returns the trials of a visit's walk that say something.
func (v *visit) walkTrials() (out []Judged) {
	for _, t := range v.trials {
		if openLoop(t) && (t.Step.Phase == rundir.Bracket || t.Step.Phase == rundir.Final) {
			out = append(out, t)
		}
	}
	return out
}

// walked returns the tries of a visit's walk.
func (v *visit) walked() (out []try) {
	for _, t := range v.walkTrials() {
		out = append(out, try{rate: t.Step.Rate, passed: t.Verdict.Kind == Passed})
	}
	return out
}

// found returns the sustainable rate that the walk of a visit has found; 0 when
// it has found none.
func (v *visit) found() float64 { return walk{tries: v.walked()}.estimate() }

// guess is the first rate of a walk: the share of their saturation throughput
// that earlier starts of the cell sustained, or the queueing guess.
func (g *grid) guess(v *visit, saturation float64) float64 {
	var shares []float64
	for _, start := range g.starts(v.cell, 0, v.start) {
		earlier := g.visits[visitKey{v.cell, start}]
		if e := earlier.found(); e > 0 {
			shares = append(shares, e/g.saturation(earlier))
		}
	}
	share, err := stats.Mean(shares)
	switch {
	case err != nil:
		return firstRate(g.scenario, saturation)
	case g.bounded(v.cell):
		return saturation * min(share, 1)
	}
	return saturation * share
}

// bounded says whether a burst, with two requests for every slot, shows all
// that a cell can do. An event loop works on more requests than it has slots,
// and so may a target, whose workers are only what its user says.
func (g *grid) bounded(c scenarios.Cell) bool {
	if c.Server == scenarios.TargetServer {
		return false
	}
	for _, start := range g.starts(c, 0, g.lastStart()) {
		for _, t := range g.visits[visitKey{c, start}].trials {
			if p := t.Effective.Peak; p != nil && p.Want == 0 {
				return false
			}
		}
	}
	return true
}

// estimates returns what the starts in [from, to) of a cell found, in order, as
// the mean site would have it.
func (g *grid) estimates(c scenarios.Cell, from, to int) (out []float64) {
	for _, start := range g.starts(c, from, to) {
		if e := g.estimate(c, start, to); e > 0 {
			out = append(out, e)
		}
	}
	return out
}

// estimate returns what a start of a cell found, by what the starts below end
// tell of the sites; 0 for none.
func (g *grid) estimate(c scenarios.Cell, start, end int) float64 {
	v := g.visits[visitKey{c, start}]
	if v == nil {
		return 0
	}
	return v.found() / g.speeds(end).of(v.walkTrials())
}

// starts returns the numbers in [from, to) of a cell's starts that have
// trials, in order.
func (g *grid) starts(c scenarios.Cell, from, to int) (out []int) {
	for _, v := range g.of[c] {
		if v.start >= from && v.start < to && len(v.trials) > 0 {
			out = append(out, v.start)
		}
	}
	slices.Sort(out)
	return out
}

// openLoop says whether a trial is one that a latency claim may rest on.
func openLoop(t Judged) bool {
	return t.Load.Offered > 0 && t.Load.Sent > 0 && t.Verdict.Kind != Void
}

// saturation returns the goodput of a visit's burst; of a visit without one
// the mean of the earlier starts', so that a later burst does not reopen an
// earlier walk; 0 unknown.
func (g *grid) saturation(v *visit) float64 {
	if b := v.last(rundir.Saturation); b != nil {
		return b.Load.Goodput
	}
	return g.meanBurst(v.cell, v.start)
}

// meanBurst returns the mean goodput of the bursts on a cell's starts below
// end; 0 for none.
func (g *grid) meanBurst(c scenarios.Cell, end int) float64 {
	mean, err := stats.Mean(g.saturations(c, "", end))
	if err != nil {
		return 0
	}
	return mean
}

// saturations returns the goodput of the bursts of a class on a cell's starts
// below end, in order.
func (g *grid) saturations(c scenarios.Cell, class string, end int) (out []float64) {
	for _, start := range g.starts(c, 0, end) {
		if b := g.visits[visitKey{c, start}].lastOf(rundir.Saturation, class); b != nil {
			out = append(out, b.Load.Goodput)
		}
	}
	return out
}

// crashes counts the starts of a cell that did not come up.
func (g *grid) crashes(c scenarios.Cell) (n int) {
	for _, v := range g.of[c] {
		for _, t := range v.trials {
			if t.Failure != "" && t.Load.Sent == 0 {
				n++
			}
		}
	}
	return n
}

// tries is the least number of open-loop trials that the visit makes.
func (v *visit) tries() int {
	if v.walk {
		return 1
	}
	return 0
}

// voids counts the void trials at the end of a visit.
func (v *visit) voids() (n int) {
	for i := len(v.trials) - 1; i >= 0 && v.trials[i].Verdict.Kind == Void; i-- {
		n++
	}
	return n
}

// last returns the last trial of a phase that says something, of the whole
// mix; nil for none.
func (v *visit) last(phase string) *Judged { return v.lastOf(phase, "") }

// lastOf is last for one class of requests.
func (v *visit) lastOf(phase, class string) *Judged {
	for i := len(v.trials) - 1; i >= 0; i-- {
		if t := &v.trials[i]; t.Step.Phase == phase && t.Step.Class == class && t.Verdict.Kind != Void && t.Load.Sent > 0 {
			return t
		}
	}
	return nil
}

// left estimates what the search still takes, from its plan; the budget bounds
// it.
func (g *grid) left() time.Duration {
	visits := 0
	for _, c := range g.cells {
		if len(g.starts(c.Cell, 0, finalStart)) == 0 {
			visits++
		}
	}
	explore := time.Duration(visits) * g.plan.visitCost(true, g.plan.Tries)
	explore = max(0, min(explore, g.plan.Explore-g.spent))
	finals := g.scenario.Search.Finals*g.plan.FinalCells - g.finalVisits()
	left := explore + time.Duration(max(1, finals))*g.plan.finalCost()
	return max(0, min(left, g.plan.Budget-g.spent)) + g.scalingLeft()
}

func (g *grid) finalVisits() (n int) {
	for key, v := range g.visits {
		if key.start >= finalStart && len(v.trials) > 0 {
			n++
		}
	}
	return n
}
