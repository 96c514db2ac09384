package reports

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func renderText(in Input) ([]byte, error) { return Text(in, false, 120), nil }

// Text renders the answer and its evidence for a terminal that is width columns
// wide; method, environment but for the hosts of a fleet, and how to repeat it are
// left to the other formats.
// The matrix leaves out its least important columns when it does not fit. Without
// color no control code is written.
func Text(in Input, color bool, width int) []byte {
	t := &textWriter{color: color, width: max(width, 40)}
	m := newModel(in)
	for _, a := range m.Alerts {
		t.paragraph(yellow, a)
	}
	if m.Verdict != "" {
		t.paragraph(bold, m.Verdict)
	}
	t.paragraph(bold, m.Headline)
	if m.Name != "" {
		t.line("  " + clean(m.Name))
		t.line("")
	}
	for _, a := range m.Answer {
		t.paragraph(plain, a)
	}
	if m.Why != "" {
		t.paragraph(plain, m.Why)
	}
	for _, s := range m.Early {
		t.part(s)
		t.line("")
	}
	t.limit(m)
	t.matrix(m)
	t.curve(m)
	for _, s := range slices.Concat(m.Tail, m.Capacity, m.Sections, m.Fleet) {
		t.line("")
		t.part(s)
	}
	t.validity(m)
	return t.buf.Bytes()
}

const (
	plain  = ""
	bold   = "1"
	yellow = "33"
	green  = "32"
	red    = "31"
)

type textWriter struct {
	buf   bytes.Buffer
	color bool
	width int // columns
}

