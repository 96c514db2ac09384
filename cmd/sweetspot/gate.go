package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/analysis"
	"sweetspot/analysis/gate"
	"sweetspot/reports/live"
	"sweetspot/runner"
	"sweetspot/runner/cgroup"
	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// gateFlags are the flags of the gate command.
type gateFlags struct {
	runFlags
	print        gateOutput
	base         string
	candidate    string
	aa           bool
	rounds       int
	inconclusive string
	baseline     string
	foreign      bool // the baseline may be of another kind of machine
	store        string
	history      string
	metric       string
}

const gateExitHelp = `Exit codes:
  0    pass or improved
  1    anything not listed here
  3    inconclusive, or the measurement could not be made (see --inconclusive)
  99   regressed
  104  invalid scenario or flags
  105  interrupted`

func newGate() *cobra.Command {
	var f gateFlags
	c := &cobra.Command{
		Use:   "gate [SCENARIO]",
		Short: "Compare two builds of the application, and fail when one is worse",
		Long: `Gate measures two builds of an application against each other: an alternating
duet. In every round both are started afresh, and short bursts of load alternate
between them; the difference of a round is one replicate. It looks after a few
rounds, again and again, and ends as soon as the verdict is clear, in either
direction, or the budget does. A regression is confirmed by fresh rounds before
it fails anything. The criteria, their margins and the budget are in the gate
block of the scenario.

The candidate is the application's folder as it is (or --candidate DIR). The base
is what its repository has in common with the main branch, the merge base with
the first of origin/HEAD, origin/main, origin/master, main and master; on the main
branch itself it is HEAD where something is uncommitted, else its parent. It is
checked out into the run directory for as long as the gate takes. --base names
another revision, or a folder with the application. Both builds run by the
scenario as it is now, with the same interpreter.

Rounds that others disturbed are void and made again, by rules that know nothing
of their outcome. A candidate whose stack fails in two fresh starts while the base
holds has regressed, too.

With --baseline FILE only the candidate is measured, against what earlier gates
came to: see sweetspot history export --format baseline. That sees less than a
duet, and is refused on another kind of machine. With --history STORE nothing is
measured: it shows between which commits the metrics of a store have changed. That
is advisory, and its exit code is 0 whatever it finds.

` + gateExitHelp,
		Example: `  sweetspot gate scenario.yaml
  sweetspot gate scenario.yaml --base v1.4.2 --budget 5m
  sweetspot gate scenario.yaml --base ../before --candidate ../after --json --quiet > gate.json
  sweetspot gate django-shop --aa
  sweetspot gate scenario.yaml --aa --store .sweetspot/history.db
  sweetspot gate scenario.yaml --baseline baseline.json
  sweetspot gate --history .sweetspot/history.db --metric p95
  sweetspot gate --resume runs/shop-gate-20260102T030405Z`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.checkGate(args); err != nil {
				return err
			}
			if f.history != "" {
				return f.changes(c.Context(), args, c.OutOrStdout())
			}
			return f.run(c.Context(), args, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&f.base, "base", "", "build to compare with: a folder with the application, or a git revision (default the merge base with the main branch)")
	c.Flags().StringVar(&f.candidate, "candidate", "", "folder of the application to judge (default the scenario's app.dir)")
	c.Flags().BoolVar(&f.aa, "aa", false, "run the candidate against itself: what this machine's noise is, and how small a change it shows")
	c.Flags().StringVar(&f.baseline, "baseline", "", "measure the candidate only, against this file of sweetspot history export --format baseline")
	c.Flags().BoolVar(&f.foreign, "allow-host-mismatch", false, "accept a baseline of another kind of machine")
	c.Flags().StringVar(&f.history, "history", "", "measure nothing: show where the metrics of this store, a SQLite file or URL of PostgreSQL, changed over commits")
	c.Flags().StringVar(&f.metric, "metric", "", "with --history only this one, as p95 or p95/checkout (default all)")
	c.Flags().StringVar(&f.store, "store", "", "record what the builds came to in this SQLite file or PostgreSQL by URL (default nowhere)")
	c.Flags().StringVar(&f.inconclusive, "inconclusive", "3", "what an inconclusive gate ends with: pass (0), fail (99) or 3")
	c.Flags().IntVar(&f.rounds, "rounds", 0, "rounds at most (default the scenario's)")
	c.Flags().DurationVar(&f.budget, "budget", 0, "wall time of the gate, as 5m (default the scenario's)")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "of the order, arrivals and parameters (default the scenario's)")
	c.Flags().StringVar(&f.out, "out", "", "run directory (default runs/<scenario>-gate-<UTC time>)")
	c.Flags().StringVar(&f.resume, "resume", "", "go on with the gate in this directory")
	c.Flags().StringArrayVar(&f.sets, "set", nil, "override a field of the scenario, as gate.load=0.5 (repeatable)")
	liveFlag(c, &f.live)
	f.print.flags(c)
	return c
}

