package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// section is a part of the report that only some runs have.
type section struct {
	Title string
	Lines []string
	Table [][]string // the head first; nil for none
	Left  int        // columns of the table that are aligned to the left
	Early bool       // it backs the verdict, and so follows the answer
}

// sections are what this run has to say beyond the answer and the matrix.
func (m *model) sections() {
	if s := m.capacitySection(); len(s.Lines) > 0 {
		m.Capacity = []section{s}
	}
	if s := m.tailSection(); len(s.Table) > 0 {
		m.Tail = []section{s}
	}
	for _, s := range []section{m.contestSection(), m.workerSection(), m.besideSection(), m.readBackSection(), m.lotterySection(), m.staticSection(), m.databaseSection(), m.generatorSection(), m.lintSection()} {
		switch {
		case len(s.Lines)+len(s.Table) == 0:
		case s.Early:
			m.Early = append(m.Early, s)
		default:
			m.Sections = append(m.Sections, s)
		}
	}
}

// readBackSection says which stacks were not what was asked for, and how many
// requests the others really worked on at once.
func (m *model) readBackSection() section {
	s := section{Title: "What was read back", Left: 1}
	loops := [][]string{{"event loop", "requests at once", "in flight then"}}
	exact := 0
	for _, c := range m.Result.Cells {
		switch {
		case c.Mismatch != "":
			s.Lines = append(s.Lines, sentence(fmt.Sprintf("%s is void: %s", cellPhrase(c.Cell), c.Mismatch)))
		case c.Peak != nil && c.Peak.Want > 0:
			exact++
		case c.Peak != nil:
			loops = append(loops, []string{cellShort(c.Cell), count(c.Peak.Seen), count(c.Peak.Offered)})
		}
	}
	if exact > 0 {
		s.Lines = append(s.Lines, fmt.Sprintf("%s worked on exactly workers × threads requests at once, counted inside the application on %s at every fresh start.",
			upperFirst(counted(exact, "configuration")), m.Manifest.Scenario.App.Wait))
	}
	if len(loops) > 1 {
		s.Lines = append(s.Lines, "An event loop promises no number of requests at once. What was counted inside the application while it got many:")
		s.Table = loops
	}
	return s
}

// uneven is from where on the busiest worker's connections are worth telling,
// over the mean.
const uneven = 1.25

// lotterySection says where kept connections fell unevenly to the workers.
func (m *model) lotterySection() section {
	s := section{Title: "Connections by worker", Left: 1}
	rows := [][]string{{"configuration", "busiest / mean", "worst", "connections then", "trials"}}
	for _, c := range m.Result.Cells {
		l := c.Lottery
		if l == nil || l.Worst < uneven {
			continue
		}
		texts := make([]string, len(l.WorstOf))
		for i, n := range l.WorstOf {
			texts[i] = strconv.Itoa(n)
		}
		rows = append(rows, []string{cellShort(c.Cell), number(l.Typical) + " ×", number(l.Worst) + " ×", strings.Join(texts, "/"), count(l.Trials)})
	}
	if len(rows) == 1 {
		return section{}
	}
	s.Table = rows
	life := "as long as both sides keep them"
	if n := m.Manifest.Scenario.Traffic.PerConnection; n > 0 {
		life = fmt.Sprintf("for %s in the mean", counted(n, "request"))
	}
	s.Lines = []string{
		"Workers that accept from one socket do not share kept connections evenly, and the worker with the most is the slowest. Connections live " + life + "; every trial opens its own.",
	}
	return s
}

// staticSection says how each stack serves static files.
func (m *model) staticSection() section {
	s := section{Title: "How static files are served", Left: 1}
	var order []string
	by := map[string][]string{}
	wrong := []string{}
	for _, c := range m.Result.Cells {
		if len(c.Static) == 0 {
			continue
		}
		how := served(c)
		if by[how] == nil {
			order = append(order, how)
		}
		if who := stackPhrase(c.Cell); !slices.Contains(by[how], who) {
			by[how] = append(by[how], who)
		}
		for _, a := range c.Static {
			if !a.Verified {
				wrong = append(wrong, fmt.Sprintf("%s: %s answered status %d with %s, which is not the file", cellPhrase(c.Cell), a.Path, a.Status, counted(int(a.Length), "byte")))
			}
		}
	}
	for _, how := range order {
		s.Lines = append(s.Lines, sentence(upperFirst(fmt.Sprintf("%s: %s", how, join(by[how])))))
	}
	for _, w := range wrong {
		s.Lines = append(s.Lines, sentence(w))
	}
	if len(s.Lines) > 0 {
		cache := cmp.Or(m.Manifest.Scenario.Traffic.PageCache, scenarios.WarmCache)
		s.Lines = append(s.Lines, "The page cache was "+cache+" when a trial began. Every static answer was checked by length and SHA-256.")
	}
	return s
}

// served describes how a cell serves files.
func served(c *analysis.Cell) string {
	by := "by the proxy"
	if c.Cell.Proxy == scenarios.Direct {
		by = "by the server"
	}
	if c.StaticFromApp {
		by = "by the application"
	}
	var paths, ways []string
	for _, a := range c.Static {
		if way := headers(a); !slices.Contains(ways, way) {
			paths, ways = append(paths, a.Path), append(ways, way)
		}
	}
	if len(ways) == 1 {
		return by + ", " + ways[0]
	}
	for i := range ways {
		ways[i] = paths[i] + " " + ways[i]
	}
	return by + ", " + strings.Join(ways, "; ")
}

// headers describes how one static file is answered.
func headers(a rundir.StaticAnswer) string {
	var parts []string
	for _, h := range []struct {
		name string
		has  bool
	}{{"ETag", a.ETag}, {"Last-Modified", a.LastModified}} {
		if h.has {
			parts = append(parts, "with "+h.name)
		}
	}
	if a.CacheControl != "" {
		parts = append(parts, "with Cache-Control: "+a.CacheControl)
	} else {
		parts = append(parts, "without Cache-Control")
	}
	if a.Encoding != "" && a.Encoding != "identity" {
		parts = append(parts, "compressed by "+a.Encoding+" for clients that take it")
	} else {
		parts = append(parts, "not compressed")
	}
	return strings.Join(parts, ", ")
}

// databaseSection compares connections with what the services allow.
func (m *model) databaseSection() section {
	s := section{Title: "Connections to services", Left: 2}
	rows := [][]string{{"configuration", "service", "most seen", "limit"}}
	for _, c := range m.Result.Cells {
		for _, name := range slices.Sorted(maps.Keys(c.Databases)) {
			use := c.Databases[name]
			limit := none
			if use.Limit > 0 {
				limit = count(use.Limit)
			}
			rows = append(rows, []string{cellShort(c.Cell), name, count(use.Connections), limit})
		}
	}
	if len(rows) > 1 {
		s.Table = rows
	}
	return s
}

// share writes a part of one as a percentage.
func share(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + " %" }
