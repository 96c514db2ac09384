package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// model is the report before it has a format. Every format takes its figures
// and its sentences from here, so that no two can disagree.
type model struct {
	Input
	Title     string
	Alerts    []string // what the reader must know before anything else
	Verdict   string   // the answer to what the scenario asks beside what to run; empty for most
	Headline  string   // what to run, in one sentence
	Name      string   // canonical name of the recommended cell; empty when there is none, as of a target
	Answer    []string // the sentences after the headline
	Why       string   // why the recommended cell; empty without one
	Limit     string   // what limits the winner; empty without one
	Evidence  []string
	Held      []string // what limits the folklore settings
	Tax       []string // the proxy's effect, a sentence a twin
	Classes   []class  // static against dynamic
	Rows      []row    // the matrix, every cell of it
	Folklore  []comparison
	Curves    []curve // of the cells worth drawing
	Tails     []tail  // of the same
	Counts    counts
	Doubtful  []doubtful // void and failed trials
	Noted     []doubtful // passed trials with a doubt
	Method    []string
	Machine   []fact
	Fleet     []section // the hosts of a fleet, their trials and generators; none of one machine
	Versions  []fact
	Repeat    []fact
	Warnings  []string
	Footnotes []string
	Early     []section // what backs the verdict
	Tail      []section // response time by percentile; none when it was not measured
	Capacity  []section // what one machine holds; none when that is not known
	Sections  []section // what else only some runs have to say
}

type counts struct{ Passed, Failed, Void int }

func (c counts) Total() int { return c.Passed + c.Failed + c.Void }

type fact struct{ Name, Value string }

// row is one cell of the matrix.
type row struct {
	Cell           *analysis.Cell
	Server, Proxy  string
	Workers        int
	Threads        int
	Rate           string // sustained, requests/s
	Interval       string
	Starts         string
	Saturation     string // requests/s, throughput only
	P50, P95, P99  string // response, ms
	AppCPU         string // ms per good request
	ProxyCPU       string
	CPU            string // both
	Memory         string
	Processes      string
	WorkerCPU      string // CPUs that a worker keeps busy at the sustained rate
	WorkerInterval string
	ProcessMemory  string // of the application, mean over its processes
	Passed, Failed int
	Void           int
	Tags           []string
	Why            string // why the cell is struck, infeasible, not applicable or never sustained a load
	Winner         bool
}

// EachWorkers writes the workers of a row, "4 × 1" for four instances of one.
func (r row) EachWorkers() string {
	if n := r.Cell.Cell.Instances; n > 1 {
		return fmt.Sprintf("%d × %d", n, r.Workers)
	}
	return count(r.Workers)
}

// Note is what the last column of a table says.
func (r row) Note() string {
	note := strings.Join(r.Tags, ", ")
	if r.Why == "" {
		return note
	}
	return note + ": " + r.Why
}

// class is one traffic class of one cell, at the cell's sustainable rate.
type class struct {
	Class, Name   string
	Cell          *analysis.Cell
	Latency       rundir.Latency
	Rate          string
	P50, P95, P99 string
	Winner        bool
}

type comparison struct{ Name, Text string }

// curve is the latency of one cell against load.
type curve struct {
	Name   string // why it is here: "recommended", "tied", …
	Cell   *analysis.Cell
	Class  string // the traffic class of its latencies
	Points []point
}

type point struct {
	analysis.Point
	Rate          string
	Goodput       string
	P50, P95, P99 string
}

// doubtful is a trial that does not simply count.
type doubtful struct {
	ID      int
	Site    string // of a fleet's trial
	Cell    string
	Phase   string
	Rate    string
	Verdict string
	Reasons []string
	Log     string // tail of the log; may be empty
}

// Trial names it: "7", or "7 of site a".
func (d doubtful) Trial() string {
	if d.Site == "" {
		return strconv.Itoa(d.ID)
	}
	return strconv.Itoa(d.ID) + " of site " + d.Site
}

