package reports

import (
	"fmt"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sweetspot/analysis"
)

// severalPlotNames begin the names of the plots' files.
var severalPlotNames = []string{"sustained", "latency", "percentiles"}

// suffix tells the plots of the groups apart.
func (g *severalGroup) suffix() string {
	if g.Number == 1 {
		return ""
	}
	return fmt.Sprintf("-%d", g.Number)
}

// Looks of a run in the plot of what all sustain: filled when it may be the one
// that sustains most.
var (
	leading = key{label: "may sustain the most (95 %)", color: blue, shape: draw.CircleGlyph{}, line: true}
	behind  = key{label: "shown to sustain less", color: vermillion, shape: hollow{4}, line: true}
)

// plotSustained draws what the recommended configuration of each run sustains,
// a line a run, from zero, with intervals.
func plotSustained(g *severalGroup) figure {
	f := figure{name: "sustained" + g.suffix(), title: "Sustained rate of what each run recommends"}
	if len(g.Lead.Order) == 0 {
		f.missing = "no run has an answer"
		return f
	}
	f.caption = "Sustained rate in requests per second of the recommended configuration of each run, from zero; bars are 95 % intervals over fresh starts, of each run alone."
	f.height = 96 + vg.Length(len(g.Runs))*36
	top := 0.0
	for i := range g.Runs {
		if r := g.Runs[i].Sustained(); r != nil && finite(r.Value) {
			top = max(top, r.Value)
			if hasInterval(r) {
				top = max(top, min(r.High, 2*r.Value))
			}
		}
	}
	p := newPanel("", "sustained requests/s", "")
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, top*1.04, linear{}
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = -0.6, float64(len(g.Runs))-0.4, plot.ConstantTicks{}
	gridX(p)
	names, values := strong(10), style(10, ink)
	names.XAlign, values.YAlign = draw.XRight, draw.YCenter
	below := style(9, soft)
	below.XAlign, below.YAlign = draw.XRight, draw.YTop
	left, right := vg.Length(0), vg.Length(0)
	for i := range g.Runs {
		left = max(left, names.Width(g.label(i)), below.Width(g.configuration(i)))
		right = max(right, values.Width(g.sustainedText(i)))
	}
	left = min(left, figureWidth/3)
	p.Add(drawn(func(c draw.Canvas, x, y func(float64) vg.Length) {
		for i := range g.Runs {
			at := y(float64(len(g.Runs) - 1 - i))
			c.FillText(names, vg.Point{X: c.Min.X - 12, Y: at + 1}, fit(names, g.label(i), left))
			c.FillText(below, vg.Point{X: c.Min.X - 12, Y: at - 1}, fit(below, g.configuration(i), left))
			c.FillText(values, vg.Point{X: c.Max.X + 10, Y: at}, g.sustainedText(i))
			g.drawSustained(c, i, x, at)
		}
	}))
	f.draw = func(c draw.Canvas) {
		p.Draw(draw.Crop(legend(c, g.sustainedKeys()), left+8, -right-14, 0, 0))
	}
	return f
}

// label is the name of a run, as a plot can show it.
func (g *severalGroup) label(i int) string { return g.name(i).plainText() }

func (g *severalGroup) configuration(i int) string {
	if !g.answered(i) {
		return ""
	}
	return quoted(cellShort(g.Runs[i].Result.Winner.Cell)).plainText()
}

func (g *severalGroup) sustainedText(i int) string {
	f := g.Runs[i].Sustained()
	switch {
	case !g.answered(i):
		return "no answer"
	case hasInterval(f):
		return withInterval(f)
	}
	return value(f)
}

func (g *severalGroup) sustainedKeys() []key {
	keys := []key{leading}
	if len(g.Lead.First) < len(g.Lead.Order) {
		keys = append(keys, behind)
	}
	return keys
}

