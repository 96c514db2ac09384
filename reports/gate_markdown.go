package reports

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"sweetspot/analysis/gate"
)

// mostComment is how many bytes a comment may have: GitHub takes 65,536
// characters, which are never more than bytes.
const mostComment = 64 << 10

// renderGateMarkdown writes a step summary in GitHub-flavoured Markdown.
func renderGateMarkdown(r *gate.Result, meta GateMeta) ([]byte, error) {
	m := newGateModel(r, meta)
	return []byte(gateMarkdown(m, gateTitle(m)).whole()), nil
}

// renderGateComment writes the same as a comment: below the marker by which a
// bot finds the comment to update, and cut at whole rows where it is too long.
func renderGateComment(r *gate.Result, meta GateMeta) ([]byte, error) {
	m := newGateModel(r, meta)
	d := gateMarkdown(m, GateMarker(meta.Scenario)+"\n"+gateTitle(m))
	return []byte(d.within(mostComment)), nil
}

var notMarker = regexp.MustCompile(`[^\pL\pN._ ]+`)

// GateMarker is the first line of the comment of a scenario's gate. It is the
// same for every run of it.
func GateMarker(scenario string) string {
	return "<!-- sweetspot gate: " + strings.TrimSpace(notMarker.ReplaceAllString(inertName(scenario), "-")) + " -->"
}

func gateTitle(m *gateModel) string {
	verdict := string(m.Verdict)
	if verdict == "" {
		verdict = "no verdict"
	}
	title := "### sweetspot gate: " + verdict
	if m.Scenario != "" {
		title = "### sweetspot gate of " + escapeMarkdown(m.Scenario) + ": " + verdict
	}
	return title + "\n\n"
}

// markdownDoc is a document that can be cut between its rows.
type markdownDoc struct {
	head   string
	blocks []markdownBlockOfRows
	foot   string
}

// markdownBlockOfRows is what frames rows, and the rows; without rows it is left out.
type markdownBlockOfRows struct {
	open, close string
	rows        []string // each with its line's end
	noun        string   // of a row, for what is left out
}

func (d *markdownDoc) whole() string { return d.within(-1) }

// within writes the document in at most so many bytes, and how many rows were
// left out for that; a negative number means no limit.
func (d *markdownDoc) within(limit int) string {
	const reserve = 400 // for the line on what is left out
	room := limit - len(d.head) - len(d.foot) - reserve
	var b strings.Builder
	b.WriteString(d.head)
	var out []string
	full := false
	for _, k := range d.blocks {
		if len(k.rows) == 0 {
			continue
		}
		kept, used := 0, len(k.open)+len(k.close)
		for _, r := range k.rows {
			if full = full || limit >= 0 && used+len(r) > room; full {
				break
			}
			kept, used = kept+1, used+len(r)
		}
		if left := len(k.rows) - kept; left > 0 {
			out = append(out, counted(left, k.noun))
		}
		if kept > 0 {
			b.WriteString(k.open + strings.Join(k.rows[:kept], "") + k.close)
			room -= used
		}
	}
	if len(out) > 0 {
		fmt.Fprintf(&b, "*Left out here for its length: %s. The run's report has them.*\n\n", join(out))
	}
	b.WriteString(d.foot)
	return b.String()
}

// gateMarkdown is the document below a title.
func gateMarkdown(m *gateModel, title string) *markdownDoc {
	head := title + "**" + escapeMarkdown(m.Headline) + "**\n\n"
	for _, s := range []string{m.Early, m.Why, m.Counted} {
		if s != "" {
			head += markdownLine(s) + "\n\n"
		}
	}
	d := &markdownDoc{head: head}
	list := func(title, noun string, lines []string) {
		b := markdownBlockOfRows{open: title, close: "\n", noun: noun}
		for _, l := range lines {
			b.rows = append(b.rows, "- "+markdownLine(l)+"\n")
		}
		d.blocks = append(d.blocks, b)
	}
	list("", "warning", m.Warned)
	for i, s := range m.Tables {
		var table bytes.Buffer
		markdownTable(&table, gateCells(s.Table), s.Left)
		lines := strings.SplitAfter(strings.TrimRight(table.String(), "\n")+"\n", "\n")
		b := markdownBlockOfRows{
			open: "#### " + s.Title + "\n\n" + lines[0] + lines[1], close: "\n",
			rows: lines[2 : len(lines)-1], noun: "metric",
		}
		if m.Roles[i][0].Role == "inform" {
			b.open = fmt.Sprintf("<details><summary>%s, %s</summary>\n\n", s.Title, counted(len(b.rows), "metric")) + lines[0] + lines[1]
			b.close = "\n</details>\n\n"
		}
		d.blocks = append(d.blocks, b)
	}
	list("#### Rounds that do not count\n\n", "void round", m.Lost)
	list("#### Doubts\n\n", "doubt", m.Warnings)
	d.foot = "<details><summary>How to repeat it</summary>\n\n"
	for _, f := range m.Repeat {
		d.foot += "- " + f.Name + ": " + markdownCode(f.Value) + "\n"
	}
	d.foot += "\n</details>\n"
	return d
}

// gateCells escapes a table's cells and makes what asks for attention bold.
func gateCells(table [][]string) [][]string {
	out := make([][]string, len(table))
	for i, row := range table {
		for _, c := range row {
			text := escapeMarkdown(c)
			if i > 0 && (c == string(gate.Regressed) || c == string(gate.Inconclusive)) {
				text = "**" + text + "**"
			}
			out[i] = append(out[i], raw(text))
		}
	}
	return out
}