// newModel reads everything that a report says off the input.
func newModel(in Input) *model {
	if in.Result == nil {
		in.Result = &analysis.Result{Outcome: analysis.Inconclusive, Because: "nothing was measured"}
	}
	in = inertInput(in)
	m := &model{Input: in} // of a copy: the model may drop a winner that the outcome does not back
	m.Title = "sweetspot: " + in.Manifest.Scenario.Name
	m.Warnings = append(append([]string{}, in.Manifest.Notes...), in.Result.Warnings...)
	if note := growthNote(in.Result.Winner); note != "" {
		m.Warnings = append(m.Warnings, note)
	}
	m.alerts()
	m.answer()
	m.Verdict, m.Why = m.verdict(), m.explain()
	m.limit()
	m.classes()
	m.rows()
	m.curves()
	m.tails()
	m.trials()
	m.environment()
	m.Repeat = repeat(in)
	m.footnotes()
	m.sections()
	return m
}

func (m *model) alerts() {
	if m.Result.Embedded {
		m.Alerts = append(m.Alerts, "Measured on the embedded synthetic stack, not on a Python application: the figures say nothing about a real one.")
	}
	if m.Result.Target != "" {
		m.Alerts = append(m.Alerts, "Measured on "+m.Result.Target+", which was running already: its workers are what its user says, its processes were not watched, and a fresh start is new connections only. The figures tell its capacity, not which configuration to run.")
	}
	if m.Result.AboveCeiling != "" {
		m.Alerts = append(m.Alerts, sentence(upperFirst(m.Result.AboveCeiling)))
	}
	if m.Result.Partial != "" {
		m.Alerts = append(m.Alerts, sentence("Partial: "+m.Result.Partial))
	}
}

func (m *model) limit() {
	w := m.Result.Winner
	if w == nil {
		return
	}
	m.Limit, m.Evidence, m.Held = m.Result.Limit.What, m.Result.Limit.Evidence, m.folkloreLimits()
	if m.Limit == "" {
		m.Limit = "unknown"
	}
	for _, t := range m.Result.ProxyTax {
		if t.Cell != nil && !overProxies(m.Result.Contest) {
			m.Tax = append(m.Tax, m.compare(t, "the same "+proxyPhrase(t.Cell.Cell.Proxy)))
		}
	}
}

// classes lists the traffic classes of the winner and of its proxy twins.
func (m *model) classes() {
	cells := []*analysis.Cell{}
	if w := m.Result.Winner; w != nil {
		cells = append(cells, w)
	}
	for _, t := range m.Result.ProxyTax {
		if t.Cell != nil {
			cells = append(cells, t.Cell)
		}
	}
	for _, name := range []string{scenarios.Static, scenarios.Dynamic} {
		for _, c := range cells {
			l, ok := c.Latency[name]
			if !ok || l.Count == 0 {
				continue
			}
			p := percentiles(l)
			m.Classes = append(m.Classes, class{
				Class: name, Name: c.Cell.Proxy, Cell: c, Latency: l, Rate: number(c.LatencyRate),
				P50: p[0], P95: p[1], P99: p[2], Winner: same(c, m.Result.Winner),
			})
		}
	}
}

func (m *model) rows() {
	for _, c := range m.Result.Cells {
		s := c.Sustainable()
		p := percentiles(c.Latency[scenarios.All])
		r := row{
			Cell: c, Server: c.Cell.Server, Proxy: c.Cell.Proxy, Workers: c.Cell.Workers, Threads: c.Cell.Threads,
			Rate: value(s), Interval: interval(s), Starts: none, Saturation: value(c.Saturation),
			P50: p[0], P95: p[1], P99: p[2],
			AppCPU: value(c.AppCPU), ProxyCPU: value(c.ProxyCPU), CPU: none, Memory: size(float64(c.Memory)), Processes: none,
			WorkerCPU: value(c.WorkerCPU), WorkerInterval: interval(c.WorkerCPU), ProcessMemory: size(float64(c.ProcessMemory)),
			Passed: c.Passed, Failed: c.Failed, Void: c.Void, Winner: m.Result.Target == "" && same(c, m.Result.Winner),
		}
		if s != nil {
			r.Starts = count(s.N)
		}
		if total := cpu(c); total > 0 {
			r.CPU = number(total)
		}
		if c.Processes > 0 {
			r.Processes = count(c.Processes)
		}
		r.Tags, r.Why = m.tags(c)
		m.Rows = append(m.Rows, r)
	}
}

