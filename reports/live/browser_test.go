package live

import (
	"strings"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/reports/internal/browser"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// running is a feed in the middle of a run that goes on now.
func running(t *testing.T) (*Feed, *Server) {
	f, s := serve(t)
	by := time.Since(began.Add(2 * time.Minute)).Milliseconds()
	state := sampleState()
	state.Began += by
	state.Doing.At += by
	state.Doing.Since += by
	for i := range state.Seconds {
		second := &state.Seconds[i]
		second.At += by
		second.Due, second.P99 = second.Good+float64(i%3)*10, second.P99*float64(1+i%4)
		second.Warmup = i%10 < 2
	}
	for i := range state.Lines {
		state.Lines[i].At = state.Doing.At
	}
	f.state = state
	return f, s
}

// TestPageInBrowser shows the page to one browser. Opening a page also fails the
// test when it writes an error to the console or asks another server.
func TestPageInBrowser(t *testing.T) {
	b := browser.Start(t)
	for _, v := range []browser.View{
		{Width: 360, Height: 740}, {Width: 360, Height: 740, Dark: true}, {Width: 1440, Height: 900}, {Width: 1440, Height: 900, Dark: true},
	} {
		t.Run(v.String(), func(t *testing.T) {
			_, s := running(t)
			p := b.Open(t, s.URL, v)
			p.Wait(`document.getElementById("status").textContent === "Following the run."`)
			if got := browser.Get[int](p, `document.documentElement.scrollWidth`); got > v.Width {
				t.Errorf("the page is %d px wide in a window of %d", got, v.Width)
			}
			if n := browser.Get[int](p, `document.querySelectorAll("#cells tr").length`); n != 24 {
				t.Errorf("the race shows %d cells, want 24", n)
			}
			for _, series := range []string{"due", "good", "p50", "p99"} {
				if n := browser.Get[int](p, `document.querySelector(".series.`+series+`").getAttribute("d").split("H").length`); n < 30 {
					t.Errorf("the line of %s has %d steps, want one for each of 40 seconds", series, n-1)
				}
			}
			p.Click("summary")
			for _, found := range p.Violations(browser.Axe(t)) {
				t.Error(found)
			}
		})
	}
	t.Run("follows", func(t *testing.T) { checkFollowing(t, b) })
	t.Run("hostile texts", func(t *testing.T) { checkHostile(t, b) })
}

// checkFollowing has a page see a step, its load, its trial and the end.
func checkFollowing(t *testing.T, b *browser.Browser) {
	f, s := serve(t)
	p := b.Open(t, s.URL, browser.View{})
	p.Wait(`document.getElementById("name").textContent === "shop"`)
	cell := scenarios.Cell{Server: "embedded", Proxy: "direct", Workers: 1, Threads: 1}
	f.Begin(rundir.Step{Cell: cell, Phase: rundir.Saturation, Note: "cell 1 of 2", Warmup: time.Second, Duration: 3 * time.Second, Left: time.Minute}, "2 connections")
	p.Wait(`document.getElementById("doing").textContent === "starting at 2 connections; saturation, cell 1 of 2"`)
	f.Interval(sampleInterval(1, time.Now(), false))
	p.Wait(`document.getElementById("good").textContent === "99/s" && document.getElementById("errors").className === "bad"`)
	p.Wait(`document.querySelector(".series.good").getAttribute("d").includes("H")`)
	p.Wait(`/^\d+ %, .* gone, about .* left$/.test(document.getElementById("times").textContent)`)
	f.Trial(cell.String(), analysis.Failed, "failed: too slow")
	f.Race([]Row{{Cell: cell.String(), Server: "embedded", Proxy: "direct", Workers: 1, Threads: 1, Throughput: 99, State: analysis.Burst}})
	p.Wait(`document.querySelector("#log li .failed") !== null && document.getElementById("counts").textContent.startsWith("1 trial: 0 passed, 1 failed")`)
	p.Wait(`document.querySelector("#cells tr.now th").firstChild.textContent === "embedded"`)
	f.Close(End{Outcome: "recommended", Text: "so it is", Report: "/runs/x/report.html"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p.Wait(`document.getElementById("status").textContent.includes("/runs/x/report.html") && document.title.startsWith("ended")`)
}

// checkHostile has texts that a scenario or a server could have shown as text.
func checkHostile(t *testing.T, b *browser.Browser) {
	const hostile = `<img src=x onerror="document.title='owned'"><script>document.title="owned"</script>`
	f, s := running(t)
	f.state.Scenario, f.state.Dir, f.state.Objectives = hostile, hostile, []string{hostile}
	f.state.Doing.Text, f.state.Doing.Cell, f.state.Doing.Build, f.state.Doing.Load = hostile, hostile, hostile, hostile
	f.state.Race[0].Server, f.state.Race[0].State = hostile, hostile
	p := b.Open(t, s.URL, browser.View{Width: 360, Height: 740})
	p.Wait(`document.getElementById("status").textContent === "Following the run."`)
	f.Note(hostile)
	f.Trial(hostile, hostile, hostile)
	p.Wait(`document.querySelectorAll("#log li").length === 5`)
	if n := browser.Get[int](p, `document.querySelectorAll("img, main script").length`); n != 0 {
		t.Errorf("%d elements came from texts", n)
	}
	if n := browser.Get[int](p, `document.documentElement.scrollWidth`); n > 360 {
		t.Errorf("the page is %d px wide in a window of 360", n)
	}
	text := browser.Get[string](p, `document.body.textContent`)
	if n := strings.Count(text, hostile); n < 8 {
		t.Errorf("the texts are shown %d times, want each of them", n)
	}
}
