package reports

import (
	"fmt"
	"math"
	"slices"

	"github.com/montanaflynn/stats"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// quantileLooks are the looks of p50, p95 and p99 in every plot.
var quantileLooks = []struct {
	key
	hollow draw.GlyphDrawer
}{
	{key{label: "p50", color: blue, shape: draw.CircleGlyph{}, line: true}, hollow{0}},
	{key{label: "p95", color: bluish, shape: draw.BoxGlyph{}, line: true}, hollow{4}},
	{key{label: "p99", color: vermillion, shape: draw.PyramidGlyph{}, line: true}, hollow{3}},
}

// plotLatency draws response-time percentiles against offered rate, a panel
// for each chosen cell, with shared axes.
func plotLatency(m *model) figure {
	f := figure{name: "latency", title: "Response time against load"}
	limits := scenarios.Objectives{}
	if len(m.Curves) > 0 {
		f.title += ", " + m.Curves[0].Class + " requests"
		limits = bounds(m.Manifest.Scenario.Objectives, m.Curves[0].Class)
	}
	right, low, high := latencyScale(m, limits)
	if right == 0 {
		f.missing = "no open-loop trial was made of the configurations of interest"
		return f
	}
	f.caption = "Response time percentiles p50, p95 and p99 in milliseconds on a logarithmic scale against the offered rate in requests per second, a panel for each configuration; every mark is a trial, lines join the medians of those that passed at about the same load, failed trials are crosses and the objective is a dashed line."
	cols := min(len(m.Curves), 2)
	keys := latencyKeys(m)
	f.height = 65 + legendHeight(keys) + vg.Length((len(m.Curves)+cols-1)/cols)*235
	panels := make([]*plot.Plot, len(m.Curves))
	for i, k := range m.Curves {
		x, y := " ", " "
		if i%cols == 0 {
			y = "response time (ms, log scale)"
		}
		if i+cols >= len(m.Curves) {
			x = "offered requests/s"
		}
		p := newPanel(k.Name+": "+cellShort(k.Cell.Cell), x, y)
		p.X.Min, p.X.Max, p.X.Tick.Marker = 0, right*1.06, linear{}
		logAxis(&p.Y, low, high)
		gridY(p)
		p.Add(objectiveLines(limits))
		for q := range quantiles {
			p.Add(latencyLine(k, q).of(quantileLooks[q].label))
		}
		panels[i] = p
	}
	f.draw = func(c draw.Canvas) { tile(legend(c, keys), panels, cols) }
	return f
}

// latencyScale returns the ends of the shared axes: requests/s and ms.
func latencyScale(m *model, limits scenarios.Objectives) (right, low, high float64) {
	low = math.Inf(1)
	for _, k := range m.Curves {
		for _, p := range k.Points {
			for _, q := range quantiles {
				if v := milliseconds(q.of(p.Response[k.Class])); v > 0 && p.Offered > 0 {
					right, low, high = max(right, p.Offered), min(low, v), max(high, v)
				}
			}
		}
	}
	for _, o := range limits {
		low, high = min(low, milliseconds(o.Limit)), max(high, milliseconds(o.Limit))
	}
	return right, low / 1.4, high * 1.6
}

// objectiveLines draws each limit with its text above the line.
func objectiveLines(limits scenarios.Objectives) drawn {
	return func(c draw.Canvas, _, y func(float64) vg.Length) {
		for _, o := range limits {
			at := y(milliseconds(o.Limit))
			c.StrokeLine2(draw.LineStyle{Color: ink, Width: 1, Dashes: []vg.Length{5, 3}}, c.Min.X, at, c.Max.X, at)
		}
		stackTexts(c, limits, y)
	}
}

// stackTexts writes each objective above its limit, at the left, where the
// latency of a lightly loaded stack leaves room; those that are close to each
// other side by side.
func stackTexts(c draw.Canvas, limits scenarios.Objectives, y func(float64) vg.Length) {
	sorted := slices.Clone(limits)
	slices.SortFunc(sorted, func(a, b scenarios.Objective) int { return int(a.Limit - b.Limit) })
	label := style(9, ink)
	label.YAlign = draw.YBottom
	last, left := c.Min.Y-20, c.Min.X+4
	for _, o := range sorted {
		at := y(milliseconds(o.Limit))
		if at-last > 12 {
			left = c.Min.X + 4
		}
		text := objectiveText(o)
		c.FillText(label, vg.Point{X: left, Y: at + 1.5}, text)
		last, left = at, left+label.Width(text)+12
	}
}

// latencyLine draws every trial as a mark, and a line through the medians of
// the passed ones at about the same load.
func latencyLine(k curve, q int) drawn {
	look := quantileLooks[q]
	return func(c draw.Canvas, x, y func(float64) vg.Length) {
		var path []vg.Point
		for _, g := range loads(k.Points) {
			if at, v := g.median(k.Class, q); v > 0 {
				path = append(path, vg.Point{X: x(at), Y: y(v)})
			}
		}
		polyline(c, draw.LineStyle{Color: look.color, Width: 1.6}, path)
		for _, p := range k.Points {
			l := p.Response[k.Class]
			v := milliseconds(quantiles[q].of(l))
			if v <= 0 {
				continue
			}
			shape := look.shape
			switch {
			case p.Verdict == analysis.Failed:
				shape = cross{}
			case !claimable(l.Count, quantiles[q].q):
				shape = look.hollow
			}
			at := vg.Point{X: x(p.Offered), Y: y(v)}
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: look.color, Radius: 3.2, Shape: shape}, at)
			markAt(c, at, nil, latencyText(k, p, q)...)
		}
	}
}

