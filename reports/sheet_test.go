package reports

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// sheet is a canvas that keeps what is drawn on it as a structure: texts with
// the boxes that they cover, and lines and areas with their colours.
type sheet struct {
	pens  []pen
	texts []written
	lines []traced
	areas []traced
}

// pen is the state of a canvas.
type pen struct {
	a, b, c, d, e, f float64 // x' = ax + cy + e, y' = bx + dy + f
	color            color.NRGBA
	width            vg.Length
	dashed           bool
}

// written is one text.
type written struct {
	text     string
	size     vg.Length
	upright  bool
	box      vg.Rectangle
	baseline vg.Point
}

// traced is a line or an area.
type traced struct {
	color  color.NRGBA
	dashed bool
	box    vg.Rectangle
}

// drawnOn draws a figure on a new sheet.
func drawnOn(f figure) *sheet {
	s := &sheet{pens: []pen{{a: 1, d: 1, color: color.NRGBA{A: 255}}}}
	f.render(draw.NewCanvas(s, figureWidth, f.height))
	return s
}

func (s *sheet) pen() *pen { return &s.pens[len(s.pens)-1] }

func (s *sheet) SetLineWidth(w vg.Length)                    { s.pen().width = w }
func (s *sheet) SetLineDash(dashes []vg.Length, _ vg.Length) { s.pen().dashed = len(dashes) > 0 }
func (s *sheet) SetColor(c color.Color) {
	s.pen().color = color.NRGBAModel.Convert(c).(color.NRGBA)
}
func (s *sheet) Push() { s.pens = append(s.pens, *s.pen()) }
func (s *sheet) Pop()  { s.pens = s.pens[:len(s.pens)-1] }
func (s *sheet) Rotate(rad float64) {
	sin, cos := math.Sincos(rad)
	s.pen().then(cos, sin, -sin, cos, 0, 0)
}
func (s *sheet) Translate(p vg.Point)                { s.pen().then(1, 0, 0, 1, float64(p.X), float64(p.Y)) }
func (s *sheet) Scale(x, y float64)                  { s.pen().then(x, 0, 0, y, 0, 0) }
func (s *sheet) DrawImage(vg.Rectangle, image.Image) { panic("a plot has an image") }

func (s *sheet) Stroke(p vg.Path) {
	if s.pen().width > 0 {
		s.lines = append(s.lines, s.trace(p))
	}
}

func (s *sheet) Fill(p vg.Path) { s.areas = append(s.areas, s.trace(p)) }

func (s *sheet) trace(p vg.Path) traced {
	var corners []vg.Point
	for _, k := range p {
		if k.Type == vg.CloseComp {
			continue
		}
		corners = append(corners, vg.Point{X: k.Pos.X - k.Radius, Y: k.Pos.Y - k.Radius}, vg.Point{X: k.Pos.X + k.Radius, Y: k.Pos.Y + k.Radius})
	}
	return traced{s.pen().color, s.pen().dashed, s.box(corners)}
}

// FillString keeps the box of the letters: from the lowest descender to the
// capitals' height.
func (s *sheet) FillString(f font.Face, at vg.Point, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	w := f.Width(text)
	size := f.Font.Size
	p := s.pen()
	s.texts = append(s.texts, written{text, size, math.Abs(p.b) > 0.5, s.box([]vg.Point{
		{X: at.X, Y: at.Y - 0.2*size}, {X: at.X + w, Y: at.Y - 0.2*size}, {X: at.X, Y: at.Y + 0.73*size}, {X: at.X + w, Y: at.Y + 0.73*size},
	}), s.place(at)})
}

// then applies a transformation before those so far.
func (p *pen) then(a, b, c, d, e, f float64) {
	q := *p
	p.a, p.c, p.e = q.a*a+q.c*b, q.a*c+q.c*d, q.a*e+q.c*f+q.e
	p.b, p.d, p.f = q.b*a+q.d*b, q.b*c+q.d*d, q.b*e+q.d*f+q.f
}

func (s *sheet) place(p vg.Point) vg.Point {
	q, x, y := s.pen(), float64(p.X), float64(p.Y)
	return vg.Point{X: vg.Length(q.a*x + q.c*y + q.e), Y: vg.Length(q.b*x + q.d*y + q.f)}
}

func (s *sheet) box(corners []vg.Point) (r vg.Rectangle) {
	for i, c := range corners {
		p := s.place(c)
		if i == 0 {
			r = vg.Rectangle{Min: p, Max: p}
		}
		r.Min.X, r.Min.Y, r.Max.X, r.Max.Y = min(r.Min.X, p.X), min(r.Min.Y, p.Y), max(r.Max.X, p.X), max(r.Max.Y, p.Y)
	}
	return r
}