func (g *severalGroup) drawSustained(c draw.Canvas, i int, x func(float64) vg.Length, at vg.Length) {
	if !g.answered(i) {
		return
	}
	f, look := g.Runs[i].Sustained(), behind
	if g.mayLead(i) {
		look = leading
	}
	series(c, look.label, func() {
		barAcross(c, f, at, x, look.color)
		place := vg.Point{X: x(f.Value), Y: at}
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: look.color, Radius: 4.5, Shape: look.shape}, place)
		markAt(c, place, nil, g.label(i)+": "+g.configuration(i), value(f)+" requests/s sustained, "+support(f), look.label)
	})
}

// barAcross draws the interval of f along the horizontal axis, cut at its ends.
func barAcross(c draw.Canvas, f *analysis.Figure, at vg.Length, x func(float64) vg.Length, col color.Color) {
	if !hasInterval(f) {
		return
	}
	spanX(c, max(x(f.Low), c.Min.X), min(x(f.High), c.Max.X), at, 5, draw.LineStyle{Color: col, Width: 1.6})
}

// plotSeveralLatency draws latency against load of what each run recommends, a
// panel a run, with shared axes.
func plotSeveralLatency(g *severalGroup) figure {
	m := &model{Input: Input{Manifest: g.Runs[g.Reference].Manifest}}
	for i := range g.Runs {
		if c, ok := g.curve(i); ok {
			c.Name, c.Cell = g.label(i), drawable(c.Cell)
			m.Curves = append(m.Curves, c)
		}
	}
	f := plotLatency(m)
	f.name += g.suffix()
	return f
}

// drawable is a cell with names that a plot can show.
func drawable(c *analysis.Cell) *analysis.Cell {
	out := *c
	out.Cell.Server, out.Cell.Proxy = quoted(c.Cell.Server).plainText(), quoted(c.Cell.Proxy).plainText()
	return &out
}

// plotSeveralPercentiles draws response time against percentile, a line for what
// each run recommends at the rate that it sustains.
func plotSeveralPercentiles(g *severalGroup) figure {
	mf := g.Runs[g.Reference].Manifest
	m := &model{Input: Input{Manifest: mf}}
	for i, r := range g.Runs {
		if d := g.distribution(i); d.Count > 0 {
			w := r.Result.Winner
			m.Tails = append(m.Tails, tail{d, g.label(i), drawable(w), curveClass(mf.Scenario.Objectives), number(w.LatencyRate)})
		}
	}
	f := plotPercentiles(m)
	f.name += g.suffix()
	return f
}

// curve is the latency against load of what a run recommends; ok is false when
// it has none.
func (g *severalGroup) curve(i int) (k curve, ok bool) {
	m := g.Models[i]
	n := slices.IndexFunc(m.Curves, func(k curve) bool { return g.answered(i) && same(k.Cell, m.Result.Winner) })
	if n < 0 {
		return curve{}, false
	}
	return m.Curves[n], true
}

// distribution is the response times of what a run recommends at its sustained
// rate; empty when they were not measured.
func (g *severalGroup) distribution(i int) analysis.Distribution {
	if !g.answered(i) {
		return analysis.Distribution{}
	}
	return g.Runs[i].Result.Winner.Distribution[curveClass(g.Runs[i].Manifest.Scenario.Objectives)]
}

// latency is the plots of it, with the runs that are not in them.
func (g *severalGroup) latency() comparingPart {
	p := comparingPart{Title: "Latency against load, and by percentile", Figures: []figure{plotSeveralLatency(g), plotSeveralPercentiles(g)}}
	var loads, tails []int
	for _, i := range g.Lead.Order {
		if _, ok := g.curve(i); !ok {
			loads = append(loads, i)
		}
		if g.distribution(i).Count == 0 {
			tails = append(tails, i)
		}
	}
	if len(loads) > 0 {
		p.Lines = append(p.Lines, append(phrase{"Not drawn against load, for no open-loop trial of what it recommends counts: "}, g.names(loads)...))
	}
	if len(tails) > 0 {
		p.Lines = append(p.Lines, append(phrase{"Not drawn by percentile, for no trial passed near the rate that it sustains: "}, g.names(tails)...))
	}
	return p
}
