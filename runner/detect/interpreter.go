package detect

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// interpreter is a Python and what it can import.
type interpreter struct {
	Path    string   `json:"python"`  // what it says of itself: behind a version manager's shim another path than the one asked
	Version string   `json:"version"` // as "3.11"
	Base    string   `json:"base"`    // folder of the installation behind a virtualenv
	Modules []string `json:"modules"`
}

func (i interpreter) has(modules ...string) bool {
	return !slices.ContainsFunc(modules, func(m string) bool { return !slices.Contains(i.Modules, m) })
}

// systemPython is where distributions put the interpreter that their packages
// are for.
const systemPython = "/usr/bin/python3"

// chooseInterpreter takes the virtualenv in one of the folders, or else the
// first interpreter of the machine that can import the frameworks, preferring
// one that has a server, too. It fills Venv, Python and Servers for an
// application with the interfaces.
func (p *Project) chooseInterpreter(ctx context.Context, folders, frameworks []string) (interpreter, error) {
	candidates := machinePythons()
	if p.Venv = p.findVenv(folders); p.Venv != "" {
		candidates = []string{filepath.Join(p.Venv, "bin", "python")}
	}
	var usable []interpreter
	var tried []string
	for _, candidate := range candidates {
		found, err := ask(ctx, candidate, append(serverModules(), frameworks...))
		switch {
		case ctx.Err() != nil:
			return found, ctx.Err()
		case err != nil:
			tried = append(tried, err.Error())
		case !found.has(frameworks...):
			missing := slices.DeleteFunc(slices.Clone(frameworks), func(m string) bool { return found.has(m) })
			tried = append(tried, fmt.Sprintf("%s (Python %s) cannot import %s", candidate, found.Version, strings.Join(missing, ", ")))
		default:
			usable = append(usable, found)
		}
	}
	if len(usable) == 0 {
		return interpreter{}, fmt.Errorf("no Python that can import %s: %s; %s",
			strings.Join(frameworks, ", "), strings.Join(tried, "; "), installInto(p.Venv, frameworks...))
	}
	i := max(0, slices.IndexFunc(usable, func(i interpreter) bool {
		return slices.ContainsFunc(serverModules(), func(m string) bool { return i.has(m) })
	}))
	p.Python = usable[i].Path
	if p.Venv == "" {
		p.guess("app.python", p.Python, foundIn(frameworks))
	}
	return usable[i], nil
}

func foundIn(frameworks []string) string {
	const none = "there is no virtualenv (VIRTUAL_ENV, .venv, venv, env), so this is the first python3 of the machine that "
	if len(frameworks) == 0 {
		return none + "has a server"
	}
	return none + "can import " + strings.Join(frameworks, ", ")
}

// installInto is the remedy for modules that are missing.
func installInto(venv string, modules ...string) string {
	if venv == "" {
		return "make a virtualenv in the project, python3 -m venv .venv, and there: .venv/bin/python -m pip install " + strings.Join(modules, " ")
	}
	return "install it: " + filepath.Join(venv, "bin", "python") + " -m pip install " + strings.Join(modules, " ")
}

// ask lets an interpreter import modules, in the root folder, so that no file
// of the project passes for one of them, and with the user's environment, which
// a version manager's shim needs. Packages in the user's home do not count: the
// servers have another home.
func ask(ctx context.Context, python string, modules []string) (interpreter, error) {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PYTHON") })
	var found interpreter
	err := call{
		python: python, dir: "/", env: append(env, "PYTHONNOUSERSITE=1"), task: "python", limit: lookTime,
		arguments: map[string]any{"modules": modules},
	}.run(ctx, &found)
	if err != nil {
		return found, fmt.Errorf("%s: %w", python, err)
	}
	return found, nil
}

// machinePythons returns PATH's python3 and the system's, those that exist.
func machinePythons() []string {
	var found []string
	if path, err := exec.LookPath("python3"); err == nil {
		found = append(found, path)
	}
	if _, err := os.Stat(systemPython); err == nil && !slices.Contains(found, systemPython) {
		found = append(found, systemPython)
	}
	return found
}

// findVenv returns the virtualenv that is active, or else the first one in the
// folders; empty when there is none.
func (p *Project) findVenv(folders []string) string {
	if venv := os.Getenv("VIRTUAL_ENV"); venv != "" && isVenv(venv) {
		p.guess("app.venv", venv, "the virtualenv that is active in this shell, by VIRTUAL_ENV")
		return venv
	}
	for _, folder := range folders {
		for _, name := range []string{".venv", "venv", "env"} {
			if venv := filepath.Join(folder, name); isVenv(venv) {
				p.guess("app.venv", venv, "the virtualenv in the project")
				return venv
			}
		}
	}
	return ""
}

func isVenv(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "bin", "python"))
	return err == nil && info.Mode().IsRegular()
}
