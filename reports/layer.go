package reports

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"sweetspot/scenarios"
)

// layer is the canvas of a plot in the page. It draws as the library does, and
// keeps beside the drawing which part of it is which series, where the keys of
// the legend are and what the points tell. On any other canvas series, keyed
// and markAt do nothing but draw.
type layer struct {
	*vgsvg.Canvas
	height vg.Length
	svg    bytes.Buffer // what was drawn before the last change of series
	err    error        // of the library
	names  []string     // of series and keys, by number
	shown  []int        // the numbers of which something was drawn
	open   int          // number of the series that is being drawn; -1 for none
	keys   []keyMark
	marks  []mark
}

// keyMark is an entry of the legend.
type keyMark struct {
	number int
	at     vg.Rectangle
}

// mark is a place of a plot that tells its value.
type mark struct {
	series int // -1 for none
	at     vg.Rectangle
	round  bool
	text   string          // a line a fact
	cell   *scenarios.Cell // of which the value is; nil for none
}

func newLayer(height vg.Length) *layer {
	return &layer{Canvas: vgsvg.New(figureWidth, height), height: height, open: -1}
}

// layerOf finds the layer below the crops and tiles of c; nil when there is
// none.
func layerOf(c draw.Canvas) *layer {
	for {
		switch inner := c.Canvas.(type) {
		case draw.Canvas:
			c = inner
		case *layer:
			return inner
		default:
			return nil
		}
	}
}

// series draws what belongs to one entry of the legend, which shows and hides
// it in the page.
func series(c draw.Canvas, name string, draw func()) {
	l := layerOf(c)
	if l == nil || l.open >= 0 {
		draw()
		return
	}
	l.open = l.number(name)
	if !slices.Contains(l.shown, l.open) {
		l.shown = append(l.shown, l.open)
	}
	l.group(fmt.Sprintf(`<g data-s="%d">`, l.open), draw)
	l.open = -1
}

// of draws d as a series.
func (d drawn) of(name string) drawn {
	return func(c draw.Canvas, x, y func(float64) vg.Length) {
		series(c, name, func() { d(c, x, y) })
	}
}

// keyed draws an entry of the legend that fills at.
func keyed(c draw.Canvas, name string, at vg.Rectangle, draw func()) {
	l := layerOf(c)
	if l == nil {
		draw()
		return
	}
	n := l.number(name)
	l.keys = append(l.keys, keyMark{n, at})
	l.group(fmt.Sprintf(`<g data-k="%d">`, n), draw)
}

// markAt has the point at say text, a line a fact, to who points at it or comes
// to it with the keyboard. It belongs to the series that is being drawn, and to
// a cell, if any.
func markAt(c draw.Canvas, at vg.Point, cell *scenarios.Cell, text ...string) {
	const reach = 7 // of a pointer
	markBox(c, vg.Rectangle{Min: vg.Point{X: at.X - reach, Y: at.Y - reach}, Max: vg.Point{X: at.X + reach, Y: at.Y + reach}}, cell, text...)
	if l := layerOf(c); l != nil {
		l.marks[len(l.marks)-1].round = true
	}
}

// markBox is markAt for an area.
func markBox(c draw.Canvas, at vg.Rectangle, cell *scenarios.Cell, text ...string) {
	if l := layerOf(c); l != nil {
		l.marks = append(l.marks, mark{series: l.open, at: at, text: strings.Join(text, "\n"), cell: cell})
	}
}

func (l *layer) number(name string) int {
	i := slices.Index(l.names, name)
	if i < 0 {
		i = len(l.names)
		l.names = append(l.names, name)
	}
	return i
}

// group draws within an element.
func (l *layer) group(head string, draw func()) {
	l.cut()
	l.svg.WriteString(head + "\n")
	draw()
	l.cut()
	l.svg.WriteString("</g>\n")
}

// svgTail is what the library closes a drawing with.
const svgTail = "</g>\n</svg>\n"

