// Command bench-search judges the search strategies on simulated machines
// whose truth is known: how far the cell that each recommends is from the best
// one, and what finding it takes. It prints figures and says which of the
// search's promises they keep; it asserts nothing.
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

// start runs the command line. After Ctrl-C what was simulated until then is
// kept, and told.
func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)
	if err := execute(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "bench-search: %v\n", err)
		return 1
	}
	return 0
}

// options is what to simulate.
type options struct {
	dir       string // gets results.jsonl and results.md
	workloads int
	noises    []float64
	fresh     bool
	workers   int
}

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := openStore(o.dir, o.fresh)
	if err != nil {
		return err
	}
	if err := simulateAll(ctx, o, s, stderr); err != nil {
		return errors.Join(err, s.close())
	}
	if err := s.close(); err != nil {
		return err
	}
	return writeReport(o, s.all, stdout)
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	o := options{noises: []float64{0.03, 0.05, 0.08}}
	f := flag.NewFlagSet("bench-search", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.dir, "dir", "bench-search", "folder of results.jsonl and results.md")
	f.IntVar(&o.workloads, "workloads", 204, "simulated workloads, a sixth of each kind")
	f.IntVar(&o.workers, "workers", 0, "simulations at a time (default as many as there are cores)")
	f.BoolVar(&o.fresh, "fresh", false, "simulate again what results.jsonl has")
	noise := f.Float64("noise", 0, "spread of the machine's speed between windows of 5 s, as 0.05 (default 0.03, 0.05 and 0.08)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: there are flags only", f.Arg(0))
	}
	if o.workloads < 1 {
		return o, fmt.Errorf("--workloads %d: want at least 1", o.workloads)
	}
	if *noise > 0 {
		o.noises = []float64{*noise}
	}
	return o, nil
}
