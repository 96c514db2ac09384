package reports

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"regexp"
	"sort"
	"strconv"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// figure is one plot of the report.
type figure struct {
	name    string // of its file, without extension
	title   string
	caption string // what it shows, for those who do not see it
	missing string // why there is no plot; then the rest is empty
	height  vg.Length
	draw    func(draw.Canvas) // below the title
}

// plotTable lists the plots in their order in the report.
var plotTable = []func(*model) figure{plotWorkers, plotLatency, plotPercentiles, plotHeatmap, plotProxy, plotScaling, plotUsage}

func figures(m *model) []figure {
	all := make([]figure, len(plotTable))
	for i, f := range plotTable {
		all[i] = f(m)
	}
	return all
}

func figureByName(m *model) map[string]figure {
	all := map[string]figure{}
	for _, f := range figures(m) {
		all[f.name] = f
	}
	return all
}

// figureWidth of every plot, in points.
const figureWidth = 760 * vg.Length(1)

// The palette of Okabe and Ito, told apart by colour-blind readers.
var (
	black      = color.NRGBA{0, 0, 0, 255}
	blue       = color.NRGBA{0, 114, 178, 255}
	vermillion = color.NRGBA{213, 94, 0, 255}
	bluish     = color.NRGBA{0, 158, 115, 255}
	purple     = color.NRGBA{204, 121, 167, 255}
	orange     = color.NRGBA{230, 159, 0, 255}
	sky        = color.NRGBA{86, 180, 233, 255}

	ink  = color.NRGBA{34, 34, 34, 255}
	soft = color.NRGBA{95, 95, 95, 255}
	rule = color.NRGBA{225, 225, 225, 255}
)

var seriesColors = []color.Color{blue, vermillion, bluish, purple, orange, sky, black}

// seriesShapes are solid, to be told apart from the hollow ones that mark
// percentiles of too few samples.
var seriesShapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, diamond{}, downward{}}

func style(size vg.Length, c color.Color) text.Style {
	return text.Style{Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}, Handler: plot.DefaultTextHandler}
}

func strong(size vg.Length) text.Style {
	s := style(size, ink)
	s.Font.Weight = xfont.WeightBold
	return s
}

// svg renders the figure for a file of its own.
func (f figure) svg() ([]byte, error) {
	c := vgsvg.New(figureWidth, f.height)
	f.render(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, err
	}
	return portable(b.Bytes()), nil
}

// png renders the figure at twice the resolution of a screen.
func (f figure) png() ([]byte, error) {
	var b bytes.Buffer
	_, err := vgimg.PngCanvas{Canvas: f.raster(144)}.WriteTo(&b)
	return b.Bytes(), err
}

// raster renders the figure at dots per inch, of which 72 make a dot a point.
func (f figure) raster(dpi int) *vgimg.Canvas {
	c := vgimg.NewWith(vgimg.UseWH(figureWidth, f.height), vgimg.UseDPI(dpi))
	f.render(draw.New(c))
	return c
}

func (f figure) render(c draw.Canvas) {
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	c = draw.Crop(c, 10, -10, 8, -8)
	title := strong(13)
	title.YAlign = draw.YTop
	c.FillText(title, vg.Point{X: c.Min.X, Y: c.Max.Y}, fit(title, f.title, c.Max.X-c.Min.X))
	f.draw(draw.Crop(c, 0, 0, 0, -24))
}

var svgText = regexp.MustCompile(`(<text [^>]*?style=")font-family:[^;]*;font-variant:[^;]*;(font-weight:(\w+);[^"]*font-size:([\d.]+)px[^"]*")>([^<]*)<`)

// portable makes the texts of an SVG come out alike where the named font is
// missing: it names fallbacks, the last of them generic, and fixes the width.
func portable(svg []byte) []byte {
	return svgText.ReplaceAllFunc(svg, func(text []byte) []byte {
		m := svgText.FindSubmatch(text)
		points, err := strconv.ParseFloat(string(m[4]), 64)
		if err != nil {
			return text
		}
		s := style(vg.Length(points), ink)
		if string(m[3]) == "bold" {
			s = strong(vg.Length(points))
		}
		width := s.Width(html.UnescapeString(string(m[5])))
		return fmt.Appendf(nil, `%sfont-family:Liberation Sans,Arial,Helvetica,sans-serif;%s textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s<`, m[1], m[2], width, m[5])
	})
}

