package reports

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sweetspot/analysis"
)

// plotUsage draws CPU per request and memory, a row for each cell.
func plotUsage(m *model) figure {
	f := figure{name: "usage", title: "CPU per request and memory"}
	var rows []row
	cpuTop, memoryTop := 0.0, 0.0
	for _, r := range m.Rows {
		if cpu(r.Cell) > 0 || r.Cell.Memory > 0 {
			rows = append(rows, r)
			cpuTop, memoryTop = max(cpuTop, cpu(r.Cell), usageEnd(r.Cell)), max(memoryTop, float64(r.Cell.Memory)/1e6)
		}
	}
	if len(rows) == 0 {
		f.missing = "neither CPU nor memory was measured"
		return f
	}
	f.caption = "CPU time of application and proxy in milliseconds per good request, and memory (PSS) of application and proxy in megabytes, a row for each configuration, with the 95 % intervals over fresh starts where there are any; memory is the largest seen, which has none. The recommended one is in bold."
	f.height = 105 + vg.Length(len(rows))*19
	left := usagePanel(rows, "CPU time (ms per good request)", cpuTop, true, []bar{
		{"application", "ms of CPU per good request", blue, func(c *analysis.Cell) *analysis.Figure { return c.AppCPU }},
		{"proxy", "ms of CPU per good request", orange, func(c *analysis.Cell) *analysis.Figure { return c.ProxyCPU }},
	})
	right := usagePanel(rows, "memory (MB, PSS)", memoryTop, false, []bar{
		{"application and proxy together", "MB (PSS)", purple, func(c *analysis.Cell) *analysis.Figure { return &analysis.Figure{Value: float64(c.Memory) / 1e6} }},
	})
	f.draw = func(c draw.Canvas) {
		c = legend(c, []key{{label: "application", color: blue, fill: true}, {label: "proxy", color: orange, fill: true}, {label: "application and proxy together", color: purple, fill: true}})
		names := usageNames(rows)
		area := c.Max.X - c.Min.X - names
		left.Draw(draw.Crop(c, names, -area/2-6, 0, 0))
		right.Draw(draw.Crop(c, names+area/2+6, -12, 0, 0))
	}
	return f
}

// bar is one part of a stacked bar.
type bar struct {
	label, unit string
	color       color.Color
	of          func(*analysis.Cell) *analysis.Figure
}

// usageEnd is how far the interval of the proxy's CPU reaches, or that of the
// application's.
func usageEnd(c *analysis.Cell) (end float64) {
	start := 0.0
	for _, f := range []*analysis.Figure{c.AppCPU, c.ProxyCPU} {
		if hasInterval(f) {
			end = max(end, start+f.High)
		}
		start += estimate(f)
	}
	return end
}

func estimate(f *analysis.Figure) float64 {
	if f == nil || !finite(f.Value) {
		return 0
	}
	return f.Value
}

func usageStyle(r row) text.Style {
	if r.Winner {
		return strong(9)
	}
	return style(9, ink)
}

// mostName is the room that the name of a row has at most.
const mostName = 300 * vg.Length(1)

func usageName(r row) string { return fit(usageStyle(r), cellShort(r.Cell.Cell), mostName) }

// usageNames is the room that the names of the rows take.
func usageNames(rows []row) (w vg.Length) {
	for _, r := range rows {
		w = max(w, usageStyle(r).Width(usageName(r))+12)
	}
	return w
}

func usagePanel(rows []row, x string, top float64, names bool, bars []bar) *plot.Plot {
	p := newPanel("", x, "")
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, max(top, 1e-3)*1.22, linear{}
	p.Y.Min, p.Y.Max = -0.6, float64(len(rows))-0.4
	p.X.Padding, p.Y.Padding = 0, 0
	p.Y.Tick.Marker, p.Y.Tick.Length = plot.ConstantTicks(nil), 0
	gridX(p)
	p.Add(drawn(func(c draw.Canvas, x, y func(float64) vg.Length) {
		for i, r := range rows {
			at := y(float64(len(rows) - 1 - i))
			if names {
				s := usageStyle(r)
				s.XAlign, s.YAlign = draw.XRight, draw.YCenter
				c.FillText(s, vg.Point{X: c.Min.X - 6, Y: at}, usageName(r))
			}
			usageBar(c, r, bars, x, at)
		}
	}))
	return p
}

// usageBar draws the parts of a bar on each other, each with its interval at its
// end: the first above the middle, the next below, so that both are seen.
func usageBar(c draw.Canvas, r row, bars []bar, x func(float64) vg.Length, at vg.Length) {
	total, end := 0.0, 0.0
	for _, b := range bars {
		v := estimate(b.of(r.Cell))
		if v <= 0 {
			continue
		}
		area := vg.Rectangle{Min: vg.Point{X: x(total), Y: at - 6}, Max: vg.Point{X: x(total + v), Y: at + 6}}
		series(c, b.label, func() {
			box(c, b.color, area)
			markBox(c, area, nil, cellShort(r.Cell.Cell), fmt.Sprintf("%s: %s %s", b.label, number(v), b.unit))
		})
		total += v
	}
	start, offset := 0.0, vg.Length(2)
	for _, b := range bars {
		f := b.of(r.Cell)
		if hasInterval(f) {
			spanX(c, x(max(start+f.Low, 0)), x(start+f.High), at+offset, 2.5, draw.LineStyle{Color: ink, Width: 1})
			end = max(end, start+f.High)
		}
		start, offset = start+estimate(f), -2
	}
	text, label := none, style(8.5, ink)
	if total > 0 {
		text = number(total)
	}
	label.YAlign = draw.YCenter
	c.FillText(label, vg.Point{X: x(max(total, end)) + 4, Y: at}, text)
}

// spanX draws an interval along the horizontal axis, with ends that reach so far
// to both sides of it.
func spanX(c draw.Canvas, low, high, at, ends vg.Length, s draw.LineStyle) {
	c.StrokeLine2(s, low, at, high, at)
	c.StrokeLine2(s, low, at-ends, low, at+ends)
	c.StrokeLine2(s, high, at-ends, high, at+ends)
}
