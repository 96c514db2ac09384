// Command bench-gate judges the regression gate: in simulated worlds, whose
// truth is known, by how often it cries wolf and what it misses; and on the
// Django shop, against itself and with slowdowns that are put into it. It prints
// figures and says which of the gate's promises they keep; it asserts nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"sweetspot/cmd/internal/benchmark"
)

func main() { os.Exit(benchmark.Main("bench-gate", execute)) }

// Parts of the benchmark, in the order in which they run.
const (
	inWorlds  = "simulated"
	inHistory = "history"
	onShop    = "real"
)

var allParts = []string{inWorlds, inHistory, onShop}

// options is what to judge the gate on.
type options struct {
	parts     []string
	dir       string // gets gates.jsonl and the runs
	fresh     bool
	gates     int // simulated, of every case
	workers   int
	share     float64 // of the real gates that are promised to be judged
	sweetspot string
	budget    string
}

const help = `Bench-gate judges the regression gate: in simulated worlds, whose truth is known,
and on the Django shop; and what finds changes over commits in simulated series.
What is there already is not done again, so an interrupted run goes on where it
was.

Examples:
  bench-gate --parts simulated --gates 200
  bench-gate --parts real --share 0.1

Flags:
`

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("bench-gate", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, help)
		f.PrintDefaults()
	}
	parts := f.String("parts", strings.Join(allParts, ","), "parts to run, joined by commas")
	f.StringVar(&o.dir, "dir", "bench-gate", "folder of gates.jsonl and of the real runs")
	f.BoolVar(&o.fresh, "fresh", false, "forget what is there")
	f.IntVar(&o.gates, "gates", 1000, "simulated gates, and series of commits, of every case")
	f.IntVar(&o.workers, "workers", 0, "simulations at a time (default as many as there are cores)")
	f.Float64Var(&o.share, "share", 1, "share of the real gates to run, as 0.1: all of them take some 11 hours, 20 at most")
	f.StringVar(&o.budget, "budget", "10m", "wall time of a real gate")
	f.StringVar(&o.sweetspot, "sweetspot", "", "program to judge (default what is built from the sources here)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: there are flags only, see --help", f.Arg(0))
	}
	for part := range strings.SplitSeq(*parts, ",") {
		if !slices.Contains(allParts, part) {
			return o, fmt.Errorf("--parts: no part %q: want some of %s", part, strings.Join(allParts, ","))
		}
		o.parts = append(o.parts, part)
	}
	switch {
	case o.gates < 1:
		return o, fmt.Errorf("--gates %d: want at least 1", o.gates)
	case !(o.share > 0 && o.share <= 1):
		return o, fmt.Errorf("--share %g: want above 0, at most 1", o.share)
	}
	return o, nil
}

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := benchmark.OpenLedger[outcome](o.dir, "gates.jsonl", o.fresh)
	if err != nil {
		return err
	}
	if slices.Contains(o.parts, inWorlds) {
		err = simulateAll(ctx, o, s, stderr)
	}
	if err == nil && slices.Contains(o.parts, onShop) {
		err = runReal(ctx, o, s, stderr)
	}
	err = errors.Join(err, s.Close(), report(stdout, s.All))
	if ctx.Err() == nil && slices.Contains(o.parts, inHistory) {
		err = errors.Join(err, changePoints(ctx, stdout, o.gates))
	}
	return err
}
