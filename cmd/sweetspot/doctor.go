package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sweetspot/runner/sample"
)

func newDoctor() *cobra.Command {
	var asJSON, quick, calibrated bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine has, what it lacks and how steady it is",
		Example: `  sweetspot doctor
  sweetspot doctor --calibrate
  sweetspot doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			checks := sample.Doctor(c.Context())
			if !quick {
				fmt.Fprintln(c.ErrOrStderr(), "measuring the noise of this machine on the embedded stack, about 10 s left")
				noise, err := selfMeasure(c.Context())
				if err != nil {
					return exitError{exitInconclusive, err}
				}
				checks = append(checks, noise...)
			}
			if calibrated {
				found, err := calibrateHere(c.Context(), c.ErrOrStderr())
				if err != nil {
					return exitError{exitInconclusive, err}
				}
				checks = append(checks, found...)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), checks)
			}
			return printChecks(c.OutOrStdout(), checks)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&calibrated, "calibrate", false, "also measure what the generator can send, how late it sends, and what observing costs")
	c.Flags().BoolVar(&quick, "quick", false, "skip the self-measurement")
	return c
}

// printChecks prints a line a check, and what to do about a problem below it.
func printChecks(w io.Writer, checks []sample.Check) error {
	for _, c := range checks {
		sign := "  ok"
		if c.Problem != "" {
			sign = "  !!"
		}
		if _, err := fmt.Fprintf(w, "%s  %-22s %s\n", sign, c.Name, c.Value); err != nil {
			return err
		}
		if c.Problem != "" {
			fmt.Fprintf(w, "      %-22s %s\n", "", c.Problem)
		}
		if c.Remedy != "" {
			fmt.Fprintf(w, "      %-22s → %s\n", "", c.Remedy)
		}
	}
	return nil
}