// checkGate refuses flags that do not go together.
func (f *gateFlags) checkGate(args []string) error {
	if err := f.print.check(); err != nil {
		return err
	}
	switch {
	case !slices.Contains([]string{"pass", "fail", "3"}, f.inconclusive):
		return badInputf("--inconclusive %s: want pass, fail or 3", f.inconclusive)
	case f.history != "":
		return f.checkHistory()
	case f.metric != "":
		return badInputf("--metric chooses what --history shows; which metrics decide is in the scenario's gate block")
	case f.aa && f.base != "":
		return badInputf("--aa runs one build against itself: leave out --base")
	case f.baseline != "" && (f.aa || f.base != ""):
		return badInputf("--baseline takes the place of the other build: leave out --base and --aa")
	case f.foreign && f.baseline == "":
		return badInputf("--allow-host-mismatch is for --baseline: two builds are compared on one machine")
	case f.rounds < 0:
		return badInputf("--rounds %d: want a number above 0", f.rounds)
	case f.resume != "" && (len(args) > 0 || f.base != "" || f.baseline != "" || f.candidate != "" || f.aa || f.rounds != 0 || f.budget != 0 || f.seed != 0 || len(f.sets) > 0 || f.out != ""):
		return badInputf("--resume goes on with the gate as it was begun: leave out the scenario and all flags but --inconclusive, --store, --live, --format, --json and --quiet, or start a new gate")
	}
	return nil
}

// checkHistory refuses what is for measuring.
func (f *gateFlags) checkHistory() error {
	if f.base != "" || f.baseline != "" || f.candidate != "" || f.aa || f.rounds != 0 || f.budget != 0 || f.seed != 0 || len(f.sets) > 0 || f.out != "" || f.resume != "" || f.store != "" || f.live != "" {
		return badInputf("--history measures nothing: leave out all flags but --metric, --format and --json")
	}
	if f.print.format != "text" && f.print.format != "json" {
		return badInputf("--format %s: --history prints text or json", f.print.format)
	}
	return nil
}

// run is the straight line from two builds to a verdict.
func (f *gateFlags) run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	m, err := f.gateManifest(ctx, args)
	if err != nil {
		return err
	}
	progress, err := opening(&m, cgroup.Permitted, f.print.quiet, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, progress.over(err)) }()
	if err := progress.serve(f.live, stderr); err != nil {
		return err
	}
	if f.store != "" { // what is wrong with it shows before anything is measured
		s, err := openStore(ctx, f.store, true)
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			return err
		}
	}
	if err := sweep(progress); err != nil {
		return err
	}
	run, err := f.open(&m)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	progress.in(run)
	stopped := duel(ctx, run, progress)
	progress.clear()
	if stopped != nil && !errors.Is(stopped, runner.ErrInterrupted) {
		return stopped
	}
	res := gateResult(run, interruption(stopped))
	if err := f.reportGate(run, &res, stdout); err != nil {
		return err
	}
	progress.judged(&res, run.Dir, stopped != nil)
	if stopped != nil {
		return fmt.Errorf("%w; go on with: sweetspot gate --resume %s", stopped, run.Dir)
	}
	if err := f.keep(ctx, run, &res, progress); err != nil {
		return err
	}
	return f.verdictError(res)
}

