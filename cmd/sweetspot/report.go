package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/analysis"
	"sweetspot/reports"
	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
)

func newReport() *cobra.Command {
	var o output
	var several severalFlags
	var png bool
	c := &cobra.Command{
		Use:   "report RUN_DIR...",
		Short: "Judge the trials of a run again and write its reports, or set several runs side by side",
		Long: `Report judges the trials of a run again, writes its reports beside it and prints
the one that is asked for.

Of several runs it tells which one's recommended configuration sustains the most,
by how much, in what the runs differ, and what the same configurations did in
each. Only runs of the same traffic, objectives and CPU sets compare; the others
are told in groups of their own, with the reason. It writes files only with --out,
leaves the runs as they are, and ends with 0 whatever they show.

` + exitHelp,
		Example: `  sweetspot report runs/django-shop-20260102T030405Z
  sweetspot report runs/django-shop-20260102T030405Z --format markdown
  sweetspot report runs/django-shop-20260102T030405Z --png
  sweetspot report runs/gunicorn runs/uwsgi runs/granian
  sweetspot report runs/shop-* --reference shop-20260102T030405Z --out comparison`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if len(args) > 1 {
				several.png = png
				told := c.ErrOrStderr()
				if o.quiet {
					told = io.Discard
				}
				return several.report(args, o, told, c.OutOrStdout())
			}
			if several.out != "" || several.reference != "" {
				return badInputf("--out and --reference are for several runs: give two run directories or more")
			}
			return reportOne(args[0], o, png, c.OutOrStdout())
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&png, "png", false, "write the plots as PNG, too")
	several.flags(c)
	return c
}

// reportOne writes the reports of one run beside it and prints one of them.
func reportOne(dir string, o output, png bool, w io.Writer) error {
	run, err := readRun(dir)
	if err != nil {
		return err
	}
	res, err := conclude(run, "", o, w)
	if err != nil {
		return err
	}
	if png {
		if _, err := reports.WritePNG(reportInput(run, res), run.Dir); err != nil {
			return err
		}
	}
	return outcomeError(res)
}

// output is what goes to standard output.
type output struct {
	format string
	json   bool
	quiet  bool
}

func (o *output) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.format, "format", "text", "what to print: "+strings.Join(formatNames(), ", "))
	c.Flags().BoolVar(&o.json, "json", false, "short for --format json")
	c.Flags().BoolVar(&o.quiet, "quiet", false, "print no progress and no report, only errors")
}

func formatNames() (names []string) {
	for _, f := range reports.Formats {
		names = append(names, f.Name)
	}
	return names
}

func (o *output) check() error {
	if o.json {
		o.format = "json"
	}
	if !slices.Contains(formatNames(), o.format) {
		return badInputf("--format %s: no such format; choose one of %s", o.format, strings.Join(formatNames(), ", "))
	}
	return nil
}

// conclude judges a run, writes its reports beside it and prints the one that
// was asked for.
func conclude(run *rundir.Run, interrupted string, o output, w io.Writer) (*analysis.Result, error) {
	res, err := judged(run, interrupted)
	if err != nil {
		return nil, err
	}
	in := reportInput(run, res)
	if _, err := reports.Write(in, run.Dir); err != nil {
		return nil, fmt.Errorf("write reports: %w", err)
	}
	if o.quiet {
		return res, nil
	}
	return res, o.print(in, w)
}

// judged is the result of a run.
func judged(run *rundir.Run, interrupted string) (*analysis.Result, error) {
	return analysis.Summarise(judgeInput(run, interrupted))
}

// judgeInput is what a run is judged by.
func judgeInput(run *rundir.Run, interrupted string) analysis.Input {
	m := run.Manifest
	return analysis.Input{
		Scenario:    searched(m),
		Cells:       cellsOf(m),
		Trials:      run.Trials(),
		Histograms:  run.Histograms,
		Calibration: m.Calibration,
		Interrupted: interrupted,
	}
}

func (o *output) print(in reports.Input, w io.Writer) error {
	if o.format == "text" {
		color, width := terminal(w)
		_, err := w.Write(reports.Text(in, color, width))
		if err == nil {
			_, err = fmt.Fprintf(w, "\nreport: %s\n", in.Dir+"/report.html")
		}
		return err
	}
	for _, f := range reports.Formats {
		if f.Name == o.format {
			b, err := f.Render(in)
			if err != nil {
				return err
			}
			_, err = w.Write(b)
			return err
		}
	}
	return nil
}

func reportInput(run *rundir.Run, res *analysis.Result) reports.Input {
	in := reports.Input{Manifest: run.Manifest, Result: res, Generated: time.Now().UTC(), Dir: run.Dir, Hosts: run.Hosts()}
	in.Lint = linted(run, res)
	if res.Winner != nil {
		in.WinnerConfigs = stack.WinnerConfig(stack.Describe(&run.Manifest.Scenario, run.Dir), res.Winner.Cell)
	}
	return in
}

// outcomeError turns the outcome of a run into the error of its exit code.
func outcomeError(res *analysis.Result) error {
	switch res.Outcome {
	case analysis.NotMet:
		return exitError{code: exitNotMet}
	case analysis.Inconclusive:
		return exitError{code: exitInconclusive}
	}
	return nil
}

// terminal says whether colour is welcome on w and how wide it is.
func terminal(w io.Writer) (color bool, width int) {
	f, ok := w.(*os.File)
	if !ok {
		return false, 100
	}
	width, ok = terminalWidth(f)
	if !ok {
		return false, 100
	}
	return os.Getenv("NO_COLOR") == "", width
}