// cut moves what the library has drawn since the last cut to the SVG.
func (l *layer) cut() {
	var b bytes.Buffer
	if _, err := l.Canvas.WriteTo(&b); err != nil && l.err == nil {
		l.err = err
	}
	l.svg.Write(bytes.TrimSuffix(b.Bytes(), []byte(svgTail)))
}

// svgHead is all before the drawing.
var svgHead = regexp.MustCompile(`(?s)^.*?<svg[^>]*>`)

// element returns the drawing as an element of a page, under a name, with its
// marks on top. A mark of a cell that links knows leads to its place.
func (l *layer) element(name string, links map[scenarios.Cell]string) ([]byte, error) {
	l.cut()
	if l.err != nil {
		return nil, l.err
	}
	body := inPage(portable(svgHead.ReplaceAll(l.svg.Bytes(), nil)))
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="group" aria-label="%s">`, figureWidth.Points(), l.height.Points(), html.EscapeString(name))
	b.Write(body)
	b.WriteString("</g>\n")
	for _, k := range l.keys {
		if slices.Contains(l.shown, k.number) {
			fmt.Fprintf(&b, `<g class="k" data-k="%d" data-name="%s">%s</g>`+"\n", k.number, html.EscapeString(l.names[k.number]), l.shape(k.at, false))
		}
	}
	for _, m := range l.marks {
		l.writeMark(&b, m, links)
	}
	b.WriteString("</svg>")
	return b.Bytes(), nil
}

func (l *layer) writeMark(b *bytes.Buffer, m mark, links map[scenarios.Cell]string) {
	text, of, shape := html.EscapeString(printable(m.text)), "", l.shape(m.at, m.round)
	if m.series >= 0 {
		of = fmt.Sprintf(` data-s="%d"`, m.series)
	}
	if m.cell != nil && links[*m.cell] != "" {
		fmt.Fprintf(b, `<a class="m"%s href="#%s" aria-label="%s"><title>%s</title>%s</a>`+"\n", of, links[*m.cell], strings.ReplaceAll(text, "\n", ", "), text, shape)
		return
	}
	fmt.Fprintf(b, `<g class="m"%s><title>%s</title>%s</g>`+"\n", of, text, shape)
}

// shape is an element that fills at; the page measures from above.
func (l *layer) shape(at vg.Rectangle, round bool) string {
	w, h := (at.Max.X - at.Min.X).Points(), (at.Max.Y - at.Min.Y).Points()
	x, y := at.Min.X.Points(), (l.height - at.Max.Y).Points()
	if round {
		return fmt.Sprintf(`<circle cx="%.1f" cy="%.1f" r="%.1f"/>`, x+w/2, y+h/2, w/2)
	}
	return fmt.Sprintf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x, y, w, h)
}

// pageColors are the colours that have another look on a dark page: paper,
// text, soft text, rules, what was not measured, the band of a law and black.
var pageColors = strings.NewReplacer("#FFFFFF", "var(--paper)", "#222222", "var(--text)", "#5F5F5F", "var(--quiet)",
	"#E1E1E1", "var(--rule)", "#F0F0F0", "var(--none)", "#CCE3F0", "var(--band)", "#000000", "var(--black)")

var (
	svgPath = regexp.MustCompile(`<path [^>]*>`)
	svgFont = regexp.MustCompile(`font-family:[^;"]*;font-weight:(\w+);font-style:normal;`)
	svgInk  = regexp.MustCompile(`(<text [^>]*?fill:)(#222222|#5F5F5F)`)
)

// inPage leaves to the style of the page what it knows: the fonts, and the
// colours that depend on light and dark. White and black texts stay: they are
// on coloured ground.
func inPage(svg []byte) []byte {
	svg = svgPath.ReplaceAllFunc(svg, func(path []byte) []byte { return []byte(pageColors.Replace(string(path))) })
	svg = svgInk.ReplaceAllFunc(svg, func(text []byte) []byte { return []byte(pageColors.Replace(string(text))) })
	return svgFont.ReplaceAllFunc(svg, func(font []byte) []byte {
		if string(svgFont.FindSubmatch(font)[1]) == "normal" {
			return nil
		}
		return []byte("font-weight:bold;")
	})
}