// verdictError turns a verdict into the error of its exit code.
func (f *gateFlags) verdictError(r gate.Result) error {
	switch r.Verdict {
	case gate.Regressed:
		return exitError{code: exitNotMet}
	case gate.Inconclusive:
		switch f.inconclusive {
		case "fail":
			return exitError{code: exitNotMet}
		case "3":
			return exitError{code: exitInconclusive}
		}
	}
	return nil
}

// gateManifest resolves all that is to be known before anything is started.
func (f *gateFlags) gateManifest(ctx context.Context, args []string) (m rundir.Manifest, err error) {
	m = rundir.Manifest{RunID: newRunID(), Tool: version(), Began: time.Now().UTC(), CommandLine: commandLine()}
	if f.resume != "" {
		then, err := rundir.Read(f.resume)
		if err != nil {
			return m, badInput(err)
		}
		if then.Manifest.Gate == nil {
			return m, badInputf("cannot resume %s as a gate: it is a search; go on with: sweetspot run --resume %[1]s", f.resume)
		}
		m.Gate, m.Overrides = then.Manifest.Gate, then.Manifest.Overrides
	}
	scenario := f.runFlags
	scenario.budget, scenario.sets = 0, f.gateOverrides()
	if err := scenario.scenario(&m, args); err != nil {
		return m, err
	}
	s := &m.Scenario
	if s.Target != "" {
		return m, badInputf("%s: a gate starts both builds itself, and the scenario has a target that runs already: write app and matrix instead", m.SourceName)
	}
	if m.ScenarioHash, err = rundir.HashScenario(*s); err != nil {
		return m, err
	}
	m.Seed = s.Search.Seed
	if err := record(&m); err != nil {
		return m, badInput(err)
	}
	if m.Host, err = sample.Host(); err != nil {
		return m, err
	}
	if m.CPUs, err = chooseCPUs(s); err != nil {
		return m, badInput(err)
	}
	if m.CPUs.Shared {
		m.Notes = append(m.Notes, fmt.Sprintf("generator, proxy and application share CPUs %v: this machine has too few to part them", m.CPUs.App))
	}
	if f.out == "" {
		f.out = fmt.Sprintf("runs/%s-gate-%s", s.Name, m.Began.Format("20060102T150405Z"))
	}
	if m.Gate != nil {
		err = unchanged(ctx, m.Gate)
	} else {
		err = f.chooseBuilds(ctx, &m)
	}
	if err != nil {
		return m, err
	}
	app, err := resolveBuild(ctx, m, rundir.Candidate, cmp.Or(f.resume, f.out))
	if err != nil {
		return m, err
	}
	m.Versions = stack.Versions(ctx, app, only(s, m.Gate.Cell))
	return m, nil
}

// gateOverrides are the --set flags, with the flags that stand for one.
func (f *gateFlags) gateOverrides() []string {
	sets := slices.Clone(f.sets)
	if f.budget != 0 {
		sets = append(sets, "gate.budget="+f.budget.String())
	}
	if f.rounds != 0 {
		sets = append(sets, fmt.Sprintf("gate.rounds=%d", f.rounds))
	}
	return sets
}

// only is the scenario with the one cell of the gate as its matrix: what else
// the matrix has need not be installed.
func only(s *scenarios.Scenario, cell scenarios.Cell) *scenarios.Scenario {
	one := *s
	one.Matrix.Servers, one.Matrix.Proxies, one.Matrix.Missing = []string{cell.Server}, []string{cell.Proxy}, scenarios.FailMissing
	one.Matrix.Workers, one.Matrix.Threads = scenarios.Counts{fmt.Sprint(cell.Workers)}, scenarios.Counts{fmt.Sprint(cell.Threads)}
	one.Matrix.Instances, one.Matrix.Exclude = scenarios.Counts{fmt.Sprint(cell.Servers())}, nil
	return &one
}

