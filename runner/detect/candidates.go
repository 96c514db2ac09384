package detect

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	objectForm  = regexp.MustCompile(`(?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)*(?:Flask|FastAPI|Starlette|Quart)\(`)
	entryForm   = regexp.MustCompile(`(?m)^(?:async\s+)?(?:def\s+)?(application|app)\s*(?:=[^=]|:[^=\n]+=|\(\s*(?:environ|scope)\b)`)
	reexported  = regexp.MustCompile(`(?m)^from\s+\S+\s+import\s+.*\b(application|app)\b`)
	factoryForm = regexp.MustCompile(`(?m)^def\s+(create_app|make_app|create_application|make_application)\s*\(`)
	servesForm  = regexp.MustCompile(`(?m)^(?:\w+\.run|(?:\w+\.)?serve(?:_forever)?)\(`)
	importForm  = regexp.MustCompile(`(?m)^\s*(?:from|import)\s+(flask|fastapi|starlette|quart|bottle|falcon|pyramid|sanic|aiohttp|litestar)\b`)
	moduleForm  = regexp.MustCompile(`^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$`)
)

// preferred are the names of files that usually hold the application.
var preferred = []string{"wsgi.py", "asgi.py", "app.py", "main.py", "application.py", "server.py", "__init__.py"}

// findCandidates returns the modules that may hold the application, the
// likeliest first: what FLASK_APP names, then by the file's name, its depth and
// its path.
func (p *Project) findCandidates(root string) []candidate {
	flaskModule, flaskName := flaskApp(root)
	var found []candidate
	for _, file := range pythonFiles(root, 2) {
		c, ok := place(root, file)
		if !ok {
			continue
		}
		c.named = flaskModule != "" && c.module == flaskModule
		if !c.read(flaskName) {
			continue
		}
		switch {
		case !moduleForm.MatchString(c.module):
			p.refuse(file, "its name cannot be imported; rename it, as in app.py")
		case servesForm.MatchString(readSource(c.file)):
			p.refuse(file, "it starts a server when it is imported; put that under if __name__ == \"__main__\"")
		default:
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(strings.Count(a.file, "/"), strings.Count(b.file, "/")), cmp.Compare(a.file, b.file))
	})
	return found
}

// rank is the smaller, the likelier the file's name is.
func (c candidate) rank() int {
	if c.named {
		return -1
	}
	if i := slices.Index(preferred, filepath.Base(c.file)); i >= 0 {
		return i
	}
	return len(preferred)
}

// place says from where a file is imported and as what: from the root when it
// is there or in a package there; from src by PYTHONPATH; or from its own
// folder when that is no package. Deeper ones are no candidates.
func place(root, file string) (c candidate, ok bool) {
	c = candidate{dir: root, file: filepath.Join(root, file)}
	base := root
	if rest, inSrc := strings.CutPrefix(file, "src/"); inSrc && !exists(filepath.Join(root, "src", "__init__.py")) {
		base, file = filepath.Join(root, "src"), rest
		c.path = base
	}
	parts := strings.Split(file, "/")
	switch {
	case len(parts) > 2:
		return c, false
	case len(parts) == 2 && !exists(filepath.Join(base, parts[0], "__init__.py")):
		c.dir, c.path = filepath.Join(base, parts[0]), ""
		parts = parts[1:]
	}
	c.module = strings.TrimSuffix(strings.Join(parts, "."), ".py")
	if c.module == "__init__" {
		return c, false
	}
	c.module = strings.TrimSuffix(c.module, ".__init__")
	return c, true
}

// read looks for what may be the application, and tells whether there is any.
// name is what FLASK_APP says of the module, where it names it.
func (c *candidate) read(name string) bool {
	source := readSource(c.file)
	if c.named && name != "" {
		if factory, isCall := strings.CutSuffix(name, "()"); isCall {
			c.factories = []string{factory}
		} else {
			c.names, c.factories = []string{name}, []string{name}
		}
	}
	for _, form := range []*regexp.Regexp{entryForm, reexported, objectForm} {
		c.names = appendMatches(c.names, form, source)
	}
	c.factories = appendMatches(c.factories, factoryForm, source)
	c.frameworks = appendMatches(nil, importForm, source)
	return len(c.names)+len(c.factories) > 0
}

// appendMatches adds what the form's first group matches, each text once.
func appendMatches(texts []string, form *regexp.Regexp, source string) []string {
	for _, m := range form.FindAllStringSubmatch(source, -1) {
		if !slices.Contains(texts, m[1]) {
			texts = append(texts, m[1])
		}
	}
	return texts
}
