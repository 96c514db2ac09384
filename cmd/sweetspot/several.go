package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/analysis/compare"
	"sweetspot/reports"
)

// severalFlags are those of a report over several runs.
type severalFlags struct {
	reference string
	out       string
	png       bool
}

func (f *severalFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.reference, "reference", "", "several runs: the one that the others are set against, by name or folder (default the first)")
	c.Flags().StringVar(&f.out, "out", "", "several runs: write every format and the plots into this folder")
}

// report sets several runs side by side on w, and says on told how far it is.
func (f *severalFlags) report(dirs []string, o output, told, w io.Writer) error {
	format := slices.IndexFunc(reports.SeveralFormats, func(s reports.SeveralFormat) bool { return s.Name == o.format })
	if format < 0 {
		return badInputf("--format %s: not of several runs; choose one of %s", o.format, strings.Join(severalFormatNames(), ", "))
	}
	if f.png && f.out == "" {
		return badInputf("--png writes files: of several runs it needs --out DIR")
	}
	runs, err := readSeveral(dirs, told)
	if err != nil {
		return err
	}
	reference, err := f.referenceOf(runs)
	if err != nil {
		return err
	}
	in := reports.SeveralInput{Several: compare.OfSeveral(runs, reference, differing), Generated: time.Now().UTC(), Tool: version()}
	if f.out != "" {
		if _, err := reports.WriteSeveral(in, f.out, f.png); err != nil {
			return fmt.Errorf("write reports to %s: %w", f.out, err)
		}
	}
	if o.quiet {
		return nil
	}
	return f.print(in, o.format, reports.SeveralFormats[format], w)
}

func severalFormatNames() (names []string) {
	for _, f := range reports.SeveralFormats {
		if f.Name != "" {
			names = append(names, f.Name)
		}
	}
	return names
}

func (f *severalFlags) print(in reports.SeveralInput, name string, format reports.SeveralFormat, w io.Writer) error {
	var b []byte
	var err error
	switch name {
	case "text":
		color, width := terminal(w)
		b = reports.SeveralText(in, color, width)
		if f.out != "" {
			b = fmt.Appendf(b, "\nreport: %s\n", filepath.Join(f.out, "runs.html"))
		}
	case "markdown":
		b = reports.SeveralMarkdown(in)
	default:
		b, err = format.Render(in)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// readSeveral reads and judges runs, each another, and names them. When it takes
// longer than 2 s it says on told how far it is.
func readSeveral(dirs []string, told io.Writer) ([]compare.Recorded, error) {
	began := time.Now()
	runs := make([]compare.Recorded, len(dirs))
	seen := map[string]string{}
	for i, dir := range dirs {
		if spent := time.Since(began); spent > 2*time.Second {
			left := spent / time.Duration(i) * time.Duration(len(dirs)-i)
			fmt.Fprintf(told, "%s left  read %d of %d runs\n", left.Round(time.Second), i, len(dirs))
		}
		run, err := recorded(dir)
		if err != nil {
			return nil, err
		}
		id := runSummaryID(run.Manifest)
		if other, twice := seen[id]; twice {
			return nil, badInputf("%s and %s are the same run: give it once, for a run does not compare with itself", other, dir)
		}
		seen[id], runs[i] = dir, run
	}
	for i := range runs {
		runs[i].Name = nameAmong(runs, i)
	}
	return runs, nil
}

// nameAmong names a run by the end of its path, as much as tells it apart from
// the others.
func nameAmong(runs []compare.Recorded, i int) string {
	parts := strings.Split(filepath.ToSlash(runs[i].Dir), "/")
	for n := 1; n < len(parts); n++ {
		end := "/" + strings.Join(parts[len(parts)-n:], "/")
		if !slices.ContainsFunc(runs, func(r compare.Recorded) bool {
			return r.Dir != runs[i].Dir && strings.HasSuffix(filepath.ToSlash(r.Dir), end)
		}) {
			return end[1:]
		}
	}
	return runs[i].Dir
}

// referenceOf finds the run that the others are set against.
func (f *severalFlags) referenceOf(runs []compare.Recorded) (int, error) {
	if f.reference == "" {
		return 0, nil
	}
	dir, err := filepath.Abs(f.reference)
	if err != nil {
		return 0, badInput(err)
	}
	names := make([]string, len(runs))
	for i, r := range runs {
		if r.Name == f.reference || r.Dir == dir {
			return i, nil
		}
		names[i] = r.Name
	}
	return 0, badInputf("--reference %s: none of the runs; choose one of %s", f.reference, strings.Join(names, ", "))
}