// duel prepares both builds and measures until the verdict is clear.
func duel(ctx context.Context, run *rundir.Run, p *progress) (err error) {
	m := run.Manifest
	release, err := process.Watch(m.RunID)
	if err != nil {
		return err
	}
	defer release()
	if err := favourSelf(m.CPUs); err != nil {
		return err
	}
	leave, err := checkOut(ctx, run, p)
	defer func() { err = errors.Join(err, leave()) }()
	if err != nil {
		return interruptedOr(ctx, err)
	}
	apps := map[string]*stack.App{}
	builds := []string{rundir.Base, rundir.Candidate}
	if m.Gate.Stored != nil {
		builds = builds[1:]
	}
	for _, build := range builds {
		p.show("preparing the "+build, m.Scenario.Gate.Budget.Std())
		if err := os.MkdirAll(run.Path(build), 0o755); err != nil {
			return err
		}
		app, err := resolveBuild(ctx, m, build, run.Dir)
		if err == nil {
			s := buildScenario(&m, build, run.Dir)
			err = app.Prepare(ctx, s.App, io.Discard)
		}
		if err != nil {
			return interruptedOr(ctx, exitError{exitInconclusive, fmt.Errorf("the %s: %w", build, err)})
		}
		apps[build] = app
	}
	plan := gatePlan(&m)
	return runner.Run(ctx, runner.Config{
		Run: run, Apps: apps, Strategy: gate.Steps(plan, len(run.Trials())), Observe: p.observeGate, Watch: p.watch(),
	})
}

func interruptedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return runner.ErrInterrupted
	}
	return err
}

func gatePlan(m *rundir.Manifest) gate.Plan {
	p := gate.Plan{Scenario: &m.Scenario, Gate: m.Scenario.Gate, Cell: m.Gate.Cell, Seed: m.Seed}
	if b := m.Gate.Stored; b != nil {
		p.Alone, p.Rate, p.Gate.Rounds = true, b.Rate, b.Rounds
	}
	return p
}

// gateResult judges the trials of a gate.
func gateResult(run *rundir.Run, interrupted string) gate.Result {
	m := &run.Manifest
	side := func(name string, b rundir.Build) gate.Build {
		return gate.Build{Name: name, Dir: b.Dir, Revision: b.Revision}
	}
	in := gate.Input{
		Plan: gatePlan(m), Source: m.Gate.Source, Trials: run.Trials(), Interrupted: interrupted,
		Base: side(rundir.Base, m.Gate.Base), Candidate: side(rundir.Candidate, m.Gate.Candidate),
	}
	if b := m.Gate.Stored; b != nil {
		r := gate.JudgeBaseline(in, sessions(b))
		r.Warnings = append(r.Warnings, b.Doubts...)
		return r
	}
	return gate.Judge(in)
}

// observeGate is the runner's observer of a gate.
func (p *progress) observeGate(e runner.Event) {
	if e.Trial == nil {
		load := p.loadOf(e.Step)
		p.feed.Begin(e.Step, load)
		p.tell(fmt.Sprintf("%s: %s at %s", e.Step.Note, e.Step.Build, load), e.Step.Left)
		return
	}
	t, verdict, text := e.Trial, analysis.Passed, ""
	switch {
	case t.Broken != "":
		verdict, text = analysis.Void, "void: "+t.Broken
	case t.Failure != "":
		verdict = analysis.Failed
		text, _, _ = strings.Cut("failed: "+t.Failure, "\n")
		text = live.Plain(text)
	default:
		_, text = resultOf(&scenarios.Scenario{}, t)
		text = strings.TrimPrefix(strings.TrimPrefix(text, "passed: "), "failed: ")
	}
	p.ended(t.Step.Build, verdict, text)
}
