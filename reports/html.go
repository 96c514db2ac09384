package reports

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"regexp"
	"strings"
	"time"

	"gonum.org/v1/plot/vg/draw"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

var (
	//go:embed report.html.tmpl
	htmlSource string
	//go:embed report.css
	htmlStyle string
	//go:embed report.js
	htmlScript string
)

var htmlTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"join": strings.Join, "upperFirst": upperFirst, "lowerFirst": lowerFirst, "stamp": stamp, "tie": tie,
	"part": func(name string, parts ...any) map[string]any { return map[string]any{"Name": name, "Parts": parts} },
}).Parse(htmlSource))

var unitAfterNumber = regexp.MustCompile(`(\d) ([%×]|ms\b|requests/s)`)

// tie keeps a number and its unit on one line.
func tie(s string) string { return unitAfterNumber.ReplaceAllString(s, "$1\u00a0$2") }

// htmlFigure is a plot inside the page.
type htmlFigure struct {
	Title, Caption, Missing string
	SVG                     template.HTML
}

// htmlPage is what the template shows.
type htmlPage struct {
	*model
	Figures map[string]*htmlFigure
	Facts   []keyFact
	Against []rival
	Each    []htmlCurve
	Places  map[scenarios.Cell]string // id of the place of each cell's curve
	Usage   []section                 // of the model's sections, what one worker takes
	Others  []section
	Policy  string
	Style   template.HTML
	Script  template.HTML
}

// renderHTML writes one self-contained page: no request leaves it, its only
// script is its own, and without that it says the same.
func renderHTML(in Input) ([]byte, error) {
	m := newModel(in)
	p := htmlPage{
		model: m, Figures: map[string]*htmlFigure{}, Facts: m.keyFacts(), Against: m.rivals(), Each: m.eachCurve(), Places: map[scenarios.Cell]string{},
		Policy: pagePolicy(), Style: styleElement(""), Script: scriptElement(),
	}
	for i := range p.Each {
		p.Places[p.Each[i].Cell.Cell] = p.Each[i].ID
	}
	for _, s := range m.Sections {
		if s.Title == workerTitle {
			p.Usage = append(p.Usage, s)
		} else {
			p.Others = append(p.Others, s)
		}
	}
	for _, f := range figures(m) {
		h, err := f.inPage(p.Places)
		if err != nil {
			return nil, err
		}
		p.Figures[f.name] = h
	}
	var b bytes.Buffer
	if err := htmlTemplate.Execute(&b, p); err != nil {
		return nil, err
	}
	if err := p.drawEach(mostPage - b.Len()); err != nil {
		return nil, err
	}
	b.Reset()
	err := htmlTemplate.Execute(&b, p)
	return b.Bytes(), err
}

// pagePolicy lets a page run its own script alone, and ask for nothing.
func pagePolicy() string {
	sum := sha256.Sum256([]byte(htmlScript))
	return "default-src 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
}

// styleElement and scriptElement are files of this package.
func styleElement(more string) template.HTML {
	return template.HTML("<style>\n" + htmlStyle + more + "</style>")
}

func scriptElement() template.HTML { return template.HTML("<script>" + htmlScript + "</script>") }

// inPage draws the figure with its marks.
func (f figure) inPage(places map[scenarios.Cell]string) (*htmlFigure, error) {
	h := &htmlFigure{Title: f.title, Caption: f.caption, Missing: f.missing}
	if f.missing != "" {
		return h, nil
	}
	l := newLayer(f.height)
	f.render(draw.New(l))
	svg, err := l.element(f.title, places)
	if err != nil {
		return nil, fmt.Errorf("plot %s: %w", f.name, err)
	}
	h.SVG = template.HTML(svg) // drawn by this package, all texts escaped
	return h, nil
}

// keyFact is one of the few things that a reader wants to know first.
type keyFact struct {
	Label string
	Value string
	Unit  string
	Lines []string
}

// keyFacts say how much the recommended cell holds, how sure that is, what it
// beats and with what to plan; none without a recommendation.
func (m *model) keyFacts() (facts []keyFact) {
	w := m.Result.Winner
	if w == nil || w.Sustainable() == nil {
		return nil
	}
	f := w.Sustainable()
	holds := keyFact{Label: "Holds", Value: value(f), Unit: "requests/s"}
	if m.Result.Limit.What == analysis.LimitGenerator && !f.AtLeast {
		holds.Value = "≥ " + holds.Value
	}
	if within := objectivesText(m.Manifest.Scenario.Objectives); within != "" {
		holds.Lines = []string{"within " + within}
	}
	facts = append(facts, holds, m.sureFact(f))
	if beats := m.beatsFact(); len(beats.Lines) > 0 || beats.Value != "" {
		facts = append(facts, beats)
	}
	if m.Result.Usable > 0 && m.Result.Headroom > 0 {
		facts = append(facts, keyFact{Label: "Plan with", Value: number(m.Result.Usable), Unit: "requests/s", Lines: []string{"at most, for " + percent(m.Result.Headroom) + " headroom"}})
	}
	return facts
}

