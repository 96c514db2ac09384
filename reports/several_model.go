package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sweetspot/analysis"
	"sweetspot/analysis/compare"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// severalModel is a report over several runs before it has a format. Every
// format takes its figures and its sentences from here.
type severalModel struct {
	SeveralInput
	comparing
	Title  string
	Groups []*severalGroup
}

// severalGroup is runs that compare.
type severalGroup struct {
	*compare.Group
	Number   int      // from 1
	Models   []*model // the report of each run, by run
	Headline phrase
	Answer   []phrase
}

func newSeveralModel(in SeveralInput) *severalModel {
	m := &severalModel{SeveralInput: in}
	runs := 0
	for i, g := range in.Several.Groups {
		one := &severalGroup{Group: g, Number: i + 1}
		for _, r := range g.Runs {
			one.Models = append(one.Models, newModel(Input{Manifest: r.Manifest, Result: r.Result, Dir: r.Dir}))
		}
		one.answer()
		m.Groups = append(m.Groups, one)
		runs += len(g.Runs)
	}
	m.Title = fmt.Sprintf("sweetspot: %s side by side", counted(runs, "run"))
	m.answer()
	for _, g := range m.Groups {
		m.Parts = append(m.Parts, g.parts()...)
	}
	m.Parts = append(m.Parts, m.unanswered()...)
	m.Parts = append(m.Parts, m.doubts()...)
	m.Parts = append(m.Parts, m.shows(), m.repeat())
	return m
}

func (m *severalModel) figures() (all []figure) {
	for _, p := range m.Parts {
		all = append(all, p.Figures...)
	}
	return all
}

// answer is that of the first group, and what became of the runs that are not
// in it, or have no answer.
func (m *severalModel) answer() {
	first := m.Groups[0]
	m.Headline, m.Answer = first.Headline, first.Answer
	for _, g := range m.Groups[1:] {
		line := append(phrase{"Under " + join(apart(g.Apart)) + ", and so not compared with that: "}, g.names(all(len(g.Runs)))...)
		line = append(line, ". ")
		if len(g.Runs) > 1 {
			line = append(append(line, "Of these, "), g.Headline...)
		}
		m.Answer = append(m.Answer, line)
	}
	var without []quoted
	for _, g := range m.Groups {
		for i := range g.Runs {
			if !g.answered(i) {
				without = append(without, g.name(i))
			}
		}
	}
	if len(without) > 0 {
		m.Answer = append(m.Answer, append(append(phrase{"Without an answer of its own: "}, prose(without)...), "; the reasons are below."))
	}
	m.Answer = append(m.Answer, m.told(func(one *model) []string { return one.Alerts })...)
}

