package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sweetspot/analysis"
	"sweetspot/analysis/lint"
	"sweetspot/runner/rundir"
)

func newLint() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "lint RUN",
		Short: "Hold a run against the rules of measurement, and say what is missing to publish it",
		Long: `Lint holds a run against the rules of measurement: each of them holds, does not
hold or does not apply, with the figures that say so and, when it does not hold,
what to do. The run is publishable when no rule fails. Nothing is measured, and
nothing is written.

Exit codes:
  0    publishable
  1    anything not listed here
  99   not publishable
  104  RUN is no run directory, or invalid flags`,
		Example: `  sweetspot lint runs/django-shop-20260102T030405Z
  sweetspot lint runs/django-shop-20260102T030405Z --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			run, err := readRun(args[0])
			if err != nil {
				return err
			}
			res, err := judged(run, "")
			if err != nil {
				return err
			}
			r := linted(run, res)
			if err := printLint(c.OutOrStdout(), *r, asJSON); err != nil || r.Publishable {
				return err
			}
			return exitError{code: exitNotMet}
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// readRun opens the run of a search; a gate has its own reports.
func readRun(dir string) (*rundir.Run, error) {
	run, err := rundir.Read(dir)
	if err != nil {
		return nil, badInput(err)
	}
	if run.Manifest.Gate != nil {
		return nil, badInputf("%s is the run of a gate, which compares two builds: name a run of sweetspot run or tune; the gate's reports are beside it, and sweetspot gate --resume %[1]s makes them again", dir)
	}
	return run, nil
}

// linted is a run against the rules of measurement.
func linted(run *rundir.Run, res *analysis.Result) *lint.Report {
	r := lint.Run(lint.Input{Manifest: run.Manifest, Result: res, Hosts: run.Hosts(), Kept: func(trial int) (names []string) {
		entries, _ := os.ReadDir(run.TrialDir(trial)) // a folder that cannot be read keeps nothing
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}})
	return &r
}

// printJSON prints a value for programs.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func printLint(w io.Writer, r lint.Report, asJSON bool) error {
	if asJSON {
		return printJSON(w, struct {
			Schema int    `json:"schema"`
			Stamp  string `json:"stamp"`
			lint.Report
		}{1, r.Stamp(), r})
	}
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  %-14s %-12s %s\n", f.Verdict, f.ID, f.Asks)
		for _, e := range f.Evidence {
			fmt.Fprintf(&b, "  %-14s %-12s   %s\n", "", "", e)
		}
		if f.Remedy != "" {
			fmt.Fprintf(&b, "  %-14s %-12s   → %s\n", "", "", f.Remedy)
		}
	}
	_, err := fmt.Fprintf(w, "%s\n\n%s", r.Stamp(), b.String())
	return err
}