// sureFact says what stands behind the winner's rate.
func (m *model) sureFact(f *analysis.Figure) keyFact {
	sure := keyFact{Label: "How sure", Value: "no interval", Lines: []string{counted(f.N, "fresh start")}}
	if hasInterval(f) {
		sure.Value, sure.Unit = interval(f), "requests/s"
		sure.Lines[0] = "95 % interval over " + sure.Lines[0]
	}
	if m.Result.Winner.Final == nil {
		sure.Lines = append(sure.Lines, "found while searching, not confirmed")
	}
	if n := len(m.Result.Ties); n > 0 {
		sure.Lines = append(sure.Lines, "tied with "+counted(n, "dearer configuration"))
	}
	if m.Result.Regret > 0 {
		sure.Lines = append(sure.Lines, fmt.Sprintf("%s sure that no other does %s more", sureness(m.Result.Confidence), percent(m.Result.Regret)))
	}
	return sure
}

// beatsFact sets the winner against its rivals: the first that it is shown to
// beat is told large.
func (m *model) beatsFact() keyFact {
	beats := keyFact{Label: "Beats"}
	undecided := ""
	for _, r := range m.rivals() {
		switch {
		case r.Winner:
		case r.Times == "":
			beats.Lines = append(beats.Lines, r.Name+" at "+r.Rate+" ("+r.Interval+") requests/s")
		case r.Shown && beats.Value == "":
			beats.Value, beats.Unit = r.Times, r.Ratio+" "+r.Of
			beats.Lines = append([]string{"of " + r.Name}, beats.Lines...)
		default:
			undecided = cmp.Or(undecided, r.Doubt)
			beats.Lines = append(beats.Lines, r.Times+" "+r.Ratio+" that of "+r.Name+r.Doubt)
		}
	}
	if beats.Value == "" {
		beats.Label, beats.Value = "Against", strings.TrimPrefix(undecided, ": ")
		for i, line := range beats.Lines {
			beats.Lines[i] = strings.TrimSuffix(line, undecided) // the value says it
		}
	}
	for _, f := range m.Result.Folklore {
		switch {
		case f.Cell == nil:
		case same(f.Cell, m.Result.Winner):
			beats.Lines = append(beats.Lines, "it is itself "+f.Name)
		case outOfRun(f.Cell) != "":
			beats.Lines = append(beats.Lines, f.Name+" "+proxyPhrase(f.Cell.Cell.Proxy)+": "+outOfRun(f.Cell))
		}
	}
	return beats
}

// rival is a bar of the sustained rates of the recommended cell and of what it
// is set against, from zero.
type rival struct {
	Name, Cell, Rate, Interval string
	Times, Ratio, Of           string // the winner's rate over its own; empty when there is no ratio
	Shown                      bool   // the winner sustains more, by the interval of the ratio
	Doubt                      string // that it does not
	Winner                     bool
	Bar, Low, High             float64 // per cent of the longest
}

// rivals are the winner and the folklore settings that sustain a rate; where
// there are none, the same configuration behind other proxies, else the
// runner-up. There are none without anything to set it against.
func (m *model) rivals() []rival {
	w := m.Result.Winner
	if w == nil || w.Sustainable() == nil || m.Result.Target != "" {
		return nil
	}
	all := []rival{newRival("recommended", cellPhrase(w.Cell), w.Sustainable())}
	all[0].Winner = true
	add := func(name, of string, c analysis.Comparison) {
		if c.Cell != nil && c.Cell.Sustainable() != nil && !same(c.Cell, w) {
			all = append(all, newRival(name, cellPhrase(c.Cell.Cell), c.Cell.Sustainable()).over(c.Ratio, of))
		}
	}
	for _, f := range m.Result.Folklore {
		if f.Cell != nil {
			add(f.Name+" "+proxyPhrase(f.Cell.Cell.Proxy), "the folklore rate", f)
		}
	}
	for _, t := range m.Result.ProxyTax {
		if len(m.Result.Folklore) == 0 && t.Cell != nil {
			add("the same "+proxyPhrase(t.Cell.Cell.Proxy), "the rate", t)
		}
	}
	if len(all) == 1 {
		add("the runner-up", "", analysis.Comparison{Cell: m.Result.RunnerUp})
	}
	if len(all) == 1 {
		return nil
	}
	return scaledRivals(all)
}

