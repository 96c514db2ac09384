package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sweetspot/scenarios"
)

// Parts of the benchmark, in the order in which they run.
const (
	onMachines = "simulated"
	onStacks   = "real"
)

var allParts = []string{onMachines, onStacks}

// options is what to judge the strategies on.
type options struct {
	parts []string
	dir   string // gets results.jsonl, real.jsonl and results.md
	fresh bool

	workloads int
	noises    []float64
	workers   int
	sites     int // machines that search side by side; 1: none does

	stacks    []realStack
	seeds     int
	budgets   map[string]time.Duration // of wall time, by strategy
	sweetspot string                   // the program; empty: it is built
}

const help = `Bench-search judges the search strategies: on simulated machines, whose truth
is known, and on real stacks, where the full grid and the adaptive search are
compared. What is there already is not done again, so an interrupted run goes on
where it was.

Examples:
  bench-search --workloads 12
  bench-search --parts simulated --workloads 12 --sites 3
  bench-search --parts real --stacks gunicorn-gthread
  bench-search --parts real --seeds 1 --grid-budget 2m --adaptive-budget 1m

Flags:
`

func parseOptions(args []string, stderr io.Writer) (options, error) {
	o := options{noises: []float64{0.03, 0.05, 0.08}}
	f := flag.NewFlagSet("bench-search", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, help)
		f.PrintDefaults()
	}
	parts := f.String("parts", strings.Join(allParts, ","), "parts to run, joined by commas")
	f.StringVar(&o.dir, "dir", "bench-search", "folder of results.jsonl, real.jsonl and results.md")
	f.BoolVar(&o.fresh, "fresh", false, "do the parts again, whatever is there of them")
	f.IntVar(&o.workloads, "workloads", 204, "simulated workloads, a sixth of each kind")
	f.IntVar(&o.workers, "workers", 0, "simulations at a time (default as many as there are cores)")
	f.IntVar(&o.sites, "sites", 1, "simulated machines that share each search: above 1, full grid and adaptive search are made on so many, too")
	noise := f.Float64("noise", 0, "spread of the simulated machine's speed between windows of 5 s, as 0.05 (default 0.03, 0.05 and 0.08)")
	stacks := f.String("stacks", strings.Join(stackNames(), ","), "real stacks, joined by commas")
	f.IntVar(&o.seeds, "seeds", 3, "searches of every real stack by every strategy, each with another seed")
	grid := f.Duration("grid-budget", 10*time.Minute, "wall time of the full grid on a real stack")
	adaptive := f.Duration("adaptive-budget", 4*time.Minute, "wall time of the adaptive search on a real stack")
	f.StringVar(&o.sweetspot, "sweetspot", "", "program that searches the real stacks (default what is built from the sources here)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: there are flags only, see --help", f.Arg(0))
	}
	if *noise > 0 {
		o.noises = []float64{*noise}
	}
	o.budgets = map[string]time.Duration{scenarios.Grid: *grid, scenarios.Adaptive: *adaptive}
	return o, o.choose(*parts, *stacks)
}

// choose sets parts and stacks by their names, and checks the counts.
func (o *options) choose(parts, stacks string) error {
	for part := range strings.SplitSeq(parts, ",") {
		if !slices.Contains(allParts, part) {
			return fmt.Errorf("--parts: no part %q: want some of %s", part, strings.Join(allParts, ","))
		}
		o.parts = append(o.parts, part)
	}
	for name := range strings.SplitSeq(stacks, ",") {
		i := slices.Index(stackNames(), name)
		if i < 0 {
			return fmt.Errorf("--stacks: no stack %q: want some of %s", name, strings.Join(stackNames(), ","))
		}
		o.stacks = append(o.stacks, realStacks[i])
	}
	if o.workloads < 1 {
		return fmt.Errorf("--workloads %d: want at least 1", o.workloads)
	}
	if o.seeds < 1 {
		return fmt.Errorf("--seeds %d: want at least 1", o.seeds)
	}
	if o.sites < 1 {
		return fmt.Errorf("--sites %d: want at least 1", o.sites)
	}
	for strategy, budget := range o.budgets {
		if budget <= 0 {
			return fmt.Errorf("--%s-budget %v: want a time, as 4m", strategy, budget)
		}
	}
	return nil
}

// has tells whether a part is to be run.
func (o options) has(part string) bool { return slices.Contains(o.parts, part) }