func (t *textWriter) paint(code, s string) string {
	if !t.color || code == plain {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *textWriter) line(s string) {
	t.buf.WriteString(strings.TrimRight(s, " "))
	t.buf.WriteByte('\n')
}

func (t *textWriter) paragraph(code, s string) {
	for _, l := range wrap(clean(s), t.width) {
		t.line(t.paint(code, l))
	}
	t.line("")
}

func (t *textWriter) section(name string) {
	for _, l := range wrap(clean(name), t.width) {
		t.line(t.paint(bold, l))
	}
}

func (t *textWriter) bullet(s string) {
	for i, l := range wrap(clean(s), t.width-4) {
		if i == 0 {
			t.line("  - " + l)
		} else {
			t.line("    " + l)
		}
	}
}

func (t *textWriter) limit(m *model) {
	if m.Limit != "" {
		t.section("What limits it: " + m.Limit)
		for _, e := range m.Evidence {
			t.bullet(e)
		}
		t.line("")
	}
	if len(m.Tax) > 0 || len(m.Classes) > 0 {
		t.section("Static, dynamic and the proxy")
		for _, s := range m.Tax {
			t.bullet(s)
		}
		rows := [][]string{{"class", "proxy", "at requests/s", "p50 ms", "p95 ms", "p99 ms"}}
		for _, c := range m.Classes {
			rows = append(rows, []string{clean(c.Class), clean(c.Name), c.Rate, c.P50, c.P95, c.P99})
		}
		if len(m.Classes) > 0 {
			t.fitted(rows, 2, "ll")
		}
		t.line("")
	}
	for i, w := range m.Warnings {
		if i == 0 {
			t.section("Doubts")
		}
		t.bullet(w)
		if i == len(m.Warnings)-1 {
			t.line("")
		}
	}
}

// part writes a section that only some runs have.
func (t *textWriter) part(s section) {
	t.section(s.Title)
	for _, l := range s.Lines {
		t.bullet(l)
	}
	if len(s.Table) > 0 {
		t.fitted(cleaned(s.Table), s.Left, strings.Repeat("l", s.Left))
	}
}

// fitted writes a table. One that is too wide is cut into several below each
// other, each with the first columns; where not even one more fits beside
// these, every row becomes a list of what it holds.
func (t *textWriter) fitted(table [][]string, left int, align string) {
	pieces, ok := cut(table, left, t.width)
	switch {
	case !ok:
		for _, row := range table[1:] {
			t.bullet(listed(table[0], row, left))
		}
	case len(pieces) == 1:
		t.table(table, align)
	default:
		for _, piece := range pieces {
			t.table(piece, strings.Repeat("l", left))
		}
	}
}

// cut parts a table into such as fit the width, each with the first columns.
// ok is false when a column does not fit beside these.
func cut(table [][]string, left, width int) (pieces [][][]string, ok bool) {
	widths := columnWidths(table)
	first := 0
	for _, w := range widths[:left] {
		first += w + 2
	}
	for from := left; from < len(widths); {
		to, used := from, first
		for to < len(widths) && used+widths[to]+2 <= width {
			used += widths[to] + 2
			to++
		}
		if to == from {
			return nil, false
		}
		piece := make([][]string, len(table))
		for i, row := range table {
			piece[i] = append(slices.Clone(row[:left]), row[from:to]...)
		}
		pieces, from = append(pieces, piece), to
	}
	return pieces, true
}

func cleaned(table [][]string) [][]string {
	out := make([][]string, len(table))
	for i, row := range table {
		for _, s := range row {
			out[i] = append(out[i], clean(s))
		}
	}
	return out
}

// listed writes a row of a table in one line: its first columns, then what is
// known of the others with their names.
func listed(head, row []string, left int) string {
	var parts []string
	for i := left; i < len(row); i++ {
		if row[i] != none {
			parts = append(parts, head[i]+" "+row[i])
		}
	}
	if len(parts) == 0 {
		return strings.Join(row[:left], ", ")
	}
	return strings.Join(row[:left], ", ") + ": " + strings.Join(parts, ", ")
}

// column is one column of the matrix; those of a higher rank go first when
// the terminal is too narrow.
type column struct {
	name string
	rank int
	of   func(row) string
}

var matrixColumns = []column{
	{"server", 0, func(r row) string { return r.Server }},
	{"proxy", 0, func(r row) string { return r.Proxy }},
	{"W×T", 0, func(r row) string { return sizeShort(r.Cell.Cell) }},
	{"req/s", 0, func(r row) string { return r.Rate }},
	{"95 %", 0, func(r row) string { return r.Interval }},
	{"starts", 4, func(r row) string { return r.Starts }},
	{"saturation", 5, func(r row) string { return r.Saturation }},
	{"p50 ms", 3, func(r row) string { return r.P50 }},
	{"p95 ms", 2, func(r row) string { return r.P95 }},
	{"p99 ms", 2, func(r row) string { return r.P99 }},
	{"CPU ms", 3, func(r row) string { return r.CPU }},
	{"memory", 1, func(r row) string { return r.Memory }},
	{"procs", 6, func(r row) string { return r.Processes }},
	{"ok/fail/void", 6, func(r row) string { return fmt.Sprintf("%d/%d/%d", r.Passed, r.Failed, r.Void) }},
}

func (t *textWriter) matrix(m *model) {
	if len(m.Rows) == 0 {
		return
	}
	t.section("Every configuration")
	var table [][]string
	for lowest := 6; lowest >= 0; lowest-- {
		table = matrixTable(m, lowest)
		if lowest == 0 || tableWidth(table) <= t.width {
			break
		}
	}
	if tableWidth(table) > t.width {
		for i, r := range m.Rows {
			t.bullet(strings.TrimSuffix(listed(table[0], table[i+1], 3)+"; "+clean(r.Note()), "; "))
		}
	} else {
		t.matrixLines(m, tableLines(table, "ll"))
	}
	for _, f := range m.Footnotes {
		t.bullet(f)
	}
}

// matrixLines writes the lines of the matrix, each with what there is to say of
// its row.
func (t *textWriter) matrixLines(m *model, lines []string) {
	t.line("  " + t.paint(bold, lines[0]))
	for i, r := range m.Rows {
		note := ""
		if len(r.Tags) > 0 {
			note = clean(r.Note())
		}
		l := lines[i+1]
		if free := t.width - 4 - utf8.RuneCountInString(l); note != "" && utf8.RuneCountInString(note) <= free {
			l, note = l+"  "+note, ""
		}
		if r.Winner {
			l = t.paint(green, l)
		}
		t.line("  " + l)
		for _, n := range wrap(note, t.width-6) {
			if n != "" {
				t.line("      " + n)
			}
		}
	}
}

func matrixTable(m *model, lowest int) [][]string {
	table := make([][]string, len(m.Rows)+1)
	for _, c := range matrixColumns {
		if c.rank > lowest {
			continue
		}
		table[0] = append(table[0], c.name)
		for i, r := range m.Rows {
			table[i+1] = append(table[i+1], clean(c.of(r)))
		}
	}
	return table
}

// curve shows the first curve only, the recommended cell's; a terminal has
// no room for the others.
func (t *textWriter) curve(m *model) {
	if len(m.Curves) == 0 {
		return
	}
	k := m.Curves[0]
	t.line("")
	t.section(fmt.Sprintf("Latency against load, %s requests: %s (%s)", k.Class, k.Name, cellPhrase(k.Cell.Cell)))
	rows := [][]string{{"offered req/s", "goodput", "p50 ms", "p95 ms", "p99 ms", "verdict"}}
	for _, p := range k.Points {
		rows = append(rows, []string{p.Rate, p.Goodput, p.P50, p.P95, p.P99, p.Verdict})
	}
	t.fitted(rows, 1, "rrrrrl")
}

// mostDoubtful is how many failed and void trials a terminal shows: all the
// others are in the other formats.
const mostDoubtful = 8

func (t *textWriter) validity(m *model) {
	t.line("")
	t.section(fmt.Sprintf("Trials: %d passed, %d failed, %d void", m.Counts.Passed, m.Counts.Failed, m.Counts.Void))
	for i, d := range m.Doubtful {
		if i == mostDoubtful {
			t.bullet(fmt.Sprintf("… and %d more, in the other reports", len(m.Doubtful)-i))
			break
		}
		t.bullet(fmt.Sprintf("%s, trial %s, %s at %s (%s): %s", d.Verdict, d.Trial(), d.Phase, d.Rate, d.Cell, strings.Join(d.Reasons, "; ")))
		for _, l := range lastLines(d.Log, 5) {
			t.line("        " + clean(l))
		}
	}
	if n := len(m.Noted); n > 0 {
		t.bullet(fmt.Sprintf("%d more passed with a doubt, which the other reports name", n))
	}
	t.line("")
}

func lastLines(s string, n int) []string {
	if s == "" {
		return nil
	}
	lines := strings.Split(s, "\n")
	return lines[max(0, len(lines)-n):]
}

func (t *textWriter) table(rows [][]string, left string) {
	for _, l := range tableLines(rows, left) {
		t.line("  " + l)
	}
}

func columnWidths(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, c := range r {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	return widths
}

// tableWidth counts the columns of a terminal that the table takes.
func tableWidth(rows [][]string) int {
	total := 0
	for _, w := range columnWidths(rows) {
		total += w + 2
	}
	return total
}

// tableLines aligns columns to the right, but those to the left for which the
// letter at their place in align is l.
func tableLines(rows [][]string, align string) []string {
	widths := columnWidths(rows)
	lines := make([]string, len(rows))
	for n, r := range rows {
		cells := make([]string, len(r))
		for i, c := range r {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if i < len(align) && align[i] == 'l' {
				cells[i] = c + gap
			} else {
				cells[i] = gap + c
			}
		}
		lines[n] = strings.Join(cells, "  ")
	}
	return lines
}

// clean shows control characters, so that a log cannot steer the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		if !strconv.IsPrint(r) {
			return '�'
		}
		return r
	}, s)
}

// wrap breaks s at blanks into lines of at most width runes; a longer word
// gets a line of its own.
func wrap(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}
