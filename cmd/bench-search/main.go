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
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(start())
}

// start runs the command line. After Ctrl-C what was found until then is kept,
// and told.
func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)
	err := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "bench-search: interrupted: run it again, without --fresh, to go on")
		return 1
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench-search: %v\n", err)
		return 1
	}
	return 0
}

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	worlds, err := openStore[result](o.dir, "results.jsonl", o.fresh && o.has(onMachines))
	if err != nil {
		return err
	}
	stacks, err := openStore[recommendation](o.dir, "real.jsonl", o.fresh && o.has(onStacks))
	if err != nil {
		return errors.Join(err, worlds.close())
	}
	err = judge(ctx, o, worlds, stacks, stderr)
	return errors.Join(err, worlds.close(), stacks.close(), writeReport(o, worlds.all, stacks.all, stdout))
}

// judge runs the parts that were asked for: one after the other, since the
// simulations would be load beside the real stacks.
func judge(ctx context.Context, o options, worlds *store[result], stacks *store[recommendation], progress io.Writer) error {
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
