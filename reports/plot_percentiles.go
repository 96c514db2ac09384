package reports

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// plotPercentiles draws response time against percentile, a line for each chosen
// cell at its sustained rate, as HdrHistogram plots do: the axis gives every nine
// the same room.
func plotPercentiles(m *model) figure {
	f := figure{name: "percentiles", title: "Response time by percentile"}
	if len(m.Tails) == 0 {
		f.missing = "no configuration of interest passed a trial near its sustained rate"
		return f
	}
	class := m.Tails[0].Class
	f.title += ", " + class + " requests"
	f.caption = "Response time in milliseconds on a logarithmic scale against percentile on a scale logarithmic in 1/(1 − q), up to the maximum, a line for each configuration at its sustained rate; a band spans its fresh starts, what is dashed has fewer than 100 responses beyond it and is not claimed, a ring is the maximum, which is one observation, and a dashed line that ends in a bar is an objective."
	limits := bounds(m.Manifest.Scenario.Objectives, class)
	right, low, high := percentilesScale(m.Tails, limits)
	p := newPanel("", " ", "response time (ms, log scale)")
	p.Add(drawn(func(c draw.Canvas, _, _ func(float64) vg.Length) {
		labelX(c, "percentile (%), logarithmic in 1/(1 − q)")
	}))
	p.X.Min, p.X.Max, p.X.Scale, p.X.Tick.Marker = 1, right, plot.LogScale{}, nines{}
	logAxis(&p.Y, low, high)
	gridX(p)
	gridY(p)
	for i, t := range m.Tails {
		p.Add(tailBand(t, seriesColors[i%len(seriesColors)]).of(t.key()))
	}
	p.Add(limitSteps(limits))
	for i, t := range m.Tails {
		p.Add(tailLine(t, i).of(t.key()))
	}
	keys := percentilesKeys(m.Tails)
	f.height = 330 + legendHeight(keys)
	f.draw = func(c draw.Canvas) { p.Draw(draw.Crop(legend(c, keys), 0, -14, 0, 0)) }
	return f
}

// labelX writes the label of the horizontal axis into the room kept for it; the
// library would centre it in the logarithm, and make the panel smaller for that.
func labelX(c draw.Canvas, label string) {
	s := style(10, ink)
	s.XAlign, s.YAlign = draw.XCenter, draw.YTop
	c.FillText(s, vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: c.Min.Y - 23}, label)
}

// nine is the place of a share on the axis: 1/(1 − q).
func nine(share float64) float64 { return 1 / (1 - share) }

// last is the place of the slowest response.
func (t tail) last() float64 { return max(2, float64(t.Count)) }

// percentilesScale returns the right end of the shared axes, and their ends in ms.
func percentilesScale(tails []tail, limits scenarios.Objectives) (right, low, high float64) {
	low = math.Inf(1)
	add := func(v float64) {
		if v > 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	for _, t := range tails {
		right = max(right, t.last())
		add(milliseconds(t.Max))
		for _, q := range t.Points {
			add(milliseconds(q.Value))
			add(milliseconds(q.Low))
		}
	}
	for _, o := range limits {
		add(milliseconds(o.Limit))
	}
	return right * 1.6, low / 1.3, high * 1.5
}

// tailBand fills what the fresh starts span.
func tailBand(t tail, of color.Color) drawn {
	fill := color.NRGBAModel.Convert(of).(color.NRGBA)
	fill.A = 46
	return func(c draw.Canvas, x, y func(float64) vg.Length) {
		var low, high []vg.Point
		for _, q := range t.Points {
			if q.Low > 0 && q.High > 0 {
				at := x(nine(q.Share))
				low = append(low, vg.Point{X: at, Y: y(milliseconds(q.Low))})
				high = append([]vg.Point{{X: at, Y: y(milliseconds(q.High))}}, high...)
			}
		}
		if len(low) > 1 {
			c.FillPolygon(fill, append(low, high...))
		}
	}
}

// tailLine draws a distribution: solid where it is claimed, with marks at 50 %
// and at every nine, then dashed up to the maximum.
func tailLine(t tail, n int) drawn {
	look, shape := seriesColors[n%len(seriesColors)], seriesShapes[n%len(seriesShapes)]
	return func(c draw.Canvas, x, y func(float64) vg.Length) {
		end := vg.Point{X: x(t.last()), Y: y(milliseconds(t.Max))}
		var claimed, rest, marks []vg.Point
		for _, q := range t.Points {
			if q.Value <= 0 {
				continue
			}
			at := vg.Point{X: x(nine(q.Share)), Y: y(milliseconds(q.Value))}
			markAt(c, at, &t.Cell.Cell, t.told(q)...)
			if !t.Claimed(q.Share) {
				rest = append(rest, at)
				continue
			}
			claimed, rest = append(claimed, at), []vg.Point{at}
			if isNine(q) {
				marks = append(marks, at)
			}
		}
		polyline(c, draw.LineStyle{Color: look, Width: 1.8}, claimed)
		polyline(c, draw.LineStyle{Color: look, Width: 1.3, Dashes: []vg.Length{4, 3}}, append(rest, end))
		for _, at := range marks {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: look, Radius: 3.6, Shape: shape}, at)
		}
		if t.Max > 0 {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: look, Radius: 4, Shape: hollow{0}}, end)
			markAt(c, end, &t.Cell.Cell, t.key(), "maximum "+number(milliseconds(t.Max))+" ms, one observation of "+count(int(t.Count)))
		}
	}
}

