package reports

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sweetspot/analysis"
)

// lightBlue is the band about the law.
var lightBlue = color.NRGBA{204, 227, 240, 255}

// plotScaling draws throughput against cores: every start measured, the law
// with its interval as far as it can be asked, and what the utilisation law
// allows.
func plotScaling(m *model) figure {
	f := figure{name: "scaling", title: "Throughput against cores", height: 330}
	k := m.Result.Scaling
	if k == nil {
		f.missing = "it was measured on one number of cores; add search.cores: [0.5, 0.75, 1, 1.5, 2] to the scenario and run again"
		return f
	}
	f.caption = scalingCaption(k)
	law := asked(k)
	right, top := scalingScale(k, law)
	if top == 0 {
		f.missing = "no burst on a number of cores counts"
		return f
	}
	p := newPanel("", "cores of the application", "requests/s, closed loop")
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, right*1.04, linear{}
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, top*1.08, linear{}
	gridY(p)
	p.Add(lawBand(law).of(lawInterval), boundLine(k, p).of(boundLabel), lawStroke(law, k.Law).of(lawLabel), startMarks(k).of(startLabel), kneeMark(k).of(kneeLabel))
	f.draw = func(c draw.Canvas) { p.Draw(draw.Crop(legend(c, scalingKeys(k)), 0, -8, 0, 0)) }
	return f
}

// scalingCaption says what the plot shows.
func scalingCaption(k *analysis.Scaling) string {
	text := "Throughput of closed-loop bursts in requests per second against the cores that the application had, its workers in proportion; every mark is a fresh start."
	if k.Law != nil {
		text += " A curve is the fitted scalability law, dashed beyond what was measured, in a shaded band that is its 95 % interval; a diamond is its knee."
	}
	if finite(k.Bound(1)) {
		text += " A straight line is what the CPU time of a request allows at most."
	}
	return text
}

// prediction is what the law says of a number of cores.
type prediction struct {
	cores float64
	rate  *analysis.Figure
}

// asked is the law at many numbers of cores, from the smallest measured to the
// largest that it can be asked for; none without a law.
func asked(k *analysis.Scaling) (out []prediction) {
	if k.Law == nil {
		return nil
	}
	const steps = 80 // half of them beyond what was measured; a step ends there
	for i := range steps + 1 {
		n := k.Law.Least + (k.Law.Largest-k.Law.Least)*float64(2*i)/steps
		if 2*i > steps {
			n = k.Law.Largest + (k.Law.Furthest()-k.Law.Largest)*float64(2*i-steps)/steps
		}
		f, err := k.Predict(n)
		if err != nil {
			break
		}
		out = append(out, prediction{n, f})
	}
	return out
}

// scalingScale returns the ends of the axes: cores and requests/s.
func scalingScale(k *analysis.Scaling, law []prediction) (right, top float64) {
	for _, q := range k.Points {
		if finite(q.Cores) && finite(q.Rate) {
			right, top = max(right, q.Cores), max(top, q.Rate)
		}
	}
	for _, q := range law {
		right, top = max(right, q.cores), max(top, q.rate.High)
	}
	return right, top
}

// lawBand fills the interval of the law.
func lawBand(law []prediction) drawn {
	return func(c draw.Canvas, x, y func(float64) vg.Length) {
		var low, high []vg.Point
		for i, q := range law {
			low = append(low, vg.Point{X: x(q.cores), Y: y(q.rate.Low)})
			last := law[len(law)-1-i]
			high = append(high, vg.Point{X: x(last.cores), Y: y(last.rate.High)})
		}
		if len(law) > 1 {
			c.FillPolygon(lightBlue, append(low, high...))
		}
	}
}

