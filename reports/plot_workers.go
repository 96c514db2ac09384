package reports

import (
	"cmp"
	"fmt"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sweetspot/analysis"
)

// line is one line of the plot of rate against workers.
type line struct {
	server  string
	threads int
}

func (l line) label() string { return fmt.Sprintf("%s, %s", l.server, counted(l.threads, "thread")) }

// plotWorkers draws the sustainable rate against workers: a line per server
// and threads, a panel per proxy, intervals as bars.
func plotWorkers(m *model) figure {
	f := figure{name: "workers", title: "Sustainable rate against workers"}
	proxies, lines, workers, top := workersScale(m)
	if len(proxies) == 0 {
		f.missing = "no configuration was measured"
		return f
	}
	f.caption = "Sustainable rate in requests per second against the number of workers, a panel for each proxy and a line for each server and thread count; bars are 95 % intervals over fresh starts."
	cols := min(len(proxies), 3)
	rows := (len(proxies) + cols - 1) / cols
	keys := workersKeys(m, lines)
	f.height = 295 + legendHeight(keys) + vg.Length(rows-1)*250
	panels := make([]*plot.Plot, len(proxies))
	for i, proxy := range proxies {
		title := "behind " + proxy
		if proxyPhrase(proxy) == "without a proxy" {
			title = "no proxy (direct)"
		}
		label := "sustained requests/s"
		if i%cols > 0 {
			label = " "
		}
		p := newPanel(title, "workers (processes)", label)
		edge := max(0.6, float64(workers[len(workers)-1]-workers[0])*0.08)
		p.X.Min, p.X.Max = float64(workers[0])-edge, float64(workers[len(workers)-1])+edge
		p.X.Tick.Marker = places(sparse(workers))
		p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, top, linear{}
		gridY(p)
		for n, s := range lines {
			dodge := (float64(n) - float64(len(lines)-1)/2) * (p.X.Max - p.X.Min) * min(0.02, 0.1/float64(len(lines)))
			p.Add(workersLine(m, proxy, s, n, dodge).of(s.label()))
		}
		panels[i] = p
	}
	f.draw = func(c draw.Canvas) { tile(legend(c, keys), panels, cols) }
	return f
}

// workersScale collects what the panels share; top is the end of the axis.
// An interval wider than its estimate does not stretch the axis for all.
func workersScale(m *model) (proxies []string, lines []line, workers []int, top float64) {
	for _, r := range m.Rows {
		s := r.Cell.Sustainable()
		if s == nil && r.Cell.Infeasible == "" {
			continue
		}
		if !slices.Contains(proxies, r.Proxy) {
			proxies = append(proxies, r.Proxy)
		}
		if k := (line{r.Server, r.Threads}); !slices.Contains(lines, k) {
			lines = append(lines, k)
		}
		if !slices.Contains(workers, r.Workers) {
			workers = append(workers, r.Workers)
		}
		if s != nil && finite(s.Value) {
			top = max(top, s.Value)
			if hasInterval(s) {
				top = max(top, min(s.High, 2*s.Value))
			}
		}
	}
	slices.Sort(workers)
	return proxies, lines, workers, max(top, 1) * 1.08
}

// sparse leaves out counts whose labels would touch the one before.
func sparse(workers []int) []int {
	kept := workers[:1:1]
	least := float64(workers[len(workers)-1]-workers[0]) / 12
	for _, w := range workers[1:] {
		if float64(w-kept[len(kept)-1]) >= least {
			kept = append(kept, w)
		}
	}
	return kept
}