// cpu returns the CPU time of application and proxy, ms per good request; 0
// when it is not known.
func cpu(c *analysis.Cell) (total float64) {
	for _, f := range []*analysis.Figure{c.AppCPU, c.ProxyCPU} {
		if f != nil && finite(f.Value) {
			total += f.Value
		}
	}
	return total
}

// tags says what a cell is to this run, and why it is out of it.
func (m *model) tags(c *analysis.Cell) (tags []string, why string) {
	switch {
	case same(c, m.Result.Winner) && m.Result.Target == "":
		tags = append(tags, "recommended")
	case c.Tied && m.Result.Target == "":
		tags = append(tags, "tied")
	case same(c, m.Result.RunnerUp):
		tags = append(tags, "runner-up")
	}
	for _, f := range c.Folklore {
		tags = append(tags, "folklore ("+f+")")
	}
	switch {
	case c.NotApplicable != "":
		return append(tags, "not applicable"), c.NotApplicable
	case c.Mismatch != "":
		return append(tags, "void"), c.Mismatch
	case c.Infeasible != "":
		return append(tags, "infeasible"), c.Infeasible
	case c.Struck != "":
		return append(tags, "struck out"), c.Struck
	case c.Sustainable() == nil && c.Failure != "":
		return append(tags, "failed"), firstLine(c.Failure)
	case c.Sustainable() == nil && c.Dropped != "":
		return append(tags, "dropped"), c.Dropped
	case c.Sustainable() == nil && c.Passed+c.Failed+c.Void == 0:
		return append(tags, "not measured"), ""
	case c.Sustainable() == nil && c.Saturation != nil && (len(c.Curve) == 0 || c.Failed == 0): // at most a probe, which passed
		return append(tags, "saturation only"), value(c.Saturation) + " requests/s in a closed loop"
	case c.Sustainable() == nil:
		return append(tags, "no sustainable rate found"), ""
	}
	return tags, ""
}

// chosen is a cell worth a closer look.
type chosen struct {
	name string // why it is here: "recommended", "tied", …
	cell *analysis.Cell
}

// chosen picks them: the winner, its best rival, and folklore; without a winner
// the explored cells, in the matrix's order.
func (m *model) chosen() (all []chosen) {
	add := func(name string, c *analysis.Cell) {
		if c != nil && !slices.ContainsFunc(all, func(k chosen) bool { return same(k.cell, c) }) {
			all = append(all, chosen{name, c})
		}
	}
	if m.Result.Target != "" {
		add("measured", m.Result.Winner)
	}
	add("recommended", m.Result.Winner)
	for i, t := range m.Result.Ties {
		if i == 0 {
			add("tied", t)
		}
	}
	if len(m.Result.Ties) == 0 {
		add("runner-up", m.Result.RunnerUp)
	}
	for _, f := range m.Result.Folklore {
		add(f.Name, f.Cell)
	}
	for _, c := range m.Result.Cells {
		if m.Result.Winner == nil {
			add("measured", c)
		}
	}
	return all
}

// mostDrawn is how many cells a plot of chosen ones has at most.
const mostDrawn = 4

// curves are of the first chosen cells that have open-loop trials.
func (m *model) curves() {
	name := curveClass(m.Manifest.Scenario.Objectives)
	for _, k := range m.chosen() {
		c := newCurve(k.name, k.cell, name)
		if len(c.Points) > 0 && len(m.Curves) < mostDrawn {
			m.Curves = append(m.Curves, c)
		}
	}
}

// newCurve is of the open-loop trials of a cell that are not void.
func newCurve(name string, cell *analysis.Cell, class string) curve {
	c := curve{Name: name, Cell: cell, Class: class}
	for _, p := range cell.Curve {
		if p.Verdict == analysis.Void {
			continue
		}
		t := percentiles(p.Response[class])
		c.Points = append(c.Points, point{Point: p, Rate: number(p.Offered), Goodput: number(p.Goodput), P50: t[0], P95: t[1], P99: t[2]})
	}
	return c
}

