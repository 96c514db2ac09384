package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// recommendation is what one search of a real stack came to.
type recommendation struct {
	Stack    string
	Seed     int
	Strategy string
	Budget   time.Duration

	Outcome    string // as analysis.Recommended
	Because    string
	Winner     string                // cell; empty when none is recommended
	Ties       []string              `json:",omitempty"` // cells that are as good
	Finals     map[string]finalRange `json:",omitempty"` // by cell
	Confidence float64               `json:",omitempty"` // that the search states
	Seconds    float64               // trial-seconds
	Wall       float64               // s
	Trials     int
	Void       int // of them
}

// finalRange is what a cell sustains on final starts: a 95 % interval, requests/s.
type finalRange struct{ Low, High float64 }

func (r recommendation) Key() string {
	return fmt.Sprintf("%s %d %s %v", r.Stack, r.Seed, r.Strategy, r.Budget)
}

// text is the outcome in a few words.
func (r recommendation) text() string {
	if r.Winner == "" {
		return fmt.Sprintf("%s (%d of %d trials void)", r.Outcome, r.Void, r.Trials)
	}
	text := short(r.Winner)
	if r.Confidence > 0 {
		text += fmt.Sprintf(", %.0f %% sure", 100*r.Confidence)
	}
	return fmt.Sprintf("%s in %.0f s (%d of %d trials void)", text, r.Wall, r.Void, r.Trials)
}

// short names a cell without the server, which the stack has one of.
func short(cell string) string {
	c, err := scenarios.ParseCell(cell)
	if err != nil {
		return cell
	}
	return fmt.Sprintf("%s %d × %d", c.Proxy, c.Workers, c.Threads)
}

// jsonReport is what is read of the JSON report of a run.
type jsonReport struct {
	Outcome    string   `json:"outcome"`
	Because    string   `json:"because"`
	Winner     string   `json:"winner"`
	Ties       []string `json:"ties"`
	Confidence float64  `json:"confidence"`
	Spent      float64  `json:"spent_seconds"`
	Cells      []struct {
		Cell  string `json:"cell"`
		Final *struct {
			Low  *float64 `json:"low_95"` // null with one start
			High *float64 `json:"high_95"`
		} `json:"final_per_second"`
	} `json:"cells"`
}

// read fills in what the run in a directory found, and what it took.
func (r *recommendation) read(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		return fmt.Errorf("read what the search found: %w", err)
	}
	var report jsonReport
	if err := json.Unmarshal(text, &report); err != nil {
		return fmt.Errorf("read %s/report.json: %w", dir, err)
	}
	r.take(report)
	run, err := rundir.Read(dir)
	if err != nil {
		return err
	}
	for _, t := range run.Trials() {
		r.Trials++
		r.Seconds += (t.Step.Warmup + t.Load.Span).Seconds()
		if analysis.Judge(&run.Manifest.Scenario, t).Kind == analysis.Void {
			r.Void++
		}
	}
	return nil
}

func (r *recommendation) take(report jsonReport) {
	r.Outcome, r.Because, r.Confidence, r.Wall = report.Outcome, report.Because, report.Confidence, report.Spent
	if report.Outcome == analysis.Recommended {
		r.Winner, r.Ties = report.Winner, report.Ties
	}
	r.Finals = map[string]finalRange{}
	for _, c := range report.Cells {
		if f := c.Final; f != nil && f.Low != nil && f.High != nil {
			r.Finals[c.Cell] = finalRange{*f.Low, *f.High}
		}
	}
}
