package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"sweetspot/cmd/internal/benchmark"
)

// run lets the program search, in a run directory of its own, and reads what it
// found. What an interrupted search left there goes: half a budget says nothing
// of a whole one.
func (q quest) run(ctx context.Context, program, dir string) (recommendation, error) {
	r := q.recommendation()
	out := filepath.Join(dir, "runs", fmt.Sprintf("%s-%s-%v-seed%d", q.stack.name, q.strategy, q.budget, q.seed))
	if err := os.RemoveAll(out); err != nil {
		return r, err
	}
	ended, err := benchmark.Run(ctx, program, q.args(out)...)
	if err != nil {
		return r, err
	}
	if !reported(ended) {
		return r, ended.Failure()
	}
	return r, r.read(out)
}

// args is the command line of the search.
func (q quest) args(out string) []string {
	args := []string{"run", q.stack.scenario, "--quiet", "--out", out, "--budget", q.budget.String(), "--seed", strconv.Itoa(q.seed), "--set", "search.strategy=" + q.strategy}
	for _, set := range q.stack.sets {
		args = append(args, "--set", set)
	}
	return args
}

// Exit codes of a search that has ended with a report, beside 0.
const (
	exitInconclusive = 3 // or it could not be made at all, and then there is no report
	exitNotMet       = 99
)

// reported tells whether a quiet search has ended with a report.
func reported(e *benchmark.Ended) bool {
	switch e.Code {
	case 0:
		return true
	case exitInconclusive, exitNotMet:
		return len(e.Out)+len(e.Said) == 0
	}
	return false
}
