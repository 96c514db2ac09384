package detect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mostImports is how many candidates are imported before giving up.
const mostImports = 10

// application fills the project of a framework whose application is one
// object, by importing the likeliest modules one after the other.
func (p *Project) application(ctx context.Context, root string) error {
	candidates := p.findCandidates(root)
	if len(candidates) == 0 {
		return p.nothing()
	}
	folders := []string{root}
	if candidates[0].dir != root {
		folders = append(folders, candidates[0].dir)
	}
	python, err := p.chooseInterpreter(ctx, folders, frameworksOf(candidates))
	if err != nil {
		return err
	}
	var failed []error
	for _, c := range candidates[:min(len(candidates), mostImports)] {
		found, err := p.try(ctx, c)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err != nil {
			failed = append(failed, err)
			p.refuse(c.shown(root), summary(err))
			continue
		}
		if found.Framework != "" {
			p.take(found)
			p.explainCandidate(c, root)
			p.pickFiles()
			return p.findServers(python)
		}
		p.Refused = append(p.Refused, found.Refused...)
	}
	if len(failed) > 0 {
		return failed[0]
	}
	return p.nothing()
}

// nothing is the error for a folder without an application.
func (p *Project) nothing() error {
	text := "found nothing to measure; looked for Django's manage.py with its settings, and in *.py for Flask(…), FastAPI(…), " +
		"create_app(), make_app(), application(environ, start_response) and app(scope, receive, send); " +
		"name the folder of the project, or write a wsgi.py with application = …"
	if len(p.Refused) > 0 {
		text += "\nnot used:\n  " + strings.Join(p.Refused, "\n  ")
	}
	return errors.New(text)
}

// try imports a candidate in its folder.
func (p *Project) try(ctx context.Context, c candidate) (finding, error) {
	p.Dir = c.dir
	delete(p.Env, "PYTHONPATH")
	if c.path != "" {
		p.Env["PYTHONPATH"] = c.path
	}
	return p.importIt(ctx, c.module, "application", map[string]any{
		"module": c.module, "names": append([]string{}, c.names...), "factories": append([]string{}, c.factories...),
	})
}

// summary is the line of an import's failure that tells most.
func summary(err error) string {
	if failed, ok := errors.AsType[*importError](err); ok {
		lines := strings.Split(failed.finding.Failed, "\n")
		return lines[len(lines)-1]
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func (p *Project) explainCandidate(c candidate, root string) {
	p.guess("app.module", p.Module, fmt.Sprintf("%s; it was imported to try it", c.why(root)))
	if p.Dir != root {
		p.guess("app.dir", p.Dir, "the folder of the module, which is no package")
	}
	if c.path != "" {
		p.guess("app.env", "PYTHONPATH="+c.path, "the project keeps its packages there")
	}
}

// candidate is a module that may hold the application.
type candidate struct {
	dir        string   // where it is imported, absolute
	path       string   // PYTHONPATH that it needs; empty for none
	file       string   // absolute
	module     string   // as "shop.wsgi"
	names      []string // of objects in it that may be the application, the likeliest first
	factories  []string // of functions that may make it
	frameworks []string // that it imports
	named      bool     // by FLASK_APP
}

func (c candidate) shown(root string) string {
	if relative, err := filepath.Rel(root, c.file); err == nil {
		return relative
	}
	return c.file
}

func (c candidate) why(root string) string {
	if c.named {
		return "FLASK_APP names it"
	}
	return c.shown(root) + " looks as if it held the application"
}

// frameworksOf returns what the likeliest candidate imports; where that leaves
// it to another module, what they all import.
func frameworksOf(candidates []candidate) []string {
	if len(candidates[0].frameworks) > 0 {
		return candidates[0].frameworks
	}
	all := map[string]bool{}
	for _, c := range candidates {
		for _, f := range c.frameworks {
			all[f] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// flaskApp returns what FLASK_APP or the project's .flaskenv names as the
// application, split at the colon; module is empty when neither does.
func flaskApp(root string) (module, name string) {
	text := os.Getenv("FLASK_APP")
	if text == "" {
		for line := range strings.Lines(readSource(filepath.Join(root, ".flaskenv"))) {
			if value, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(line), "export "), "FLASK_APP="); ok {
				text = strings.Trim(strings.TrimSpace(value), `"'`)
			}
		}
	}
	module, name, _ = strings.Cut(text, ":")
	module = strings.ReplaceAll(strings.TrimSuffix(module, ".py"), "/", ".")
	return module, strings.TrimSpace(name)
}
