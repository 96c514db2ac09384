package reports

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/plot"
)

func TestPlotsAreDeterministic(t *testing.T) {
	first, second := figures(newModel(sample())), figures(newModel(sample()))
	for i := range first {
		a, err := first[i].svg()
		if err != nil {
			t.Fatal(err)
		}
		b, err := second[i].svg()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs between two renderings", first[i].name)
		}
	}
}

func TestPlotsOfEverySample(t *testing.T) {
	for name, in := range samples() {
		for _, f := range figures(newModel(in)) {
			if f.missing != "" {
				continue
			}
			t.Run(name+"/"+f.name, func(t *testing.T) {
				checkFigure(t, f)
			})
		}
	}
}

// checkFigure draws a figure and looks at what comes out.
func checkFigure(t *testing.T, f figure) {
	t.Helper()
	svg, err := f.svg()
	if err != nil {
		t.Fatal(err)
	}
	checkSVG(t, svg)
	checkMargins(t, f.raster(72).Image())
}

func checkSVG(t *testing.T, svg []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
		e, ok := token.(xml.StartElement)
		if !ok || e.Name.Local != "text" {
			continue
		}
		attributes := ""
		for _, a := range e.Attr {
			attributes += a.Name.Local + "=" + a.Value + " "
		}
		if !strings.Contains(attributes, ",sans-serif;") || !strings.Contains(attributes, "textLength=") {
			t.Fatalf("a text without a generic font or a length: %s", attributes)
		}
	}
}

// checkMargins finds what is cut off: it would be drawn up to the edge.
func checkMargins(t *testing.T, img image.Image) {
	t.Helper()
	b := img.Bounds()
	for _, edge := range []image.Rectangle{
		image.Rect(b.Min.X, b.Min.Y, b.Max.X, b.Min.Y+3), image.Rect(b.Min.X, b.Max.Y-3, b.Max.X, b.Max.Y),
		image.Rect(b.Min.X, b.Min.Y, b.Min.X+3, b.Max.Y), image.Rect(b.Max.X-3, b.Min.Y, b.Max.X, b.Max.Y),
	} {
		for y := edge.Min.Y; y < edge.Max.Y; y++ {
			for x := edge.Min.X; x < edge.Max.X; x++ {
				if r, g, bl, _ := img.At(x, y).RGBA(); r != 0xffff || g != 0xffff || bl != 0xffff {
					t.Fatalf("ink at the edge, %d,%d of %v", x, y, b)
				}
			}
		}
	}
}

func TestWritePNG(t *testing.T) {
	files, err := WritePNG(sampleSingle(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(plotTable) {
		t.Errorf("WritePNG wrote %q, want %d files", files, len(plotTable))
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := img.Bounds().Dx(), 2*int(figureWidth); got != want {
			t.Errorf("%s is %d dots wide, want %d", f, got, want)
		}
	}
}

func TestLogAxisNeverPanics(t *testing.T) {
	for _, tt := range []struct {
		name      string
		low, high float64
	}{
		{"zero", 0, 0}, {"negative", -5, 3}, {"equal", 7, 7}, {"upside down", 9, 1}, {"wide", 1e-3, 1e6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := plot.New()
			logAxis(&p.Y, tt.low, tt.high)
			if at := p.Y.Norm(p.Y.Min); at != 0 {
				t.Errorf("the low end is at %v, want 0", at)
			}
			labels := 0
			for _, k := range (decades{}).Ticks(p.Y.Min, p.Y.Max) {
				if k.Label != "" {
					labels++
				}
			}
			if labels == 0 || labels > 12 {
				t.Errorf("%d labels from %v to %v, want 1 to 12", labels, p.Y.Min, p.Y.Max)
			}
		})
	}
}

func TestLinearTicks(t *testing.T) {
	for _, top := range []float64{0.0013, 0.8, 7, 42, 445, 1099, 98765, 3e6} {
		ticks := linear{}.Ticks(0, top)
		if len(ticks) < 3 || len(ticks) > 7 || ticks[0].Value != 0 || ticks[len(ticks)-1].Value > top*1.001 {
			t.Errorf("ticks up to %v: %v", top, ticks)
		}
		for _, k := range ticks {
			if len(k.Label) > 10 {
				t.Errorf("ticks up to %v: label %q", top, k.Label)
			}
		}
	}
}

func TestViridisRisesInLightness(t *testing.T) {
	last := -1.0
	for i := range 101 {
		c := viridis(float64(i) / 100)
		l := 0.2126*math.Pow(float64(c.R)/255, 2.2) + 0.7152*math.Pow(float64(c.G)/255, 2.2) + 0.0722*math.Pow(float64(c.B)/255, 2.2)
		if l < last {
			t.Errorf("lightness falls at %d %%", i)
		}
		last = l
	}
}
