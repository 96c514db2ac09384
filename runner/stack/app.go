package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sweetspot/fixtures"
	"sweetspot/runner/process"
	"sweetspot/runner/service"
	"sweetspot/scenarios"
)

// App is an application made ready to be started any number of times. Env and
// Static may still hold {data}, which every start replaces by its own copy.
type App struct {
	Interface string
	Module    string   // as "shop.wsgi:application"
	ASGI      string   // second entry point, for servers that speak ASGI; may be ""
	Services  []string // beside it; their data is in folders of DataDir that bear their names
	Dir       string   // absolute; "" for the embedded application
	Python    string   // interpreter, absolute; "" for the embedded application
	Env       map[string]string
	Static    []scenarios.Mount
	Ready     string        // path that answers 200; "" when any answer to / will do
	Wait      string        // path that waits; "" when none is known
	Deadline  time.Duration // for becoming ready
	Routes    []scenarios.Route
	RunDir    string // shared by all starts
	DataDir   string // what the prepare commands filled; every start gets a copy

	proxy scenarios.Proxy // how proxies before it are measured, for production configurations
}

const fixturePrefix = "fixture:"

// Describe returns a scenario's application as it is in runDir, without
// looking at the machine: its interpreter is not known yet.
func Describe(s *scenarios.Scenario, runDir string) *App {
	app := &App{
		Interface: s.App.Interface, Module: s.App.Module, ASGI: s.App.ASGI, Services: s.Services, Routes: s.App.Routes,
		Ready: s.App.Ready, Wait: s.App.Wait, Deadline: s.App.Deadline.Std(),
		RunDir: runDir, DataDir: filepath.Join(runDir, "data"), proxy: s.Proxy,
	}
	if app.Ready == "" && s.Target == "" {
		app.Ready = "/"
	}
	if app.Deadline == 0 {
		app.Deadline = 30 * time.Second
	}
	expand := strings.NewReplacer("{run}", runDir)
	app.Dir = expand.Replace(s.App.Dir)
	if strings.HasPrefix(app.Dir, fixturePrefix) {
		app.Dir = filepath.Join(runDir, "app")
	}
	for _, m := range s.App.Static {
		app.Static = append(app.Static, scenarios.Mount{URL: m.URL, Dir: expand.Replace(m.Dir)})
	}
	return app
}

// Resolve is Describe with the interpreter chosen, after a look at what of the
// scenario's servers, proxies and services is installed. missing says what is
// not, by name of a server or proxy, and the remedy; it is an error unless the
// scenario says to skip it and something is left. Resolve writes nothing.
func Resolve(ctx context.Context, s *scenarios.Scenario, runDir string) (app *App, missing map[string]string, err error) {
	runDir, err = filepath.Abs(runDir)
	if err != nil {
		return nil, nil, err
	}
	app = Describe(s, runDir)
	if s.Target != "" {
		return app, nil, nil
	}
	for _, name := range s.Services {
		if why := service.Missing(name); why != "" {
			return nil, nil, errors.New(why)
		}
	}
	if missing, err = app.lookAround(ctx, s); err != nil {
		return nil, nil, err
	}
	expand := strings.NewReplacer("{run}", runDir, "{python}", app.Python)
	app.Env = make(map[string]string, len(s.App.Env))
	for name, value := range s.App.Env {
		app.Env[name] = expand.Replace(value)
	}
	app.Dir = expand.Replace(app.Dir)
	return app, missing, nil
}

// Prepare is Resolve and then the application's own Prepare.
func Prepare(ctx context.Context, s *scenarios.Scenario, runDir string, log io.Writer) (*App, error) {
	app, _, err := Resolve(ctx, s, runDir)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	return app, app.Prepare(ctx, s.App, log)
}

// Prepare makes a resolved application ready in its run directory: it extracts
// a built-in one and runs the prepare commands, once: a folder that was
// completely prepared in the same way is left as it is. log takes one line a
// command.
func (a *App) Prepare(ctx context.Context, given scenarios.App, log io.Writer) error {
	if err := a.prepareOnce(ctx, given, log); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	return nil
}

// prepareOnce does what is done once in a run, and stamps it when it is complete.
func (a *App) prepareOnce(ctx context.Context, given scenarios.App, log io.Writer) error {
	stampFile := filepath.Join(a.RunDir, "prepared.json")
	stamp, err := json.MarshalIndent(struct {
		Dir, Python string
		Env         map[string]string
		Prepare     []scenarios.Command
		Services    []string
	}{given.Dir, a.Python, a.Env, given.Prepare, a.Services}, "", "  ")
	if err != nil {
		return err
	}
	if done, err := os.ReadFile(stampFile); err == nil && string(done) == string(stamp) {
		return nil
	}
	if err := os.RemoveAll(a.DataDir); err != nil {
		return err
	}
	if err := os.MkdirAll(a.DataDir, 0o755); err != nil {
		return err
	}
	if name, ok := strings.CutPrefix(given.Dir, fixturePrefix); ok {
		if err := errors.Join(os.RemoveAll(a.Dir), fixtures.Extract(name, a.Dir)); err != nil {
			return err
		}
	}
	if err := a.runAll(ctx, given.Prepare, log); err != nil {
		return err
	}
	return os.WriteFile(stampFile, stamp, 0o644)
}

