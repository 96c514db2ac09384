package reports

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// Plots are compared by what they say: texts, and how many lines and areas of
// which colour.
func TestPlotStructure(t *testing.T) {
	for _, f := range figures(newModel(sample())) {
		t.Run(f.name, func(t *testing.T) {
			golden(t, filepath.Join("testdata", "plots", f.name+".txt"), []byte(drawnOn(f).structure(f)))
		})
	}
}

// sampleSeries has n servers and threads, each behind three proxies with four
// numbers of workers.
func sampleSeries(n int) Input {
	in := sample()
	r := in.Result
	r.Cells = nil
	servers := []string{"gunicorn-gthread", "gunicorn-sync", "uwsgi-threads", "hypercorn-trio", "mod-wsgi-daemon", "uvicorn"}
	for i := range n {
		for j, proxy := range []string{scenarios.Direct, "nginx", "haproxy"} {
			for _, workers := range []int{1, 2, 4, 8} {
				rate := (90 + 13*float64(i) + 40*float64(j)) * float64(workers) / (1 + 0.2*float64(workers))
				c := sampleCell(servers[i%len(servers)], proxy, workers, 1+i/len(servers), rate)
				c.Final = fiveStarts(rate, 0.06*rate)
				c.AppCPU = fiveStarts(c.AppCPU.Value, 0.1*c.AppCPU.Value)
				c.Distribution = sampleDistributions(c.Latency, 5)
				r.Cells = append(r.Cells, c)
			}
		}
	}
	w := r.Cells[len(r.Cells)-6]
	r.Winner, r.Ties, r.RunnerUp, r.Folklore, r.ProxyTax = w, nil, r.Cells[0], nil, nil
	for _, c := range r.Cells[1:4] {
		c.Folklore = []string{scenarios.FolkloreTwice}
		r.Folklore = append(r.Folklore, analysis.Comparison{Name: scenarios.FolkloreTwice, Cell: c})
	}
	for _, c := range r.Cells {
		if c.Cell.Server == w.Cell.Server && c.Cell.Threads == w.Cell.Threads && c.Cell.Workers == w.Cell.Workers && c.Cell.Proxy != w.Cell.Proxy {
			r.ProxyTax = append(r.ProxyTax, analysis.Comparison{Name: c.Cell.Proxy, Cell: c})
		}
	}
	return in
}

func TestNoLabelOverlaps(t *testing.T) {
	all := samples()
	for _, n := range []int{1, 3, 24} {
		all[fmt.Sprintf("%d series", n)] = sampleSeries(n)
	}
	for name, in := range all {
		for _, f := range figures(newModel(in)) {
			if f.missing != "" {
				continue
			}
			s := drawnOn(f)
			if pairs := s.overlaps(); len(pairs) > 0 {
				t.Errorf("%s of %s: %d pairs of texts overlap: %s", f.name, name, len(pairs), pairs[0])
			}
			if texts := s.outside(f); len(texts) > 0 {
				t.Errorf("%s of %s: texts reach beyond the figure: %q", f.name, name, texts)
			}
		}
	}
}

// Every axis has a name with its unit, and the scale that the name says: even
// in the value and from zero, or even in its logarithm.
func TestAxes(t *testing.T) {
	percentile := func(p float64) float64 { return math.Log(nine(p / 100)) }
	linear := func(v float64) float64 { return v }
	for _, tt := range []struct {
		name, label string
		vertical    bool
		of          func(float64) float64
		zero        bool
	}{
		{"workers", "workers (processes)", false, linear, false},
		{"workers", "sustained requests/s", true, linear, true},
		{"latency", "offered requests/s", false, linear, true},
		{"latency", "response time (ms, log scale)", true, math.Log, false},
		{"percentiles", "percentile (%), logarithmic in 1/(1 − q)", false, percentile, true},
		{"percentiles", "response time (ms, log scale)", true, math.Log, false},
		{"proxy", "response time (ms, log scale)", false, math.Log, false},
		{"scaling", "cores of the application", false, linear, true},
		{"scaling", "requests/s, closed loop", true, linear, true},
		{"usage", "CPU time (ms per good request)", false, linear, true},
		{"usage", "memory (MB, PSS)", false, linear, true},
	} {
		s, _ := sheetOf(t, sample(), tt.name)
		if !s.has(tt.label) {
			t.Errorf("%s has no axis %q", tt.name, tt.label)
		}
		axes, vertical := s.axes()
		if tt.vertical {
			axes = vertical
		}
		if len(axes) == 0 {
			t.Errorf("%s has no ticks at %q", tt.name, tt.label)
		}
		for _, ticks := range axes {
			if !even(ticks, tt.of) {
				t.Errorf("%s: the ticks at %q are not even on its scale: %v", tt.name, tt.label, ticks)
			}
			if tt.zero != (ticks[0].value == 0) {
				t.Errorf("%s: the ticks at %q begin at %v", tt.name, tt.label, ticks[0].value)
			}
		}
	}
}