// overlaps are the pairs of texts that cover each other.
func (s *sheet) overlaps() (pairs []string) {
	const slack = 0.4 // points
	for i, a := range s.texts {
		for _, b := range s.texts[:i] {
			if a.box.Min.X+slack < b.box.Max.X && b.box.Min.X+slack < a.box.Max.X && a.box.Min.Y+slack < b.box.Max.Y && b.box.Min.Y+slack < a.box.Max.Y {
				pairs = append(pairs, fmt.Sprintf("%q and %q", b.text, a.text))
			}
		}
	}
	return pairs
}

// outside are the texts that reach beyond the figure.
func (s *sheet) outside(f figure) (texts []string) {
	for _, a := range s.texts {
		if a.box.Min.X < 2 || a.box.Min.Y < 2 || a.box.Max.X > figureWidth-2 || a.box.Max.Y > f.height-2 {
			texts = append(texts, a.text)
		}
	}
	return texts
}

func (s *sheet) has(text string) bool {
	return slices.ContainsFunc(s.texts, func(w written) bool { return w.text == text })
}

// structure is a sheet in words: its texts in the order in which they are
// drawn, and how many lines and areas it has of every colour.
func (s *sheet) structure(f figure) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n%.0f × %.0f points\n", f.name, f.caption, figureWidth, f.height)
	for _, w := range s.texts {
		upright := ""
		if w.upright {
			upright = ", upright"
		}
		fmt.Fprintf(&b, "text %q, %g points%s\n", w.text, float64(w.size), upright)
	}
	counts := map[string]int{}
	for _, l := range s.lines {
		counts["lines, "+hex(l.color)+map[bool]string{true: ", dashed"}[l.dashed]]++
	}
	for _, a := range s.areas {
		counts["areas, "+hex(a.color)]++
	}
	for _, k := range sortedKeys(counts) {
		fmt.Fprintf(&b, "%d %s\n", counts[k], k)
	}
	return b.String()
}

func hex(c color.NRGBA) string {
	text := fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
	if c.A != 255 {
		text += fmt.Sprintf(" at %.0f %%", float64(c.A)/2.55)
	}
	return text
}

// tick is a number beside an axis, and its place along it.
type tick struct {
	value float64
	at    vg.Length
}

// axes are the ticks of every axis: rising numbers of one size that stand in a
// row or end in a column.
func (s *sheet) axes() (horizontal, vertical [][]tick) {
	rows, columns := map[vg.Length][][]tick{}, map[vg.Length][][]tick{}
	for _, w := range s.texts {
		v, err := strconv.ParseFloat(strings.ReplaceAll(w.text, ",", ""), 64)
		if err != nil || w.size != 9 || w.upright {
			continue
		}
		addTick(rows, w.baseline.Y, tick{v, (w.box.Min.X + w.box.Max.X) / 2})
		addTick(columns, w.box.Max.X, tick{v, w.baseline.Y})
	}
	return withTicks(rows), withTicks(columns)
}

// addTick adds to the axis at a place, or begins the next panel's there.
func addTick(axes map[vg.Length][][]tick, place vg.Length, k tick) {
	place = vg.Length(math.Round(float64(place) * 2))
	all := axes[place]
	if n := len(all); n > 0 && all[n-1][len(all[n-1])-1].value < k.value {
		all[n-1] = append(all[n-1], k)
	} else {
		axes[place] = append(all, []tick{k})
	}
}

func withTicks(axes map[vg.Length][][]tick) (out [][]tick) {
	for _, all := range axes {
		for _, a := range all {
			if len(a) > 2 {
				out = append(out, a)
			}
		}
	}
	return out
}

// even tells whether the ticks' places go evenly with a function of their values.
func even(ticks []tick, of func(float64) float64) bool {
	first, last := ticks[0], ticks[0]
	for _, k := range ticks {
		if k.value < first.value {
			first = k
		}
		if k.value > last.value {
			last = k
		}
	}
	for _, k := range ticks {
		share := (of(k.value) - of(first.value)) / (of(last.value) - of(first.value))
		if want := float64(first.at) + share*float64(last.at-first.at); math.IsNaN(share) || math.Abs(float64(k.at)-want) > 0.6 {
			return false
		}
	}
	return true
}

// sheetOf draws the figure of that name.
func sheetOf(t *testing.T, in Input, name string) (*sheet, figure) {
	t.Helper()
	f, ok := figureByName(newModel(in))[name]
	if !ok || f.missing != "" {
		t.Fatalf("no plot %s: %s", name, f.missing)
	}
	return drawnOn(f), f
}