// curveClass is the class that the objectives bound: all requests if any
// latency objective does, else the first class that one names.
func curveClass(all scenarios.Objectives) string {
	name := scenarios.All
	for _, o := range all {
		switch {
		case o.Metric == scenarios.Errors:
		case o.Class == scenarios.All || o.Class == "":
			return scenarios.All
		case name == scenarios.All:
			name = o.Class
		}
	}
	return name
}

func (m *model) trials() {
	for _, t := range m.Result.Trials {
		d := doubtful{
			ID: t.ID, Cell: t.Step.Cell.String(), Phase: t.Step.Phase, Rate: trialRate(t.Trial),
			Verdict: t.Verdict.Kind, Reasons: append([]string{}, t.Verdict.Reasons...),
		}
		if t.Placed != nil {
			d.Site = t.Placed.Site
		}
		text := t.Failure
		if text == "" {
			text = t.Broken
		}
		if head, tail, ok := strings.Cut(strings.TrimSpace(printable(text)), "\n"); ok || head != "" {
			d.Log = strings.TrimRight(tail, "\n")
			if len(d.Reasons) == 0 {
				d.Reasons = []string{head}
			}
		}
		for i, r := range d.Reasons {
			d.Reasons[i] = firstLine(r)
		}
		switch t.Verdict.Kind {
		case analysis.Passed:
			m.Counts.Passed++
			if d.Reasons = t.Verdict.Notes; len(d.Reasons) > 0 {
				m.Noted = append(m.Noted, d)
			}
			continue
		case analysis.Failed:
			m.Counts.Failed++
		default:
			m.Counts.Void++
		}
		if len(d.Reasons) == 0 {
			d.Reasons = []string{"no reason was recorded"}
		}
		m.Doubtful = append(m.Doubtful, d)
	}
}

// same tells whether two summaries are of the same configuration.
func same(a, b *analysis.Cell) bool { return a != nil && b != nil && a.Cell == b.Cell }

func stepRate(s rundir.Step) string {
	if s.Rate > 0 {
		return number(s.Rate) + " requests/s"
	}
	return fmt.Sprintf("closed loop, %d connections", s.Connections)
}

func firstLine(s string) string {
	head, _, _ := strings.Cut(strings.TrimSpace(printable(s)), "\n")
	return strings.TrimRight(head, ": ")
}

// claimable tells whether a percentile has the 100 samples beyond it that
// claiming it takes.
func claimable(samples int64, q float64) bool { return analysis.Claimable(samples, q) }

// quantiles are the percentiles that reports show.
var quantiles = []struct {
	name string
	q    float64
	of   func(rundir.Latency) time.Duration
}{
	{"p50", 0.50, func(l rundir.Latency) time.Duration { return l.P50 }},
	{"p95", 0.95, func(l rundir.Latency) time.Duration { return l.P95 }},
	{"p99", 0.99, func(l rundir.Latency) time.Duration { return l.P99 }},
}

// percentiles writes p50, p95 and p99 in ms, without the unit; one that is
// not claimable is none.
func percentiles(l rundir.Latency) (texts [3]string) {
	for i, q := range quantiles {
		texts[i] = none
		if claimable(l.Count, q.q) {
			texts[i] = number(milliseconds(q.of(l)))
		}
	}
	return texts
}

func (m *model) footnotes() {
	m.Footnotes = []string{
		"Sustained: the highest offered rate that meets every objective, with its 95 % interval over fresh starts. Saturation: goodput of a short closed-loop burst, throughput only; no latency claim goes with it.",
		"p50, p95 and p99: response time in ms at the sustained rate. " + none + " stands for what was not measured, and for a percentile with fewer than 100 samples beyond it, which is not claimed.",
		"CPU: ms of CPU time of application and proxy per good request. Memory: proportional set size (PSS) of application and proxy, the largest seen.",
	}
	if slices.ContainsFunc(m.Result.Cells, func(c *analysis.Cell) bool { return c.Cell.Instances > 1 }) {
		m.Footnotes = append(m.Footnotes, "Workers written as a product are those of several instances that the proxy balances over, instances first.")
	}
	for _, c := range m.Result.Cells {
		if c.Final == nil && c.Explored != nil {
			m.Footnotes = append(m.Footnotes, "A rate without final fresh starts is the one found while searching. It ranks the configurations; only rates of final starts back a claim.")
			return
		}
	}
}
