package sample

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// probeTimeout is for one foreign program that says what it is.
const probeTimeout = 10 * time.Second

// interpreter is a Python found on this machine.
type interpreter struct {
	Asked   string            `json:"-"`       // the path under which it was found
	Path    string            `json:"path"`    // its own path: behind a version manager's shim another one than asked
	Version string            `json:"version"` // as "3.11.2"
	Modules map[string]string `json:"modules"` // versions of the modules that it can import, "?" where one has none
}

// importScript imports each argument for real, because a module that is there
// may still fail to load. Its last line is JSON: an import may print, too.
const importScript = `
import importlib, json, platform, sys
try:
    from importlib.metadata import version
except ImportError:
    version = lambda name: None
found = {}
for name in sys.argv[1:]:
    try:
        module = importlib.import_module(name)
    except BaseException:
        continue
    try:
        found[name] = version(name)
    except Exception:
        found[name] = getattr(module, "__version__", None)
    found[name] = str(found[name] or "?")
print()
print(json.dumps({"path": sys.executable, "version": platform.python_version(), "modules": found}))
`

// inspect asks the interpreter at path which of the modules it can import. It
// runs in the root folder, so that no file there passes for a module.
func inspect(ctx context.Context, path string, modules ...string) (interpreter, error) {
	out, err := ask(ctx, append([]string{path, "-c", importScript}, modules...)...)
	if err != nil {
		return interpreter{}, err
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte{'\n'})
	var found interpreter
	if err := json.Unmarshal(lines[len(lines)-1], &found); err != nil {
		return interpreter{}, fmt.Errorf("%s: answers %q: %w", path, lines[len(lines)-1], err)
	}
	found.Asked = path
	if found.Path == "" {
		found.Path = path
	}
	return found, nil
}

// ask runs a program and returns what it prints on standard output and error.
func ask(ctx context.Context, argv ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	cmd.WaitDelay = time.Second // a grandchild may hold the pipe
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: no answer within %v", argv[0], probeTimeout)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", argv[0], err, lastLine(out))
	}
	return out, nil
}

func lastLine(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return lines[len(lines)-1]
}

// systemPython is where distributions put the interpreter that their packages
// are for.
const systemPython = "/usr/bin/python3"

// pythons returns the paths of PATH's python3 and of the system's, those that
// exist, each once.
func pythons() []string {
	var found []string
	if path, err := exec.LookPath("python3"); err == nil {
		found = append(found, path)
	}
	if _, err := os.Stat(systemPython); err == nil && !slices.ContainsFunc(found, isSystemPython) {
		found = append(found, systemPython)
	}
	return found
}

// isSystemPython compares folders, not files: a virtualenv's python3 is a link
// to the system's and yet another interpreter, while /bin may be a link to
// /usr/bin.
func isSystemPython(path string) bool {
	a, err1 := filepath.EvalSymlinks(filepath.Dir(path))
	b, err2 := filepath.EvalSymlinks(filepath.Dir(systemPython))
	return errors.Join(err1, err2) == nil && a == b
}

// FindPython returns the first of PATH's python3 and /usr/bin/python3 that can
// import all the modules; path is empty when none can. Tried says of each
// interpreter before it why it will not do.
func FindPython(modules ...string) (path string, tried []string) {
	return findPython(pythons(), modules)
}

func findPython(candidates, modules []string) (path string, tried []string) {
	if len(candidates) == 0 {
		return "", []string{"python3: not found in PATH, nor " + systemPython}
	}
	for _, candidate := range candidates {
		found, err := inspect(context.Background(), candidate, modules...)
		if err != nil {
			tried = append(tried, err.Error())
			continue
		}
		missing := slices.DeleteFunc(slices.Clone(modules), func(m string) bool { return found.Modules[m] != "" })
		if len(missing) == 0 {
			return found.Path, tried
		}
		tried = append(tried, fmt.Sprintf("%s (Python %s): cannot import %s", candidate, found.Version, strings.Join(missing, ", ")))
	}
	return "", tried
}