// newPanel returns a plot in the house style, without data. Its title stands
// at the left end of the data area, and blank labels keep the room of others,
// so that panels with the same ticks have data areas of one size.
func newPanel(title, x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle = style(10, ink)
		a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign = draw.XCenter, draw.YBottom
		a.Label.Padding = 4
		a.LineStyle = draw.LineStyle{Color: soft, Width: 0.75}
		a.Tick.LineStyle = a.LineStyle
		a.Tick.Length = 4
		a.Padding = 4
	}
	p.X.Label.Text = x
	if y != "" {
		p.Y.Label.Text = " "
		p.Add(drawn(func(c draw.Canvas, _, _ func(float64) vg.Length) { labelY(c, p, y) }))
	}
	p.X.Tick.Label, p.Y.Tick.Label = style(9, ink), style(9, ink)
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	if title != "" {
		p.Title.Text, p.Title.TextStyle, p.Title.Padding = " ", strong(10.5), 5
		p.Title.TextStyle.XAlign, p.Title.TextStyle.YAlign = draw.XCenter, draw.YTop
		p.Add(drawn(func(c draw.Canvas, _, _ func(float64) vg.Length) {
			c.FillText(strong(10.5), vg.Point{X: c.Min.X, Y: c.Max.Y + 6}, fit(strong(10.5), title, c.Max.X-c.Min.X))
		}))
	}
	return p
}

// fit shortens a text until it is at most width wide, and keeps it on one line.
func fit(s text.Style, txt string, width vg.Length) string {
	txt = clean(txt)
	if s.Width(txt) <= width {
		return txt
	}
	runes := []rune(txt)
	kept := sort.Search(len(runes), func(n int) bool { return s.Width(string(runes[:n+1])+"…") > width })
	return string(runes[:max(kept, 1)]) + "…"
}

// labelY writes the label of the vertical axis into the room kept for it; the
// library makes a panel smaller whose label is long.
func labelY(c draw.Canvas, p *plot.Plot, label string) {
	room := vg.Length(0)
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		room = max(room, p.Y.Tick.Label.Width(t.Label))
	}
	s := style(10, ink)
	s.Rotation, s.XAlign, s.YAlign = math.Pi/2, draw.XCenter, draw.YBottom
	c.FillText(s, vg.Point{X: c.Min.X - room - 17, Y: (c.Min.Y + c.Max.Y) / 2}, label)
}

// drawn is a plot.Plotter that is one function; x and y turn data into
// places on the canvas.
type drawn func(c draw.Canvas, x, y func(float64) vg.Length)

// Plot implements plot.Plotter.
func (d drawn) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	d(c, x, y)
}

// gridY draws light lines at the labelled ticks of the vertical axis.
func gridY(p *plot.Plot) {
	p.Add(drawn(func(c draw.Canvas, _, y func(float64) vg.Length) {
		for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if t.Label != "" && t.Value >= p.Y.Min && t.Value <= p.Y.Max {
				c.StrokeLine2(draw.LineStyle{Color: rule, Width: 0.6}, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
			}
		}
	}))
}

// gridX draws light lines at the labelled ticks of the horizontal axis.
func gridX(p *plot.Plot) {
	p.Add(drawn(func(c draw.Canvas, x, _ func(float64) vg.Length) {
		for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
			if t.Label != "" && t.Value >= p.X.Min && t.Value <= p.X.Max {
				c.StrokeLine2(draw.LineStyle{Color: rule, Width: 0.6}, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
			}
		}
	}))
}

// tile draws panels in rows of cols.
func tile(c draw.Canvas, panels []*plot.Plot, cols int) {
	tiles := draw.Tiles{Rows: (len(panels) + cols - 1) / cols, Cols: cols, PadX: 16, PadY: 12}
	for i, p := range panels {
		p.Draw(tiles.At(c, i%cols, i/cols))
	}
}

