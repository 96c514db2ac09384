package reports

import (
	"bytes"
	"strings"

	"sweetspot/analysis/gate"
)

func renderGateText(r *gate.Result, meta GateMeta) ([]byte, error) {
	return GateText(r, meta, false, 120), nil
}

// GateText renders a gate's answer and its evidence for a terminal that is
// width columns wide. Without color no control code is written. No line of it is
// a command to a CI runner that reads its log.
func GateText(r *gate.Result, meta GateMeta, color bool, width int) []byte {
	t := &textWriter{color: color, width: max(width, 40)}
	m := newGateModel(r, meta)
	t.headline(m)
	if m.Early != "" {
		t.paragraph(yellow, m.Early)
	}
	for _, s := range m.Warned {
		t.paragraph(yellow, s)
	}
	if m.Why != "" {
		t.paragraph(plain, m.Why)
	}
	t.paragraph(plain, m.Counted)
	for i, s := range m.Tables {
		t.metrics(s, m.Roles[i])
		t.line("")
	}
	for _, s := range []section{{Title: "Rounds that do not count", Lines: m.Lost}, {Title: "Doubts", Lines: m.Warnings}} {
		if len(s.Lines) > 0 {
			t.part(s)
			t.line("")
		}
	}
	t.section("How to repeat it")
	for _, f := range m.Repeat {
		t.bullet(f.Name + ": " + f.Value)
	}
	return withoutCommands(t.buf.Bytes())
}

var verdictColors = map[gate.Verdict]string{gate.Regressed: red, gate.Inconclusive: yellow, gate.Improved: green, gate.Pass: green}

// headline paints the verdict in its colour and the rest in bold.
func (t *textWriter) headline(m *gateModel) {
	word, rest, _ := strings.Cut(m.Headline, ":")
	lines := wrap(word+":"+rest, t.width)
	lines[0] = t.paint(verdictColors[m.Verdict], word+":") + t.paint(bold, strings.TrimPrefix(lines[0], word+":"))
	for i, l := range lines {
		if i > 0 {
			l = t.paint(bold, l)
		}
		t.line(l)
	}
	t.line("")
}

// metrics writes a table of metrics, each line in the colour of its verdict
// where it is one that asks for attention.
func (t *textWriter) metrics(s section, all []gate.Metric) {
	t.section(s.Title)
	if tableWidth(s.Table) > t.width {
		t.fitted(s.Table, s.Left, "ll")
		return
	}
	for i, l := range tableLines(s.Table, "ll") {
		code := plain
		switch {
		case i == 0:
			code = bold
		case all[i-1].Verdict != gate.Pass:
			code = verdictColors[all[i-1].Verdict]
		}
		t.line("  " + t.paint(code, strings.TrimRight(l, " ")))
	}
}

// withoutCommands parts the colons with which a line would begin a workflow
// command of GitHub: wrapping may put anybody's word first.
func withoutCommands(b []byte) []byte {
	lines := bytes.Split(b, []byte("\n"))
	for i, l := range lines {
		if text := bytes.TrimSpace(l); bytes.HasPrefix(text, []byte("::")) {
			lines[i] = bytes.Replace(l, []byte("::"), []byte(": :"), 1)
		}
	}
	return bytes.Join(lines, []byte("\n"))
}
