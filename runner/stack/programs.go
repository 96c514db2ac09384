package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"sweetspot/runner/service"
	"sweetspot/scenarios"
)

// childPath is the PATH of everything that is started.
const childPath = "/usr/bin:/bin:/usr/sbin:/sbin"

// reported are the Python packages whose versions a run records, where present.
var reported = []string{
	"gunicorn", "gevent", "uvicorn", "uvloop", "httptools", "daphne", "hypercorn", "granian", "waitress",
	"django", "whitenoise", "flask", "fastapi", "starlette", "psycopg2", "mysqlclient", "redis",
}

// findProgram looks a program up in childPath, and in our own PATH after it.
func findProgram(name string) (string, error) {
	for _, dir := range filepath.SplitList(childPath) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", notInstalled(name)
	}
	return path, nil
}

func notInstalled(program string) error {
	return fmt.Errorf("%s is not installed: sudo apt-get install --no-install-recommends %s", program, debianPackage(program))
}

// debianPackages are the packages of programs and Python modules that do not
// bear their names.
var debianPackages = map[string]string{
	"uwsgi": "uwsgi-core uwsgi-plugin-python3", "gevent": "python3-gevent", "uvicorn": "uvicorn", "waitress": "python3-waitress",
	"hypercorn": "python3-hypercorn", "granian": "python3-venv", // which Debian does not have: it comes into a virtualenv by pip
}

func debianPackage(name string) string {
	if p, ok := debianPackages[name]; ok {
		return p
	}
	return name
}

// HasProxy says whether the program of a proxy is installed.
func HasProxy(name string) bool {
	px, ok := findProxy(name)
	return ok && px.missing() == ""
}

// missing says that the proxy's program is not installed; "" when it is.
func (px proxy) missing() string {
	if px.program == "" {
		return ""
	}
	if _, err := findProgram(px.program); err != nil {
		return err.Error()
	}
	return ""
}

// lookAround chooses the interpreter and says which servers and proxies of the
// matrix are not installed. When the scenario does not skip those, or nothing
// is left without them, they are an error.
func (a *App) lookAround(ctx context.Context, s *scenarios.Scenario) (missing map[string]string, err error) {
	missing = map[string]string{}
	for _, name := range s.Matrix.Proxies {
		if px, ok := findProxy(name); ok && px.missing() != "" {
			missing[name] = px.missing()
		}
	}
	if a.Interface != scenarios.Embedded {
		if err := a.choosePython(ctx, s, missing); err != nil {
			return nil, err
		}
		m := thisMachine(a)
		for _, name := range s.Matrix.Servers {
			if srv, ok := findServer(name); ok && missing[name] == "" {
				if why := srv.lacks(m); why != "" {
					missing[name] = why
				}
			}
		}
	}
	all := func(names []string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return missing[name] == "" })
	}
	if len(missing) > 0 && (s.Matrix.Missing != scenarios.SkipMissing || all(s.Matrix.Servers) || all(s.Matrix.Proxies)) {
		var errs []error
		for _, name := range slices.Sorted(maps.Keys(missing)) {
			errs = append(errs, errors.New(missing[name]))
		}
		return nil, errors.Join(errs...)
	}
	return missing, nil
}

// lacks says what of a server is not installed besides Python modules.
func (srv server) lacks(m machine) string {
	if srv.program != "" && m.programs[srv.program] == "" {
		return notInstalled(srv.program).Error()
	}
	if srv.missing != nil {
		return srv.missing(m)
	}
	return ""
}

// choosePython finds an interpreter for the servers of the matrix. Where the
// scenario skips what is missing, it is one that starts at least one of them.
func (a *App) choosePython(ctx context.Context, s *scenarios.Scenario, missing map[string]string) (err error) {
	app := s.App
	if bringsPython(s.Matrix.Servers) && app.Python == "" && app.Venv == "" {
		app.Python = systemPython
	}
	a.Python, err = findPython(ctx, app, modulesOf(s.Matrix.Servers))
	if err == nil || s.Matrix.Missing != scenarios.SkipMissing {
		return err
	}
	best := -1
	for _, candidate := range candidates(app) {
		path, err := askPython(ctx, candidate, nil, s.App.Env)
		if err != nil {
			continue
		}
		lacks := map[string]string{}
		for _, name := range s.Matrix.Servers {
			modules := modulesOf([]string{name})
			if _, err := askPython(ctx, path, modules, s.App.Env); err != nil {
				lacks[name] = fmt.Sprintf("%s is not installed: %v", name, err)
			}
		}
		if n := len(s.Matrix.Servers) - len(lacks); n > best {
			best, a.Python = n, path
			maps.DeleteFunc(missing, func(name, _ string) bool { return slices.Contains(s.Matrix.Servers, name) })
			maps.Copy(missing, lacks)
		}
	}
	if best < 1 {
		return err
	}
	return ctx.Err()
}

// modulesOf returns the Python modules that servers need.
func modulesOf(names []string) []string {
	var modules []string
	for _, s := range servers {
		if !slices.Contains(names, s.name) {
			continue
		}
		for _, module := range s.modules {
			if !slices.Contains(modules, module) {
				modules = append(modules, module)
			}
		}
	}
	return modules
}

