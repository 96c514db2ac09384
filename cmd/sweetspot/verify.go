package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sweetspot/reports/bundle"
)

func newVerify() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify BUNDLE",
		Short: "Compute every published figure of a bundle again from its raw data",
		Long: `Verify checks what sweetspot publish wrote: first every file against SHA256SUMS;
then the load, the latencies and the histograms of every trial against its raw
results, each counted again; then it judges the trials again, writes every report,
plot and page again, and compares them byte by byte. It names every file that
differs, and what differs in it. It says what the figures rest on, and prints the
SHA-256 of SHA256SUMS: whoever has that from another place knows that it is the
same bundle.

A bundle by another version of sweetspot, or one for another platform, is said to
be so. Where only what that version has written differs, nothing is decided:
verify it with that version.

Exit codes:
  0    every figure came out again
  1    anything not listed here
  3    reports differ, and another version wrote them
  99   something differs
  104  BUNDLE is no bundle, or invalid flags
  105  interrupted`,
		Example: `  sweetspot verify site
  sweetspot verify site --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !bundle.Is(args[0]) {
				_, err := bundleTools(nil).Verify(c.Context(), args[0])
				return badInput(err)
			}
			count := newCounter(c.ErrOrStderr(), "counting raw results again, trial")
			v, err := bundleTools(count).Verify(c.Context(), args[0])
			count.clear()
			if err != nil {
				return interruptedOr(c.Context(), err)
			}
			if asJSON {
				err = printVerdict(c.OutOrStdout(), v)
			} else {
				err = printVerify(c.OutOrStdout(), args[0], v)
			}
			switch {
			case err != nil || v.Holds():
				return err
			case v.Undecided():
				return exitError{code: exitInconclusive}
			}
			return exitError{code: exitNotMet}
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printVerify(w io.Writer, dir string, v bundle.Verdict) error {
	if v.Elsewhere != "" {
		fmt.Fprintf(w, "Another version: %s.\n", v.Elsewhere)
	}
	switch {
	case v.Undecided():
		fmt.Fprintf(w, "%s is not decided: checksums and raw results agree, but not all files are what this version writes. Verify it with sweetspot %s.\n", dir, v.About.Tool)
	case v.Holds():
		fmt.Fprintf(w, "%s is verified: %d files, %d trials, %d raw results; every published figure came out again.\n", dir, v.Files, v.Trials, v.Results)
	default:
		fmt.Fprintf(w, "%s does not hold: %d differences.\n", dir, len(v.Differences))
	}
	for _, d := range v.Differences {
		fmt.Fprintln(w, "  "+d.String())
	}
	fmt.Fprintln(w)
	for _, text := range v.RestsOn {
		fmt.Fprintln(w, "  "+text)
	}
	if v.About.Draft {
		fmt.Fprintln(w, "It is a draft: "+v.Lint.Stamp())
	}
	_, err := fmt.Fprintf(w, "SHA-256 of SHA256SUMS: %s\n", v.Digest)
	return err
}
