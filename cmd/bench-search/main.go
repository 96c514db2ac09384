// Command bench-search judges the search strategies. On simulated machines,
// whose truth is known, it tells how far the cell that each recommends is from
// the best one, and what finding it takes; on real stacks, whether the adaptive
// search recommends what the full grid does. It prints figures and says which of
// the search's promises they keep; it asserts nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"

	"sweetspot/cmd/internal/benchmark"
)

func main() { os.Exit(benchmark.Main("bench-search", execute)) }

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	worlds, err := benchmark.OpenLedger[result](o.dir, "results.jsonl", o.fresh && o.has(onMachines))
	if err != nil {
		return err
	}
	stacks, err := benchmark.OpenLedger[recommendation](o.dir, "real.jsonl", o.fresh && o.has(onStacks))
	if err != nil {
		return errors.Join(err, worlds.Close())
	}
	err = judge(ctx, o, worlds, stacks, stderr)
	return errors.Join(err, worlds.Close(), stacks.Close(), writeReport(o, worlds.All, stacks.All, stdout))
}

// judge runs the parts that were asked for: one after the other, since the
// simulations would be load beside the real stacks.
func judge(ctx context.Context, o options, worlds *benchmark.Ledger[result], stacks *benchmark.Ledger[recommendation], progress io.Writer) error {
	if o.has(onMachines) {
		if err := simulateAll(ctx, o, worlds, progress); err != nil {
			return err
		}
	}
	if o.has(onStacks) {
		return searchStacks(ctx, o, stacks, progress)
	}
	return nil
}