// A bar that does not begin at zero lies.
func TestBarsBeginAtZero(t *testing.T) {
	in := sample()
	s, _ := sheetOf(t, in, "usage")
	axes, _ := s.axes()
	var zeros []float64
	for _, ticks := range axes {
		zeros = append(zeros, float64(ticks[0].at))
	}
	want, bars := 0, 0
	for _, c := range in.Result.Cells {
		if c.AppCPU != nil {
			want += 2 // and memory
		}
	}
	for _, a := range s.areas {
		swatch := math.Abs(float64(a.box.Max.X-a.box.Min.X)-14) < 1e-6 && math.Abs(float64(a.box.Max.Y-a.box.Min.Y)-9) < 1e-6
		if a.color != blue && a.color != purple || swatch {
			continue
		}
		bars++
		if !slices.ContainsFunc(zeros, func(x float64) bool { return math.Abs(x-float64(a.box.Min.X)) < 0.6 }) {
			t.Errorf("a bar begins at %.1f, the axes at %.1f", a.box.Min.X, zeros)
		}
	}
	if bars != want || len(zeros) != 2 {
		t.Errorf("%d bars on %d axes, want %d on 2", bars, len(zeros), want)
	}
}

// Every interval of a figure is drawn: without intervals, there is less to see.
func TestIntervalsAreDrawn(t *testing.T) {
	without := func(f *analysis.Figure) *analysis.Figure {
		if f == nil {
			return nil
		}
		return noInterval(f.Value)
	}
	for _, tt := range []struct {
		name   string
		change func(*analysis.Result)
	}{
		{"workers", func(r *analysis.Result) {
			for _, c := range r.Cells {
				c.Final = without(c.Final)
			}
		}},
		{"heatmap", func(r *analysis.Result) {
			for _, c := range r.Cells {
				c.Final = without(c.Final)
			}
		}},
		{"usage", func(r *analysis.Result) {
			for _, c := range r.Cells {
				c.AppCPU = without(c.AppCPU)
			}
		}},
		{"percentiles", func(r *analysis.Result) {
			for _, c := range r.Cells {
				c.Distribution = sampleDistributions(c.Latency, 1)
			}
		}},
		{"proxy", func(r *analysis.Result) {
			for _, c := range r.Cells {
				c.Distribution = sampleDistributions(c.Latency, 1)
			}
		}},
		{"scaling", func(r *analysis.Result) { r.Scaling.Law, r.Scaling.Refused = nil, errors.New("too few") }},
	} {
		with, _ := sheetOf(t, sample(), tt.name)
		in := sample()
		tt.change(in.Result)
		bare, _ := sheetOf(t, in, tt.name)
		marks := func(s *sheet) int { return len(s.lines) + len(s.areas) + len(s.texts) }
		if marks(with) <= marks(bare) {
			t.Errorf("%s has %d marks with intervals and %d without", tt.name, marks(with), marks(bare))
		}
	}
}

