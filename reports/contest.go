package reports

import (
	"fmt"
	"slices"
	"strings"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// verdict answers what the scenario compares, or what something beside the
// attack does, in one sentence that opens the report; empty when the scenario
// asks for neither, or too little was measured.
func (m *model) verdict() string {
	compare := m.Manifest.Scenario.Search.Compare
	switch {
	case compare == scenarios.CompareFolklore:
		return sentence(m.folkloreVerdict())
	case compare == "" && m.Manifest.Scenario.Traffic.Beside():
		return sentence(m.besideVerdict())
	case m.Result.Contest == nil:
		return ""
	}
	c := m.Result.Contest
	ref, others := split(c)
	switch c.Dimension {
	case scenarios.CompareProxy:
		return sentence(proxyVerdict(ref, others))
	case scenarios.CompareClass:
		return sentence(classVerdict(ref, others))
	case scenarios.CompareServer:
		return sentence(serverVerdict(ref, others))
	case scenarios.CompareInterface:
		return sentence(pairVerdict(ref, others, strings.ToUpper))
	case scenarios.CompareInstances:
		return sentence(pairVerdict(ref, others, instancesName))
	}
	return ""
}

// split parts the reference from the entries that are set against it.
func split(c *analysis.Contest) (ref analysis.Entry, others []analysis.Entry) {
	for _, e := range c.Entries {
		if e.Reference {
			ref = e
		} else {
			others = append(others, e)
		}
	}
	return ref, others
}

// proxyVerdict says what each proxy does to the load that one and the same
// server sustains, and to the throughput of either class, a sentence a proxy.
func proxyVerdict(ref analysis.Entry, others []analysis.Entry) string {
	c := ref.Cell.Cell
	var texts []string
	for _, e := range others {
		if e.Ratio == nil {
			continue
		}
		text := fmt.Sprintf("Behind %s %s", e.Cell.Cell.Proxy, times(e.Ratio))
		if len(texts) == 0 {
			text = fmt.Sprintf("Behind %s, %s with %s sustains %s the rate that it does %s",
				e.Cell.Cell.Proxy, c.Server, sizePhrase(c), times(e.Ratio), proxyPhrase(c.Proxy))
		}
		for _, class := range []string{scenarios.Dynamic, scenarios.Static} {
			text += alone(e, class)
		}
		texts = append(texts, sentence(text))
	}
	return strings.Join(texts, " ")
}

// alone says what a proxy does to one class of requests alone: to its
// throughput, or, where the generator was the limit of that, to the CPU time of
// a request.
func alone(e analysis.Entry, class string) string {
	switch {
	case e.Classes[class] != nil:
		return fmt.Sprintf("; %s throughput alone %s", class, times(e.Classes[class]))
	case e.CPU[class] != nil:
		return fmt.Sprintf("; %s the CPU time of a %s request", times(e.CPU[class]), class)
	}
	return ""
}

// classVerdict says what static and dynamic requests alone come to, with and
// without each proxy.
func classVerdict(ref analysis.Entry, others []analysis.Entry) string {
	c := ref.Cell.Cell
	static, dynamic := ref.Cell.Classes[scenarios.Static], ref.Cell.Classes[scenarios.Dynamic]
	if static == nil || dynamic == nil {
		return proxyVerdict(ref, others)
	}
	parts := []string{fmt.Sprintf("in closed loops of one class alone, %s with %s serves %s static or %s dynamic requests/s %s",
		c.Server, sizePhrase(c), value(static), value(dynamic), proxyPhrase(c.Proxy))}
	for _, e := range others {
		var each []string
		for _, class := range []string{scenarios.Static, scenarios.Dynamic} {
			if f := e.Classes[class]; f != nil {
				each = append(each, fmt.Sprintf("%s as many %s ones", times(f), class))
			}
			if f := e.CPU[class]; f != nil {
				each = append(each, fmt.Sprintf("%s the CPU time of a %s request", times(f), class))
			}
		}
		if len(each) > 0 {
			parts = append(parts, proxyPhrase(e.Cell.Cell.Proxy)+" "+join(each))
		}
	}
	return upperFirst(strings.Join(parts, "; "))
}

// serverVerdict ranks the servers against the best.
func serverVerdict(best analysis.Entry, others []analysis.Entry) string {
	var parts []string
	for _, e := range others {
		if e.Ratio != nil {
			parts = append(parts, fmt.Sprintf("%s sustains %s", e.Value, times(e.Ratio)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Of %s, each at its best, %s sustains the most: %s requests/s with %s. Of that rate %s",
		counted(len(others)+1, "application server"), best.Value, withInterval(best.Cell.Sustainable()), sizePhrase(best.Cell.Cell), strings.Join(parts, ", "))
}

// pairVerdict sets the best of each value against the reference's.
func pairVerdict(ref analysis.Entry, others []analysis.Entry, name func(string) string) string {
	var parts []string
	for _, e := range others {
		if e.Ratio != nil {
			parts = append(parts, fmt.Sprintf("%s sustains %s the rate of %s: %s requests/s with %s, against %s with %s",
				name(e.Value), times(e.Ratio), name(ref.Value),
				value(e.Cell.Sustainable()), cellPhrase(e.Cell.Cell), value(ref.Cell.Sustainable()), cellPhrase(ref.Cell.Cell)))
		}
	}
	return upperFirst(strings.Join(parts, "; "))
}

func instancesName(value string) string {
	if value == "1" {
		return "one server"
	}
	return "balancing over " + value + " instances"
}

// folkloreVerdict sets what is recommended against every folklore setting.
func (m *model) folkloreVerdict() string {
	var right, beaten, unknown []string
	for _, f := range m.Result.Folklore {
		switch {
		case f.Cell == nil:
		case same(f.Cell, m.Result.Winner):
			right = append(right, f.Name)
		case f.Ratio != nil:
			beaten = append(beaten, fmt.Sprintf("%s the rate of %s (%s)", times(f.Ratio), f.Name, cellPhrase(f.Cell.Cell)))
		default:
			text := fmt.Sprintf("%s (%s) sustains no known rate", f.Name, cellPhrase(f.Cell.Cell))
			if why := outOfRun(f.Cell); why != "" {
				text += ": " + why
			}
			unknown = append(unknown, text)
		}
	}
	var parts []string
	switch {
	case len(right) > 0 && len(beaten) > 0:
		parts = []string{"measuring recommends " + join(right) + ", too; it sustains " + join(beaten)}
	case len(right) > 0:
		parts = []string{"measuring recommends " + join(right) + ", too"}
	case len(beaten) > 0:
		parts = []string{"measuring finds a configuration that sustains " + join(beaten)}
	}
	return upperFirst(strings.Join(append(parts, unknown...), "; "))
}

// times writes a ratio, and says when it shows no difference: "1.01 ×
// (0.96–1.06, no difference shown)".
func times(f *analysis.Figure) string {
	text := ratio(f)
	if hasInterval(f) && f.Low <= 1 && f.High >= 1 {
		return strings.TrimSuffix(text, ")") + ", no difference shown)"
	}
	return text
}

// contestColumn is one column of the table of what the scenario compares.
type contestColumn struct {
	name string
	of   func(analysis.Entry) string
}

// against is a column of ratios to the reference.
func against(name string, of func(analysis.Entry) *analysis.Figure) contestColumn {
	return contestColumn{name, func(e analysis.Entry) string {
		if e.Reference {
			return "1 ×"
		}
		return ratio(of(e))
	}}
}

// leftColumns name an entry: its value and, unless all are one configuration
// behind several proxies, its configuration.
func leftColumns(c *analysis.Contest) []contestColumn {
	columns := []contestColumn{{c.Dimension, func(e analysis.Entry) string {
		if e.Reference {
			return e.Value + " (reference)"
		}
		return e.Value
	}}}
	if !overProxies(c) {
		columns = append(columns, contestColumn{"configuration", func(e analysis.Entry) string { return cellShort(e.Cell.Cell) }})
	}
	return columns
}

// overProxies tells whether a contest is one configuration behind several
// proxies.
func overProxies(c *analysis.Contest) bool {
	return c != nil && (c.Dimension == scenarios.CompareProxy || c.Dimension == scenarios.CompareClass)
}

// figureColumns are the columns that a contest has figures for.
func figureColumns(c *analysis.Contest) []contestColumn {
	columns := []contestColumn{
		{"sustained req/s", func(e analysis.Entry) string { return value(e.Cell.Sustainable()) }},
		{"95 %", func(e analysis.Entry) string { return interval(e.Cell.Sustainable()) }},
		against("ratio", func(e analysis.Entry) *analysis.Figure { return e.Ratio }),
	}
	has := func(of func(analysis.Entry) *analysis.Figure) bool {
		return slices.ContainsFunc(c.Entries, func(e analysis.Entry) bool { return of(e) != nil })
	}
	for _, class := range []string{scenarios.Dynamic, scenarios.Static} {
		alone := func(e analysis.Entry) *analysis.Figure { return e.Cell.Classes[class] }
		if has(alone) {
			columns = append(columns,
				contestColumn{class + " req/s", func(e analysis.Entry) string { return value(alone(e)) }},
				against(class+" ratio", func(e analysis.Entry) *analysis.Figure { return e.Classes[class] }))
		}
		cpu := func(e analysis.Entry) *analysis.Figure { return e.Cell.ClassCPU[class] }
		if has(cpu) {
			columns = append(columns,
				contestColumn{class + " CPU ms", func(e analysis.Entry) string { return value(cpu(e)) }},
				against(class+" CPU ratio", func(e analysis.Entry) *analysis.Figure { return e.CPU[class] }))
		}
	}
	median := func(e analysis.Entry) *analysis.Figure { return e.Latency[scenarios.Dynamic] }
	if has(median) {
		columns = append(columns, against("dynamic p50 ratio", median))
	}
	return columns
}

// contestSection is the table of what the scenario compares.
func (m *model) contestSection() section {
	c := m.Result.Contest
	if c == nil {
		return section{}
	}
	left := leftColumns(c)
	columns := append(slices.Clone(left), figureColumns(c)...)
	s := section{Title: "Compared: " + c.Dimension, Lines: contestNotes(c), Left: len(left), Early: true, Table: make([][]string, len(c.Entries)+1)}
	for _, column := range columns {
		s.Table[0] = append(s.Table[0], column.name)
		for i, e := range c.Entries {
			s.Table[i+1] = append(s.Table[i+1], column.of(e))
		}
	}
	return s
}

// contestNotes say how to read the table, who serves no files, and who is not
// in it.
func contestNotes(c *analysis.Contest) (lines []string) {
	text := "Ratios are to the reference, of pairs from the same final rounds, with 95 % intervals over fresh starts"
	if slices.ContainsFunc(c.Entries, func(e analysis.Entry) bool { return len(e.Classes) > 0 }) {
		text += ". Dynamic and static req/s: closed loops of one class alone, throughput only; ≥ where the generator was the limit. CPU: of application and proxy, per request of those"
	}
	if slices.ContainsFunc(c.Entries, func(e analysis.Entry) bool { return e.Latency[scenarios.Dynamic] != nil }) {
		text += ". Dynamic p50: median response time, each at the same share of the rate that it sustains; above 1 is slower"
	}
	lines = append(lines, sentence(text))
	if overProxies(c) {
		cell := c.Entries[0].Cell.Cell
		lines = append(lines, sentence(fmt.Sprintf("All are %s with %s", cell.Server, sizePhrase(cell))))
	}
	for _, e := range c.Entries {
		proxy := e.Cell.Cell.Proxy
		line := sentence(proxy + " serves no files: static requests go to the application behind it")
		if proxy != scenarios.Direct && e.Cell.StaticFromApp && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
		if e.Cell.Final == nil {
			lines = append(lines, sentence(fmt.Sprintf("%s was not measured on final starts, so that its rate is the one found while searching", e.Value)))
		}
	}
	for _, a := range c.Absent {
		why := firstLine(a.Why)
		if why == "" {
			why = "no rate that it sustains was found"
		}
		lines = append(lines, sentence(fmt.Sprintf("%s is not compared: %s", a.Value, why)))
	}
	return lines
}
