package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sweetspot/cmd/internal/benchmark"
	"sweetspot/scenarios"
)

// realStack is a built-in scenario, cut down to what a full grid gets through.
type realStack struct {
	name     string
	scenario string
	sets     []string
}

// promised is the stack on which the adaptive search must find what the grid
// finds.
const promised = "gunicorn-gthread"

// realStacks differ in what limits them: the GIL between threads, processes
// alone, and an event loop. Every matrix holds its folklore cells, so that none
// is added to it on any machine.
var realStacks = []realStack{
	{promised, "django-shop", []string{
		"matrix.servers=[gunicorn-gthread]", "matrix.proxies=[direct, nginx]", "matrix.exclude=[]",
		"matrix.workers=[1, cores, 2*cores+1]", "matrix.threads=[1, 4]",
	}},
	{"gunicorn-sync", "django-shop", []string{
		"matrix.servers=[gunicorn-sync]", "matrix.proxies=[direct, nginx]", "matrix.exclude=[]",
		"matrix.workers=[1, cores, cores+1, 2*cores+1]", "matrix.threads=[1]",
	}},
	{"uvicorn", "django-shop", []string{
		"app.interface=asgi", "app.module=shop.asgi:application",
		"matrix.servers=[uvicorn]", "matrix.proxies=[direct, nginx]", "matrix.exclude=[]",
		"matrix.workers=[1, cores, cores+1, 2*cores+1]", "matrix.threads=[1]",
	}},
}

func stackNames() (names []string) {
	for _, s := range realStacks {
		names = append(names, s.name)
	}
	return names
}

// quest is one search of a real stack.
type quest struct {
	stack    realStack
	seed     int
	strategy string
	budget   time.Duration
}

func (q quest) String() string {
	return fmt.Sprintf("%s, seed %d, %s", q.stack.name, q.seed, q.strategy)
}

// recommendation returns what the quest is to fill in.
func (q quest) recommendation() recommendation {
	return recommendation{Stack: q.stack.name, Seed: q.seed, Strategy: q.strategy, Budget: q.budget}
}

// quests are all searches, seed by seed. Which strategy is first changes from
// seed to seed: a machine that warms up or slows down favours neither.
func quests(o options) (all []quest) {
	for seed := 1; seed <= o.seeds; seed++ {
		order := []string{scenarios.Grid, scenarios.Adaptive}
		if seed%2 == 0 {
			order[0], order[1] = order[1], order[0]
		}
		for _, stack := range o.stacks {
			for _, strategy := range order {
				all = append(all, quest{stack, seed, strategy, o.budgets[strategy]})
			}
		}
	}
	return all
}

// searchStacks searches every real stack that was not searched before. A search
// that cannot be made does not keep the others from being made.
func searchStacks(ctx context.Context, o options, s *benchmark.Ledger[recommendation], progress io.Writer) (err error) {
	var todo []quest
	left := time.Duration(0)
	for _, q := range quests(o) {
		if !s.Holds(q.recommendation().Key()) {
			todo, left = append(todo, q), left+q.budget
		}
	}
	if len(todo) == 0 {
		return nil
	}
	program, err := benchmark.Sweetspot(ctx, o.sweetspot, o.dir, progress)
	if err != nil {
		return err
	}
	var failed []error
	for i, q := range todo {
		fmt.Fprintf(progress, "[%d/%d, %v left] %s: searching for up to %v\n", i+1, len(todo), left, q, q.budget)
		r, err := q.run(ctx, program, o.dir)
		if ctx.Err() != nil {
			return errors.Join(append(failed, ctx.Err())...)
		}
		left -= q.budget
		if err == nil {
			fmt.Fprintf(progress, "[%d/%d, %v left] %s: %s\n", i+1, len(todo), left, q, r.text())
			err = s.Add(r)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", q, err))
			fmt.Fprintf(progress, "[%d/%d, %v left] %s: %v\n", i+1, len(todo), left, q, err)
		}
	}
	return errors.Join(failed...)
}