// The plot of percentiles draws what is claimed solid and the rest dashed, and
// every maximum as a ring of its own.
func TestPercentilesPlot(t *testing.T) {
	in := sample()
	m := newModel(in)
	s, f := sheetOf(t, in, "percentiles")
	if len(m.Tails) != 4 {
		t.Fatalf("%d configurations are drawn, want 4", len(m.Tails))
	}
	for i, tl := range m.Tails {
		solid, dashed := 0, 0
		for _, l := range s.lines {
			switch {
			case l.color != seriesColors[i] || l.box.Max.X-l.box.Min.X < 40:
			case l.dashed:
				dashed++
			default:
				solid++
			}
		}
		if solid != 1 || dashed != 1 {
			t.Errorf("%s has %d solid and %d dashed lines, want one of each", tl.label(), solid, dashed)
		}
		if want := fmt.Sprintf("%s, at %s/s", tl.label(), tl.Rate); !s.has(want) {
			t.Errorf("the legend does not name %q", want)
		}
	}
	for _, want := range []string{"0", "50", "90", "99", "99.9", "99.99", "not claimed: fewer than 100 responses beyond", "maximum, one observation", "p99 < 250 ms"} {
		if !s.has(want) {
			t.Errorf("the plot does not say %q", want)
		}
	}
	in.Result.Winner.Distribution = nil
	told := strings.Join(newModel(in).Tail[0].Lines, " ")
	if want := "Of gunicorn-sync behind nginx, 4 workers × 1 thread none is told"; !strings.Contains(told, want) {
		t.Errorf("without the recommended configuration it says %q, not %q", told, want)
	}
	for _, c := range in.Result.Cells {
		c.Distribution = nil
	}
	if f = figureByName(newModel(in))["percentiles"]; f.missing == "" {
		t.Error("a plot without data gives no reason")
	}
}

// seen is what a colour looks like without one of the eye's three kinds of
// cones (Machado, Oliveira and Fernandes 2009, severity 1), in CIE L*a*b*.
func seen(c color.NRGBA, without [3][3]float64) (lab [3]float64) {
	var in, rgb, xyz [3]float64
	for i, v := range []uint8{c.R, c.G, c.B} {
		if in[i] = float64(v) / 255 / 12.92; v > 10 {
			in[i] = math.Pow((float64(v)/255+0.055)/1.055, 2.4)
		}
	}
	toXYZ := [3][3]float64{{0.4124, 0.3576, 0.1805}, {0.2126, 0.7152, 0.0722}, {0.0193, 0.1192, 0.9505}}
	for i := range 3 {
		for j := range 3 {
			rgb[i] += without[i][j] * in[j]
		}
		rgb[i] = min(max(rgb[i], 0), 1)
	}
	for i, white := range []float64{0.9505, 1, 1.089} {
		for j := range 3 {
			xyz[i] += toXYZ[i][j] * rgb[j] / white
		}
		if xyz[i] > 0.008856 {
			xyz[i] = math.Cbrt(xyz[i])
		} else {
			xyz[i] = 7.787*xyz[i] + 16.0/116
		}
	}
	return [3]float64{116*xyz[1] - 16, 500 * (xyz[0] - xyz[1]), 200 * (xyz[1] - xyz[2])}
}

// Any two series are told apart by colour for every kind of colour blindness,
// or by their shape.
func TestSeriesAreToldApart(t *testing.T) {
	const told = 10 // of ΔE*ab, of which 2.3 is just noticeable
	eyes := map[string][3][3]float64{
		"every cone":   {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
		"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
		"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
	}
	for name, eye := range eyes {
		for i := range 24 {
			for j := range i {
				a, b := seen(seriesColors[i%len(seriesColors)].(color.NRGBA), eye), seen(seriesColors[j%len(seriesColors)].(color.NRGBA), eye)
				distance := math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2])
				if sameShape := seriesShapes[i%len(seriesShapes)] == seriesShapes[j%len(seriesShapes)]; distance < told && sameShape {
					t.Errorf("with %s, series %d and %d have one shape and colours %.1f apart", name, j, i, distance)
				}
			}
		}
		for i, a := range quantileLooks {
			for _, b := range quantileLooks[:i] {
				x, y := seen(a.color.(color.NRGBA), eye), seen(b.color.(color.NRGBA), eye)
				if math.Hypot(math.Hypot(x[0]-y[0], x[1]-y[1]), x[2]-y[2]) < told && a.shape == b.shape {
					t.Errorf("with %s, %s and %s look alike", name, a.label, b.label)
				}
			}
		}
	}
}

// No plot uses a colour beside the palette, its greys and the colour scale.
func TestPlotsKeepToThePalette(t *testing.T) {
	allowed := []color.NRGBA{ink, soft, rule, lightBlue, {255, 255, 255, 255}, {240, 240, 240, 255}}
	for _, c := range seriesColors {
		allowed = append(allowed, c.(color.NRGBA))
	}
	for _, f := range figures(newModel(sample())) {
		s := drawnOn(f)
		for _, l := range slices.Concat(s.lines, s.areas) {
			c := l.color
			c.A = 255
			if !slices.Contains(allowed, c) && f.name != "heatmap" {
				t.Errorf("%s has the colour %s", f.name, hex(c))
			}
		}
	}
}
