package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/montanaflynn/stats"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Input is all that a summary is made from.
type Input struct {
	Scenario *scenarios.Scenario // as the search saw it: its budget is without the calibration
	Cells    []scenarios.Planned
	Trials   []rundir.Trial
	// Histograms reads the histograms of a trial, by class.
	Histograms  func(trial int) (map[string]rundir.Histograms, error)
	Calibration *rundir.Calibration // of the generator; nil: none was made
	// Interrupted says why the search was cut short; empty when it was not.
	Interrupted string
}

// Summarise turns the trials of a run into its result. It fails only when
// histograms cannot be read.
func Summarise(in Input) (*Result, error) {
	g := newGrid(in.Scenario, measurable(in.Scenario.Limits, in.Cells), in.Trials)
	res := &Result{
		Trials:   JudgeAll(in.Scenario, in.Trials, in.Calibration),
		Spent:    g.spent + cost(g.scaled) + in.Calibration.Time(),
		Budget:   time.Duration(in.Scenario.Search.Budget) + in.Calibration.Time(),
		Partial:  in.Interrupted,
		Target:   in.Scenario.Target,
		Headroom: float64(in.Scenario.Limits.Headroom),
		Embedded: in.Scenario.App.Interface == scenarios.Embedded,
	}
	dropped, searched := g.dropped(), searchTrials(res.Trials)
	for _, p := range in.Cells {
		c, err := g.summary(p, searched, in.Histograms)
		if err != nil {
			return nil, err
		}
		if c.Struck == "" && c.Final == nil {
			c.Dropped = dropped[p.Cell]
		}
		res.Cells = append(res.Cells, c)
	}
	if res.Partial == "" {
		res.Partial = g.unfinished()
	}
	g.recommend(res)
	g.assure(res)
	res.Contest = g.contest(res)
	res.Scaling = newScaling(res.Trials, in.Scenario.Search.Seed)
	res.Generator = answers(res.Trials)
	res.AboveCeiling = aboveCeiling(res.Winner, in.Calibration)
	res.Sites = g.sites(res.Trials)
	res.Warnings = append(res.Warnings, warnings(res)...)
	res.Warnings = append(res.Warnings, sharedCeilings(res.Trials, in.Calibration)...)
	res.Warnings = append(res.Warnings, g.siteDoubts(res.Trials)...)
	return res, nil
}

// summary sums up one cell.
func (g *grid) summary(p scenarios.Planned, trials []Judged, histograms func(int) (map[string]rundir.Histograms, error)) (*Cell, error) {
	c := &Cell{Planned: p, speeds: g.speeds(g.lastStart())}
	for _, t := range trials {
		if t.Step.Cell == p.Cell {
			c.count(t)
		}
	}
	c.Saturation = amount(g.saturations(p.Cell, "", g.lastStart()))
	c.Explored = amount(g.estimates(p.Cell, 0, finalStart))
	c.Final = amount(g.estimates(p.Cell, finalStart, g.lastStart()))
	if c.Rates = g.estimates(p.Cell, finalStart, g.lastStart()); c.Final == nil {
		c.Rates = g.estimates(p.Cell, 0, finalStart)
	}
	c.Low, c.High = g.bounds(p.Cell)
	c.Infeasible = g.infeasible(c)
	c.costs(trials)
	c.Growth = g.memoryGrowth(c, g.lastStart())
	c.Struck = g.struck(c, g.lastStart())
	c.Mismatch = g.mismatch(p.Cell, g.lastStart())
	c.Classes, c.ClassCPU = g.classes(p.Cell)
	c.Lottery = lottery(p.Cell, trials)
	c.Beside = beside(p.Cell, trials)
	c.readBack(trials)
	c.curve(trials)
	return c, c.latencies(trials, histograms)
}

