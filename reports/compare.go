package reports

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"sweetspot/analysis/compare"
	"sweetspot/analysis/foreign"
)

// quoted marks what stands in a file that somebody else wrote: Markdown shows it
// as code, so that it is read as nothing else.
type quoted string

// mostQuoted is how much is shown of what stands in a file, in runes.
const mostQuoted = 300

// plainText is the text in one line, without what steers a terminal.
func (q quoted) plainText() string {
	r := []rune(strings.Join(strings.Fields(printable(string(q))), " "))
	if len(r) > mostQuoted {
		r = append(r[:mostQuoted], '…')
	}
	return string(r)
}

// markdown is the text as code that nothing in it can end.
func (q quoted) markdown() string {
	if q.plainText() == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", "¦").Replace(q.plainText()) + "`"
}

// phrase is one sentence or cell of a table, parts of which are quoted.
type phrase []any // of string and quoted

func (p phrase) plainText() string {
	var b strings.Builder
	for _, part := range p {
		switch part := part.(type) {
		case quoted:
			b.WriteString(part.plainText())
		case string:
			b.WriteString(part)
		}
	}
	return b.String()
}

func (p phrase) markdown() string {
	var b strings.Builder
	for _, part := range p {
		switch part := part.(type) {
		case quoted:
			b.WriteString(part.markdown())
		case string:
			b.WriteString(escapeMarkdown(part))
		}
	}
	return b.String()
}

// words are cells without a quotation.
func words(cells ...string) []phrase {
	out := make([]phrase, len(cells))
	for i, c := range cells {
		out[i] = phrase{c}
	}
	return out
}

// comparing is a comparison as its formats show it.
type comparing struct {
	First    []comparingPart // what to know before anything else
	Headline phrase
	Answer   []phrase // sentences after it
	Parts    []comparingPart
}

// comparingPart has its table before its lines, and its plots after them.
type comparingPart struct {
	Title   string
	Sub     bool       // it belongs to the part before that does not
	Table   [][]phrase // the head first; nil for none
	Left    int        // columns that are aligned to the left
	Long    bool       // it holds texts rather than numbers
	Marked  []int      // rows of the table that stand out
	Lines   []phrase
	Folded  bool     // a page shows its lines on demand
	Figures []figure // not in a text
}

func (c comparing) text(color bool, width int) []byte {
	t := &textWriter{color: color, width: max(width, 40)}
	for _, p := range c.First {
		t.compared(p)
		t.line("")
	}
	t.paragraph(bold, c.Headline.plainText())
	for _, a := range c.Answer {
		t.paragraph(plain, a.plainText())
	}
	begun := false
	for _, p := range c.Parts {
		if len(p.Table)+len(p.Lines) == 0 {
			continue // only plots
		}
		if begun {
			t.line("")
		}
		t.compared(p)
		begun = true
	}
	return t.buf.Bytes()
}

func (t *textWriter) compared(p comparingPart) {
	t.section(p.Title)
	if len(p.Table) > 0 {
		rows := make([][]string, len(p.Table))
		for i, row := range p.Table {
			for _, cell := range row {
				rows[i] = append(rows[i], clean(cell.plainText()))
			}
		}
		t.fitted(rows, p.Left, strings.Repeat("l", p.Left))
	}
	for _, l := range p.Lines {
		t.bullet(l.plainText())
	}
}

func (c comparing) markdown() []byte {
	var b bytes.Buffer
	for _, p := range c.First {
		p.markdown(&b)
	}
	fmt.Fprintf(&b, "**%s**\n\n", c.Headline.markdown())
	for _, a := range c.Answer {
		fmt.Fprintf(&b, "%s\n\n", a.markdown())
	}
	for _, p := range c.Parts {
		p.markdown(&b)
	}
	return b.Bytes()
}

func (p comparingPart) markdown(b *bytes.Buffer) {
	if len(p.Table)+len(p.Lines)+len(p.Figures) == 0 {
		return
	}
	level := "##"
	if p.Sub {
		level = "###"
	}
	fmt.Fprintf(b, "%s %s\n\n", level, escapeMarkdown(p.Title))
	if len(p.Table) > 0 {
		rows := make([][]string, len(p.Table))
		for i, row := range p.Table {
			for _, cell := range row {
				rows[i] = append(rows[i], raw(cell.markdown()))
			}
		}
		markdownTable(b, rows, p.Left)
	}
	for _, l := range p.Lines {
		fmt.Fprintf(b, "- %s\n", l.markdown())
	}
	if len(p.Lines) > 0 {
		b.WriteString("\n")
	}
	for _, f := range p.Figures {
		markdownFigure(b, f)
	}
}

// FilesText tells a comparison of files for a terminal.
func FilesText(f *compare.Files, color bool, width int) []byte {
	return filesComparing(f).text(color, width)
}

// FilesMarkdown tells it in Markdown.
func FilesMarkdown(f *compare.Files) []byte { return filesComparing(f).markdown() }

func filesComparing(f *compare.Files) comparing {
	c := comparing{Headline: phrase{fmt.Sprintf("%s of the base against %s of the candidate: ", counted(len(f.Base), "attack"), count(len(f.Candidate))), "ratios without a verdict."}}
	if f.Replicated() {
		c.Headline[1] = "ratios with intervals."
	}
	var against []phrase
	for _, r := range f.Against {
		line := phrase{upperFirst(r.Why)}
		if r.Base+r.Candidate != "" {
			line = append(line, ": ", quoted(r.Base), " against ", quoted(r.Candidate))
		}
		against = append(against, append(line, "."))
	}
	if len(against) > 0 {
		c.Parts = append(c.Parts, comparingPart{Title: "Reasons not to compare", Lines: against})
	}
	var shows []phrase
	for _, s := range f.Shows {
		shows = append(shows, phrase{s})
	}
	c.Parts = append(c.Parts, comparingPart{Title: "Files", Table: filesTable(f), Left: 3},
		comparingPart{Title: "Figures", Table: metricsTable(f), Left: 1, Lines: differing(f)},
		comparingPart{Title: "What this can show, and what not", Lines: shows})
	return c
}

func filesTable(f *compare.Files) [][]phrase {
	rows := [][]phrase{words("side", "file", "read as", "requests", "errors", "seconds", "loop")}
	for i, side := range [][]foreign.Single{f.Base, f.Candidate} {
		name := []string{"base", "candidate"}[i]
		for _, s := range side {
			loop := s.Loop
			if loop == "" {
				loop = "not known"
			}
			format := s.Format
			if !strings.HasPrefix(format, s.Tool) {
				format = s.Tool + ", by " + format
			}
			rows = append(rows, append([]phrase{{name}, {quoted(filepath.Base(s.File))}}, words(
				format, count(int(s.Requests)), count(int(s.Errors)), known(s.Duration.Seconds()).text(), loop)...))
		}
	}
	return rows
}

// text writes a quantity, none when it is not known.
func (q quantity) text() string { return number(float64(q)) }

func metricsTable(f *compare.Files) [][]phrase {
	rows := [][]phrase{words("figure", "base", "candidate", "candidate ÷ base")}
	if f.Replicated() {
		rows[0] = append(rows[0], words("p")...)
	}
	for _, m := range f.Metrics {
		row := words(m.Name+", "+m.Unit, number(m.Base), number(m.Candidate), tabled(m.Ratio))
		if f.Replicated() {
			row = append(row, words(probability(m.P))...)
		}
		rows = append(rows, row)
	}
	return rows
}

func probability(p float64) string {
	switch {
	case math.IsNaN(p):
		return none
	case p < 0.001:
		return "< 0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

// differing says in words which intervals do not hold 1.
func differing(f *compare.Files) (out []phrase) {
	if !f.Replicated() {
		return nil
	}
	for _, m := range f.Metrics {
		if d := m.Differs(); d != 0 {
			which := "better"
			if (d > 0) != m.Higher {
				which = "worse"
			}
			out = append(out, phrase{fmt.Sprintf("%s: the candidate is %s, by this interval.", m.Name, which)})
		}
	}
	if len(out) == 0 {
		out = append(out, phrase{"No interval shows a difference."})
	}
	return out
}

// compareDoc is the JSON of a comparison. Its names carry the units.
type compareDoc struct {
	Schema     int         `json:"schema"`
	Kind       string      `json:"kind"` // files or runs
	Against    []reasonDoc `json:"reasons_not_to_compare,omitempty"`
	Base       []fileDoc   `json:"base,omitempty"`
	Candidate  []fileDoc   `json:"candidate,omitempty"`
	Metrics    []metricDoc `json:"metrics,omitempty"`
	Shows      []string    `json:"shows,omitempty"`
	BaseRun    string      `json:"base_run,omitempty"`
	NewRun     string      `json:"candidate_run,omitempty"`
	Differ     []string    `json:"differences,omitempty"`
	BaseWins   string      `json:"base_recommends,omitempty"`
	NewWins    string      `json:"candidate_recommends,omitempty"`
	Winners    *ratioDoc   `json:"recommended_candidate_over_base,omitempty"`
	Cells      []pairDoc   `json:"cells,omitempty"`
	OnlyOfBase []string    `json:"cells_of_base_only,omitempty"`
	OnlyOfNew  []string    `json:"cells_of_candidate_only,omitempty"`
}

type reasonDoc struct {
	Why       string `json:"why"`
	Base      string `json:"base,omitempty"`
	Candidate string `json:"candidate,omitempty"`
}

type fileDoc struct {
	File        string              `json:"file"`
	SHA256      string              `json:"sha256"`
	Tool        string              `json:"tool"`
	Format      string              `json:"format"`
	Target      string              `json:"target,omitempty"`
	Requests    uint64              `json:"requests"`
	Errors      uint64              `json:"errors"`
	ErrorsAre   string              `json:"errors_are"`
	DurationS   quantity            `json:"duration_s"`
	Good        quantity            `json:"answered_well_per_second"`
	Offered     quantity            `json:"sent_per_second"`
	Connections int                 `json:"connections,omitempty"`
	Loop        string              `json:"loop,omitempty"`
	Clock       string              `json:"latency_counts_from,omitempty"`
	Latency     map[string]quantity `json:"latency_s"`
	Withheld    []string            `json:"withheld,omitempty"`
	Cannot      []string            `json:"cannot_tell,omitempty"`
}

type metricDoc struct {
	Name      string    `json:"name"`
	Unit      string    `json:"unit"`
	Higher    bool      `json:"more_is_better"`
	Base      quantity  `json:"base"`
	Candidate quantity  `json:"candidate"`
	Ratio     *ratioDoc `json:"candidate_over_base,omitempty"`
	P         quantity  `json:"mann_whitney_p"`
}

// FilesJSON tells a comparison of files as JSON.
func FilesJSON(f *compare.Files) ([]byte, error) {
	d := compareDoc{Schema: jsonSchemaVersion, Kind: "files", Base: fileDocs(f.Base), Candidate: fileDocs(f.Candidate), Shows: f.Shows}
	for _, r := range f.Against {
		d.Against = append(d.Against, reasonDoc(r))
	}
	for _, m := range f.Metrics {
		d.Metrics = append(d.Metrics, metricDoc{m.Name, m.Unit, m.Higher, rounded(m.Base), rounded(m.Candidate), someRatioDoc(m.Ratio), rounded(m.P)})
	}
	return indented(d)
}

func fileDocs(side []foreign.Single) (out []fileDoc) {
	for _, s := range side {
		d := fileDoc{
			File: s.File, SHA256: s.SHA256, Tool: s.Tool, Format: s.Format, Target: s.Target, Requests: s.Requests, Errors: s.Errors, ErrorsAre: s.ErrorsAre,
			DurationS: known(s.Duration.Seconds()), Good: rounded(s.Good()), Offered: known(s.Offered), Connections: s.Connections, Loop: s.Loop, Clock: s.Clock,
			Latency: map[string]quantity{}, Withheld: s.Withheld, Cannot: s.Cannot,
		}
		for name, t := range s.Quantiles {
			d.Latency[name] = quantity(t.Seconds())
		}
		out = append(out, d)
	}
	return out
}
