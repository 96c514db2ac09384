package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/runner/detect"
	"sweetspot/runner/process"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// tuneFlags are the flags of the tune command.
type tuneFlags struct {
	runFlags
	file    string
	prepare bool
	dryRun  bool
	force   bool
}

func newTune() *cobra.Command {
	var f tuneFlags
	c := &cobra.Command{
		Use:   "tune [DIR]",
		Short: "Measure your own project: detect it, write its scenario and run it",
		Long: `Tune looks at the project in DIR (default the current folder): Django, Flask,
FastAPI, or a plain WSGI or ASGI callable, its virtualenv and the servers
installed in it. It starts the application once and asks, by GET, for the pages
of its URL configuration that take no parameters and for some static files; what
answers 200 is the traffic. It writes a scenario whose comments explain every
guess, shows it and runs it.

Nothing but GET is ever sent. The commands that such a project usually needs
first, such as migrations, are run with --prepare only; they change the
project's own database.

` + exitHelp,
		Example: `  sweetspot tune
  sweetspot tune ~/src/mysite --dry-run
  sweetspot tune ~/src/mysite --prepare --budget 10m
  sweetspot run sweetspot.yaml          after correcting a guess`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return f.tune(c.Context(), dir, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.flags(c)
	c.Flags().StringVar(&f.file, "file", "sweetspot.yaml", "scenario to write")
	c.Flags().BoolVar(&f.force, "force", false, "replace a scenario that exists")
	c.Flags().BoolVar(&f.prepare, "prepare", false, "run the project's usual commands first, such as migrations")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "stop when the scenario is written")
	c.Flags().StringVar(&f.out, "out", "", "run directory (default runs/<scenario>-<UTC time>)")
	c.Flags().DurationVar(&f.budget, "budget", 0, "wall time of the measurement, as 90s or 1h (default 5m)")
	liveFlag(c, &f.live)
	return c
}

// tune is the straight line from a folder to a recommendation.
func (f *tuneFlags) tune(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	if _, err := os.Stat(f.file); err == nil && !f.force {
		return badInputf("%s exists; run it with: sweetspot run %[1]s, or replace it with --force, or write another with --file", f.file)
	}
	notes := stderr
	if f.quiet {
		notes = io.Discard
	}
	fmt.Fprintf(notes, "looking at %s\n", dir)
	project, err := detect.Detect(ctx, dir)
	if err != nil {
		return badInput(err)
	}
	fmt.Fprintf(notes, "found: %s, %s, %d pages and %d static files to ask for\n", project.Framework, project.Module, len(project.Routes), len(project.StaticFiles))
	known, err := f.probe(ctx, project)
	if err != nil {
		return exitError{exitInconclusive, err}
	}
	fmt.Fprintf(notes, "answered 200: %d pages and %d static files\n", len(known.Routes), len(known.StaticFiles))
	known.Prepare, known.Budget = f.prepare, f.budget
	text := project.Scenario(known)
	if err := writeScenario(f.file, text); err != nil {
		return err
	}
	fmt.Fprintf(notes, "wrote %s:\n\n%s\n", f.file, text)
	if f.dryRun {
		fmt.Fprintf(notes, "measure it with: sweetspot run %s\n", f.file)
		return nil
	}
	return f.run(ctx, []string{f.file}, stdout, stderr)
}

// writeScenario writes the scenario, and beside it the schema for editors.
func writeScenario(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("write scenario: %w", err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return fmt.Errorf("write scenario: %w", err)
	}
	return nil
}

// probe starts the project once, with one worker, and asks for its pages and
// files.
func (f *tuneFlags) probe(ctx context.Context, p *detect.Project) (known detect.ScenarioOptions, err error) {
	dir, err := os.MkdirTemp("", "sweetspot-tune-")
	if err != nil {
		return known, fmt.Errorf("ask the project for its pages: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := process.Sweep(); err != nil {
		return known, err
	}
	runID := newRunID()
	release, err := process.Watch(runID)
	if err != nil {
		return known, err
	}
	defer release()
	live, err := f.startOnce(ctx, p, dir, runID)
	if err != nil {
		return known, fmt.Errorf("ask the project for its pages: %w", err)
	}
	defer func() { err = errors.Join(err, live.Stop()) }()
	known.Routes = answering(ctx, live, p.Routes)
	known.StaticFiles = answering(ctx, live, p.StaticFiles)
	if len(known.Routes) == 0 {
		return known, fmt.Errorf("none of the %d pages without parameters answers 200: %s%s", len(p.Routes), f.remedy(), firstOf(p.Routes))
	}
	known.Ready = known.Routes[0]
	return known, ctx.Err()
}

// remedy is what may help when no page answers 200.
func (f *tuneFlags) remedy() string {
	if f.prepare {
		return "start the application by hand and see why, or write a scenario with sweetspot init"
	}
	return "if its database has no tables yet, try --prepare; else write a scenario with sweetspot init"
}

// firstOf names some of the pages.
func firstOf(paths []string) string {
	if len(paths) == 0 {
		return ""
	}
	return fmt.Sprintf(" (asked for %s)", fmt.Sprint(paths[:min(len(paths), 5)]))
}

// startOnce starts one worker of the first server that the project can use.
func (f *tuneFlags) startOnce(ctx context.Context, p *detect.Project, dir, runID string) (*stack.Stack, error) {
	s, err := scenarios.Parse(f.file, p.Scenario(detect.ScenarioOptions{Prepare: f.prepare}), ".", nil, stack.Catalogue())
	if err != nil {
		return nil, err
	}
	cell := scenarios.Cell{Server: s.Matrix.Servers[0], Proxy: scenarios.Direct, Workers: 1, Threads: 1}
	s.Matrix.Servers, s.Matrix.Proxies = []string{cell.Server}, []string{scenarios.Direct}
	app, err := stack.Prepare(ctx, s, dir, io.Discard)
	if err != nil {
		return nil, err
	}
	app.Ready = "" // any answer will do: which page is good is what we want to know
	return stack.Start(ctx, stack.Config{App: app, Cell: cell, Dir: filepath.Join(dir, "live"), RunID: runID, TrialID: runID})
}

// probeTime is how long a page may take to be worth asking for.
const probeTime = 5 * time.Second

// answering returns the paths that answer a GET with 200.
func answering(ctx context.Context, live *stack.Stack, paths []string) (good []string) {
	for _, path := range paths {
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		if status, err := live.Get(ctx, path); err == nil && status == 200 {
			good = append(good, path)
		}
		cancel()
	}
	return good
}