// lawStroke draws the law, dashed beyond what was measured.
func lawStroke(law []prediction, s *analysis.Scalability) drawn {
	return func(c draw.Canvas, x, y func(float64) vg.Length) {
		var within, beyond []vg.Point
		for _, q := range law {
			at := vg.Point{X: x(q.cores), Y: y(q.rate.Value)}
			if q.cores <= s.Largest {
				within = append(within, at)
			}
			if q.cores >= s.Largest {
				beyond = append(beyond, at)
			}
		}
		polyline(c, draw.LineStyle{Color: blue, Width: 1.8}, within)
		polyline(c, draw.LineStyle{Color: blue, Width: 1.8, Dashes: []vg.Length{5, 3}}, beyond)
	}
}

// boundLine draws what the utilisation law allows, up to the top of the panel.
func boundLine(k *analysis.Scaling, p *plot.Plot) drawn {
	return func(c draw.Canvas, x, y func(float64) vg.Length) {
		if each := k.Bound(1); finite(each) && each > 0 {
			end := min(p.X.Max, p.Y.Max/each)
			c.StrokeLine2(draw.LineStyle{Color: vermillion, Width: 1.4}, x(0), y(0), x(end), y(end*each))
		}
	}
}

// startMarks draws every start.
func startMarks(k *analysis.Scaling) drawn {
	return func(c draw.Canvas, x, y func(float64) vg.Length) {
		for _, q := range k.Points {
			if !finite(q.Cores) || !finite(q.Rate) {
				continue
			}
			at := vg.Point{X: x(q.Cores), Y: y(q.Rate)}
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: ink, Radius: 3, Shape: hollow{0}}, at)
			markAt(c, at, nil, coresText(q.Cores)+", "+sizeShort(q.Cell), number(q.Rate)+" requests/s, closed loop")
		}
	}
}

// kneeMark marks the knee on the law where it can be asked there.
func kneeMark(k *analysis.Scaling) drawn {
	return func(c draw.Canvas, x, y func(float64) vg.Length) {
		knee, rate := kneeOf(k)
		if rate == nil {
			return
		}
		at := vg.Point{X: x(knee), Y: y(rate.Value)}
		c.StrokeLine2(draw.LineStyle{Color: bluish, Width: 1, Dashes: []vg.Length{2, 2}}, at.X, c.Min.Y, at.X, at.Y)
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: bluish, Radius: 5, Shape: diamond{}}, at)
		markAt(c, at, nil, "knee at "+number(knee)+" cores", withInterval(rate)+" requests/s by the law")
		label := style(9, ink)
		label.XAlign, label.YAlign = draw.XLeft, draw.YBottom
		c.FillText(label, vg.Point{X: at.X + 4, Y: c.Min.Y + 3}, "knee, "+number(knee)+" cores")
	}
}

// kneeOf returns the knee of the law and the throughput there; no throughput
// where the law cannot be asked.
func kneeOf(k *analysis.Scaling) (float64, *analysis.Figure) {
	if k.Law == nil || math.IsInf(k.Law.Knee(), 1) {
		return 0, nil
	}
	rate, err := k.Predict(k.Law.Knee())
	if err != nil {
		return 0, nil
	}
	return k.Law.Knee(), rate
}

// The entries of the legend.
const (
	startLabel  = "fresh start"
	lawLabel    = "scalability law, dashed beyond what was measured"
	lawInterval = "its 95 % interval"
	boundLabel  = "bound of the utilisation law"
	kneeLabel   = "knee"
)

func scalingKeys(k *analysis.Scaling) []key {
	keys := []key{{label: startLabel, color: ink, shape: hollow{0}}}
	if k.Law != nil {
		keys = append(keys, key{label: lawLabel, color: blue, line: true}, key{label: lawInterval, color: lightBlue, fill: true})
	}
	if finite(k.Bound(1)) {
		keys = append(keys, key{label: boundLabel, color: vermillion, line: true})
	}
	if _, rate := kneeOf(k); rate != nil {
		keys = append(keys, key{label: kneeLabel, color: bluish, shape: diamond{}})
	}
	return keys
}
