package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sweetspot/analysis/gate"
	"sweetspot/reports"
	"sweetspot/runner/rundir"
	"sweetspot/runner/store"
)

// gateOutput is what of a gate goes to standard output.
type gateOutput output

func (o *gateOutput) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.format, "format", "text", "what to print: "+strings.Join(reports.GateFormatNames(), ", "))
	c.Flags().BoolVar(&o.json, "json", false, "short for --format json")
	c.Flags().BoolVar(&o.quiet, "quiet", false, "print no progress, no report as text, only errors and what --format asks for")
}

func (o *gateOutput) check() error {
	if o.json {
		o.format = "json"
	}
	if names := reports.GateFormatNames(); !slices.Contains(names, o.format) {
		return badInputf("--format %s: no such format; choose one of %s", o.format, strings.Join(names, ", "))
	}
	return nil
}

// reportGate writes all formats of the result into the run directory and prints
// the one that was asked for.
func (f *gateFlags) reportGate(run *rundir.Run, r *gate.Result, w io.Writer) error {
	m := run.Manifest
	meta := reports.GateMeta{
		Scenario: m.Scenario.Name, Tool: m.Tool, Host: m.Host, CommandLine: m.CommandLine, Dir: run.Dir, Time: m.Began, Inconclusive: f.inconclusive,
	}
	if err := reports.WriteGate(run.Dir, r, meta); err != nil {
		return fmt.Errorf("write reports: %w", err)
	}
	if f.print.format != "text" {
		return reports.RenderGate(w, f.print.format, r, meta)
	}
	if f.print.quiet {
		return nil
	}
	color, width := terminal(w)
	_, err := w.Write(reports.GateText(r, meta, color, width))
	return err
}

// commandLine is how the program was called, without the passwords of stores.
func commandLine() (out []string) {
	for _, arg := range os.Args {
		out = append(out, store.Redact(arg))
	}
	return out
}
