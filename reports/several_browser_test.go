package reports

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sweetspot/reports/internal/browser"
)

// TestSeveralPageInBrowser shows pages of two and of eight runs. Opening one
// also fails the test when it writes an error to the console or asks for
// anything beyond itself.
func TestSeveralPageInBrowser(t *testing.T) {
	b := browser.Start(t)
	axe := browser.Axe(t)
	dir := t.TempDir()
	address := map[string]string{}
	for _, name := range []string{"two", "eight", "hostile", "nothing"} {
		file := filepath.Join(dir, name+".html")
		if err := os.WriteFile(file, renderSeveral(t, "runs.html", severalSamples()[name]), 0o644); err != nil {
			t.Fatal(err)
		}
		address[name] = (&url.URL{Scheme: "file", Path: file}).String()
	}
	for _, tt := range []struct {
		name  string
		views []browser.View
	}{
		{"two", []browser.View{pageViews[0], pageViews[3]}}, {"eight", pageViews}, {"hostile", pageViews[:1]}, {"nothing", pageViews[:1]},
	} {
		for i, v := range tt.views {
			t.Run(tt.name+", "+v.String(), func(t *testing.T) {
				p := b.Open(t, address[tt.name], v)
				checkFit(t, p)
				bottom := browser.Get[float64](p, `document.querySelector(".headline").getBoundingClientRect().bottom - innerHeight`)
				if bottom > 0 && tt.name != "hostile" {
					t.Errorf("the answer ends %g px below the first screen", bottom)
				}
				var rules []string
				if i > 0 || tt.name != "eight" {
					rules = []string{"color-contrast", "scrollable-region-focusable", "target-size"} // what depends on the view
				}
				for _, fault := range p.Violations(axe, rules...) {
					t.Error(fault)
				}
			})
		}
	}
	t.Run("sorting and toggling", func(t *testing.T) {
		p := b.Open(t, address["eight"], pageViews[2])
		const runs = `[aria-label="What each run recommends"] `
		p.Click(runs + "th:nth-child(3) button")
		if first := browser.Get[string](p, `document.querySelector('`+runs+`tbody tr').cells[2].textContent`); first != "255" {
			t.Errorf("sorted by the rate the first is %q, want 255", first)
		}
		mark := browser.Get[string](p, `document.querySelector('[aria-label="Sustained rate of what each run recommends"] .m').getAttribute("aria-label")`)
		if !strings.Contains(mark, "shop-gunicorn-20260314T150326Z: gunicorn-sync · nginx · 4×1, 412 requests/s sustained, 95 % interval 398–426") {
			t.Errorf("a mark says %q", mark)
		}
	})
}