// runAll runs the prepare commands while the services run, whose data they
// fill.
func (a *App) runAll(ctx context.Context, commands []scenarios.Command, log io.Writer) (err error) {
	services, err := startServices(ctx, a.Services, filepath.Join(a.RunDir, "prepare"), a.DataDir, "prepare", nil)
	defer func() {
		for _, s := range services {
			err = errors.Join(err, s.Stop())
		}
	}()
	if err != nil {
		return err
	}
	vars := a.at(a.DataDir).Env
	for _, s := range services {
		maps.Copy(vars, s.Env())
	}
	for _, command := range commands {
		if err := a.runPrepare(ctx, command, vars, log); err != nil {
			return err
		}
	}
	return nil
}

// runPrepare runs one command in the application's folder, with the
// environment that the application itself will have.
func (a *App) runPrepare(ctx context.Context, command scenarios.Command, vars map[string]string, log io.Writer) error {
	expand := strings.NewReplacer("{run}", a.RunDir, "{data}", a.DataDir, "{python}", a.Python)
	argv := make([]string, len(command))
	for i, arg := range command {
		argv[i] = expand.Replace(arg)
	}
	line := strings.Join(argv, " ")
	fmt.Fprintf(log, "prepare: %s\n", line)
	tmp, err := os.MkdirTemp(a.RunDir, "prepare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := makeHome(tmp); err != nil {
		return err
	}
	p, err := process.Start(ctx, process.Spec{
		Role: "prepare command", Argv: argv, Dir: a.Dir, Log: filepath.Join(a.RunDir, "prepare.log"),
		Env: append(environment(vars, tmp, ""), process.Mark("prepare")),
	})
	if err != nil {
		return err
	}
	<-p.Done()
	tail := p.LogTail(tailLines)
	if err := p.Stop(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	if !p.Succeeded() {
		return fmt.Errorf("%s: %w; run it by hand in %s\n%s", line, p.Err(), a.Dir, tail)
	}
	return nil
}

// at returns the application with {data} expanded.
func (a *App) at(dataDir string) *App {
	expand := strings.NewReplacer("{data}", dataDir)
	b := *a
	b.Env = make(map[string]string, len(a.Env))
	for name, value := range a.Env {
		b.Env[name] = expand.Replace(value)
	}
	b.Static = slices.Clone(a.Static)
	for i := range b.Static {
		b.Static[i].Dir = expand.Replace(b.Static[i].Dir)
	}
	return &b
}

// name is a short name for paths in production configurations.
func (a *App) name() string {
	name, _, _ := strings.Cut(a.Module, ":")
	name, _, _ = strings.Cut(name, ".")
	if name == "" {
		return "app"
	}
	return name
}

// productionDir is where a mount's files are likely to be in production: the
// folder itself, unless it exists in this run only.
func (a *App) productionDir(m scenarios.Mount) string {
	inRun := strings.HasPrefix(m.Dir, a.RunDir+"/") || strings.Contains(m.Dir, "{data}")
	if a.RunDir != "" && inRun {
		return "/srv/" + a.name() + "/" + filepath.Base(m.Dir)
	}
	return m.Dir
}

// productionHome is where the application itself is likely to be in production.
func (a *App) productionHome() string { return a.productionDir(scenarios.Mount{Dir: a.Dir}) }

// makeHome makes the folders that environment names.
func makeHome(dir string) error {
	return errors.Join(os.MkdirAll(filepath.Join(dir, "home"), 0o755), os.MkdirAll(filepath.Join(dir, "tmp"), 0o755))
}

// environment is the whole environment of a process, its mark apart: vars, and
// what every process needs. Nothing of ours leaks in: GUNICORN_CMD_ARGS or WEB_CONCURRENCY would change
// the cell.
func environment(vars map[string]string, dir, trialID string) []string {
	all := map[string]string{
		"PATH":                    childPath,
		"HOME":                    filepath.Join(dir, "home"),
		"TMPDIR":                  filepath.Join(dir, "tmp"),
		"LANG":                    "C.UTF-8",
		"PYTHONDONTWRITEBYTECODE": "1",
	}
	maps.Copy(all, vars)
	if trialID != "" {
		all["SWEETSPOT_TRIAL"] = trialID
	}
	var env []string
	for name, value := range all {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}
