package reports

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// renderMarkdown writes GitHub-flavoured Markdown; plots are links to the
// files that Write puts beside it.
func renderMarkdown(in Input) ([]byte, error) {
	m := newModel(in)
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	for _, a := range m.Alerts {
		p("> **%s**\n\n", escapeMarkdown(a))
	}
	p("# %s\n\n", escapeMarkdown(m.Title))
	if m.Verdict != "" {
		p("**%s**\n\n", escapeMarkdown(m.Verdict))
	}
	p("**%s**\n\n", escapeMarkdown(m.Headline))
	if m.Name != "" {
		p("%s\n\n", markdownCode(m.Name))
	}
	for _, a := range m.Answer {
		p("%s\n\n", markdownLine(a))
	}
	if m.Why != "" {
		p("%s\n\n", markdownLine(m.Why))
	}
	markdownSections(&b, "##", m.Early)
	if m.Limit != "" {
		p("## What limits it: %s\n\n", escapeMarkdown(m.Limit))
		markdownList(&b, m.Evidence)
		markdownList(&b, m.Held)
	}
	figs := figureByName(m)
	p("## Static, dynamic and the proxy\n\n")
	markdownList(&b, m.Tax)
	if len(m.Classes) > 0 {
		rows := [][]string{{"class", "proxy", "at requests/s", "p50 ms", "p95 ms", "p99 ms"}}
		for _, c := range m.Classes {
			rows = append(rows, []string{c.Class, c.Name, c.Rate, c.P50, c.P95, c.P99})
		}
		markdownTable(&b, rows, 2)
	}
	markdownFigure(&b, figs["proxy"])
	p("## Every configuration\n\n")
	markdownMatrix(&b, m)
	markdownFigure(&b, figs["workers"])
	markdownFigure(&b, figs["heatmap"])
	p("## Latency against load\n\n")
	markdownFigure(&b, figs["latency"])
	for _, k := range m.Curves {
		p("%s requests, %s: %s\n\n", markdownLine(upperFirst(k.Class)), escapeMarkdown(k.Name), markdownCode(k.Cell.Cell.String()))
		rows := [][]string{{"offered requests/s", "goodput requests/s", "p50 ms", "p95 ms", "p99 ms", "verdict"}}
		for _, q := range k.Points {
			rows = append(rows, []string{q.Rate, q.Goodput, q.P50, q.P95, q.P99, q.Verdict})
		}
		markdownTable(&b, rows, 0)
	}
	markdownSections(&b, "##", m.Tail)
	markdownFigure(&b, figs["percentiles"])
	if len(m.Capacity) > 0 {
		markdownSections(&b, "##", m.Capacity)
		markdownFigure(&b, figs["scaling"])
	}
	p("## CPU and memory\n\n")
	markdownFigure(&b, figs["usage"])
	markdownSections(&b, "##", m.Sections)
	markdownValidity(&b, m)
	p("## Method\n\n")
	markdownList(&b, m.Method)
	p("## Environment\n\n")
	markdownSections(&b, "###", m.Fleet)
	markdownFacts(&b, append(append([]fact{}, m.Machine...), m.Versions...))
	p("## How to repeat it\n\n")
	markdownFacts(&b, m.Repeat)
	if m.Manifest.Source != "" {
		markdownBlock(&b, "yaml", m.Manifest.Source)
	}
	if s := stamp(m.Generated); s != "" {
		p("Written %s by sweetspot %s.\n", s, escapeMarkdown(m.Manifest.Tool))
	}
	return b.Bytes(), nil
}

func markdownSections(b *bytes.Buffer, level string, all []section) {
	for _, s := range all {
		fmt.Fprintf(b, "%s %s\n\n", level, escapeMarkdown(s.Title))
		markdownList(b, s.Lines)
		if len(s.Table) > 0 {
			markdownTable(b, s.Table, s.Left)
		}
	}
}

func markdownMatrix(b *bytes.Buffer, m *model) {
	rows := [][]string{{"server", "proxy", "workers", "threads", "sustained requests/s", "95 % interval", "starts", "saturation requests/s (throughput only)",
		"p50 ms", "p95 ms", "p99 ms", "CPU ms/request", "memory", "processes", "passed/failed/void", "note"}}
	for _, r := range m.Rows {
		note := r.Note()
		if r.Winner {
			note = "**" + escapeMarkdown(note) + "**"
		} else {
			note = escapeMarkdown(note)
		}
		rate := r.Rate
		if r.Cell.Struck != "" && rate != none {
			rate = raw("~~" + escapeMarkdown(rate) + "~~")
		}
		rows = append(rows, []string{r.Server, r.Proxy, r.EachWorkers(), fmt.Sprint(r.Threads), rate, r.Interval, r.Starts, r.Saturation,
			r.P50, r.P95, r.P99, r.CPU, r.Memory, r.Processes, fmt.Sprintf("%d/%d/%d", r.Passed, r.Failed, r.Void), raw(note)})
	}
	markdownTable(b, rows, 2)
	markdownList(b, m.Footnotes)
}