// newRival is a bar of a rate, whose ends are those of its interval if it has one.
func newRival(name, cell string, f *analysis.Figure) rival {
	r := rival{Name: name, Cell: cell, Rate: value(f), Interval: "no interval", Bar: f.Value, Low: f.Value, High: f.Value}
	if hasInterval(f) {
		r.Interval, r.Low, r.High = interval(f), max(f.Low, 0), f.High
	}
	return r
}

// over adds the winner's rate over the rival's.
func (r rival) over(f *analysis.Figure, of string) rival {
	if f == nil || !finite(f.Value) {
		return r
	}
	r.Times, r.Of, r.Ratio, r.Doubt = atLeast(f)+number(f.Value)+" ×", of, "(no interval)", ": not confirmed"
	if !hasInterval(f) {
		return r
	}
	r.Ratio, r.Shown, r.Doubt = "("+interval(f)+")", f.Low > 1, ""
	if f.Low <= 1 && f.High >= 1 {
		r.Doubt = ": no difference shown"
	}
	return r
}

// scaledRivals turns rates into per cent of the longest bar.
func scaledRivals(all []rival) []rival {
	top := 0.0
	for _, r := range all {
		if finite(r.High) {
			top = max(top, r.High)
		}
	}
	for i := range all {
		for _, v := range []*float64{&all[i].Bar, &all[i].Low, &all[i].High} {
			if !finite(*v) || top == 0 {
				*v = 0
			}
			*v = math.Round(1000**v/max(top, 1e-9)) / 10
		}
	}
	return all
}

// Whisker is the width of the interval, per cent of the longest bar.
func (r rival) Whisker() float64 { return math.Round(10*(r.High-r.Low)) / 10 }

// htmlCurve is the latency of one cell against load, with a place of its own.
type htmlCurve struct {
	curve
	ID     string
	Row    row
	Table  [][]string
	Figure *htmlFigure // nil: it would make the page too large
}

// eachCurve lists the latencies of every cell that has some.
func (m *model) eachCurve() (all []htmlCurve) {
	class := curveClass(m.Manifest.Scenario.Objectives)
	for _, r := range m.Rows {
		k := htmlCurve{curve: newCurve("measured", r.Cell, class), Row: r, Table: [][]string{latencyHead}}
		if len(r.Tags) > 0 {
			k.Name = r.Tags[0]
		}
		for _, p := range k.Points {
			l := p.Response[class]
			k.Table = append(k.Table, []string{p.Rate, p.Goodput, p.P50, p.P95, p.P99, farPercentile(l), longest(l), p.Verdict})
		}
		if len(k.Points) > 0 {
			k.ID = fmt.Sprintf("curve-%d", len(all)+1)
			all = append(all, k)
		}
	}
	return all
}

var latencyHead = []string{"offered requests/s", "goodput requests/s", "p50 ms", "p95 ms", "p99 ms", "p99.9 ms", "maximum ms", "verdict"}

// farPercentile writes p99.9 in ms, or none where it is not claimable.
func farPercentile(l rundir.Latency) string {
	if !claimable(l.Count, 0.999) {
		return none
	}
	return number(milliseconds(l.P999))
}

// longest writes the longest response in ms.
func longest(l rundir.Latency) string {
	if l.Count == 0 {
		return none
	}
	return number(float64(l.Max) / float64(time.Millisecond))
}

// mostPage is what a page may take, in bytes, its curves included.
const mostPage = 1_950_000

// drawEach draws the curves, as many as there is room for, in bytes.
func (p *htmlPage) drawEach(room int) error {
	for i := range p.Each {
		k := &p.Each[i]
		one := *p.model
		one.Curves = []curve{k.curve}
		f := plotLatency(&one)
		if f.missing != "" {
			continue
		}
		f.title += ": " + k.Short()
		h, err := f.inPage(nil)
		if err != nil {
			return err
		}
		if room -= len(h.SVG) + len(h.Caption); room < 0 {
			return nil
		}
		k.Figure = h
	}
	return nil
}

// Short names the cell of a curve.
func (k htmlCurve) Short() string { return cellShort(k.Cell.Cell) }
