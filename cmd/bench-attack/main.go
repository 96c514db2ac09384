// Command bench-attack compares package runner/attack with the load generators
// that people use: throughput, CPU, memory, and how far the latencies that
// each reports are from a computed truth. It prints figures and judges what the
// project promises of its generator; it asserts nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"

	"sweetspot/cmd/internal/benchmark"
	"sweetspot/runner/process"
)

func main() {
	process.Main()                                   // when re-executed as the watchdog
	os.Exit(benchmark.Main("bench-attack", execute)) // Ctrl-C ends everything that was started
}

// execute is the benchmark, or the part of it that it starts as a process of
// its own.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 2 {
		switch args[0] {
		case engineCommand:
			return runEngine(ctx, args[1], stdout)
		case truthCommand:
			return serveTruth(ctx, args[1])
		}
	}
	if len(args) == 1 && args[0] == hogCommand {
		return hog(ctx)
	}
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	results, err := openStore(o.dir)
	if err != nil {
		return err
	}
	if !o.tableOnly {
		if err := measure(ctx, o, results, stderr); err != nil {
			return err
		}
	}
	return writeReport(o.dir, results.held, stdout)
}