func markdownValidity(b *bytes.Buffer, m *model) {
	fmt.Fprintf(b, "## Validity\n\nOf %s %d passed, %d failed and %d are void.\n\n", counted(m.Counts.Total(), "trial"), m.Counts.Passed, m.Counts.Failed, m.Counts.Void)
	markdownList(b, m.Warnings)
	for _, d := range m.Doubtful {
		fmt.Fprintf(b, "- **%s**, trial %s, %s at %s, %s: %s\n", d.Verdict, escapeMarkdown(d.Trial()), escapeMarkdown(d.Phase), d.Rate, markdownCode(d.Cell), escapeMarkdown(strings.Join(d.Reasons, "; ")))
		if d.Log != "" {
			b.WriteString("\n")
			markdownBlock(b, "text", d.Log)
		}
	}
	for _, d := range m.Noted {
		fmt.Fprintf(b, "- passed with a doubt, trial %s, %s: %s\n", escapeMarkdown(d.Trial()), markdownCode(d.Cell), escapeMarkdown(strings.Join(d.Reasons, "; ")))
	}
	if len(m.Doubtful)+len(m.Noted) > 0 {
		b.WriteString("\n")
	}
}

func markdownFigure(b *bytes.Buffer, f figure) {
	if f.missing != "" {
		fmt.Fprintf(b, "*No plot of %s: %s.*\n\n", escapeMarkdown(lowerFirst(f.title)), escapeMarkdown(f.missing))
		return
	}
	fmt.Fprintf(b, "![%s](plots/%s.svg)\n\n", escapeMarkdown(f.caption), f.name)
}

func markdownList(b *bytes.Buffer, items []string) {
	for _, s := range items {
		fmt.Fprintf(b, "- %s\n", markdownLine(s))
	}
	if len(items) > 0 {
		b.WriteString("\n")
	}
}

func markdownFacts(b *bytes.Buffer, facts []fact) {
	for _, f := range facts {
		fmt.Fprintf(b, "- %s: %s\n", markdownLine(f.Name), markdownCode(f.Value))
	}
	b.WriteString("\n")
}

// raw marks a table cell that is escaped already.
func raw(s string) string { return "\x00" + s }

// markdownTable aligns columns from the left-th on to the right, but one of notes.
func markdownTable(b *bytes.Buffer, rows [][]string, left int) {
	for n, r := range rows {
		b.WriteString("|")
		for _, c := range r {
			text, escaped := strings.CutPrefix(c, "\x00")
			if !escaped {
				text = escapeMarkdown(text)
			}
			b.WriteString(" " + text + " |")
		}
		b.WriteString("\n")
		if n > 0 {
			continue
		}
		b.WriteString("|")
		for i := range r {
			if i < left || r[i] == "note" {
				b.WriteString(" --- |")
			} else {
				b.WriteString(" ---: |")
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

// markdownBlock fences text with more backquotes than it holds in a row.
func markdownBlock(b *bytes.Buffer, language, text string) {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	fmt.Fprintf(b, "%s%s\n%s\n%s\n\n", fence, language, strings.TrimRight(text, "\n"), fence)
}

// markdownCode writes text as code on one line, whatever backquotes it holds.
func markdownCode(s string) string {
	s = markdownLineEnds.Replace(s)
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) == 1 && s != "" {
		return fence + s + fence
	}
	return fence + " " + s + " " + fence
}

var (
	markdownEscapes   = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "~", `\~`, "$", `\$`, "\n", " ", "\r", " ")
	markdownLineEnds  = strings.NewReplacer("\n", " ", "\r", " ")
	markdownTags      = regexp.MustCompile(`[<&]([A-Za-z/!?#])`)
	markdownStart     = regexp.MustCompile(`^\s*(?:([-+>#=])|(\d+)([.)])(\s|$))`)
	markdownReference = regexp.MustCompile(`([@#!%&])([\pL\pN"_])`)
	markdownAddress   = regexp.MustCompile(`(?i)(://|\bwww\.|\bmailto:)`)
)

// markdownLine is escapeMarkdown of what begins a line or a list's item, where
// more is markup.
func markdownLine(s string) string {
	return markdownStart.ReplaceAllString(escapeMarkdown(s), `$2\$1$3$4`)
}

// escapeMarkdown keeps text from being read as markup, and from naming people,
// issues or addresses, which a forge would tell or link; "p99 < 250 ms" stays as
// it is.
func escapeMarkdown(s string) string {
	s = markdownTags.ReplaceAllString(markdownEscapes.Replace(s), `\$0`)
	s = markdownReference.ReplaceAllString(s, "$1&#8203;$2")
	return markdownAddress.ReplaceAllString(s, "$1&#8203;")
}
