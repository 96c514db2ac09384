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

	"sweetspot/scenarios"
)

// childPath is the PATH of everything that is started.
const childPath = "/usr/bin:/bin:/usr/sbin:/sbin"

// reported are the Python packages whose versions a run records, where present.
var reported = []string{"gunicorn", "django", "whitenoise", "flask", "fastapi"}

// findProgram looks a program up in childPath, and in our own PATH after it.
func findProgram(name string) (string, error) {
	for _, dir := range filepath.SplitList(childPath) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is not installed: sudo apt-get install --no-install-recommends %s", name, name)
	}
	return path, nil
}

// HasProxy says whether the program of a proxy is installed.
func HasProxy(name string) bool {
	return checkPrograms(scenarios.Matrix{Proxies: []string{name}}) == nil
}

// checkPrograms says which programs of the matrix are missing.
func checkPrograms(m scenarios.Matrix) error {
	var errs []error
	for _, p := range proxies {
		if p.program != "" && slices.Contains(m.Proxies, p.name) {
			_, err := findProgram(p.program)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// modulesOf returns the Python modules that the servers of the matrix need.
func modulesOf(m scenarios.Matrix) []string {
	var modules []string
	for _, s := range servers {
		if s.module != "" && slices.Contains(m.Servers, s.name) && !slices.Contains(modules, s.module) {
			modules = append(modules, s.module)
		}
	}
	return modules
}

// findPython returns the absolute path of the interpreter that an application
// runs on: the one it names, its virtualenv's, or else the first of PATH's and
// the system's python3 that has the modules.
func findPython(ctx context.Context, app scenarios.App, modules []string) (string, error) {
	candidates := []string{"python3", "/usr/bin/python3"}
	remedy := "sudo apt-get install --no-install-recommends python3"
	for _, module := range modules {
		remedy += " " + module
	}
	switch {
	case app.Python != "":
		candidates = []string{app.Python}
	case app.Venv != "":
		candidates = []string{filepath.Join(app.Venv, "bin", "python")}
	}
	if app.Python != "" || app.Venv != "" {
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

// Versions asks the programs themselves which versions they are. What is not
// there is not in the map.
func Versions(ctx context.Context, app *App, servers, proxies []string) map[string]string {
	versions := map[string]string{}
	if app.Python != "" {
		maps.Copy(versions, pythonVersions(ctx, app.Python))
	}
	if slices.Contains(proxies, nginx.name) {
		if version := nginxVersion(ctx); version != "" {
			versions[nginx.name] = version
		}
	}
	if slices.Contains(servers, embeddedServer.name) || slices.Contains(proxies, embeddedProxy.name) {
		versions[embeddedServer.name] = runtime.Version()
	}
	return versions
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

var nginxSays = regexp.MustCompile(`nginx/(\S+)`)

func nginxVersion(ctx context.Context) string {
	path, err := findProgram(nginx.program)
	if err != nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, path, "-v").CombinedOutput()
	if m := nginxSays.FindSubmatch(out); err == nil && m != nil {
		return string(m[1])
	}
	return ""
}

// thisMachine reads what the drivers need to know.
func thisMachine() machine {
	m := machine{root: os.Geteuid() == 0}
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		m.sharedMemory = true
	}
	if _, err := os.Stat("/etc/nginx/mime.types"); err == nil {
		m.mimeTypes = "/etc/nginx/mime.types"
	}
	if path, err := findProgram(nginx.program); err == nil {
		m.nginx = path
	}
	return m
}
