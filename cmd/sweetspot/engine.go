package main

import (
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/runner/fleet/place"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// engineFlags say where a run's agents are placed.
type engineFlags struct {
	namespace string
	plan      place.Plan // as far as flags say it
	memory    struct{ subject, generator string }
}

// flags are those of a placement, for run and for engine print.
func (f *engineFlags) flags(c *cobra.Command) {
	s := c.Flags()
	s.StringVarP(&f.namespace, "namespace", "n", "", "Kubernetes: namespace (default that of the kubectl context)")
	s.StringVar(&f.plan.Image, "image", "", "Kubernetes: image with this sweetspot and what the scenario measures")
	s.StringVar(&f.plan.PullSecret, "pull-secret", "", "Kubernetes: Secret that the image is pulled with")
	s.IntVar(&f.plan.Sites, "sites", 1, "Kubernetes: subjects, each with generators of its own")
	s.IntVar(&f.plan.Generators, "generators", 1, "Kubernetes: generators of every site; 0: subjects attack themselves")
	s.Float64Var(&f.plan.Subject.CPU, "subject-cpu", 0, "Kubernetes: cores that a subject asks for and gets (default the scenario's limits.cpu or most search.cores, or 2)")
	s.StringVar(&f.memory.subject, "subject-memory", "", "Kubernetes: memory that a subject asks for and gets (default the scenario's limits.memory and 256MiB for the agent, or 2GiB)")
	s.Float64Var(&f.plan.Generator.CPU, "generator-cpu", 1, "Kubernetes: cores of a generator")
	s.StringVar(&f.memory.generator, "generator-memory", "512MiB", "Kubernetes: memory of a generator")
	s.StringVar(&f.plan.Spread, "spread", place.Required, "Kubernetes: no two agents on a node: required, or preferred where nodes are few")
	s.StringToStringVar(&f.plan.SubjectOn, "subject-on", nil, "Kubernetes: labels of the nodes for subjects, as pool=apps")
	s.StringToStringVar(&f.plan.AttackOn, "generators-on", nil, "Kubernetes: labels of the nodes for generators")
}

// agentMemory is what an agent takes beside the application.
const agentMemory = scenarios.Bytes(256 << 20)

// planned is the plan of a scenario: its Pods have what the application is
// limited to. name tells this plan from others, hubAddress is empty for a hub
// of its own.
func (f *engineFlags) planned(s *scenarios.Scenario, name, hubAddress string) (*place.Plan, error) {
	if s.Target != "" {
		return nil, badInputf("--engine: the scenario's target runs already; leave --engine out")
	}
	p := f.plan
	p.Name, p.Scenario, p.Version, p.Hub = place.PlanName(name), s.Name, version(), hubAddress
	p.Lifetime = time.Duration(s.Search.Budget) + time.Hour
	if p.Subject.CPU == 0 {
		p.Subject.CPU = max(s.Limits.CPU, most(s.Search.Cores))
	}
	if p.Subject.CPU == 0 {
		p.Subject.CPU = 2
	}
	var err error
	if p.Subject.Memory, err = memoryFlag("subject-memory", f.memory.subject); err != nil {
		return nil, err
	}
	switch {
	case p.Subject.Memory != 0:
	case s.Limits.Memory != 0:
		p.Subject.Memory = s.Limits.Memory + agentMemory
	default:
		p.Subject.Memory = 2 << 30
	}
	if p.Generator.Memory, err = memoryFlag("generator-memory", f.memory.generator); err != nil {
		return nil, err
	}
	return &p, badInput(p.Check())
}

func most(numbers []float64) float64 {
	if len(numbers) == 0 {
		return 0
	}
	return slices.Max(numbers)
}

func memoryFlag(name, text string) (scenarios.Bytes, error) {
	if text == "" {
		return 0, nil
	}
	b, err := scenarios.ParseBytes(text)
	if err != nil {
		return 0, badInputf("--%s: %w", name, err)
	}
	return b, nil
}

// show prints the manifests of a scenario. Keys are not among them.
func (f *engineFlags) show(w io.Writer, s *scenarios.Scenario, hubAddress string) error {
	p, err := f.planned(s, s.Name, hubAddress)
	if err != nil {
		return err
	}
	return p.Print(w, f.shownNamespace())
}

// shownNamespace is the namespace of what is printed: no cluster is asked.
func (f *engineFlags) shownNamespace() string {
	if f.namespace == "" {
		return "default"
	}
	return f.namespace
}

func newEngine() *cobra.Command {
	c := &cobra.Command{
		Use:   "engine",
		Short: "What sweetspot run --engine kubernetes does in a cluster, as YAML",
		Example: `  sweetspot engine print scenario.yaml -n bench --image registry.example/sweetspot:v1
  sweetspot engine role -n bench | kubectl apply -f -`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newEnginePrint(), newEngineRole())
	for _, sub := range c.Commands() {
		sub.Args = asBadInput(sub.Args)
	}
	return c
}

func newEnginePrint() *cobra.Command {
	var f engineFlags
	var sets []string
	var address string
	c := &cobra.Command{
		Use:   "print SCENARIO",
		Short: "Print the manifests of a scenario; nothing is applied",
		Long: `Print writes what run --engine kubernetes would apply: a Pod for the subject of
every site, whose requests and limits are the same, a Job for its generators,
and without --hub a hub. Keys are not printed; how they are made is.

` + exitHelp,
		Example: `  sweetspot engine print scenario.yaml -n bench --image registry.example/sweetspot:v1
  sweetspot engine print scenario.yaml -n bench --image registry.example/sweetspot:v1 --sites 3 --generators 2 --hub tls://hub.example:4222`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, _, _, err := scenarios.Open(args[0], sets, stack.Catalogue())
			if err != nil {
				return badInput(err)
			}
			return f.show(c.OutOrStdout(), s, address)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&address, "hub", "", "address of a hub outside (default one in the cluster)")
	c.Flags().StringArrayVar(&sets, "set", nil, "override a field of the scenario (repeatable)")
	return c
}

func newEngineRole() *cobra.Command {
	var namespace string
	c := &cobra.Command{
		Use:     "role",
		Short:   "Print the Role that run --engine kubernetes needs",
		Example: "  sweetspot engine role -n bench | kubectl apply -f -",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return place.PrintRole(c.OutOrStdout(), namespace)
		},
	}
	c.Flags().StringVarP(&namespace, "namespace", "n", "default", "namespace that it is for")
	return c
}