// candidates are the interpreters to look at: the one that the application
// names, its virtualenv's, or else the first of PATH's and the system's.
func candidates(app scenarios.App) []string {
	switch {
	case app.Python != "":
		return []string{app.Python}
	case app.Venv != "":
		return []string{filepath.Join(app.Venv, "bin", "python")}
	}
	return []string{"python3", "/usr/bin/python3"}
}

// findPython returns the absolute path of the first candidate that has the
// modules.
func findPython(ctx context.Context, app scenarios.App, modules []string) (string, error) {
	candidates := candidates(app)
	remedy := "sudo apt-get install --no-install-recommends python3"
	for _, module := range modules {
		remedy += " " + debianPackage(module)
	}
	if candidates[0] != systemPython && app.Python+app.Venv != "" {
		remedy = candidates[0] + " -m pip install " + strings.Join(modules, " ")
	}
	var tried []string
	for _, candidate := range candidates {
		path, err := askPython(ctx, candidate, modules, app.Env)
		if err == nil {
			return path, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		tried = append(tried, err.Error())
	}
	return "", fmt.Errorf("no python with %s: %s; install: %s",
		strings.Join(modules, ", "), strings.Join(tried, "; "), remedy)
}

// askPython returns what the interpreter itself says is its path, because a
// shim of pyenv does not work without our environment, after that path has
// imported the modules in the environment that the application will have.
func askPython(ctx context.Context, python string, modules []string, env map[string]string) (string, error) {
	path, err := runPython(ctx, python, "import sys; print(sys.executable)", nil)
	if err != nil || len(modules) == 0 {
		return path, err
	}
	_, err = runPython(ctx, path, "import "+strings.Join(modules, ", "), environment(env, os.TempDir(), ""))
	return path, err
}

// runPython returns what a script prints; the error is its last line on standard error.
func runPython(ctx context.Context, python, script string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, python, append([]string{"-c", script}, args...)...)
	cmd.Dir, cmd.Env = "/", env
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
		return "", fmt.Errorf("%s: %s", python, lines[len(lines)-1])
	}
	return strings.TrimSpace(string(out)), err
}

// versionPattern is how the programs print their version.
var versionPattern = regexp.MustCompile(`[0-9]+(\.[0-9]+)+`)

// versionFlags ask a program for its version.
var versionFlags = map[string]string{"nginx": "-v", "apache2": "-v", "caddy": "version", "haproxy": "-v", "uwsgi": "--version"}

// Versions asks the programs themselves which versions they are. What is not
// there is not in the map.
func Versions(ctx context.Context, app *App, s *scenarios.Scenario) map[string]string {
	versions := map[string]string{}
	if app.Python != "" {
		maps.Copy(versions, pythonVersions(ctx, app.Python))
	}
	m := thisMachine(app)
	add := func(program string) {
		if path := m.programs[program]; path != "" {
			if version := programVersion(ctx, path, versionFlags[program]); version != "" {
				versions[program] = version
			}
		}
	}
	for _, name := range s.Matrix.Servers {
		srv, _ := findServer(name)
		add(srv.program)
	}
	for _, name := range s.Matrix.Proxies {
		px, _ := findProxy(name)
		add(px.program)
	}
	for _, name := range s.Services {
		versions[name] = service.Version(ctx, name)
	}
	if slices.Contains(s.Matrix.Servers, embeddedServer.name) || slices.Contains(s.Matrix.Proxies, embeddedProxy.name) {
		versions[embeddedServer.name] = runtime.Version()
	}
	return versions
}

func programVersion(ctx context.Context, path, flag string) string {
	out, err := exec.CommandContext(ctx, path, flag).CombinedOutput()
	if err != nil {
		return ""
	}
	return versionPattern.FindString(string(out))
}

func pythonVersions(ctx context.Context, python string) map[string]string {
	const script = `
import sys, platform
from importlib import metadata
print("python", platform.python_version())
for name in sys.argv[1:]:
    try:
        print(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        pass
`
	out, err := runPython(ctx, python, script, nil, reported...)
	if err != nil {
		return nil
	}
	versions := map[string]string{}
	for line := range strings.Lines(out) {
		if name, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			versions[name] = version
		}
	}
	return versions
}

// thisMachine reads what the drivers need to know. Programs of the
// application's virtualenv come before the system's.
func thisMachine(app *App) machine {
	m := machine{root: os.Geteuid() == 0, programs: map[string]string{}}
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		m.sharedMemory = true
	}
	if _, err := os.Stat("/etc/nginx/mime.types"); err == nil {
		m.mimeTypes = "/etc/nginx/mime.types"
	}
	for program := range versionFlags {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(app.Python), program)); app.Python != "" && err == nil {
			m.programs[program] = path
		} else if path, err := findProgram(program); err == nil {
			m.programs[program] = path
		}
	}
	m.seePython(app)
	m.nginxHTTP2 = nginxHasHTTP2(m.programs["nginx"])
	return m
}