// latencyText is what a mark tells.
func latencyText(k curve, p point, q int) []string {
	l := p.Response[k.Class]
	value := fmt.Sprintf("%s %s ms", quantiles[q].name, number(milliseconds(quantiles[q].of(l))))
	if !claimable(l.Count, quantiles[q].q) {
		value += ", not claimed: fewer than 100 samples beyond"
	}
	return []string{cellShort(k.Cell.Cell), fmt.Sprintf("%s offered, %s good requests/s: %s", p.Rate, p.Goodput, p.Verdict), value}
}

// load is a group of passed trials at about the same offered rate.
type load []point

// loads groups the passed points, which come by rising rate: a gap of 6 % of
// the highest rate begins a new group.
func loads(points []point) (groups []load) {
	var highest float64
	for _, p := range points {
		highest = max(highest, p.Offered)
	}
	last := math.Inf(-1)
	for _, p := range points {
		if p.Verdict != analysis.Passed {
			continue
		}
		if p.Offered-last > 0.06*highest {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], p)
		last = p.Offered
	}
	return groups
}

// median returns the mean rate of a group, requests/s, and its median q-th
// quantile in ms.
func (g load) median(class string, q int) (rate, value float64) {
	var rates, values []float64
	for _, p := range g {
		rates = append(rates, p.Offered)
		values = append(values, milliseconds(quantiles[q].of(p.Response[class])))
	}
	rate, _ = stats.Mean(rates)
	value, _ = stats.Median(values)
	return rate, value
}

func latencyKeys(m *model) (keys []key) {
	for _, q := range quantileLooks {
		keys = append(keys, q.key)
	}
	var failed, few bool
	for _, k := range m.Curves {
		for _, p := range k.Points {
			failed = failed || p.Verdict == analysis.Failed
			few = few || !claimable(p.Response[k.Class].Count, 0.99)
		}
	}
	if few {
		keys = append(keys, key{label: "fewer than 100 samples beyond", color: soft, shape: hollow{0}})
	}
	if failed {
		keys = append(keys, key{label: fmt.Sprintf("%s trial", analysis.Failed), color: soft, shape: cross{}})
	}
	return keys
}
