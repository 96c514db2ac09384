package main

import (
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Parts of the benchmark, in the order in which they run.
const (
	throughput = "throughput"
	cpu        = "cpu"
	flood      = "flood"
	latency    = "latency"
	hogged     = "hog"
	memory     = "memory"
	soak       = "soak"
)

var allParts = []string{throughput, cpu, flood, latency, hogged, memory, soak}

// options is what to measure and for how long.
type options struct {
	parts     []string
	dir       string // gets results.json and results.md
	fresh     bool   // measure again what results.json has
	tableOnly bool   // write results.md from results.json and measure nothing
	seed      uint64 // of the order

	rounds, cpuRounds int
	closed            time.Duration // one closed loop
	paced             time.Duration // one attack at a rate, for its CPU
	startUp           time.Duration // the short attack whose CPU is taken off
	flood             time.Duration
	latency           time.Duration
	hogTrials         int
	hogTrial          time.Duration
	brief, long       time.Duration // the two attacks that memory is compared over
	soak, soakEvery   time.Duration
}

// parseOptions reads the command line. --quick shortens whatever no flag sets.
func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("bench-attack", flag.ContinueOnError)
	f.SetOutput(stderr)
	parts := f.String("parts", strings.Join(allParts, ","), "parts to measure, joined by commas")
	quick := f.Bool("quick", false, "short attacks, to see that all of it works; results go to a folder of their own")
	f.StringVar(&o.dir, "dir", "bench-attack", "folder of results.json and results.md")
	f.BoolVar(&o.fresh, "fresh", false, "measure again what results.json has")
	f.BoolVar(&o.tableOnly, "table-only", false, "write results.md from results.json and measure nothing")
	f.Uint64Var(&o.seed, "seed", 1, "of the order within a round, and of Poisson arrivals")
	f.IntVar(&o.rounds, "rounds", 5, "rounds of the throughput part")
	f.IntVar(&o.cpuRounds, "cpu-rounds", 3, "rounds of the CPU part")
	f.DurationVar(&o.closed, "closed", 5*time.Second, "length of a closed loop")
	f.DurationVar(&o.paced, "paced", 6*time.Second, "length of an attack whose CPU is counted")
	f.DurationVar(&o.startUp, "start-up", time.Second, "length of the attack whose CPU is taken off, as that of starting")
	f.DurationVar(&o.flood, "flood", 5*time.Second, "length of the attacks at 20,000/s")
	f.DurationVar(&o.latency, "latency", 14*time.Second, "length of an attack whose latencies are compared with the truth")
	f.IntVar(&o.hogTrials, "hog-trials", 18, "trials beside CPU hogs, a third of them beside none")
	f.DurationVar(&o.hogTrial, "hog-trial", 5*time.Second, "length of one of them")
	f.DurationVar(&o.brief, "memory-brief", time.Minute, "the shorter of the attacks whose memory is compared")
	f.DurationVar(&o.long, "memory-long", 10*time.Minute, "the longer of them")
	f.DurationVar(&o.soak, "soak", 30*time.Minute, "length of the soak")
	f.DurationVar(&o.soakEvery, "soak-every", 10*time.Second, "how often the soak looks at goroutines, descriptors and memory")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: give flags only, see --help", f.Arg(0))
	}
	set := map[string]bool{}
	f.Visit(func(f *flag.Flag) { set[f.Name] = true })
	if *quick {
		o.shorten(set)
	}
	for part := range strings.SplitSeq(*parts, ",") {
		if !slices.Contains(allParts, part) {
			return o, fmt.Errorf("no part %q: want some of %s", part, strings.Join(allParts, ","))
		}
		o.parts = append(o.parts, part)
	}
	return o, nil
}

func (o *options) shorten(set map[string]bool) {
	for name, change := range map[string]func(){
		"dir":          func() { o.dir = filepath.Join(o.dir, "quick") },
		"rounds":       func() { o.rounds = 2 },
		"cpu-rounds":   func() { o.cpuRounds = 1 },
		"closed":       func() { o.closed = time.Second },
		"paced":        func() { o.paced = 3 * time.Second },
		"flood":        func() { o.flood = 2 * time.Second },
		"latency":      func() { o.latency = 8 * time.Second },
		"hog-trials":   func() { o.hogTrials = 6 },
		"hog-trial":    func() { o.hogTrial = 2 * time.Second },
		"memory-brief": func() { o.brief = 3 * time.Second },
		"memory-long":  func() { o.long = 10 * time.Second },
		"soak":         func() { o.soak = 10 * time.Second },
		"soak-every":   func() { o.soakEvery = time.Second },
	} {
		if !set[name] {
			change()
		}
	}
}

// has tells whether a part is to be measured.
func (o options) has(part string) bool { return slices.Contains(o.parts, part) }
