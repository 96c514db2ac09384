package reports

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// besideVerdict says what normal requests still get beside slow clients, and
// how many WebSockets each stack holds; empty when neither was measured.
func (m *model) besideVerdict() string {
	var texts []string
	t := m.Manifest.Scenario.Traffic
	if t.Slow != nil {
		answered := m.perStack(func(b *analysis.Beside) (float64, bool) { return 100 * b.Answered, b.AnsweredAt > 0 }, " %")
		if answered != "" {
			texts = append(texts, sentence(fmt.Sprintf("Beside %s, at the lowest rate that was tried, normal requests answered well: %s", counted(t.Slow.Clients, "slow client"), answered)))
		}
	}
	if t.WebSockets != nil {
		held := m.perStack(func(b *analysis.Beside) (float64, bool) {
			if b.WebSockets == nil {
				return 0, false
			}
			return float64(b.WebSockets.Held), true
		}, "")
		if held != "" {
			texts = append(texts, sentence(fmt.Sprintf("Of %s, held to the end: %s", counted(t.WebSockets.Connections, "WebSocket"), held)))
		}
	}
	return strings.Join(texts, " ")
}

// perStack writes a figure of every server and proxy, over the cells that have
// it: "0–12 % by gunicorn-sync without a proxy; 100 % by gunicorn-sync behind
// nginx".
func (m *model) perStack(of func(*analysis.Beside) (v float64, ok bool), unit string) string {
	var stacks []string
	values := map[string][]float64{}
	for _, c := range m.Result.Cells {
		if c.Beside == nil {
			continue
		}
		if v, ok := of(c.Beside); ok {
			name := stackPhrase(c.Cell)
			if values[name] == nil {
				stacks = append(stacks, name)
			}
			values[name] = append(values[name], v)
		}
	}
	var figures []string
	by := map[string][]string{}
	for _, name := range stacks {
		text := plainNumber(slices.Min(values[name]))
		if high := plainNumber(slices.Max(values[name])); high != text {
			text += "–" + high
		}
		if by[text] == nil {
			figures = append(figures, text)
		}
		by[text] = append(by[text], name)
	}
	for i, text := range figures {
		figures[i] = text + unit + " by " + join(by[text])
	}
	return strings.Join(figures, "; ")
}

// plainNumber writes a whole number without decimals, and others with one.
func plainNumber(v float64) string {
	if v == float64(int(v)) {
		return count(int(v))
	}
	return fmt.Sprintf("%.1f", v)
}

// besideSection says what was held beside the attacks and what normal requests
// still got.
func (m *model) besideSection() section {
	s := section{Title: "Beside the attack", Left: 1, Early: true}
	t := m.Manifest.Scenario.Traffic
	head := []string{"configuration", "answered well", "at req/s", "p50 beside", "p50 alone", "p99 beside", "p99 alone", "both at req/s"}
	if t.Slow != nil {
		head = append(head, "slow served", "slow dropped")
	}
	if t.WebSockets != nil {
		head = append(head, "held", "refused", "dropped", "echo p50", "kB each")
	}
	s.Table = [][]string{head}
	for _, c := range m.Result.Cells {
		if c.Beside != nil {
			s.Table = append(s.Table, besideRow(c, t))
		}
	}
	if len(s.Table) == 1 {
		return section{}
	}
	s.Lines = append(besideNotes(t), m.refusals()...)
	return s
}

// besideNotes say what was held, and how to read the table.
func besideNotes(t scenarios.Traffic) (lines []string) {
	if t.Slow != nil {
		lines = append(lines, sentence(fmt.Sprintf("%s, %s%s", counted(t.Slow.Clients, "slow client"), slowWords[t.Slow.Kind], every(t.Slow.Every.Std()))))
	}
	if t.WebSockets != nil {
		lines = append(lines, sentence(fmt.Sprintf("%s wanted on %s, with an echo on each%s", counted(t.WebSockets.Connections, "open WebSocket"), t.WebSockets.Path, every(t.WebSockets.Every.Std()))))
	}
	return append(lines, "Answered well: share of the normal requests at the lowest rate that was tried. Beside and alone: their response times in ms at one rate, with and without what is held beside them.")
}

func every(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " every " + exact(d)
}

var slowWords = map[string]string{
	scenarios.SlowHeaders: "each sending a byte of its headers", scenarios.SlowBody: "each sending a byte of its body", scenarios.SlowRead: "each reading 4 kB of its answer",
}

func besideRow(c *analysis.Cell, t scenarios.Traffic) []string {
	b := c.Beside
	row := []string{cellShort(c.Cell), none, none, none, none, none, none, none}
	if b.AnsweredAt > 0 {
		row[1], row[2] = share(b.Answered), number(b.AnsweredAt)
	}
	if b.Rate > 0 {
		with, alone := percentiles(b.With), percentiles(b.Alone)
		row[3], row[4], row[5], row[6], row[7] = with[0], alone[0], with[2], alone[2], number(b.Rate)
	}
	if t.Slow != nil {
		served, dropped := none, none
		if b.Slow != nil {
			served, dropped = count(int(b.Slow.Served)), count(int(b.Slow.Dropped))
		}
		row = append(row, served, dropped)
	}
	if t.WebSockets != nil {
		row = append(row, socketColumns(b)...)
	}
	return row
}

func socketColumns(b *analysis.Beside) []string {
	w := b.WebSockets
	if w == nil {
		return []string{none, none, none, none, none}
	}
	echo, each := none, none
	if w.Echo.Count > 0 {
		echo = percentiles(w.Echo)[0]
	}
	if b.BytesEach > 0 {
		each = number(b.BytesEach / 1000)
	}
	return []string{count(w.Held), count(w.Refused), count(w.Dropped), echo, each}
}

// refusals says how stacks refused WebSockets.
func (m *model) refusals() (lines []string) {
	by := map[string][]string{}
	for _, c := range m.Result.Cells {
		if c.Beside == nil || c.Beside.WebSockets == nil {
			continue
		}
		for reason := range c.Beside.WebSockets.Refusals {
			if name := stackPhrase(c.Cell); !slices.Contains(by[reason], name) {
				by[reason] = append(by[reason], name)
			}
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(by)) {
		lines = append(lines, sentence(fmt.Sprintf("WebSockets refused with %s: by %s", reason, join(by[reason]))))
	}
	return lines
}
