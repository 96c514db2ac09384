package detect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// finding is what the script tells of a project. Failed is set when the
// project's code raised an exception, and then nothing else is.
type finding struct {
	Failed  string `json:"failed"`  // end of the traceback
	Missing string `json:"missing"` // module that could not be found

	Framework string   `json:"framework"` // empty when no application was found
	Interface string   `json:"interface"`
	Module    string   `json:"module"`
	ASGI      string   `json:"asgi"`
	Refused   []string `json:"refused"`
	Routes    []route  `json:"routes"`
	Static    []folder `json:"static"`

	// Of Django alone.
	Collect   *folder  `json:"collect"` // STATIC_ROOT, whether it exists or not
	Sources   []folder `json:"sources"` // what collectstatic copies from
	Debug     bool     `json:"debug"`
	Hosts     []string `json:"hosts"`     // ALLOWED_HOSTS
	Redirects bool     `json:"redirects"` // SECURE_SSL_REDIRECT
	Engine    string   `json:"engine"`    // of the default database
}

// childPath is the PATH that the servers will have.
const childPath = "/usr/bin:/bin:/usr/sbin:/sbin"

// importIt runs a task of the script on the project, in the environment that
// its servers will have: nothing of this shell's. Where that fails, and the
// project names variables that are set in this shell, it tries with them, and
// keeps them.
func (p *Project) importIt(ctx context.Context, what, task string, arguments any) (finding, error) {
	found, err := p.look(ctx, task, arguments, nil)
	if err != nil {
		return found, p.explain(what, err)
	}
	if found.Failed == "" {
		return found, nil
	}
	vars := shellVariables(p.Dir)
	if len(vars) > 0 {
		again, err := p.look(ctx, task, arguments, vars)
		if err == nil && again.Failed == "" {
			maps.Copy(p.Env, vars)
			p.guess("app.env", strings.Join(slices.Sorted(maps.Keys(vars)), ", "),
				"the project names them, is not imported without them, and they are set in this shell; take care whom you show their values")
			return again, nil
		}
	}
	return found, &importError{what: what, python: p.Python, dir: p.Dir, venv: p.Venv, env: p.Env, finding: found}
}

func (p *Project) look(ctx context.Context, task string, arguments any, more map[string]string) (finding, error) {
	// FLASK_RUN_FROM_CLI keeps a forgotten app.run() from serving.
	env := []string{"PATH=" + childPath, "LANG=C.UTF-8", "FLASK_RUN_FROM_CLI=true"}
	for _, vars := range []map[string]string{p.Env, more} {
		for name, value := range vars {
			env = append(env, name+"="+value)
		}
	}
	var found finding
	err := call{python: p.Python, dir: p.Dir, env: env, task: task, arguments: arguments, limit: lookTime}.run(ctx, &found)
	return found, err
}

func (p *Project) explain(what string, err error) error {
	if errors.Is(err, errTooLong) {
		return fmt.Errorf("import %s: %w\ndoes it start a server when it is imported? Put that under if __name__ == \"__main__\"", what, err)
	}
	return fmt.Errorf("import %s: %w", what, err)
}

// importError says that the project's own code cannot be imported.
type importError struct {
	what, python, dir, venv string
	env                     map[string]string
	finding                 finding
}

func (e *importError) Error() string {
	settings := ""
	for _, name := range slices.Sorted(maps.Keys(e.env)) {
		settings += name + "=" + e.env[name] + " "
	}
	statement := "import " + e.what
	if e.env[settingsVar] != "" {
		statement = "import django; django.setup()"
	}
	remedy := fmt.Sprintf("make this work first: cd %s && env -i %s%s -c '%s'", e.dir, settings, e.python, statement)
	if m := e.finding.Missing; m != "" {
		top, _, _ := strings.Cut(m, ".")
		remedy = fmt.Sprintf("module %s is missing; %s", m, installInto(e.venv, top))
	}
	return fmt.Sprintf("import %s with %s, without this shell's variables, as the servers will:\n%s\n%s", e.what, e.python, e.finding.Failed, remedy)
}

var quotedName = regexp.MustCompile(`["']([A-Z][A-Z0-9_]{2,})["']`)

// notTheProjects are variables that a scenario must not take from the shell:
// they are set for everyone, or change what is measured.
var notTheProjects = []string{
	"PATH", "HOME", "USER", "SHELL", "LANG", "PWD", "TERM", "TMPDIR", "VIRTUAL_ENV", "PORT",
	"WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "UVICORN_WORKERS", "PYTHONPATH", "DJANGO_SETTINGS_MODULE",
}

// shellVariables returns the variables of our own environment that the
// project's sources name in quotes.
func shellVariables(dir string) map[string]string {
	vars := map[string]string{}
	for _, file := range pythonFiles(dir, 3) {
		for _, m := range quotedName.FindAllStringSubmatch(readSource(filepath.Join(dir, file)), -1) {
			if value, ok := os.LookupEnv(m[1]); ok && !slices.Contains(notTheProjects, m[1]) {
				vars[m[1]] = value
			}
		}
	}
	return vars
}
