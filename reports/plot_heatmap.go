package reports

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes of the heat map, in points.
const (
	heatTile   = 50 * vg.Length(1) // width of a cell
	heatRow    = 30 * vg.Length(1)
	heatLeft   = 56 * vg.Length(1) // for the labels of the rows
	heatBottom = 34 * vg.Length(1)
	heatTop    = 32 * vg.Length(1)
	heatScale  = 80 * vg.Length(1) // for the colour scale
)

// heatPanel is one server behind one proxy.
type heatPanel struct {
	server, proxy    string
	workers, threads []int
	cells            map[[2]int]row // by workers and threads
}

// tile is the width of a cell: less than usual where so many would not fit.
func (h heatPanel) tile() vg.Length {
	return min(heatTile, (figureWidth-20-heatScale-heatLeft-10)/vg.Length(max(1, len(h.threads))))
}

// titles are its two lines, of at most 200 points.
func (h heatPanel) titles() (server, proxy string) {
	return fit(strong(9.5), h.server, 200), fit(strong(9.5), proxyPhrase(h.proxy), 200)
}

func (h heatPanel) width() vg.Length {
	title := strong(9.5)
	server, proxy := h.titles()
	return max(vg.Length(len(h.threads))*h.tile(), title.Width(server), title.Width(proxy)) + heatLeft + 10
}

func (h heatPanel) height() vg.Length {
	return vg.Length(len(h.workers))*heatRow + heatBottom + heatTop
}

// plotHeatmap draws the sustainable rate of every cell as workers × threads.
func plotHeatmap(m *model) figure {
	f := figure{name: "heatmap", title: "Sustainable rate by workers and threads"}
	panels, low, high := heatPanels(m)
	if len(panels) == 0 {
		f.missing = "no configuration sustained a load"
		return f
	}
	f.caption = "Sustainable rate in requests per second for every combination of workers and threads, a panel for each server and proxy; darker is less, below it the 95 % interval over fresh starts where there is one, a dash is not measured or not sustained, and the recommended cell is framed."
	lines := flow(panels, figureWidth-20-heatScale)
	f.height = 50
	for _, l := range lines {
		f.height += tallest(l)
	}
	f.draw = func(c draw.Canvas) {
		if high > low {
			colorScale(c, low, high, min(c.Max.Y-c.Min.Y-30, 190))
		}
		top := c.Max.Y
		for _, l := range lines {
			x := c.Min.X
			for _, p := range l {
				p.draw(c, vg.Point{X: x, Y: top}, low, high)
				x += p.width()
			}
			top -= tallest(l)
		}
	}
	return f
}

func heatPanels(m *model) (panels []heatPanel, low, high float64) {
	low = math.Inf(1)
	for _, r := range m.Rows {
		i := slices.IndexFunc(panels, func(h heatPanel) bool { return h.server == r.Server && h.proxy == r.Proxy })
		if i < 0 {
			i = len(panels)
			panels = append(panels, heatPanel{server: r.Server, proxy: r.Proxy, cells: map[[2]int]row{}})
		}
		h := &panels[i]
		h.cells[[2]int{r.Workers, r.Threads}] = r
		h.threads = sortedWith(h.threads, r.Threads)
		if s := r.Cell.Sustainable(); s != nil && finite(s.Value) && r.Cell.Infeasible == "" {
			low, high = min(low, s.Value), max(high, s.Value)
		}
	}
	if high == 0 {
		return nil, 0, 0
	}
	var workers []int
	for _, r := range m.Rows {
		workers = sortedWith(workers, r.Workers)
	}
	for i := range panels { // the same rows, so that panels compare at a glance
		panels[i].workers = workers
	}
	return panels, low, high
}

func sortedWith(s []int, v int) []int {
	if i, found := slices.BinarySearch(s, v); !found {
		return slices.Insert(s, i, v)
	}
	return s
}

// flow breaks panels into lines of at most width.
func flow(panels []heatPanel, width vg.Length) (lines [][]heatPanel) {
	used := width
	for _, p := range panels {
		if len(lines) == 0 || used+p.width() > width {
			lines, used = append(lines, nil), 0
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], p)
		used += p.width()
	}
	return lines
}

func tallest(line []heatPanel) (h vg.Length) {
	for _, p := range line {
		h = max(h, p.height())
	}
	return h
}

// draw draws the panel with its upper left corner at corner.
func (h heatPanel) draw(c draw.Canvas, corner vg.Point, low, high float64) {
	server, behind := h.titles()
	title, proxy, label := strong(9.5), style(9.5, ink), style(9, ink)
	title.YAlign, proxy.YAlign, label.YAlign = draw.YTop, draw.YTop, draw.YCenter
	left, top := corner.X+heatLeft, corner.Y-heatTop
	c.FillText(title, vg.Point{X: left, Y: corner.Y}, server)
	c.FillText(proxy, vg.Point{X: left, Y: corner.Y - 13}, behind)
	for i, w := range h.workers {
		y := top - vg.Length(len(h.workers)-1-i)*heatRow - heatRow
		label.XAlign = draw.XRight
		c.FillText(label, vg.Point{X: left - 5, Y: y + heatRow/2}, count(w))
		for j, t := range h.threads {
			r, ok := h.cells[[2]int{w, t}]
			at := vg.Rectangle{Min: vg.Point{X: left + vg.Length(j)*h.tile(), Y: y}}
			at.Max = vg.Point{X: at.Min.X + h.tile(), Y: y + heatRow}
			heatCell(c, at, r, ok, low, high)
		}
	}
	h.outlineWinner(c, left, top)
	bottom := top - vg.Length(len(h.workers))*heatRow
	label.XAlign = draw.XCenter
	for j, t := range h.threads {
		c.FillText(label, vg.Point{X: left + (vg.Length(j)+0.5)*h.tile(), Y: bottom - 9}, count(t))
	}
	c.FillText(label, vg.Point{X: left + vg.Length(len(h.threads))*h.tile()/2, Y: bottom - 22}, "threads")
	label.Rotation = math.Pi / 2
	c.FillText(label, vg.Point{X: left - 30, Y: (top + bottom) / 2}, "workers")
}

