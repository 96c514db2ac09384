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
		p("%s\n\n", escapeMarkdown(a))
	}
	if m.Why != "" {
		p("%s\n\n", escapeMarkdown(m.Why))
	}
	markdownSections(&b, m.Early)
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
		p("%s requests, %s: %s\n\n", upperFirst(k.Class), escapeMarkdown(k.Name), markdownCode(k.Cell.Cell.String()))
		rows := [][]string{{"offered requests/s", "goodput requests/s", "p50 ms", "p95 ms", "p99 ms", "verdict"}}
		for _, q := range k.Points {
			rows = append(rows, []string{q.Rate, q.Goodput, q.P50, q.P95, q.P99, q.Verdict})
		}
		markdownTable(&b, rows, 0)
	}
	if len(m.Capacity) > 0 {
		markdownSections(&b, m.Capacity)
		markdownFigure(&b, figs["scaling"])
	}
	p("## CPU and memory\n\n")
	markdownFigure(&b, figs["usage"])
	markdownSections(&b, m.Sections)
	markdownValidity(&b, m)
	p("## Method\n\n")
	markdownList(&b, m.Method)
	p("## Environment\n\n")
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

func markdownSections(b *bytes.Buffer, all []section) {
	for _, s := range all {
		fmt.Fprintf(b, "## %s\n\n", escapeMarkdown(s.Title))
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
		fmt.Fprintf(b, "- **%s**, trial %d, %s at %s, %s: %s\n", d.Verdict, d.ID, d.Phase, d.Rate, markdownCode(d.Cell), escapeMarkdown(strings.Join(d.Reasons, "; ")))
		if d.Log != "" {
			b.WriteString("\n")
			markdownBlock(b, "text", d.Log)
		}
	}
	for _, d := range m.Noted {
		fmt.Fprintf(b, "- passed with a doubt, trial %d, %s: %s\n", d.ID, markdownCode(d.Cell), escapeMarkdown(strings.Join(d.Reasons, "; ")))
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
		fmt.Fprintf(b, "- %s\n", escapeMarkdown(s))
	}
	if len(items) > 0 {
		b.WriteString("\n")
	}
}

func markdownFacts(b *bytes.Buffer, facts []fact) {
	for _, f := range facts {
		fmt.Fprintf(b, "- %s: %s\n", escapeMarkdown(f.Name), markdownCode(f.Value))
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

func markdownCode(s string) string {
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}

var (
	markdownEscapes = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "~", `\~`, "\n", " ")
	markdownTags    = regexp.MustCompile(`[<&]([A-Za-z/!?#])`)
)

// escapeMarkdown keeps text from being read as markup; "p99 < 250 ms" stays
// as it is.
func escapeMarkdown(s string) string {
	return markdownTags.ReplaceAllString(markdownEscapes.Replace(s), `\$0`)
}
