package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sweetspot/analysis"
	"sweetspot/reports/live"
	"sweetspot/runner"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// progress tells on w what is measured and how long it still takes: a view that
// is drawn again and again on a terminal, a line a trial elsewhere. A page can
// show the same.
type progress struct {
	w        io.Writer
	screen   *screen // nil: w is no terminal that can be drawn on
	page     *live.Server
	feed     *live.Feed
	scenario *scenarios.Scenario

	calibration *rundir.Calibration // of the generator; nil: none was made
	standings   func() []live.Row   // of a search; nil: there are none
}

func newProgress(w io.Writer, s *scenarios.Scenario) *progress {
	feed := live.NewFeed(s)
	return &progress{w: w, feed: feed, screen: newScreen(w, feed), scenario: s}
}

// observe is the runner's observer.
func (p *progress) observe(e runner.Event) {
	if e.Trial == nil {
		load := p.loadOf(e.Step)
		e.Step.Note = at(e.Site) + e.Step.Note
		p.feed.Begin(e.Step, load)
		p.tell(fmt.Sprintf("%s, %s: %v at %s", e.Step.Note, e.Step.Phase, e.Step.Cell, load), e.Step.Left)
		return
	}
	verdict, text := resultOf(p.scenario, e.Trial)
	p.ended(e.Trial.Step.Cell.String(), verdict, at(e.Site)+text)
}

// at names a site before what happens there.
func at(site string) string {
	if site == "" || site == embeddedSite {
		return ""
	}
	return "site " + site + ": "
}

// ended tells how a trial ended.
func (p *progress) ended(cell, verdict, text string) {
	p.feed.Trial(cell, verdict, text)
	p.race()
	if p.screen == nil {
		fmt.Fprintf(p.w, "  → %s\n", text)
	}
}

// race tells where the cells stand, if anybody looks.
func (p *progress) race() {
	if p.standings != nil && p.watch() != nil {
		p.feed.Race(p.standings())
	}
}

// watch returns who is told every second what comes back; nil when nobody
// looks.
func (p *progress) watch() func(rundir.Interval) {
	if p.screen == nil && p.page == nil {
		return nil
	}
	return p.feed.Interval
}

// show tells what is done outside of any step.
func (p *progress) show(text string, left time.Duration) {
	p.feed.Do(text, left)
	p.tell(text, left)
}

// tell brings the terminal up to date, or writes a line.
func (p *progress) tell(text string, left time.Duration) {
	if p.screen != nil {
		p.screen.update()
		return
	}
	fmt.Fprintf(p.w, "%s left  %s\n", left.Round(time.Second), text)
}

// note prints a line of its own.
func (p *progress) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.feed.Note(text)
	if p.screen != nil {
		p.screen.print(text)
		return
	}
	fmt.Fprintln(p.w, text)
}

// clear takes the view off the terminal. What follows is written in lines.
func (p *progress) clear() {
	if p.screen != nil {
		p.screen.close()
		p.screen = nil
	}
}

// loadOf names the load of a step, and says when it is much for the generator.
// What a closed loop will come to is not known before.
func (p *progress) loadOf(s rundir.Step) string {
	if s.Rate == 0 {
		text := fmt.Sprintf("%d connections", s.Connections)
		if s.Cores > 0 {
			text += fmt.Sprintf(", on %g cores", s.Cores)
		}
		return text
	}
	text := fmt.Sprintf("%.0f requests/s", s.Rate)
	if analysis.AboveCeiling(p.calibration, s.Rate) {
		text += fmt.Sprintf(", above %.0f %% of what the generator does on this machine", 100*analysis.MaxCeiling)
	}
	return text
}

// resultOf judges a trial and says what came of it.
func resultOf(s *scenarios.Scenario, t *rundir.Trial) (verdict, text string) {
	v := analysis.Judge(s, *t)
	text = v.Kind
	if t.Load.Sent > 0 {
		r := t.Load.Classes[scenarios.All].Response
		text += fmt.Sprintf(": %.0f good/s, p50 %v, p99 %v", t.Load.Goodput, r.P50.Round(100*time.Microsecond), r.P99.Round(100*time.Microsecond))
	}
	if t.Load.Speed > 0 {
		text += fmt.Sprintf(", replayed at %.2f × the recorded speed", t.Load.Speed)
	}
	if len(v.Reasons) > 0 {
		first, _, _ := strings.Cut(v.Reasons[0], "\n")
		text += " (" + live.Plain(first) + ")"
	}
	return v.Kind, text
}
