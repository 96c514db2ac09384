package reports

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// plotProxy draws the response time of static and dynamic requests, with and
// without a proxy: a row for each, its three percentiles on one line.
func plotProxy(m *model) figure {
	f := figure{name: "proxy", title: "Static and dynamic requests, with and without the proxy"}
	low, high := math.Inf(1), 0.0
	for _, c := range m.Classes {
		for _, q := range quantiles {
			if v := milliseconds(q.of(c.Latency)); v > 0 {
				low, high = min(low, v), max(high, v)
			}
			if a, b := c.starts(q.q); a > 0 {
				low, high = min(low, a), max(high, b)
			}
		}
	}
	if high == 0 {
		f.missing = "no latency by class was measured of the recommended configuration"
		return f
	}
	f.caption = "Response time percentiles p50, p95 and p99 in milliseconds on a logarithmic scale, of static and of dynamic requests, for the recommended configuration and the same with another proxy, each at its own sustainable rate; a bar above a mark is from the fastest to the slowest of its fresh starts."
	f.height = 110 + vg.Length(len(m.Classes))*27
	p := newPanel("", "response time (ms, log scale)", "")
	logAxis(&p.X, low/1.4, high*1.4)
	p.Y.Min, p.Y.Max = -0.6, float64(len(m.Classes))-0.4
	ticks := make([]plot.Tick, len(m.Classes))
	for i, c := range m.Classes {
		ticks[i] = plot.Tick{Value: float64(len(m.Classes) - 1 - i), Label: fit(style(9, ink), fmt.Sprintf("%s, %s, at %s/s", c.Class, proxyPhrase(c.Name), c.Rate), 300)}
	}
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.LineStyle.Width, p.Y.Tick.Length = 0, 0
	gridX(p)
	few := false
	for i, c := range m.Classes {
		p.Add(classRow(c, float64(len(m.Classes)-1-i)))
		few = few || !claimable(c.Latency.Count, 0.99)
	}
	keys := []key{}
	for _, q := range quantileLooks {
		q.line = false
		keys = append(keys, q.key)
	}
	if few {
		keys = append(keys, key{label: "fewer than 100 samples beyond", color: soft, shape: hollow{0}})
	}
	f.draw = func(c draw.Canvas) { p.Draw(draw.Crop(legend(c, keys), 0, -12, 0, 0)) }
	return f
}

// starts are the quantile of the fastest and of the slowest start, in ms; 0 where
// that is not known.
func (c class) starts(share float64) (low, high float64) {
	q, _ := c.Cell.Distribution[c.Class].At(share)
	return milliseconds(q.Low), milliseconds(q.High)
}

func classRow(c class, at float64) drawn {
	return func(cv draw.Canvas, x, y func(float64) vg.Length) {
		var path []vg.Point
		for _, q := range quantiles {
			if v := milliseconds(q.of(c.Latency)); v > 0 {
				path = append(path, vg.Point{X: x(v), Y: y(at)})
			}
		}
		polyline(cv, draw.LineStyle{Color: rule, Width: 4}, path)
		for i, q := range quantiles {
			v := milliseconds(q.of(c.Latency))
			if v <= 0 {
				continue
			}
			if low, high := c.starts(q.q); low > 0 {
				spanX(cv, x(low), x(high), y(at)+8, 2.5, draw.LineStyle{Color: quantileLooks[i].color, Width: 1.2})
			}
			shape := quantileLooks[i].shape
			if !claimable(c.Latency.Count, q.q) {
				shape = quantileLooks[i].hollow
			}
			point := vg.Point{X: x(v), Y: y(at)}
			series(cv, q.name, func() {
				cv.DrawGlyphNoClip(draw.GlyphStyle{Color: quantileLooks[i].color, Radius: 4.5, Shape: shape}, point)
				markAt(cv, point, nil, fmt.Sprintf("%s, %s, at %s requests/s", c.Class, proxyPhrase(c.Name), c.Rate), fmt.Sprintf("%s %s ms", q.name, number(v)))
			})
		}
	}
}
