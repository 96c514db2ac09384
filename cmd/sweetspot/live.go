package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"sweetspot/analysis"
	"sweetspot/analysis/gate"
	"sweetspot/reports/live"
	"sweetspot/runner/rundir"
)

// liveFlag is the flag of the commands that measure.
func liveFlag(c *cobra.Command, address *string) {
	c.Flags().StringVar(address, "live", "", "serve a page that follows the run at this address, as 127.0.0.1:8089; a port alone is of this machine only, 0 takes a free one (default none)")
}

// serve serves the live page, if an address was given, and says where. Its
// address is printed here only: it is what lets one in.
func (p *progress) serve(address string, stderr io.Writer) (err error) {
	if address == "" {
		return nil
	}
	if p.page, err = live.Serve(p.feed, address); err != nil {
		return badInputf("--live: %w", err)
	}
	if p.page.Open {
		fmt.Fprintf(stderr, "the live page is open to every machine that can reach this one, and is not encrypted: whoever has its address can follow the run\n")
	}
	fmt.Fprintf(stderr, "live page: %s\n", p.page.URL)
	return nil
}

// in names the directory of the run, and what it took before if it goes on.
func (p *progress) in(run *rundir.Run) {
	taken := run.Manifest.Calibration.Time()
	for _, t := range run.Trials() {
		taken += t.Cost
	}
	p.feed.In(run.Dir, taken)
	p.note("run directory: %s", run.Dir)
}

// over ends the view and the page. err is why the run broke; nil when it did
// not, or when the feed has been told how it ended.
func (p *progress) over(err error) error {
	p.clear()
	if err != nil {
		p.feed.Close(live.End{Outcome: live.Broken, Text: err.Error()})
	}
	if p.page == nil {
		return nil
	}
	return p.page.Close()
}

// concluded tells how a run ended.
func (p *progress) concluded(res *analysis.Result, dir string, interrupted bool) {
	e := live.End{Outcome: res.Outcome, Text: res.Because, Report: filepath.Join(dir, "report.html")}
	if res.Winner != nil {
		e.Text = res.Winner.Cell.String() + ": " + res.Because
	}
	if interrupted {
		e.Outcome, e.Text = live.Interrupted, "go on with: sweetspot run --resume "+dir
	}
	p.feed.Close(e)
}

// judged tells how a gate ended.
func (p *progress) judged(r *gate.Result, dir string, interrupted bool) {
	e := live.End{Outcome: string(r.Verdict), Text: r.Because, Report: filepath.Join(dir, "gate.md")}
	if interrupted {
		e.Outcome, e.Text = live.Interrupted, "go on with: sweetspot gate --resume "+dir
	}
	p.feed.Close(e)
}