// count keeps the tally of a cell's trials, its largest footprint and its
// first failure.
func (c *Cell) count(t Judged) {
	switch t.Verdict.Kind {
	case Passed:
		c.Passed++
	case Failed:
		c.Failed++
	case Void:
		c.Void++
	}
	if t.Failure != "" && c.Failure == "" {
		c.Failure = t.Failure
	}
	c.Memory = max(c.Memory, footprint(t.Usage))
	c.Processes = max(c.Processes, t.Usage.App.Processes+t.Usage.Proxy.Processes)
	if n := t.Usage.App.Processes; n > 0 {
		c.ProcessMemory = max(c.ProcessMemory, int64(t.Usage.App.PSSBytes)/int64(n))
	}
	if n := t.Usage.AppCapacity(); n > 0 {
		c.Cores, c.Pod = n, t.Usage.Quota > 0
	}
}

// readBack keeps what was read back from the stacks of the cell.
func (c *Cell) readBack(trials []Judged) {
	for _, t := range trials {
		if t.Step.Cell != c.Cell || t.Failure != "" {
			continue
		}
		e := t.Effective
		if e.Peak != nil {
			c.Peak = e.Peak
		}
		if len(e.Static) > 0 {
			c.Static = e.Static
		}
		if e.Upstream != "" {
			c.Upstream = e.Upstream
		}
		for name, use := range t.Usage.Databases {
			if c.Databases == nil {
				c.Databases = map[string]rundir.ServiceUse{}
			}
			use.Connections = max(use.Connections, c.Databases[name].Connections)
			c.Databases[name] = use
		}
	}
}

// classes returns the throughput of every class alone on the final starts, and
// what a request of it costs.
func (g *grid) classes(c scenarios.Cell) (out, cpu map[string]*Figure) {
	out, cpu = map[string]*Figure{}, map[string]*Figure{}
	for _, class := range []string{scenarios.Static, scenarios.Dynamic} {
		if f := amount(g.saturations(c, class, g.lastStart())); f != nil {
			f.AtLeast = g.bound(c, class)
			cpu[class] = g.classCPU(c, class)
			out[class] = f
		}
	}
	return out, cpu
}

// bound says whether the generator limited a burst of one class of a cell.
func (g *grid) bound(c scenarios.Cell, class string) bool {
	for _, start := range g.starts(c, 0, g.lastStart()) {
		if b := g.visits[visitKey{c, start}].lastOf(rundir.Saturation, class); b != nil && generatorBound(b.Trial) {
			return true
		}
	}
	return false
}

// bounds returns the highest rate that passed below the lowest that failed, of
// the final starts where there are any, else of those before.
func (g *grid) bounds(c scenarios.Cell) (low, high float64) {
	from, to := finalStart, g.lastStart()
	if len(g.starts(c, from, to)) == 0 {
		from, to = 0, finalStart
	}
	var all walk
	for _, start := range g.starts(c, from, to) {
		all.tries = append(all.tries, g.visits[visitKey{c, start}].walked()...)
	}
	return all.bounds()
}

// infeasible says why no rate meets the objectives, if a start of the cell
// came to that end and none found a rate.
func (g *grid) infeasible(c *Cell) string {
	if c.Sustainable() != nil {
		return ""
	}
	for _, start := range g.starts(c.Cell, 0, finalStart) {
		v := g.visits[visitKey{c.Cell, start}]
		if p := v.last(rundir.Probe); p != nil && p.Verdict.Kind == Failed {
			return fmt.Sprintf("at a tenth of its throughput, %.1f requests/s: %s", p.Step.Rate, strings.Join(p.Verdict.Reasons, "; "))
		}
		if w := (walk{tries: v.walked()}); len(w.tries) >= giveUp {
			_, high := w.bounds()
			return fmt.Sprintf("every trial failed, down to %.1f requests/s", high)
		}
	}
	return ""
}