// apart names what keeps groups apart, each once.
func apart(all []rundir.Difference) (names []string) {
	for _, d := range all {
		name := "other traffic"
		switch path := strings.TrimPrefix(d.What, rundir.ScenarioField); {
		case d.What == rundir.CPUSets:
			name = "other CPU sets"
		case d.What == rundir.RecordedArrivals:
			name = "other recorded arrivals"
		case path == "objectives":
			name = "other objectives"
		case path == "limits.cpu":
			name = "another number of cores"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (g *severalGroup) name(i int) quoted { return quoted(g.Runs[i].Name) }

// names lists runs as prose.
func (g *severalGroup) names(which []int) phrase {
	var names []quoted
	for _, i := range which {
		names = append(names, g.name(i))
	}
	return prose(names)
}

// prose is join for what is quoted.
func prose(names []quoted) (p phrase) {
	for n, name := range names {
		switch {
		case n == 0:
		case n == len(names)-1:
			p = append(p, " and ")
		default:
			p = append(p, ", ")
		}
		p = append(p, name)
	}
	return p
}

// all are the first n indices.
func all(n int) (which []int) {
	for i := range n {
		which = append(which, i)
	}
	return which
}

// answered tells whether a run recommends something with a known rate.
func (g *severalGroup) answered(i int) bool { return slices.Contains(g.Lead.Order, i) }

// mayLead tells whether a run may be the one that sustains the most.
func (g *severalGroup) mayLead(i int) bool { return slices.Contains(g.Lead.First, i) }

// single is the run that is shown to sustain the most; ok is false when none is.
func (g *severalGroup) single() (i int, ok bool) {
	if len(g.Lead.Order) < 2 || len(g.Lead.First) != 1 {
		return 0, false
	}
	return g.Lead.First[0], true
}

// rate writes what a run sustains: "412 requests/s (95 % interval …)".
func (g *severalGroup) rate(i int) string {
	f := g.Runs[i].Sustained()
	return value(f) + " requests/s (" + support(f) + ")"
}

// answer says which run sustains the most.
func (g *severalGroup) answer() {
	l := g.Lead
	best, single := g.single()
	switch {
	case len(l.Order) == 0 && len(g.Runs) == 1:
		g.Headline = phrase{g.name(0), " recommends no configuration, and no other run compares with it."}
		return
	case len(l.Order) == 0:
		g.Headline = phrase{fmt.Sprintf("None of %s that compare recommends a configuration.", counted(len(g.Runs), "run"))}
		return
	case len(l.Order) == 1 && len(g.Runs) == 1:
		g.Headline = phrase{"No other run compares with ", g.name(0), ", which sustains " + g.rate(0) + "."}
	case len(l.Order) == 1:
		g.Headline = phrase{"Only ", g.name(l.Order[0]), fmt.Sprintf(" of %s that compare recommends a configuration: it sustains %s.", counted(len(g.Runs), "run"), g.rate(l.Order[0]))}
	case single:
		next := l.Order[1]
		g.Headline = phrase{g.name(best), " sustains most, " + value(g.Runs[best].Sustained()) + " requests/s: " + ratio(l.Over[next].Ratio) + " the rate of ", g.name(next)}
		if len(l.Order) > 2 {
			g.Headline = append(g.Headline, ", the next")
		}
		g.Headline = append(g.Headline, ".")
	default:
		g.tied()
	}
	g.Answer = append(g.Answer, g.runsWhat())
	if line := g.behind(); line != nil {
		g.Answer = append(g.Answer, line)
	}
	if line := g.drift(); line != nil {
		g.Answer = append(g.Answer, line)
	}
}

// tied says that no run leads, or why that is not told.
func (g *severalGroup) tied() {
	l := g.Lead
	if len(l.Untold) > 0 {
		few, bound := false, false
		for _, i := range l.Untold {
			few = few || g.Runs[i].Sustained().N < 2
			bound = bound || g.Runs[i].Sustained().AtLeast
		}
		var why []string
		if len(l.First) > len(l.Untold)+1 {
			why = append(why, "no difference is shown")
		}
		if few {
			why = append(why, "a rate of one fresh start has no interval")
		}
		if bound {
			why = append(why, "where the load generator was the limit, a run sustains more than was measured")
		}
		g.Headline = append(g.someNames(l.First), " are not told apart: "+join(why)+".")
		return
	}
	last := l.First[len(l.First)-1]
	who := "second"
	if len(l.First) > 2 {
		who = "last"
	}
	g.Headline = append(g.someNames(l.First), " are tied: the first sustains "+ratio(l.Over[last].Ratio)+" the rate of the "+who+", no difference shown.")
}

// mostNamed is how many runs a sentence names; the tables have all.
const mostNamed = 4

// someNames lists runs as prose, of many the first.
func (g *severalGroup) someNames(which []int) phrase {
	if len(which) <= mostNamed {
		return g.names(which)
	}
	p := phrase{}
	for _, i := range which[:mostNamed-1] {
		p = append(p, g.name(i), ", ")
	}
	p[len(p)-1] = " and "
	return append(p, counted(len(which)-mostNamed+1, "other run"))
}

// runsWhat says which configurations the first of the group recommend.
func (g *severalGroup) runsWhat() phrase {
	p := phrase{}
	for n, i := range g.Lead.First {
		if n == mostNamed {
			p = append(p, "; the others are in the table of runs")
			break
		}
		if n > 0 {
			p = append(p, "; ")
		}
		p = append(p, g.name(i), " recommends ", quoted(cellPhrase(g.Runs[i].Result.Winner.Cell)))
		if len(g.Lead.Order) > 1 {
			p = append(p, ", "+g.rate(i))
		}
	}
	return append(p, ".")
}

// behind says by how much the others are exceeded; nil when there is none that
// the headline has not told.
func (g *severalGroup) behind() phrase {
	var rest []int
	for _, i := range g.Lead.Order {
		if !g.mayLead(i) {
			rest = append(rest, i)
		}
	}
	if len(g.Lead.Order) < 3 || len(rest) == 0 {
		return nil
	}
	next, last := rest[0], rest[len(rest)-1]
	far := g.Lead.Over[last]
	p := phrase{g.name(far.Of), " sustains " + ratio(far.Ratio) + " the rate of the last, ", g.name(last)}
	if near := g.Lead.Over[next]; len(g.Lead.First) > 1 && last != next {
		p = append(p, ", and ")
		if near.Of != far.Of {
			p = append(p, g.name(near.Of), " ")
		}
		p = append(p, ratio(near.Ratio)+" that of ", g.name(next), ", the first that is shown to sustain less")
	}
	return append(p, ". These intervals are widened to hold together, over all pairs of runs.")
}

// drift warns that the ratios are of machine and time, too.
func (g *severalGroup) drift() phrase {
	if len(g.Lead.Order) < 2 {
		return nil
	}
	n := 0
	for _, f := range g.Facts {
		if kindOf(f.What) == hostFact {
			n++
		}
	}
	text := fmt.Sprintf("The runs began %s: what the machine did in between is in the ratios, and not in their intervals.", g.days())
	if n > 0 {
		text += fmt.Sprintf(" The machines differ in %s: a ratio is of machine and stack together.", counted(n, "fact"))
	}
	return phrase{text}
}

// days says when the runs began.
func (g *severalGroup) days() string {
	var days []string
	for _, r := range g.Runs {
		days = append(days, r.Manifest.Began.UTC().Format(time.DateOnly))
	}
	first, last := slices.Min(days), slices.Max(days)
	if first == last {
		return "on " + first
	}
	return "between " + first + " and " + last
}

// Kinds of facts, in the order in which they are told.
const (
	hostFact = iota
	versionFact
	scenarioFact
)

func kindOf(what string) int {
	switch {
	case strings.HasPrefix(what, "version of "):
		return versionFact
	case strings.HasPrefix(what, rundir.ScenarioField):
		return scenarioFact
	}
	return hostFact
}

// parts are what the report says of a group.
func (g *severalGroup) parts() (parts []comparingPart) {
	if g.Number > 1 {
		p := comparingPart{Title: fmt.Sprintf("Group %d, under %s: not compared with the first", g.Number, join(apart(g.Apart)))}
		for _, d := range g.Apart {
			p.Lines = append(p.Lines, phrase{quoted(d.What), ": ", quoted(short(d.There)), " in the first group, ", quoted(short(d.Here)), " here"})
		}
		p.Lines = append(p.Lines, g.Headline)
		parts = append(parts, p)
	}
	parts = append(parts, g.differences())
	if len(g.Runs) > 1 {
		parts = append(parts, comparingPart{Title: "Sustained rate", Figures: []figure{plotSustained(g)}})
	}
	parts = append(parts, g.table())
	if len(g.Lead.Order) > 1 {
		parts = append(parts, g.ratios())
	}
	if len(g.Lead.Order) > 0 {
		parts = append(parts, g.latency())
	}
	if len(g.Runs) > 1 {
		parts = append(parts, g.matrix()...)
	}
	for i := range parts {
		parts[i].Sub = parts[i].Sub || g.Number > 1 && i > 0
	}
	return parts
}

// mostShort is how much of a fact a table shows, in runes; JSON and CSV have
// all of it.
const mostShort = 60

func short(s string) string {
	if s == "" {
		return "none"
	}
	if r := []rune(s); len(r) > mostShort {
		return string(r[:mostShort]) + "…"
	}
	return s
}

// differences are the facts in which the runs differ: of the hosts first, then
// versions, then what else the scenarios ask for.
func (g *severalGroup) differences() comparingPart {
	p := comparingPart{Title: "What differs between the runs", Left: 1, Long: true}
	if len(g.Runs) == 1 {
		p.Title = "What was measured"
	}
	if facts := g.facts(); len(facts) > 0 {
		p.Table = append(p.Table, append(words("fact"), g.heads(nil)...))
		for _, f := range facts {
			row := []phrase{{quoted(f.What)}}
			for _, v := range f.Values {
				row = append(row, phrase{quoted(short(v))})
			}
			p.Table = append(p.Table, row)
		}
	} else if len(g.Runs) > 1 {
		p.Lines = append(p.Lines, phrase{"Host facts, versions and the rest of the scenarios are the same."})
	}
	if len(p.Table) > 0 {
		p.Lines = g.letters()
	}
	m := g.Runs[g.Reference].Manifest
	alike := "The same in all: "
	if len(g.Runs) == 1 {
		alike = ""
	}
	p.Lines = append(p.Lines,
		phrase{upperFirst(alike + "arrivals "), quoted(arrivals(m.Scenario.Traffic)), fmt.Sprintf(", %s in the mix; objectives ", counted(len(m.Scenario.Traffic.Requests), "request")), quoted(objectivesText(m.Scenario.Objectives)), "."},
		phrase{cpuSets(m.CPUs)})
	return p
}

// facts are ordered by their kind.
func (g *severalGroup) facts() []compare.Fact {
	facts := slices.Clone(g.Group.Facts)
	slices.SortStableFunc(facts, func(a, b compare.Fact) int { return kindOf(a.What) - kindOf(b.What) })
	return facts
}

// mostHeads is how many runes the names of runs may take as heads of columns.
const mostHeads = 60

// lettered tells whether letters stand for the names of runs at the heads of
// columns, because these are too many or too long.
func (g *severalGroup) lettered() bool {
	n := 0
	for i := range g.Runs {
		n += utf8.RuneCountInString(g.label(i))
	}
	return len(g.Runs) > 3 || n > mostHeads
}

// letter of a run: A … Z, then AA, AB and so on.
func letter(i int) string {
	text := ""
	for i++; i > 0; i = (i - 1) / 26 {
		text = string(rune('A'+(i-1)%26)) + text
	}
	return text
}

// heads are the names of runs, or their letters, as heads of columns; without
// what leave says.
func (g *severalGroup) heads(leave func(i int) bool) (cells []phrase) {
	for i := range g.Runs {
		switch {
		case leave != nil && leave(i):
		case g.lettered():
			cells = append(cells, phrase{letter(i)})
		default:
			cells = append(cells, phrase{g.name(i)})
		}
	}
	return cells
}

// rowHead is a run at the head of a row.
func (g *severalGroup) rowHead(i int) phrase {
	if g.lettered() {
		return phrase{letter(i) + " ", g.name(i)}
	}
	return phrase{g.name(i)}
}

// letters says which run a letter stands for; none where there are no letters.
func (g *severalGroup) letters() []phrase {
	if !g.lettered() {
		return nil
	}
	p := phrase{}
	for i := range g.Runs {
		if i > 0 {
			p = append(p, ", ")
		}
		p = append(p, letter(i)+" is ", g.name(i))
	}
	return []phrase{append(p, ".")}
}

// table is what each run recommends.
func (g *severalGroup) table() comparingPart {
	p := comparingPart{Title: "What each run recommends", Left: 2}
	p.Table = [][]phrase{words("run", "configuration", "requests/s", "95 % interval", "starts", "p50 ms", "p95 ms", "p99 ms", "CPU ms/request", "memory", "began", "host", "application")}
	for i, r := range g.Runs {
		row := []phrase{g.rowHead(i)}
		if g.answered(i) {
			w, f := r.Result.Winner, r.Sustained()
			row = append(row, phrase{quoted(cellShort(w.Cell))})
			row = append(row, words(value(f), interval(f), count(f.N))...)
			t := percentiles(w.Latency[scenarios.All])
			row = append(row, words(t[0], t[1], t[2], some(cpu(w)), size(float64(w.Memory)))...)
		} else {
			row = append(row, words("no answer", none, none, none, none, none, none, none, none)...)
		}
		m := r.Manifest
		row = append(row, phrase{m.Began.UTC().Format("2006-01-02 15:04")}, phrase{quoted(orNone(m.Host.Hostname))}, phrase{quoted(application(m))})
		p.Table = append(p.Table, row)
		if len(g.Lead.Order) > 1 && g.mayLead(i) {
			p.Marked = append(p.Marked, i+1)
		}
	}
	p.Table, p.Lines = uniform(filled(p.Table), "host", "application")
	if g.Number == 1 {
		p.Lines = append(p.Lines, phrase{"Requests/s: the highest offered rate that meets every objective, over fresh starts. p50, p95 and p99: response time at that rate, which is another for each run: at the same load those that sustain more answer faster. CPU: of application and proxy per good request. Memory: PSS of application and proxy, the largest seen."})
	}
	for i, r := range g.Runs {
		if w := r.Result.Winner; w != nil && w.Final == nil && g.answered(i) {
			p.Lines = append(p.Lines, phrase{g.name(i), ": found while searching, not confirmed on final fresh starts."})
		}
	}
	return p
}

// uniform takes those of the named columns out of a table that say the same in
// every row, and returns what they say.
func uniform(table [][]phrase, names ...string) (_ [][]phrase, said []phrase) {
	for _, name := range names {
		i := slices.IndexFunc(table[0], func(p phrase) bool { return p.plainText() == name })
		if i < 0 || slices.ContainsFunc(table[1:], func(r []phrase) bool { return r[i].plainText() != table[1][i].plainText() }) {
			continue
		}
		said = append(said, append(phrase{upperFirst(name) + ": "}, table[1][i]...))
		for n := range table {
			table[n] = slices.Delete(table[n], i, i+1)
		}
	}
	return table, said
}

func some(v float64) string {
	if v == 0 {
		return none
	}
	return number(v)
}

// application names what a run measured.
func application(m rundir.Manifest) string {
	s := m.Scenario
	switch {
	case s.Target != "":
		return s.Target
	case s.App.Interface == scenarios.Embedded:
		return "embedded"
	case s.App.Module == "":
		return s.Name
	}
	return s.App.Module
}

// ratios set the runs against the reference.
func (g *severalGroup) ratios() comparingPart {
	ref := g.Reference
	p := comparingPart{Title: "Ratios to the reference", Left: 1}
	p.Lines = append(p.Lines, phrase{"The reference is ", g.name(ref), "; above 1 a run has more. Intervals are of 95 % each. Memory is the largest seen, without an interval."})
	p.Table = [][]phrase{words("run", "sustained", "shown to sustain", "CPU/request of the application", "memory")}
	n := 0
	for i := range g.Runs {
		o := g.Over[i]
		if o == nil || !g.answered(i) || !g.answered(ref) {
			continue
		}
		if o.Bound != "" {
			p.Lines = append(p.Lines, phrase{g.name(i), ": no ratio of what they sustain: " + o.Bound + "."})
		}
		if hasInterval(o.Winners) {
			n++
		}
		row := append([]phrase{g.rowHead(i)}, words(tabled(o.Winners), shown(o.Winners), tabled(o.CPU), some(g.memory(i)))...)
		p.Table = append(p.Table, row)
	}
	if len(p.Table) == 1 {
		p.Table, p.Lines = nil, []phrase{{"There are none: the reference, ", g.name(ref), ", has no answer. Choose another by --reference."}}
		return p
	}
	if n > 1 {
		p.Lines = append(p.Lines, phrase{fmt.Sprintf("These intervals hold one by one, not together: of runs that are alike, one in twenty does not hold 1. Which run sustains most, above, is told by intervals that do hold together: of %s each, for the %s.",
			level(g.Lead.Level), counted(len(g.Lead.Order)*(len(g.Lead.Order)-1)/2, "pair"))})
	}
	return p
}

func level(p float64) string { return strconv.FormatFloat(100*p, 'f', 2, 64) + " %" }

// memory is that of a run's recommended cell over the reference's; 0 unknown.
func (g *severalGroup) memory(i int) float64 {
	a, b := g.Runs[g.Reference].Result.Winner, g.Runs[i].Result.Winner
	if a.Memory <= 0 || b.Memory <= 0 {
		return 0
	}
	return float64(b.Memory) / float64(a.Memory)
}

// shown says what an interval of a ratio shows.
func shown(f *analysis.Figure) string {
	switch {
	case f == nil:
		return none
	case f.AtLeast && f.Value > 1:
		return "more"
	case f.AtLeast || !hasInterval(f):
		return "cannot tell"
	case f.Low > 1:
		return "more"
	case f.High < 1:
		return "less"
	}
	return "no difference"
}

// matrix is what the same configurations did in each run.
func (g *severalGroup) matrix() (parts []comparingPart) {
	rates := comparingPart{Title: "The same configurations, requests/s sustained", Left: 1}
	rates.Table = [][]phrase{append(words("configuration"), g.heads(nil)...)}
	over := comparingPart{Title: "The same configurations, ratio to the reference", Left: 1}
	over.Table = [][]phrase{append(words("configuration"), g.heads(func(i int) bool { return g.Over[i] == nil })...)}
	intervals := 0
	for _, r := range g.Rows {
		if !r.Shared() {
			continue
		}
		name, known := phrase{quoted(cellShort(cellOf(r)))}, false
		row, ratios := []phrase{name}, []phrase{name}
		for i, c := range r.Cells {
			row = append(row, phrase{g.measured(i, c)})
			if g.Over[i] == nil {
				continue
			}
			text, f := overText(r.Over[i])
			ratios, known = append(ratios, phrase{text}), known || f != nil
			if hasInterval(f) {
				intervals++
			}
		}
		rates.Table = append(rates.Table, row)
		if known {
			over.Table = append(over.Table, ratios)
		}
	}
	if len(rates.Table) > 1 {
		rates.Lines = g.letters()
		parts = append(parts, rates)
	}
	if len(over.Table) > 1 {
		over.Lines = []phrase{{"Where a rate is missing, the ratio is of the saturation, which is throughput only."}}
		if intervals > 0 {
			over.Lines = append(over.Lines, phrase{fmt.Sprintf("Intervals are of 95 %% each, not together: were the runs alike, about %s of these %d would not hold 1.", number(float64(intervals)/20), intervals)})
		}
		parts = append(parts, over)
	}
	return append(parts, g.alone()...)
}

// alone lists the configurations that one run alone has.
func (g *severalGroup) alone() []comparingPart {
	p := comparingPart{Title: "Configurations of one run alone, requests/s sustained", Folded: true}
	for i := range g.Runs {
		line := phrase{}
		for _, r := range g.Rows {
			if c := r.Cells[i]; c != nil && !r.Shared() {
				sep := "; "
				if len(line) == 0 {
					sep = ": "
				}
				line = append(line, sep, quoted(cellShort(c.Cell)), ": "+g.measured(i, c))
			}
		}
		if len(line) > 0 {
			p.Lines = append(p.Lines, append(phrase{g.name(i)}, line...))
		}
	}
	if len(p.Lines) == 0 {
		return nil
	}
	return []comparingPart{p}
}

// cellOf is the configuration of a row.
func cellOf(r compare.Row) scenarios.Cell {
	for _, c := range r.Cells {
		if c != nil {
			return c.Cell
		}
	}
	return scenarios.Cell{}
}

// measured is what a run found of a configuration, or why it found nothing.
func (g *severalGroup) measured(i int, c *analysis.Cell) string {
	if c == nil {
		return "not in its matrix"
	}
	if f := c.Sustainable(); f != nil {
		if hasInterval(f) {
			return withInterval(f)
		}
		return value(f)
	}
	tags, _ := g.Models[i].tags(c)
	tag := tags[len(tags)-1]
	switch {
	case c.Saturation == nil:
		return tag
	case tag == "saturation only":
		return "saturation " + value(c.Saturation)
	}
	return tag + ", saturation " + value(c.Saturation)
}

// overText writes the ratio of one configuration, and returns it; nil for none.
func overText(c *compare.Cell) (string, *analysis.Figure) {
	switch {
	case c == nil:
		return none, nil
	case c.Sustained != nil:
		return tabled(c.Sustained), c.Sustained
	case c.Saturation != nil:
		return "saturation " + tabled(c.Saturation), c.Saturation
	}
	return none, nil
}

// unanswered lists the runs that recommend nothing, with the reason.
func (m *severalModel) unanswered() []comparingPart {
	p := comparingPart{Title: "Runs without an answer"}
	for _, g := range m.Groups {
		for i, r := range g.Runs {
			if !g.answered(i) {
				p.Lines = append(p.Lines, phrase{g.name(i), ": ", quoted(why(r.Result))})
			}
		}
	}
	if len(p.Lines) == 0 {
		return nil
	}
	return []comparingPart{p}
}

// why says why a run has no rate to compare.
func why(r *analysis.Result) string {
	text := r.Outcome
	if r.Winner != nil {
		text = "the sustainable rate of what it recommends was not measured"
	}
	if r.Because != "" {
		text += ": " + r.Because
	}
	return text
}

// doubts are the warnings of the runs.
func (m *severalModel) doubts() []comparingPart {
	lines := m.told(func(one *model) []string { return one.Warnings })
	if len(lines) == 0 {
		return nil
	}
	return []comparingPart{{Title: "Doubts about the runs", Lines: lines}}
}

// told lists texts of the runs, each once with the runs that say it.
func (m *severalModel) told(of func(*model) []string) (lines []phrase) {
	var order []string
	by := map[string][]quoted{}
	for _, g := range m.Groups {
		for i, one := range g.Models {
			for _, text := range of(one) {
				if by[text] == nil {
					order = append(order, text)
				}
				by[text] = append(by[text], g.name(i))
			}
		}
	}
	for _, text := range order {
		lines = append(lines, append(prose(by[text]), ": ", quoted(text)))
	}
	return lines
}

// shows says what the report can show, and what not.
func (m *severalModel) shows() comparingPart {
	return comparingPart{Title: "What this can show, and what not", Lines: []phrase{
		{"Runs compare only under the same traffic, objectives and CPU sets. Runs under others are in groups of their own, with the reason; none is left out."},
		{runsApart},
		{"Which run sustains most is told by intervals over all pairs of runs, each of 95 % widened by Bonferroni's rule, so that with 95 % all of them hold at once. All other intervals are of 95 % each."},
		{"A run chose its recommended configuration by its own trials; the rate is of final fresh starts where there were some, which the choice does not flatter."},
		{"Percentiles are at the rate that each run sustains, so that no ratio of them is given: latency against load, and percentiles up to the maximum, show them side by side."},
		{"Builds that alternate in one run are told apart more sharply: sweetspot gate does that; servers and proxies in one scenario, too: search.compare."},
	}}
}

// repeat is what it takes to make each run again.
func (m *severalModel) repeat() comparingPart {
	p := comparingPart{Title: "How to repeat the runs", Left: 1, Long: true, Table: [][]phrase{words("run", "command", "seed", "scenario, SHA-256", "sweetspot", "folder")}}
	for _, g := range m.Groups {
		for i, r := range g.Runs {
			mf := r.Manifest
			p.Table = append(p.Table, []phrase{{g.name(i)}, {quoted(orNone(shellLine(mf.CommandLine)))}, {strconv.FormatUint(mf.Seed, 10)}, {quoted(orNone(first(mf.ScenarioHash, 12)))}, {quoted(mf.Tool)}, {quoted(r.Dir)}})
		}
	}
	p.Table = filled(p.Table)
	return p
}

func first(s string, n int) string { return s[:min(n, len(s))] }