func workersLine(m *model, proxy string, s line, n int, dodge float64) drawn {
	c, shape := seriesColors[n%len(seriesColors)], seriesShapes[n%len(seriesShapes)]
	rows := []row{}
	for _, r := range m.Rows {
		if r.Proxy == proxy && r.Server == s.server && r.Threads == s.threads {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.Workers, b.Workers) })
	return func(cv draw.Canvas, x, y func(float64) vg.Length) {
		var path []vg.Point
		for _, r := range rows {
			at := vg.Point{X: x(float64(r.Workers) + dodge), Y: y(0)}
			f := r.Cell.Sustainable()
			if r.Cell.Infeasible != "" {
				cv.DrawGlyphNoClip(draw.GlyphStyle{Color: c, Radius: 4.5, Shape: cross{}}, at)
				markAt(cv, at, &r.Cell.Cell, cellShort(r.Cell.Cell), r.Note())
			}
			if r.Cell.Infeasible != "" || f == nil || !finite(f.Value) {
				continue
			}
			at.Y = y(f.Value)
			path = append(path, at)
			errorBar(cv, f, at, y, draw.LineStyle{Color: c, Width: 1.1})
		}
		polyline(cv, draw.LineStyle{Color: c, Width: 1.6}, path)
		for _, r := range rows {
			if f := r.Cell.Sustainable(); f != nil && finite(f.Value) && r.Cell.Infeasible == "" {
				at := vg.Point{X: x(float64(r.Workers) + dodge), Y: y(f.Value)}
				cv.DrawGlyphNoClip(draw.GlyphStyle{Color: c, Radius: 3.6, Shape: shape}, at)
				markWorkers(cv, r, at)
				markAt(cv, at, &r.Cell.Cell, rateText(r)...)
			}
		}
	}
}

// rateText is what a mark of a configuration's sustainable rate tells.
func rateText(r row) []string {
	text := []string{cellShort(r.Cell.Cell), fmt.Sprintf("%s requests/s sustained, %s", r.Rate, support(r.Cell.Sustainable()))}
	if note := r.Note(); note != "" {
		text = append(text, note)
	}
	return text
}

func markWorkers(c draw.Canvas, r row, at vg.Point) {
	if len(r.Cell.Folklore) > 0 {
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: soft, Radius: 6.5, Shape: frame{}}, at)
	}
	if r.Cell.Struck != "" {
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: ink, Radius: 6, Shape: strike{}}, at)
	}
	if r.Winner {
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: ink, Radius: 8.5, Shape: halo{}}, at)
	}
}

// errorBar draws the interval of f, cut at the ends of the axis.
func errorBar(c draw.Canvas, f *analysis.Figure, at vg.Point, y func(float64) vg.Length, s draw.LineStyle) {
	if !hasInterval(f) {
		return
	}
	low, high := max(y(f.Low), c.Min.Y), min(y(f.High), c.Max.Y)
	c.StrokeLine2(s, at.X, low, at.X, high)
	c.StrokeLine2(s, at.X-3, low, at.X+3, low)
	c.StrokeLine2(s, at.X-3, high, at.X+3, high)
}

func workersKeys(m *model, lines []line) (keys []key) {
	for n, s := range lines {
		keys = append(keys, key{
			label: s.label(),
			color: seriesColors[n%len(seriesColors)], shape: seriesShapes[n%len(seriesShapes)], line: true,
		})
	}
	var winner, folklore, struck, infeasible bool
	for _, r := range m.Rows {
		winner = winner || r.Winner
		folklore = folklore || len(r.Cell.Folklore) > 0
		struck = struck || r.Cell.Struck != "" && r.Cell.Sustainable() != nil
		infeasible = infeasible || r.Cell.Infeasible != ""
	}
	if winner {
		keys = append(keys, key{label: "recommended", color: ink, shape: halo{}, width: 6})
	}
	if folklore {
		keys = append(keys, key{label: "folklore", color: soft, shape: frame{}, width: 5})
	}
	if struck {
		keys = append(keys, key{label: "struck out", color: ink, shape: strike{}, width: 5})
	}
	if infeasible {
		keys = append(keys, key{label: "no load meets the objectives", color: soft, shape: cross{}, width: 4})
	}
	return keys
}