// key is one entry of a legend.
type key struct {
	label string
	color color.Color
	shape draw.GlyphDrawer
	line  bool
	fill  bool // a swatch instead of a shape
	width vg.Length

	dashed bool // the line
}

// legend draws the keys in rows at the top of c, outside of the data, and
// returns what is left of c below them.
func legend(c draw.Canvas, keys []key) draw.Canvas {
	label := style(9.5, ink)
	label.YAlign = draw.YCenter
	texts, places, height := legendPlaces(keys, c.Max.X-c.Min.X)
	for i, k := range keys {
		x, y := c.Min.X+places[i].X, c.Max.Y+places[i].Y
		area := vg.Rectangle{Min: vg.Point{X: x, Y: y - 7}, Max: vg.Point{X: x + 34 + label.Width(texts[i]), Y: y + 7}}
		keyed(c, k.label, area, func() {
			k.draw(c, x, y)
			c.FillText(label, vg.Point{X: x + 25, Y: y}, texts[i])
		})
	}
	return draw.Crop(c, 0, 0, 0, -height)
}

// legendHeight is the room that the keys take in a figure.
func legendHeight(keys []key) vg.Length {
	_, _, height := legendPlaces(keys, figureWidth-20)
	return height
}

// legendPlaces sets the keys in rows of at most that width, seen from their
// upper left corner.
func legendPlaces(keys []key, width vg.Length) (texts []string, places []vg.Point, height vg.Length) {
	label := style(9.5, ink)
	at := vg.Point{Y: -7}
	for _, k := range keys {
		text := fit(label, k.label, width-26)
		w := 26 + label.Width(text) + 16
		if at.X > 0 && at.X+w > width {
			at = vg.Point{Y: at.Y - 15}
		}
		texts, places = append(texts, text), append(places, at)
		at.X += w
	}
	return texts, places, 14 - at.Y
}

func (k key) draw(c draw.Canvas, x, y vg.Length) {
	if k.fill {
		box(c, k.color, vg.Rectangle{Min: vg.Point{X: x + 6, Y: y - 4.5}, Max: vg.Point{X: x + 20, Y: y + 4.5}})
		return
	}
	if k.line {
		line := draw.LineStyle{Color: k.color, Width: 1.6}
		if k.dashed {
			line.Dashes = []vg.Length{4, 3}
		}
		c.StrokeLine2(line, x+2, y, x+21, y)
	}
	if k.shape != nil {
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: k.color, Radius: max(k.width, 3.4), Shape: k.shape}, vg.Point{X: x + 11.5, Y: y})
	}
}

func box(c draw.Canvas, fill color.Color, r vg.Rectangle) {
	c.FillPolygon(fill, []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}})
}

// polyline strokes a line through points, unclipped.
func polyline(c draw.Canvas, s draw.LineStyle, points []vg.Point) {
	if len(points) < 2 {
		return
	}
	c.SetLineStyle(s)
	var p vg.Path
	p.Move(points[0])
	for _, q := range points[1:] {
		p.Line(q)
	}
	c.Stroke(p)
}

// halo is a ring around a point, wide enough to be seen around its marker.
type halo struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (halo) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	c.SetLineStyle(draw.LineStyle{Color: s.Color, Width: 1.6})
	var p vg.Path
	p.Move(vg.Point{X: at.X + s.Radius, Y: at.Y})
	p.Arc(at, s.Radius, 0, 2*math.Pi)
	p.Close()
	c.Stroke(p)
}

// cross is an X, heavier than the library's.
type cross struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (cross) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	line, r := draw.LineStyle{Color: s.Color, Width: 1.6}, s.Radius
	c.StrokeLine2(line, at.X-r, at.Y-r, at.X+r, at.Y+r)
	c.StrokeLine2(line, at.X-r, at.Y+r, at.X+r, at.Y-r)
}

// strike is a line across a marker.
type strike struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (strike) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	c.StrokeLine2(draw.LineStyle{Color: s.Color, Width: 1.6}, at.X-s.Radius, at.Y+s.Radius, at.X+s.Radius, at.Y-s.Radius)
}

