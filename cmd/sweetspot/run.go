package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/analysis"
	"sweetspot/reports/live"
	"sweetspot/runner"
	"sweetspot/runner/cgroup"
	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// runFlags are the flags of the run command.
type runFlags struct {
	output
	out    string
	resume string
	budget time.Duration
	seed   uint64
	sets   []string
	remote string
	live   string
	hub    hubFlags
	place  placeFlags

	metrics string // address that is scraped; empty for none
}

func newRun() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [SCENARIO]",
		Short: "Measure a scenario and recommend a configuration",
		Long: `Run measures every configuration of a scenario, which is a file or the name of
a built-in one, and recommends one. Without SCENARIO it measures the built-in
shop with what this machine has. Everything is kept in the run directory; an
interrupted run goes on with --resume.

With --hub it is measured at the sites of a hub, as many configurations at once
as there are sites; this machine then only keeps the results. --hub embedded
takes the same way on this machine alone.

Built-in scenarios: ` + strings.Join(scenarios.BuiltIn(), ", ") + `

` + exitHelp,
		Example: `  sweetspot run
  sweetspot run django-shop --budget 90s
  sweetspot run scenario.yaml --set matrix.workers=[2,4,8] --set traffic.arrivals=constant
  sweetspot run django-shop --live 8089
  sweetspot run --resume runs/django-shop-20260102T030405Z
  sweetspot run scenario.yaml --json --quiet > result.json
  sweetspot run scenario.yaml --hub tls://hub:4222 --key controller.pem
  sweetspot run scenario.yaml --inventory inventory.yaml --key controller.pem
  sweetspot run scenario.yaml --engine kubernetes -n bench --image registry.example/sweetspot:v1 --sites 3
  sweetspot run scenario.yaml --metrics 9464`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if err := f.place.check(f.hub); err != nil {
				return err
			}
			if f.place.print {
				return f.show(args, c.OutOrStdout())
			}
			return f.run(c.Context(), args, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.flags(c)
	c.Flags().StringVar(&f.out, "out", "", "run directory (default runs/<scenario>-<UTC time>)")
	c.Flags().StringVar(&f.resume, "resume", "", "go on with the run in this directory")
	c.Flags().DurationVar(&f.budget, "budget", 0, "wall time of the measurement, as 90s or 1h (default the scenario's)")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "of the order, arrivals and parameters (default the scenario's)")
	c.Flags().StringVar(&f.remote, "allow-remote", "", "host that the scenario's target may be on, when it is not this machine; make sure that it is yours to load")
	c.Flags().StringVar(&f.metrics, "metrics", "", "serve metrics for Prometheus at this address, as 127.0.0.1:9464; a port alone is of this machine only, 0 takes a free one (default none). Metrics go over OTLP, too, where OTEL_EXPORTER_OTLP_ENDPOINT says")
	c.Flags().StringArrayVar(&f.sets, "set", nil, "override a field of the scenario, as traffic.arrivals=constant (repeatable)")
	liveFlag(c, &f.live)
	f.hub.add(c)
	f.place.add(c)
	return c
}

// A bench is where a run is measured: this machine, or the sites of a fleet.
type bench interface {
	// survey fills in what the manifest says of the machine that measures. dir is
	// the run directory to be.
	survey(ctx context.Context, m *rundir.Manifest, dir string) error
	// permitted says why limits cannot be enforced there, as far as is known.
	permitted(cgroup.Limits) error
	// measure makes the run, and tells progress and telemetry.
	measure(context.Context, *rundir.Run, *progress, *telemetry) error
	close() error
}

// bench returns what the flags ask for.
func (f *runFlags) bench(ctx context.Context, stderr io.Writer) (bench, error) {
	if f.quiet {
		stderr = io.Discard
	}
	switch {
	case f.place.given():
		return &awaited{flags: f.place, hub: f.hub, stderr: stderr}, nil
	case f.hub.hub != "":
		return f.hub.join(ctx, stderr)
	}
	return &machine{}, nil
}

// run is the straight line from a scenario to a recommendation.
func (f *runFlags) run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	bench, err := f.bench(ctx, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bench.close()) }()
	m, err := f.manifest(ctx, args, bench)
	if err != nil {
		return err
	}
	progress, err := opening(&m, bench.permitted, f.quiet, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, progress.over(err)) }()
	if err := progress.serve(f.live, stderr); err != nil {
		return err
	}
	if err := sweep(progress); err != nil {
		return err
	}
	scrapes, err := listenMetrics(f.metrics, progress)
	if err != nil {
		return err
	}
	if scrapes != nil {
		defer scrapes.Close()
	}
	run, err := f.open(&m)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	if r := run.Manifest.Recording; len(r) > 0 {
		span := r[len(r)-1]
		progress.note("replays %d times recorded within %v, %.3g a second in the mean", len(r), span, float64(len(r)-1)/span.Seconds())
	}
	progress.in(run)

	var res *analysis.Result
	var stopped error
	t := startTelemetry(ctx, run, scrapes, progress)
	defer func() { t.stop(res, stopped == nil, progress) }()
	stopped = bench.measure(ctx, run, progress, t)
	progress.clear()
	if stopped != nil && !errors.Is(stopped, runner.ErrInterrupted) {
		return stopped
	}
	res, err = conclude(run, interruption(stopped), f.output, stdout)
	if err != nil {
		return err
	}
	progress.concluded(res, run.Dir, stopped != nil)
	if stopped != nil {
		return fmt.Errorf("%w; go on with: sweetspot run --resume %s%s", stopped, run.Dir, f.hub.again())
	}
	return outcomeError(res)
}