// outlineWinner comes after all cells, or its neighbours would cover it.
func (h heatPanel) outlineWinner(c draw.Canvas, left, top vg.Length) {
	for i, w := range h.workers {
		for j, t := range h.threads {
			if h.cells[[2]int{w, t}].Winner {
				at := vg.Point{X: left + vg.Length(j)*h.tile(), Y: top - vg.Length(len(h.workers)-i)*heatRow}
				outline(c, vg.Rectangle{Min: at, Max: vg.Point{X: at.X + h.tile(), Y: at.Y + heatRow}})
			}
		}
	}
}

func heatCell(c draw.Canvas, at vg.Rectangle, r row, planned bool, low, high float64) {
	label := style(10, soft)
	label.XAlign, label.YAlign = draw.XCenter, draw.YCenter
	center := vg.Point{X: (at.Min.X + at.Max.X) / 2, Y: (at.Min.Y + at.Max.Y) / 2}
	inner := vg.Rectangle{Min: vg.Point{X: at.Min.X + 0.75, Y: at.Min.Y + 0.75}, Max: vg.Point{X: at.Max.X - 0.75, Y: at.Max.Y - 0.75}}
	if !planned || r.Rate == none || r.Cell.Infeasible != "" {
		box(c, color.NRGBA{240, 240, 240, 255}, inner)
		c.FillText(label, center, none)
		if planned {
			markBox(c, inner, &r.Cell.Cell, cellShort(r.Cell.Cell), r.Note())
		}
		return
	}
	markBox(c, inner, &r.Cell.Cell, rateText(r)...)
	fill := viridis((r.Cell.Sustainable().Value - low) / max(high-low, 1e-9))
	box(c, fill, inner)
	label.Color = color.Color(color.White)
	if 299*int(fill.R)+587*int(fill.G)+114*int(fill.B) > 128000 {
		label.Color = color.Black
	}
	below := fitting(label, r.Interval, at.Max.X-at.Min.X-3)
	if below == nil {
		c.FillText(label, center, r.Rate)
		return
	}
	c.FillText(label, vg.Point{X: center.X, Y: center.Y + 5}, r.Rate)
	c.FillText(*below, vg.Point{X: center.X, Y: center.Y - 7}, r.Interval)
}

// fitting returns the style of an interval that is at most width wide; nil for
// none.
func fitting(s text.Style, interval string, width vg.Length) *text.Style {
	for s.Font.Size = 7.5; s.Font.Size >= 5; s.Font.Size -= 0.5 {
		if interval != none && s.Width(interval) <= width {
			return &s
		}
	}
	return nil
}

func outline(c draw.Canvas, r vg.Rectangle) {
	p := r.Path()
	p.Line(vg.Point{X: r.Max.X, Y: r.Min.Y}) // over the first side again, for a square corner
	c.SetLineStyle(draw.LineStyle{Color: color.White, Width: 5})
	c.Stroke(p)
	c.SetLineStyle(draw.LineStyle{Color: vermillion, Width: 2.5})
	c.Stroke(p)
}

// colorScale draws the legend of the colours at the right edge of c.
func colorScale(c draw.Canvas, low, high float64, height vg.Length) {
	const steps = 64
	left, bottom := c.Max.X-heatScale+22, c.Max.Y-height
	bottom = max(bottom, c.Min.Y+8)
	height = c.Max.Y - heatTop - bottom
	for i := range steps {
		y := bottom + height*vg.Length(i)/steps
		box(c, viridis((float64(i)+0.5)/steps), vg.Rectangle{Min: vg.Point{X: left, Y: y}, Max: vg.Point{X: left + 12, Y: y + height/steps + 0.4}})
	}
	label := style(9, ink)
	label.YAlign = draw.YCenter
	for _, t := range []float64{0, 0.5, 1} {
		c.FillText(label, vg.Point{X: left + 16, Y: bottom + height*vg.Length(t)}, number(low+t*(high-low)))
	}
	label.XAlign = draw.XCenter
	c.FillText(label, vg.Point{X: left + 14, Y: bottom + height + 14}, "requests/s")
}

// viridisStops are nine samples of matplotlib's viridis, evenly spaced.
var viridisStops = []color.NRGBA{
	{68, 1, 84, 255}, {71, 45, 123, 255}, {59, 82, 139, 255}, {44, 114, 142, 255}, {33, 145, 140, 255},
	{40, 174, 128, 255}, {94, 201, 98, 255}, {173, 220, 48, 255}, {253, 231, 37, 255},
}

// viridis returns the colour of a share from 0 to 1.
func viridis(share float64) color.NRGBA {
	at := min(max(share, 0), 1) * float64(len(viridisStops)-1)
	i := min(int(at), len(viridisStops)-2)
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*(at-float64(i)))) }
	a, b := viridisStops[i], viridisStops[i+1]
	return color.NRGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 255}
}