// costs estimates CPU per good request and utilisation, a start being the
// replicate.
func (c *Cell) costs(trials []Judged) {
	const enough = 50 // good requests: below, the CPU clock's ticks blur the quotient
	app, proxy, worker, busy := map[int][]float64{}, map[int][]float64{}, map[int][]float64{}, []float64{}
	for _, t := range trials {
		good := float64(t.Load.Classes[scenarios.All].Good)
		if t.Step.Cell != c.Cell || t.Step.Class != "" || t.Verdict.Kind == Void || t.Load.Aborted != "" || good < enough {
			continue
		}
		app[t.Step.Start] = append(app[t.Step.Start], 1000*t.Usage.App.CPUSeconds/good)
		proxy[t.Step.Start] = append(proxy[t.Step.Start], 1000*t.Usage.Proxy.CPUSeconds/good)
		if c.near(t) {
			busy = append(busy, appShare(t.Usage))
			if n := t.Effective.Workers; n > 0 && t.Usage.Wall > 0 {
				worker[t.Step.Start] = append(worker[t.Step.Start], t.Usage.App.CPUSeconds/t.Usage.Wall.Seconds()/float64(n))
			}
		}
	}
	c.WorkerCPU = amount(means(worker))
	c.AppCPU = amount(means(app))
	if c.Cell.Proxy != scenarios.Direct {
		c.ProxyCPU = amount(means(proxy))
	}
	c.Utilisation, _ = stats.Mean(busy)
	if len(busy) == 0 {
		c.Utilisation = 0
	}
}

// means returns the mean of every start, in order of the starts.
func means(starts map[int][]float64) (out []float64) {
	keys := make([]int, 0, len(starts))
	for k := range starts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		m, _ := stats.Mean(starts[k])
		out = append(out, m)
	}
	return out
}

// appShare returns the share of the application's cores, or of its quota, that
// it kept busy.
func appShare(u rundir.Usage) float64 {
	if u.Wall <= 0 || u.AppCapacity() == 0 {
		return 0
	}
	return u.App.CPUSeconds / (u.Wall.Seconds() * u.AppCapacity())
}

// near says whether a trial passed at a rate close to what the cell sustains,
// so that it shows the cell at its recommended load.
func (c *Cell) near(t Judged) bool {
	const band = 0.06
	s, rate := c.Sustainable(), t.Step.Rate/c.speeds.at(t)
	return s != nil && t.Verdict.Kind == Passed && t.Load.Offered > 0 &&
		!t.Step.Alone && rate > s.Value*(1-band) && rate < s.Value*(1+band)
}

// curve collects the open-loop trials by rising load.
func (c *Cell) curve(trials []Judged) {
	for _, t := range trials {
		if t.Step.Cell != c.Cell || !openLoop(t) || t.Step.Alone {
			continue
		}
		p := Point{Offered: t.Step.Rate, Goodput: t.Load.Goodput, Verdict: t.Verdict.Kind, Cut: t.Load.Aborted != "", Response: map[string]rundir.Latency{}}
		for class, s := range t.Load.Classes {
			p.Response[class] = s.Response
		}
		c.Curve = append(c.Curve, p)
	}
	slices.SortStableFunc(c.Curve, func(a, b Point) int { return cmp.Compare(a.Offered, b.Offered) })
}

// latencies merges the histograms of the trials near the sustainable rate:
// percentiles of parts must not be averaged.
func (c *Cell) latencies(trials []Judged, histograms func(int) (map[string]rundir.Histograms, error)) error {
	response, service := map[string]map[int]*hdr.Histogram{}, rundir.NewHistogram() // response by class and start
	var rates []float64
	for _, t := range trials {
		if t.Step.Cell != c.Cell || !c.near(t) {
			continue
		}
		classes, err := histograms(t.ID)
		if err != nil {
			return fmt.Errorf("sum up %v: %w", c.Cell, err)
		}
		for class, h := range classes {
			if response[class] == nil {
				response[class] = map[int]*hdr.Histogram{}
			}
			if response[class][t.Step.Start] == nil {
				response[class][t.Step.Start] = rundir.NewHistogram()
			}
			rundir.Merge(response[class][t.Step.Start], h.Response)
			if class == scenarios.All {
				rundir.Merge(service, h.Service)
			}
		}
		rates = append(rates, t.Step.Rate)
	}
	if len(rates) == 0 {
		return nil
	}
	c.Latency, c.Distribution = map[string]rundir.Latency{}, map[string]Distribution{}
	for class, starts := range response {
		all := rundir.NewHistogram()
		for _, h := range starts {
			rundir.Merge(all, h)
		}
		c.Latency[class], c.Distribution[class] = rundir.Summary(all), distribution(all, starts)
	}
	c.Service = rundir.Summary(service)
	c.LatencyRate, _ = stats.Mean(rates)
	return nil
}