// opening is the progress of a run, with what is to be said before it begins.
func opening(m *rundir.Manifest, permitted func(cgroup.Limits) error, quiet bool, stderr io.Writer) (*progress, error) {
	if quiet {
		stderr = io.Discard
	}
	p := newProgress(stderr, &m.Scenario)
	for _, n := range m.Notes {
		p.note("%s", n)
	}
	unlimited, err := confinable(&m.Scenario, m.CPUs, permitted)
	if err != nil {
		return nil, badInput(err)
	}
	if unlimited != "" { // the trials keep it
		p.note("%s", unlimited)
	}
	return p, nil
}

func interruption(err error) string {
	if err == nil {
		return ""
	}
	return "the run was interrupted"
}

// sweep ends what a dead run left behind.
func sweep(p *progress) error {
	ended, err := process.Sweep()
	for _, e := range ended {
		p.note("ended a leftover of a dead run: %s", e)
	}
	return err
}

// open creates the run directory, or opens the one to go on with if nothing
// differs.
func (f *runFlags) open(m *rundir.Manifest) (*rundir.Run, error) {
	if f.resume == "" {
		run, err := rundir.Create(f.out, *m)
		return run, badInput(err)
	}
	run, err := rundir.Resume(f.resume)
	if err != nil {
		return nil, badInput(err)
	}
	d := append(rundir.Differences(run.Manifest, *m), rundir.Sentences(rundir.DifferingHosts(run.Manifest.Host, m.Host))...)
	if len(d) > 0 {
		err := badInputf("cannot resume %s: what it measured would not compare with what is here:\n  %s\nstart a new run instead", f.resume, strings.Join(d, "\n  "))
		return nil, errors.Join(err, run.Close())
	}
	return run, nil
}

// machine is the bench that this machine is.
type machine struct{ app *stack.App }

// survey implements bench.
func (b *machine) survey(ctx context.Context, m *rundir.Manifest, dir string) (err error) {
	if m.Host, err = sample.Host(); err != nil {
		return err
	}
	if m.CPUs, err = chooseCPUs(&m.Scenario); err != nil {
		return badInput(err)
	}
	if b.app, m.Missing, err = stack.Resolve(ctx, &m.Scenario, dir); err != nil {
		return exitError{exitInconclusive, err}
	}
	m.Versions = stack.Versions(ctx, b.app, &m.Scenario)
	return nil
}

// permitted implements bench.
func (*machine) permitted(l cgroup.Limits) error { return cgroup.Permitted(l) }

// close implements bench.
func (*machine) close() error { return nil }

// measure prepares the application and runs the search.
func (b *machine) measure(ctx context.Context, run *rundir.Run, p *progress, t *telemetry) error {
	release, err := process.Watch(run.Manifest.RunID)
	if err != nil {
		return err
	}
	defer release()
	if err := favourSelf(run.Manifest.CPUs); err != nil {
		return err
	}
	if err := calibrateRun(ctx, run, p); err != nil {
		return err
	}
	m := run.Manifest
	p.show("preparing the application", time.Duration(m.Scenario.Search.Budget))
	if err := b.app.Prepare(ctx, m.Scenario.App, io.Discard); err != nil {
		if ctx.Err() != nil {
			return runner.ErrInterrupted
		}
		return exitError{exitInconclusive, err}
	}
	observe, watch := follow(run, p, t)
	strategy := analysis.Strategies[m.Scenario.Search.Strategy](searched(m), cellsOf(m))
	return runner.Run(ctx, runner.Config{Run: run, App: b.app, Strategy: strategy, Observe: observe, Watch: watch})
}

// follow has progress and telemetry told of a search.
func follow(run *rundir.Run, p *progress, t *telemetry) (observe func(runner.Event), watch func(rundir.Interval)) {
	m := run.Manifest
	p.calibration = m.Calibration
	standings := analysis.Standings(searched(m), cellsOf(m))
	p.standings = func() []live.Row { return live.Rows(standings(run.Trials())) }
	p.race()
	t.follow(standings)
	return func(e runner.Event) { p.observe(e); t.observe(e, p) }, t.watch(p.watch())
}

// favourSelf gives this process the generator's CPUs, and a claim to them.
func favourSelf(cpus rundir.CPUs) error {
	if err := sample.PinSelf(cpus.Generator); err != nil {
		return err
	}
	_, err := sample.PreferSelf()
	return err
}

