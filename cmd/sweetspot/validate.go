package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"sweetspot/analysis"
	"sweetspot/runner/cgroup"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

func newValidate() *cobra.Command {
	var sets []string
	c := &cobra.Command{
		Use:   "validate SCENARIO",
		Short: "Check a scenario without starting anything; every fault is reported",
		Example: `  sweetspot validate scenario.yaml
  sweetspot validate django-shop --set matrix.workers=[1,2,4,8]`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, _, source, err := scenarios.Open(args[0], sets, stack.Catalogue())
			if err != nil {
				return badInput(err)
			}
			host, err := sample.Host()
			if err != nil {
				return err
			}
			cpus, err := chooseCPUs(s)
			if err != nil {
				return badInput(err)
			}
			unlimited, err := confinable(s, cpus, cgroup.Permitted)
			if err != nil {
				return badInput(err)
			}
			cells := s.Cells(len(cpus.App), stack.Catalogue())
			out := c.OutOrStdout()
			fmt.Fprintf(out, "%s is valid: %d cells on %d of %d cores, budget %v\n", source, len(cells), len(cpus.App), host.Cores, s.Search.Budget)
			if unlimited != "" {
				fmt.Fprintln(out, unlimited)
			}
			for _, p := range cells {
				fmt.Fprintln(out, "  "+describe(s.Limits, p))
			}
			return nil
		},
	}
	c.Flags().StringArrayVar(&sets, "set", nil, "override a field, as traffic.arrivals=constant (repeatable)")
	return c
}

// describe is a cell's name with what is known of it before measuring.
func describe(l scenarios.Limits, p scenarios.Planned) string {
	s := p.Cell.String()
	for _, f := range p.Folklore {
		s += "  (folklore: " + f + ")"
	}
	switch why := analysis.Barred(l, p.Cell); {
	case p.NotApplicable != "":
		s += "  not applicable: " + p.NotApplicable
	case why != "":
		s += "  struck out: " + why
	}
	return s
}