// key names a tail in the legend.
func (t tail) key() string { return fmt.Sprintf("%s, at %s/s", t.label(), t.Rate) }

// told is what the mark of a quantile tells.
func (t tail) told(q analysis.Quantile) []string {
	v := milliseconds(q.Value)
	text := fmt.Sprintf("p%s %s ms", tickLabel(100*q.Share), number(v))
	if q.High > 0 {
		text += fmt.Sprintf(", fresh starts %s–%s", numberLike(milliseconds(q.Low), v), numberLike(milliseconds(q.High), v))
	}
	if !t.Claimed(q.Share) {
		text += ", not claimed: fewer than 100 responses beyond"
	}
	return []string{t.key(), text}
}

// isNine tells whether a quantile is the median, or 90 %, 99 % and so on.
func isNine(q analysis.Quantile) bool {
	digits := math.Log10(nine(q.Share))
	return math.Abs(q.Share-0.5) < 1e-9 || digits > 0.5 && math.Abs(digits-math.Round(digits)) < 1e-6
}

// limitSteps draws every objective up to its percentile, with its text above the
// line.
func limitSteps(limits scenarios.Objectives) drawn {
	return func(c draw.Canvas, x, y func(float64) vg.Length) {
		line := draw.LineStyle{Color: ink, Width: 1, Dashes: []vg.Length{5, 3}}
		for _, o := range limits {
			end := c.Max.X
			if p, err := strconv.ParseFloat(strings.TrimPrefix(o.Metric, "p"), 64); err == nil {
				end = min(x(nine(p/100)), c.Max.X)
				at := y(milliseconds(o.Limit))
				c.StrokeLine2(draw.LineStyle{Color: ink, Width: 1.4}, end, at-4, end, at+4)
			} else if o.Metric != scenarios.Max {
				continue // a mean has no percentile
			}
			c.StrokeLine2(line, c.Min.X, y(milliseconds(o.Limit)), end, y(milliseconds(o.Limit)))
		}
		stackTexts(c, limits, y)
	}
}

// percentilesKeys name the lines, and what their parts mean.
func percentilesKeys(tails []tail) (keys []key) {
	few, several := false, false
	for i, t := range tails {
		keys = append(keys, key{label: t.key(), color: seriesColors[i%len(seriesColors)], shape: seriesShapes[i%len(seriesShapes)], line: true})
		few = few || len(t.Points) > 0 && !t.Claimed(t.Points[len(t.Points)-1].Share)
		several = several || t.Starts > 1
	}
	if several {
		keys = append(keys, key{label: "from the fastest to the slowest start", color: rule, fill: true})
	}
	if few {
		keys = append(keys, key{label: "not claimed: fewer than 100 responses beyond", color: soft, line: true, dashed: true})
	}
	return append(keys, key{label: "maximum, one observation", color: soft, shape: hollow{0}})
}

// nines marks 0, 50, 90, 99, 99.9 % and so on, on an axis of 1/(1 − q).
type nines struct{}

// Ticks implements plot.Ticker.
func (nines) Ticks(_, high float64) []plot.Tick {
	ticks := []plot.Tick{{Value: 1, Label: "0"}, {Value: 2, Label: "50"}}
	for digits := 1; math.Pow10(digits) <= high; digits++ {
		label := "90"
		if digits > 1 {
			label = strings.TrimSuffix("99."+strings.Repeat("9", digits-2), ".")
		}
		ticks = append(ticks, plot.Tick{Value: math.Pow10(digits), Label: label})
	}
	return ticks
}