// searched is the scenario as its search sees it: the budget is less what the
// calibration took of it.
func searched(m rundir.Manifest) *scenarios.Scenario {
	s := m.Scenario
	s.Search.Budget -= scenarios.Duration(m.Calibration.Time())
	return &s
}

// cellsOf returns the cells of a run: what was not installed when it began
// does not apply, whoever reads the run later.
func cellsOf(m rundir.Manifest) []scenarios.Planned {
	return m.Scenario.Cells(len(m.CPUs.App), stack.Without(stack.Catalogue(), m.Missing))
}

// manifest resolves all that is to be known before anything is started.
func (f *runFlags) manifest(ctx context.Context, args []string, b bench) (rundir.Manifest, error) {
	m := rundir.Manifest{RunID: newRunID(), Tool: version(), Began: time.Now().UTC(), CommandLine: os.Args}
	if err := f.scenario(&m, args); err != nil {
		return m, err
	}
	s := &m.Scenario
	if err := allowed(ctx, s, f.remote); err != nil {
		return m, badInput(err)
	}
	var err error
	if m.ScenarioHash, err = rundir.HashScenario(*s); err != nil {
		return m, err
	}
	m.Seed = s.Search.Seed
	if err := record(&m); err != nil {
		return m, badInput(err)
	}
	if f.out == "" {
		f.out = fmt.Sprintf("runs/%s-%s", s.Name, m.Began.Format("20060102T150405Z"))
	}
	dir := f.out
	if f.resume != "" {
		dir = f.resume
	}
	if err := b.survey(ctx, &m, dir); err != nil {
		return m, err
	}
	if m.CPUs.Shared {
		m.Notes = append(m.Notes, fmt.Sprintf("generator, proxy and application share CPUs %v: this machine has too few to part them", m.CPUs.App))
	}
	for _, name := range slices.Sorted(maps.Keys(m.Missing)) {
		m.Notes = append(m.Notes, fmt.Sprintf("left out: %s, because %s", name, m.Missing[name]))
	}
	return m, nil
}

// scenario fills in the scenario: that of the run to go on with, the one that
// was named, or the built-in one that this machine can run.
func (f *runFlags) scenario(m *rundir.Manifest, args []string) error {
	if f.resume != "" && len(args) == 0 {
		if f.budget != 0 || f.seed != 0 || len(f.sets) > 0 {
			return badInputf("--resume goes on with the scenario of the run: leave out --budget, --seed and --set, or start a new run")
		}
		then, err := rundir.Read(f.resume)
		if err != nil {
			return badInput(err)
		}
		if then.Manifest.Gate != nil && m.Gate == nil {
			return badInputf("cannot resume %s as a search: it is a gate; go on with: sweetspot gate --resume %[1]s", f.resume)
		}
		m.Scenario, m.Source, m.SourceName = then.Manifest.Scenario, then.Manifest.Source, then.Manifest.SourceName
		m.ArrivalsHash = then.Manifest.ArrivalsHash
		return nil
	}
	name, sets := "", f.overrides()
	if len(args) == 1 {
		name = args[0]
	} else {
		choice := chooseBuiltIn()
		name, sets = choice.name, append(choice.sets, sets...)
		m.Notes = append(m.Notes, choice.notes...)
	}
	s, src, source, err := scenarios.Open(name, sets, stack.Catalogue())
	if err != nil {
		return badInput(err)
	}
	m.Scenario, m.Source, m.SourceName, m.Overrides = *s, string(src), source, sets
	return nil
}

// record reads what the run is to replay. A run that goes on has kept it.
func record(m *rundir.Manifest) (err error) {
	t := m.Scenario.Traffic
	if t.Arrivals != scenarios.Replay || m.ArrivalsHash != "" {
		return nil
	}
	if m.Recording, err = scenarios.ReadRecording(t.Shape.File, m.Seed); err != nil {
		return fmt.Errorf("read what to replay: %w", err)
	}
	m.ArrivalsHash = rundir.HashRecording(m.Recording)
	return nil
}

// overrides are the --set flags, with the flags that stand for one.
func (f *runFlags) overrides() []string {
	sets := f.sets
	if f.budget != 0 {
		sets = append(sets, "search.budget="+f.budget.String())
	}
	if f.seed != 0 {
		sets = append(sets, fmt.Sprintf("search.seed=%d", f.seed))
	}
	return sets
}

// chooseCPUs gives every part its CPUs: the scenario's, or what suits the
// machine.
func chooseCPUs(s *scenarios.Scenario) (rundir.CPUs, error) {
	allowed, err := sample.Allowed()
	if err != nil {
		return rundir.CPUs{}, err
	}
	return sample.Choose(s.CPUs, allowed)
}

// newRunID returns a name that no other run has.
func newRunID() string {
	return strings.ToLower(rand.Text()[:12])
}
