package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sweetspot/analysis"
	"sweetspot/analysis/compare"
	"sweetspot/analysis/foreign"
	"sweetspot/reports"
	"sweetspot/runner/rundir"
)

// compareFormats are what compare prints.
var compareFormats = []string{"text", "markdown", "json"}

func newCompare() *cobra.Command {
	format, short := "text", false
	c := &cobra.Command{
		Use:   "compare BASE CANDIDATE",
		Short: "Compare results of two builds, of sweetspot or of other tools",
		Long: `Compare sets the results of two builds beside each other and says what they can
and cannot show. A side is one run directory, or one or more results of other
tools, with commas between them or as a pattern in quotes. What a file is, its
content tells:

  ` + strings.Join(foreignFormats(), "\n  ") + `

and the raw results of a trial, trials/NNNN/results.bin.gz; packed by gzip or not.

One file a side gives ratios without a verdict, for the variance lives between
runs. Several give intervals. It gates nothing: it ends with 0 whatever they
show. sweetspot gate alternates both builds and decides.

` + exitHelp,
		Example: `  sweetspot compare runs/before runs/after
  sweetspot compare before.bin after.bin
  sweetspot compare before1.json,before2.json,before3.json after1.json,after2.json,after3.json
  sweetspot compare 'before-*.txt' 'after-*.txt' --format markdown`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if short {
				format = "json"
			}
			if !slices.Contains(compareFormats, format) {
				return badInputf("--format %s: no such format; choose one of %s", format, strings.Join(compareFormats, ", "))
			}
			b, err := compared(args[0], args[1], format, c.OutOrStdout())
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(b)
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "text", "what to print: "+strings.Join(compareFormats, ", "))
	c.Flags().BoolVar(&short, "json", false, "short for --format json")
	return c
}

func foreignFormats() (names []string) {
	for _, f := range foreign.Formats {
		names = append(names, f.Name)
	}
	return names
}

// compared reads both sides and tells how they compare.
func compared(base, candidate, format string, w io.Writer) ([]byte, error) {
	var sides [2][]string
	runs := 0
	for i, arg := range []string{base, candidate} {
		names, err := filesOf(arg)
		if err != nil {
			return nil, badInput(err)
		}
		sides[i] = names
		if slices.ContainsFunc(names, isRunDir) {
			if len(names) > 1 {
				return nil, badInputf("%s: one run directory a side: it has fresh starts of its own", arg)
			}
			runs++
		}
	}
	switch runs {
	case 0:
		return comparedFiles(sides, format, w)
	case 1:
		return nil, badInputf("one side is a run directory, the other a file: give two of a kind; a trial's raw results are in trials/NNNN/%s", rundir.RawFile)
	}
	return comparedRuns(sides[0][0], sides[1][0], format, w)
}

// filesOf returns the files that an argument names: itself, or those between
// its commas, each of which may be a pattern.
func filesOf(arg string) (names []string, err error) {
	if _, err := os.Stat(arg); err == nil {
		return []string{arg}, nil
	}
	for _, part := range strings.Split(arg, ",") {
		_, err := os.Stat(part)
		switch {
		case part == "":
			return nil, fmt.Errorf("%q: there is no file before or after a comma", arg)
		case err == nil:
			names = append(names, part)
			continue
		case !errors.Is(err, fs.ErrNotExist) || !strings.ContainsAny(part, "*?["):
			return nil, err
		}
		found, err := filepath.Glob(part)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: no file fits this pattern", part)
		}
		names = append(names, found...)
	}
	return names, nil
}

// isRunDir tells a folder that has a manifest.
func isRunDir(name string) bool {
	_, err := os.Stat(filepath.Join(name, "manifest.json"))
	return err == nil
}

func comparedFiles(sides [2][]string, format string, w io.Writer) ([]byte, error) {
	var read [2][]foreign.Single
	for i, names := range sides {
		for _, name := range names {
			s, err := foreign.ReadFile(name)
			if err != nil {
				return nil, badInput(err)
			}
			read[i] = append(read[i], s)
		}
	}
	f, err := compare.OfFiles(read[0], read[1])
	if err != nil {
		return nil, badInput(err)
	}
	switch format {
	case "json":
		return reports.FilesJSON(f)
	case "markdown":
		return reports.FilesMarkdown(f), nil
	}
	color, width := terminal(w)
	return reports.FilesText(f, color, width), nil
}

func comparedRuns(base, candidate, format string, w io.Writer) ([]byte, error) {
	var runs [2]compare.Recorded
	for i, dir := range []string{base, candidate} {
		run, err := recorded(dir)
		if err != nil {
			return nil, err
		}
		runs[i] = run
	}
	if runs[0].Dir == runs[1].Dir {
		return nil, badInputf("%s: the same run on both sides", runs[0].Dir)
	}
	r := compare.OfRuns(runs[0].Run, runs[1].Run, rundir.Sentences(differing(runs[0].Manifest, runs[1].Manifest)))
	switch format {
	case "json":
		return reports.RunsJSON(r)
	case "markdown":
		return reports.RunsMarkdown(r), nil
	}
	color, width := terminal(w)
	return reports.RunsText(r, color, width), nil
}

// recorded reads a run and judges it.
func recorded(dir string) (compare.Recorded, error) {
	run, err := rundir.Read(dir)
	if err != nil {
		return compare.Recorded{}, badInput(err)
	}
	out := compare.Recorded{Run: compare.Run{Dir: run.Dir}, Manifest: run.Manifest}
	if run.Manifest.Gate != nil {
		out.Result = &analysis.Result{Outcome: analysis.Inconclusive, Because: "it is a gate, which compares two builds and recommends no configuration; its own report tells its verdict"}
		return out, nil
	}
	if out.Result, err = judged(run, ""); err != nil {
		return out, fmt.Errorf("%s: %w", dir, err)
	}
	return out, nil
}

// differing says in what two runs differ: their machines first.
func differing(there, here rundir.Manifest) []rundir.Difference {
	out := rundir.DifferingHosts(there.Host, here.Host)
	if there.Tool != here.Tool {
		out = append(out, rundir.Difference{What: "version of sweetspot", There: there.Tool, Here: here.Tool})
	}
	return append(out, rundir.Differing(there, here)...)
}