// frame is a square around a point.
type frame struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (frame) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	c.SetLineStyle(draw.LineStyle{Color: s.Color, Width: 1.2})
	c.Stroke(polygon(at, s.Radius*1.25, 4, math.Pi/4))
}

// diamond is a solid square on its corner.
type diamond struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (diamond) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	c.SetColor(s.Color)
	c.Fill(polygon(at, s.Radius*1.25, 4, 0))
}

// downward is a solid triangle on its point.
type downward struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (downward) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	c.SetColor(s.Color)
	c.Fill(polygon(at, s.Radius*1.2, 3, -math.Pi/2))
}

// hollow draws the outline of a shape over white, so that the line below does
// not show through.
type hollow struct{ sides int } // 0 is a circle

// DrawGlyph implements draw.GlyphDrawer.
func (h hollow) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	var p vg.Path
	switch h.sides {
	case 0:
		p.Move(vg.Point{X: at.X + s.Radius, Y: at.Y})
		p.Arc(at, s.Radius, 0, 2*math.Pi)
		p.Close()
	case 3:
		p = polygon(at, s.Radius*1.25, 3, math.Pi/2)
	default:
		p = polygon(at, s.Radius*1.25, 4, math.Pi/4)
	}
	c.SetColor(color.White)
	c.Fill(p)
	c.SetLineStyle(draw.LineStyle{Color: s.Color, Width: 1.2})
	c.Stroke(p)
}

func polygon(at vg.Point, radius vg.Length, sides int, turn float64) (p vg.Path) {
	for i := range sides {
		a := turn + 2*math.Pi*float64(i)/float64(sides)
		q := vg.Point{X: at.X + radius*vg.Length(math.Cos(a)), Y: at.Y + radius*vg.Length(math.Sin(a))}
		if i == 0 {
			p.Move(q)
		} else {
			p.Line(q)
		}
	}
	p.Close()
	return p
}

// linear marks about five round values, with thousands separators.
type linear struct{}

// Ticks implements plot.Ticker.
func (linear) Ticks(low, high float64) (ticks []plot.Tick) {
	if high <= low {
		return []plot.Tick{{Value: low, Label: tickLabel(low)}}
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, f := range []float64{1, 2, 2.5, 5, 10} {
		if (high-low)/(step*f) <= 5.5 {
			step *= f
			break
		}
	}
	for i := math.Ceil(low / step); i*step <= high*(1+1e-9); i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: tickLabel(i * step)})
	}
	return ticks
}

// decades marks a logarithmic axis: labels at 1, 2 and 5 of each decade, or
// at 1 only over more than two decades.
type decades struct{}

// Ticks implements plot.Ticker.
func (decades) Ticks(low, high float64) (ticks []plot.Tick) {
	if low <= 0 || high <= low {
		return nil
	}
	span := math.Log10(high / low)
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for i := 1.0; i < 10; i++ {
			v := i * math.Pow(10, e)
			if v < low*(1-1e-9) || v > high*(1+1e-9) {
				continue
			}
			t := plot.Tick{Value: v}
			if i == 1 || span <= 3 && (i == 2 || i == 5) {
				t.Label = tickLabel(v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// places marks values that have names of their own, such as worker counts.
type places []int

// Ticks implements plot.Ticker.
func (p places) Ticks(low, high float64) (ticks []plot.Tick) {
	for _, v := range p {
		ticks = append(ticks, plot.Tick{Value: float64(v), Label: count(v)})
	}
	return ticks
}

// tickLabel writes a round value without the noise of its last bits.
func tickLabel(v float64) string {
	return separated(strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64))
}

// logAxis gives an axis a logarithmic scale. It keeps the ends positive and
// apart, because gonum panics on others.
func logAxis(a *plot.Axis, low, high float64) {
	a.Min = max(low, 1e-3)
	a.Max = max(high, a.Min*2)
	a.Scale, a.Tick.Marker = plot.LogScale{}, decades{}
}