// unfinished says what the budget did not do for; empty when nothing was left
// out.
func (g *grid) unfinished() string {
	var out []string
	unseen, unwalked := 0, 0
	worth := g.worthSeeing()
	for _, c := range g.cells {
		switch {
		case len(g.starts(c.Cell, 0, finalStart)) == 0:
			if worth(c) {
				unseen++
			}
		case g.adaptive: // it walks in the finals only
		case g.meanBurst(c.Cell, finalStart) > 0 && !g.walked(c.Cell) && len(g.starts(c.Cell, finalStart, g.lastStart())) == 0:
			unwalked++
		}
	}
	if unseen > 0 {
		out = append(out, fmt.Sprintf("%d of %d cells were not measured", unseen, len(g.cells)))
	}
	if unwalked > 0 {
		out = append(out, fmt.Sprintf("for %d of %d cells only the saturation throughput was measured", unwalked, len(g.cells)))
	}
	if rounds := g.finalRounds(); rounds < g.scenario.Search.Finals && len(g.finalists()) > 0 {
		out = append(out, fmt.Sprintf("%d of %d final rounds were measured", rounds, g.scenario.Search.Finals))
	}
	if short := g.scalingShort(); short != "" {
		out = append(out, short)
	}
	if len(out) == 0 {
		return ""
	}
	return "the budget ended the search: " + strings.Join(out, "; ")
}

// finalRounds counts the final rounds that every finalist took part in.
func (g *grid) finalRounds() (n int) {
	finalists := g.finalists()
	for r := range g.scenario.Search.Finals {
		complete := len(finalists) > 0
		for _, c := range finalists {
			complete = complete && len(g.starts(c.Cell, finalStart+r, finalStart+r+1)) > 0
		}
		if complete {
			n++
		}
	}
	return n
}

// warnings are doubts about the run as a whole.
func warnings(res *Result) (out []string) {
	void := 0
	for _, t := range res.Trials {
		if t.Verdict.Kind == Void {
			void++
		}
	}
	if n := len(res.Trials); n > 0 && void*5 > n {
		out = append(out, fmt.Sprintf("%d of %d trials are void: the machine was too busy or too small; measure again on a quiet one", void, n))
	}
	if i := slices.IndexFunc(res.Trials, func(t Judged) bool { return t.Unlimited != "" }); i >= 0 {
		out = append(out, "the limits were not enforced: "+res.Trials[i].Unlimited)
	}
	if w := res.Winner; w != nil && w.Final != nil && w.Final.N < 3 {
		out = append(out, fmt.Sprintf("the recommendation rests on fewer than 3 fresh starts (%d): raise the budget to tell luck from merit", w.Final.N))
	}
	if w := res.Winner; w != nil && w.Beside != nil && w.Beside.WebSockets != nil {
		if s := w.Beside.WebSockets; s.Held < s.Wanted {
			out = append(out, fmt.Sprintf("the recommended configuration held %d of %d WebSockets: if the application needs them, have the matrix name servers that hold them only", s.Held, s.Wanted))
		}
	}
	if res.RunnerUp != nil && res.RunnerUp.Tied {
		out = append(out, "the winner is statistically tied: another run may name another of the tied cells")
	}
	return out
}
