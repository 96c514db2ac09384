package reports

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"sweetspot/reports/internal/browser"
)

// The views in which a page is looked at: a phone and a screen, light and dark.
var pageViews = []browser.View{
	{Width: 360, Height: 740}, {Width: 360, Height: 740, Dark: true},
	{Width: 1440, Height: 900}, {Width: 1440, Height: 900, Dark: true},
}

// TestPageInBrowser shows the page of samples to one browser. Opening a page
// also fails the test when it writes an error to the console or asks for
// anything beyond itself.
func TestPageInBrowser(t *testing.T) {
	b := browser.Start(t)
	dir := t.TempDir()
	address := func(t *testing.T, name string) string {
		file := filepath.Join(dir, name+".html")
		if _, err := os.Stat(file); err != nil {
			if err := os.WriteFile(file, render(t, "html", samples()[name]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return (&url.URL{Scheme: "file", Path: file}).String()
	}
	full := func(t *testing.T, v browser.View) *browser.Page { return b.Open(t, address(t, "full"), v) }
	for i, v := range pageViews {
		t.Run(v.String(), func(t *testing.T) {
			p := full(t, v)
			checkFit(t, p)
			checkFirstScreen(t, p)
			checkAccessible(t, p, i == 0)
		})
	}
	for _, name := range []string{"hostile", "empty", "comparison", "beside", "wide", "embedded", "notmet"} {
		t.Run(name, func(t *testing.T) {
			p := b.Open(t, address(t, name), pageViews[0])
			checkFit(t, p)
			if name == "hostile" {
				checkTexts(t, p)
			}
		})
	}
	t.Run("works", func(t *testing.T) {
		p := full(t, pageViews[2])
		checkSorting(t, p)
		checkToggling(t, p)
		checkValues(t, p)
		checkLinks(t, p)
		checkFiltering(t, p)
	})
	t.Run("without script", func(t *testing.T) {
		v := pageViews[0]
		v.NoScript = true
		p := full(t, v)
		checkPlain(t, p)
		checkLinks(t, p)
	})
	t.Run("print", func(t *testing.T) {
		p := full(t, browser.View{Width: 720, Height: 1040, Print: true}) // A4 within its margins
		checkFit(t, p)
		if n := browser.Get[int](p, `[...document.querySelectorAll("nav, .filter, .each")].filter(e => e.checkVisibility()).length`); n != 0 {
			t.Errorf("%d elements are printed that are of no use on paper", n)
		}
	})
}

// checkAccessible has all rules of the checker judge a page, or those whose
// verdict depends on the view. Of the configurations' curves, which are alike,
// it sees one.
func checkAccessible(t *testing.T, p *browser.Page, all bool) {
	var rules []string
	if !all {
		rules = []string{"color-contrast", "scrollable-region-focusable", "target-size"}
	}
	browser.Get[bool](p, `document.querySelectorAll(".each").forEach((d, i) => { i ? d.remove() : d.open = true; }) || true`)
	for _, fault := range p.Violations(browser.Axe(t), rules...) {
		t.Error(fault)
	}
}

// checkTexts wants hostile texts shown as text.
func checkTexts(t *testing.T, p *browser.Page) {
	if n := browser.Get[int](p, `document.scripts.length`); n != 1 {
		t.Errorf("the page has %d scripts, want its own alone", n)
	}
	if !browser.Get[bool](p, `document.body.textContent.includes("<script>alert(1)</script>")`) {
		t.Error("the text of the scenario is not shown as text")
	}
}

// checkFit finds a page that is wider than its window.
func checkFit(t *testing.T, p *browser.Page) {
	size := browser.Get[struct{ Page, Window, Headings float64 }](p, `({Page: document.documentElement.scrollWidth, Window: document.documentElement.clientWidth, Headings: document.querySelectorAll("h2").length})`)
	if size.Page != size.Window {
		t.Errorf("the page is %g px wide in a window of %g", size.Page, size.Window)
	}
	if size.Headings == 0 {
		t.Error("the page has no headings")
	}
}

// checkFirstScreen wants the answer within what is seen without scrolling.
func checkFirstScreen(t *testing.T, p *browser.Page) {
	type part struct {
		Text   string
		Bottom float64
	}
	height := browser.Get[float64](p, `innerHeight`)
	parts := browser.Get[[]part](p, `[...document.querySelectorAll(".headline, .facts > div")].map(e => ({Text: e.textContent, Bottom: e.getBoundingClientRect().bottom}))`)
	for i, want := range []string{"Run gunicorn-sync", "Holds", "How sure", "Beats"} {
		if i >= len(parts) {
			t.Errorf("nothing says %q", want)
			continue
		}
		if !strings.Contains(parts[i].Text, want) || parts[i].Bottom > height {
			t.Errorf("part %d is %q and ends at %g of %g px, want %q on the first screen", i, parts[i].Text, parts[i].Bottom, height, want)
		}
	}
}

// matrix selects within the table of all configurations.
const matrix = `[aria-label="Every configuration"] `

// columnOf reads the texts of a column of the matrix, without hidden rows.
func columnOf(p *browser.Page, n int) []string {
	return browser.Get[[]string](p, fmt.Sprintf(`[...document.querySelectorAll('%stbody tr:not([hidden])')].map(r => r.cells[%d].textContent)`, matrix, n))
}

func checkSorting(t *testing.T, p *browser.Page) {
	const rate = 4
	given := columnOf(p, rate)
	head := fmt.Sprintf("%sth:nth-child(%d)", matrix, rate+1)
	for _, want := range []struct{ order, first, last string }{{"ascending", "176", "–"}, {"descending", "412", "–"}, {"none", given[0], given[len(given)-1]}} {
		p.Click(head + " button")
		got := columnOf(p, rate)
		if got[0] != want.first || got[len(got)-1] != want.last || len(got) != len(given) {
			t.Errorf("%s: the rates are %q, want %s first and %s last of %d", want.order, got, want.first, want.last, len(given))
		}
		if order := browser.Get[string](p, fmt.Sprintf(`document.querySelector('%s').getAttribute("aria-sort")`, head)); order != want.order {
			t.Errorf("aria-sort is %q, want %q", order, want.order)
		}
	}
	if got := columnOf(p, rate); !slices.Equal(got, given) {
		t.Errorf("the third click leaves %q, want the order as it was, %q", got, given)
	}
	browser.Get[bool](p, fmt.Sprintf(`document.querySelector('%sth button').focus() || true`, matrix))
	p.Press(kb.Enter)
	if got := columnOf(p, 0); got[0] != "gunicorn-gthread" {
		t.Errorf("sorted by server with the keyboard, the first is %s, want gunicorn-gthread", got[0])
	}
}

func checkFiltering(t *testing.T, p *browser.Page) {
	browser.Get[bool](p, `document.querySelector('[aria-label="Filter Every configuration"]').focus() || true`)
	p.Press("Gthread nginx")
	servers, proxies := columnOf(p, 0), columnOf(p, 1)
	if len(servers) != 3 || slices.ContainsFunc(servers, func(s string) bool { return s != "gunicorn-gthread" }) || slices.Contains(proxies, "direct") {
		t.Errorf("the rows left are %q behind %q, want three of gunicorn-gthread behind nginx", servers, proxies)
	}
	if said := browser.Get[string](p, fmt.Sprintf(`document.querySelector('%s').previousElementSibling.querySelector("output").textContent`, strings.TrimSpace(matrix))); said != "3 of 15 rows" {
		t.Errorf("it says %q, want 3 of 15 rows", said)
	}
}

// latency selects within the plot of response times.
const latency = `svg[aria-label="Response time against load, all requests"] `

func checkToggling(t *testing.T, p *browser.Page) {
	key := latency + `.k[data-name="p95"]`
	shown := func() int {
		return browser.Get[int](p, fmt.Sprintf(`[...document.querySelectorAll('%s [data-s]')].filter(e => getComputedStyle(e).display !== "none").length`, strings.TrimSpace(latency)))
	}
	before := shown()
	p.Click(key + " rect")
	if pressed := browser.Get[string](p, fmt.Sprintf(`document.querySelector('%s').getAttribute("aria-pressed")`, key)); pressed != "false" || shown() >= before {
		t.Errorf("after a click on p95 its key is pressed: %s, and %d of %d parts are shown", pressed, shown(), before)
	}
	browser.Get[bool](p, fmt.Sprintf(`document.querySelector('%s').focus() || true`, key))
	p.Press(kb.Enter)
	if shown() != before {
		t.Errorf("after the Enter key %d of %d parts are shown", shown(), before)
	}
}

func checkValues(t *testing.T, p *browser.Page) {
	tip := func() string {
		return browser.Get[string](p, `document.querySelector(".tip").hidden ? "" : document.querySelector(".tip").textContent`)
	}
	p.Hover(latency + `.m[data-s="2"] circle`)
	p.Wait(`!document.querySelector(".tip").hidden`)
	if got := tip(); !strings.Contains(got, "gunicorn-sync · nginx · 4×1") || !strings.Contains(got, "p99") || !strings.Contains(got, " ms") {
		t.Errorf("pointing at a mark of p99 tells %q", got)
	}
	p.Press(kb.Escape)
	if got := tip(); got != "" {
		t.Errorf("after Escape it still tells %q", got)
	}
	first := `document.querySelector('` + latency + `.m[tabindex="0"]')`
	browser.Get[bool](p, first+".focus() || true")
	p.Wait(`!document.querySelector(".tip").hidden`)
	one := tip()
	p.Press(kb.ArrowRight)
	if other := tip(); one == "" || other == "" || other == one {
		t.Errorf("the keyboard comes from %q to %q, want another mark", one, other)
	}
	if n := browser.Get[int](p, `document.querySelectorAll('`+latency+`.m[tabindex="0"]').length`); n != 1 {
		t.Errorf("%d marks of a plot are in the order of the Tab key, want 1", n)
	}
}

// checkLinks follows a cell of the heat map to its curve.
func checkLinks(t *testing.T, p *browser.Page) {
	id := browser.Get[string](p, `(() => {
		const cell = document.querySelector('[aria-label="Sustainable rate by workers and threads"] a.m[aria-label*="4×1"][aria-label*="nginx"]');
		cell.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
		return cell.getAttribute("href").slice(1);
	})()`)
	p.Wait(fmt.Sprintf(`document.getElementById(%q).checkVisibility({contentVisibilityAuto: true})`, id))
	p.Wait(fmt.Sprintf(`Math.abs(document.getElementById(%q).closest("details").getBoundingClientRect().top) < innerHeight`, id))
	if text := browser.Get[string](p, fmt.Sprintf(`document.getElementById(%q).textContent`, id)); !strings.Contains(text, "server=gunicorn-sync/proxy=nginx/workers=4/threads=1") {
		t.Errorf("the link leads to %.200q", text)
	}
}

// checkPlain wants all that the page says without its script.
func checkPlain(t *testing.T, p *browser.Page) {
	if n := browser.Get[int](p, `document.querySelectorAll("button, .filter, [role=button]").length`); n != 0 {
		t.Errorf("%d controls that do nothing without the script", n)
	}
	if n := browser.Get[int](p, `document.querySelectorAll(".plot svg .m title").length`); n < 100 {
		t.Errorf("%d marks have a title to be shown by the browser, want all", n)
	}
}
