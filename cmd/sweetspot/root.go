package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// execute runs the command line and returns its exit code. An error is said
// once, here.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var e exitError
	if err != nil && !(errors.As(err, &e) && e.err == nil) {
		fmt.Fprintln(stderr, "sweetspot:", err)
	}
	return exitCode(err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "sweetspot",
		Short: "Find the worker and thread count of a Python web application by measurement",
		Long: `sweetspot starts your application for real in every configuration, drives it
with mixed static and dynamic traffic, finds what each configuration sustains
within its objectives, and recommends a worker and thread count.

` + exitHelp,
		Example: `  sweetspot run                          measure the built-in shop on this machine
  sweetspot tune                         measure the project in this folder
  sweetspot init && sweetspot run scenario.yaml
  sweetspot run django-shop --budget 90s
  sweetspot doctor`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return badInputf("%w; see %s --help", err, c.CommandPath())
	})
	root.AddCommand(newRun(), newTune(), newReport(), newLint(), newPublish(), newVerify(), newGate(), newCompare(), newHistory(), newCapacity(), newHub(), newAgent(), newStatus(), newCancel(), newResume(), newInventory(), newEngine(), newDoctor(), newValidate(), newInit(), newVersion())
	for _, c := range append(root.Commands(), root) {
		if c.Args != nil {
			c.Args = asBadInput(c.Args)
		}
	}
	return root
}

// asBadInput gives wrong arguments the exit code of wrong flags.
func asBadInput(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return badInputf("%w; see %s --help", err, c.CommandPath())
		}
		return nil
	}
}
