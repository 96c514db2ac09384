package detect

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sweetspot/scenarios"
)

// project writes files below a new folder called shop and makes the machine's
// own Python the first in PATH, with no virtualenv active.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	needPython(t)
	dir := filepath.Join(t.TempDir(), "shop")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir, files)
	return dir
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// needPython skips the test without the packages that all the projects need.
func needPython(t *testing.T) {
	t.Helper()
	t.Setenv("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
	for _, name := range []string{"VIRTUAL_ENV", "FLASK_APP", "DJANGO_SETTINGS_MODULE"} {
		t.Setenv(name, "")
	}
	out, err := exec.Command(systemPython, "-c", "import django, flask, fastapi, gunicorn, uvicorn, waitress").CombinedOutput()
	switch {
	case err == nil:
	case os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1":
		t.Fatalf("%s, and SWEETSPOT_REQUIRE_STACKS is 1: %v\n%s", systemPython, err, out)
	default:
		t.Skipf("%s cannot import what the projects need: %v\n%s", systemPython, err, out)
	}
}

// detect looks at a folder, and fails the test if that leaves byte code or a
// database behind.
func detect(t *testing.T, dir string) *Project {
	t.Helper()
	p, err := Detect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	untouched(t, dir)
	return p
}

func untouched(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if name := filepath.Base(path); name == "__pycache__" || name == "db.sqlite3" {
			t.Errorf("%s was written", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// catalogue knows all that a project may name.
func catalogue() scenarios.Catalogue {
	c := scenarios.Catalogue{Proxies: []string{scenarios.Direct, "nginx"}}
	for _, s := range servers {
		c.Servers = append(c.Servers, s.name)
	}
	return c
}

// parse reads a scenario as sweetspot run would.
func parse(t *testing.T, text []byte) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Parse("tune.yaml", text, t.TempDir(), nil, catalogue())
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s
}

// refused tells whether something was refused for that reason.
func (p *Project) refused(why string) bool {
	return strings.Contains(strings.Join(p.Refused, "\n"), why)
}

// guessed returns the values and reasons guessed for a field.
func (p *Project) guessed(field string) string {
	text := ""
	for _, g := range p.Guesses {
		if g.Field == field {
			text += g.Value + ": " + g.Why + "\n"
		}
	}
	return text
}
