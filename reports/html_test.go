package reports

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pageScript is the one script of a page.
var pageScript = regexp.MustCompile(`(?s)<script>.*?</script>`)

func TestPageIsSelfContained(t *testing.T) {
	for name, in := range samples() {
		t.Run(name, func(t *testing.T) {
			page := render(t, "html", in)
			if len(page) >= 2_000_000 {
				t.Errorf("the page has %d bytes, want less than 2 MB", len(page))
			}
			if n := len(pageScript.FindAll(page, -1)); n != 1 || bytes.Count(page, []byte("<script")) != 1 {
				t.Errorf("the page has %d scripts, want its own alone", n)
			}
			checkElements(t, pageScript.ReplaceAll(page, nil))
			if regexp.MustCompile(`url\(|@import|expression`).MatchString(htmlStyle) {
				t.Error("the style refers to something outside the page")
			}
		})
	}
}

// checkElements reads the page as XML: what it refers to is in it, and its ids
// are unique.
func checkElements(t *testing.T, page []byte) {
	t.Helper()
	var ids, links []string
	d := xml.NewDecoder(bytes.NewReader(page))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if slices.Contains([]string{"script", "iframe", "object", "embed", "base", "img", "form", "use", "image"}, e.Name.Local) {
			t.Errorf("the page has an element %s", e.Name.Local)
		}
		for _, a := range e.Attr {
			switch name := a.Name.Local; {
			case name == "id":
				ids = append(ids, a.Value)
			case name == "href" && strings.HasPrefix(a.Value, "#"):
				links = append(links, a.Value[1:])
			case slices.Contains([]string{"src", "href", "srcset", "action", "data", "poster"}, name) && !strings.HasPrefix(a.Value, "data:"),
				name == "style" && strings.Contains(a.Value, "url("):
				t.Errorf("%s %s=%q refers to something outside the page", e.Name.Local, name, a.Value)
			case strings.HasPrefix(strings.ToLower(name), "on"):
				t.Errorf("%s has the handler %s", e.Name.Local, name)
			}
		}
	}
	slices.Sort(ids)
	if n := len(slices.Compact(slices.Clone(ids))); n != len(ids) {
		t.Errorf("of %d ids %d are the same as another: %q", len(ids), len(ids)-n, ids)
	}
	for _, l := range links {
		if _, found := slices.BinarySearch(ids, l); !found {
			t.Errorf("a link leads to #%s, which is not there", l)
		}
	}
}

// The parts come in the order in which a reader asks.
func TestPageOrder(t *testing.T) {
	page := string(render(t, "html", sample()))
	last := 0
	for _, id := range []string{"answer", "why", "static", "matrix", "latency", "usage", "capacity", "validity", "method", "environment", "repeat"} {
		at := strings.Index(page, ` id="`+id+`"`)
		if at < last {
			t.Errorf("the part %s is at %d, before the one that it follows at %d", id, at, last)
		}
		last = at
	}
}

// Every configuration that was measured has a curve, and the heat map and the
// matrix lead to it.
func TestEveryCurveIsLinked(t *testing.T) {
	page := string(render(t, "html", sample()))
	heatmap := page[strings.Index(page, `aria-label="Sustainable rate by workers and threads">`):]
	heatmap = heatmap[:strings.Index(heatmap, "</svg>")]
	curves := regexp.MustCompile(` id="(curve-\d+)"`).FindAllStringSubmatch(page, -1)
	if len(curves) != 13 {
		t.Errorf("%d curves, want one for each of the 13 configurations that have one", len(curves))
	}
	for _, c := range curves {
		if !strings.Contains(heatmap, `href="#`+c[1]+`"`) || strings.Count(page, `href="#`+c[1]+`"`) < 2 {
			t.Errorf("nothing leads to %s", c[1])
		}
	}
}

// Texts in a plot cannot close what they are in.
func TestMarksAreText(t *testing.T) {
	page := string(render(t, "html", sampleHostile()))
	for _, bad := range []string{"<script>alert", "<title><"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

// A large run keeps the page below 2 MB, and says which curves are not drawn.
func TestLargePageIsBounded(t *testing.T) {
	in := sampleWide()
	for _, c := range in.Result.Cells {
		c.Curve = sampleCurve(c.Cell, c.Explored.Value, 40)
	}
	page := render(t, "html", in)
	if len(page) >= 2_000_000 {
		t.Errorf("the page has %d bytes, want less than 2 MB", len(page))
	}
	if !bytes.Contains(page, []byte("Not drawn, to keep the page small")) {
		t.Error("the page does not say which curves are not drawn")
	}
}

func TestKeyFacts(t *testing.T) {
	unconfirmed := sample()
	w := unconfirmed.Result.Winner
	w.Final = noInterval(w.Final.Value)
	unconfirmed.Result.Folklore = unconfirmed.Result.Folklore[:2]
	unconfirmed.Result.Folklore[0].Ratio, unconfirmed.Result.Folklore[1].Cell = noInterval(1.37), w
	for _, tt := range []struct {
		name string
		in   Input
		want []string
	}{
		{"full", sample(), []string{
			"Holds|412 requests/s|within p99 < 250 ms, static p99 < 50 ms and errors < 0.1 %",
			"How sure|398–426 requests/s|95 % interval over 5 fresh starts|tied with 1 dearer configuration",
			"Beats|1.37 × (1.31–1.43) the folklore rate|of 2 × cores + 1 workers without a proxy|1.42 × (1.34–1.49) that of one worker per core without a proxy|1.01 × (0.96–1.06) that of 2 × cores + 1 workers behind nginx: no difference shown",
			"Plan with|288 requests/s|at most, for 30 % headroom",
		}},
		{"single", sampleSingle(), []string{
			"Holds|0.73 requests/s|within p99 < 250 ms, static p99 < 50 ms and errors < 0.1 %",
			"How sure|no interval|1 fresh start|found while searching, not confirmed",
		}},
		{"comparison", sampleComparison(), []string{
			"Holds|412 requests/s|within p99 < 250 ms, static p99 < 50 ms and errors < 0.1 %",
			"How sure|400–424 requests/s|95 % interval over 3 fresh starts",
			"Beats|1.35 × (1.28–1.42) the rate|of the same without a proxy",
		}},
		{"folklore without a ratio", sampleWide(), []string{
			"Holds|5,600 requests/s|within p99 < 250 ms, static p99 < 50 ms and errors < 0.1 %",
			"How sure|5,389–5,811 requests/s|95 % interval over 5 fresh starts",
			"Against||2 × cores + 1 workers without a proxy at 5,625 (no interval) requests/s",
			"Plan with|288 requests/s|at most, for 30 % headroom",
		}},
		{"too few starts for a ratio", unconfirmed, []string{
			"Holds|412 requests/s|within p99 < 250 ms, static p99 < 50 ms and errors < 0.1 %",
			"How sure|no interval|1 fresh start|tied with 1 dearer configuration",
			"Against|not confirmed|1.37 × (no interval) that of 2 × cores + 1 workers without a proxy|it is itself one worker per core",
			"Plan with|288 requests/s|at most, for 30 % headroom",
		}},
		{"notmet", sampleNotMet(), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, f := range newModel(tt.in).keyFacts() {
				got = append(got, strings.Join(append([]string{f.Label, strings.TrimSpace(f.Value + " " + f.Unit)}, f.Lines...), "|"))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}
