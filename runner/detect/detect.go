// Package detect tells what application lives in a folder, without starting
// anything of it but an import in its own interpreter, and writes the scenario
// that measures it.
package detect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sweetspot/scenarios"
)

// Project is what a folder holds, as far as it can be told without starting it.
type Project struct {
	Dir       string // absolute; where the application is started: the folder given, or the one below it with manage.py
	Name      string // fit for a scenario
	Framework string // Django, Flask, FastAPI, or WSGI or ASGI for plain callables

	Interface string // scenarios.WSGI or scenarios.ASGI
	Module    string // as in mysite.wsgi:application, or app:create_app()
	ASGI      string // second entry point; empty when there is none

	Venv   string            // virtualenv, absolute; empty when there is none
	Python string            // the interpreter, absolute; the virtualenv's where there is one
	Env    map[string]string // what the application needs in its environment

	Servers []string // names in the catalogue that can run it here, the usual ones first
	Proxies []string // what to try in front of it: scenarios.Direct, and nginx where it is installed

	Static      []scenarios.Mount // folders that exist and have files
	StaticFiles []string          // URL paths of up to 8 files in them, from the smallest to the largest
	Routes      []string          // paths without parameters that may answer GET, at most 200, sorted; nobody has asked them yet
	Prepare     [][]string        // commands that such a project usually needs first

	Guesses []Guess  // in the order in which they were made
	Refused []string // what was found and is not used, with the reason

	collected []scenarios.Mount // what the prepare commands will fill
	lengths   map[string]int64  // of StaticFiles, in bytes
}

// Frameworks of a Project.
const (
	Django  = "django"
	Flask   = "flask"
	FastAPI = "fastapi"
	WSGI    = "wsgi" // a plain callable, or a framework that is not known here
	ASGI    = "asgi"
)

// Guess is something that the project does not say in so many words.
type Guess struct {
	Field string // of the scenario, as app.module
	Value string
	Why   string // a sentence or two, without the full stop at the end
}

// Detect looks at a folder. The error says what was looked for and what to do
// when there is nothing to measure, or when what is there cannot be imported.
func Detect(ctx context.Context, dir string) (*Project, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", dir, err)
	}
	if info, err := os.Stat(root); err != nil {
		return nil, fmt.Errorf("look at %s: %w", dir, err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("look at %s: it is a file; name the folder of the project", root)
	}
	p := &Project{Dir: root, Name: nameOf(root), Env: map[string]string{}, Proxies: proxies()}
	p.guess("name", p.Name, "the name of the project's folder")
	if p.findManage(root) {
		err = p.django(ctx, root)
	} else {
		err = p.application(ctx, root)
	}
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", root, err)
	}
	p.guessServers()
	return p, nil
}

func (p *Project) guess(field, value, why string) {
	p.Guesses = append(p.Guesses, Guess{Field: field, Value: value, Why: why})
}

func (p *Project) refuse(what, why string) {
	p.Refused = append(p.Refused, what+": "+why)
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// maxName is the length of the longest name that a scenario may have.
const maxName = 64

// nameOf makes the name of a scenario from a folder's.
func nameOf(dir string) string {
	name := strings.Trim(notInName.ReplaceAllString(filepath.Base(dir), "-"), "-._")
	if len(name) > maxName {
		name = strings.TrimRight(name[:maxName], "-._")
	}
	if name == "" {
		return "project"
	}
	return name
}
