package detect

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sweetspot/scenarios"
)

// ScenarioOptions is what is known of a project once it has been asked.
type ScenarioOptions struct {
	Ready       string        // path that answers 200; empty means "/"
	Routes      []string      // that answered 200; when there is nothing else, Ready is the traffic
	StaticFiles []string      // that answered 200
	Prepare     bool          // whether the prepare commands are wanted
	Budget      time.Duration // of the search; 0 means 5m
}

// defaultBudget is enough for a first answer.
const defaultBudget = 5 * time.Minute

// mostRefused is how many refused things the head of a scenario lists.
const mostRefused = 20

// Scenario writes the scenario that measures the project, as YAML whose
// comments explain each guess.
func (p *Project) Scenario(o ScenarioOptions) []byte {
	if o.Ready == "" {
		o.Ready = "/"
	}
	if o.Budget == 0 {
		o.Budget = defaultBudget
	}
	w := &writer{p: p, o: o}
	w.head()
	w.app()
	w.matrix()
	w.traffic()
	w.search()
	return []byte(w.String())
}

// writer renders one scenario.
type writer struct {
	page
	p *Project
	o ScenarioOptions
}

// field adds a field whose value is a text, under the guesses that led to it.
func (w *writer) field(depth int, path, value string) {
	w.guesses(depth, path)
	w.line(depth, "%s: %s", path[strings.LastIndexByte(path, '.')+1:], quote(value))
}

// guesses adds a comment for each guess about a field of one value, which
// stands below it.
func (w *writer) guesses(depth int, path string) {
	for _, g := range w.p.Guesses {
		if g.Field == path {
			w.comment(depth, "Guessed: "+g.Why+".")
		}
	}
}

// notes adds a comment for each guess about a field that is more than a value.
func (w *writer) notes(depth int, path string) {
	for _, g := range w.p.Guesses {
		if g.Field == path {
			w.comment(depth, g.Value+": "+g.Why+".")
		}
	}
}

func (w *writer) head() {
	w.comment(0, fmt.Sprintf("What sweetspot tune found in %s: a %s application. "+
		"The comments say what was guessed, and why; correct what is wrong.", w.p.Dir, shown(w.p.Framework)))
	if refused := w.p.Refused; len(refused) > 0 {
		w.line(0, "#")
		w.comment(0, "Found and not used:")
		for _, r := range refused[:min(len(refused), mostRefused)] {
			w.comment(0, "- "+r)
		}
		if more := len(refused) - mostRefused; more > 0 {
			w.comment(0, fmt.Sprintf("- and %d more", more))
		}
	}
	w.line(0, "")
	w.field(0, "name", w.p.Name)
	w.line(0, "")
}

// shown is a framework's name in a sentence.
func shown(framework string) string {
	switch framework {
	case Django:
		return "Django"
	case Flask:
		return "Flask"
	case FastAPI:
		return "FastAPI"
	}
	return strings.ToUpper(framework)
}

func (w *writer) app() {
	w.line(0, "app:")
	w.notes(2, "app")
	w.field(2, "app.interface", w.p.Interface)
	w.field(2, "app.module", w.p.Module)
	if w.p.ASGI != "" {
		w.field(2, "app.asgi", w.p.ASGI)
	}
	w.field(2, "app.dir", w.p.Dir)
	if w.p.Venv != "" {
		w.field(2, "app.venv", w.p.Venv)
	} else {
		w.field(2, "app.python", w.p.Python)
	}
	if len(w.p.Env) > 0 {
		w.line(2, "env:")
		w.notes(4, "app.env")
		for _, name := range slices.Sorted(maps.Keys(w.p.Env)) {
			w.line(4, "%s: %s", name, quote(w.p.Env[name]))
		}
	}
	w.prepare()
	w.comment(2, "A start is complete when this path answers 200.")
	w.line(2, "ready: %s", quote(w.o.Ready))
	w.static()
	w.line(0, "")
}

// prepare adds the commands, or says how they are had: they change the
// project's own data.
func (w *writer) prepare() {
	if len(w.p.Prepare) == 0 {
		return
	}
	mark := ""
	if w.o.Prepare {
		w.comment(2, "Run once, before the first start.")
	} else {
		mark = "# "
		w.comment(2, "Such a project usually needs these commands first. They change its data, so they are run with --prepare only.")
	}
	w.line(2, "%sprepare:", mark)
	for _, argv := range w.p.Prepare {
		w.line(2, "%s  - [%s]", mark, quoteAll(argv))
	}
}

// static adds what a proxy serves itself. What collectstatic is going to fill
// replaces the folders that it copies from.
func (w *writer) static() {
	mounts := w.p.Static
	if w.o.Prepare && len(w.p.collected) > 0 {
		filled := w.p.collected[0].URL
		mounts = slices.DeleteFunc(slices.Clone(mounts), func(m scenarios.Mount) bool { return strings.HasPrefix(m.URL, filled) })
		mounts = slices.Concat(w.p.collected, mounts)
		w.comment(2, "A proxy serves these files itself. STATIC_ROOT is filled by collectstatic.")
	} else if len(mounts) > 0 {
		w.comment(2, "A proxy serves these files itself.")
		w.notes(2, "app.static")
	}
	if len(mounts) == 0 {
		return
	}
	w.line(2, "static:")
	for _, m := range mounts {
		w.line(4, "- { url: %s, dir: %s }", quote(m.URL), quote(m.Dir))
	}
}

func (w *writer) matrix() {
	servers := w.p.firstServers()
	w.line(0, "matrix:")
	w.guesses(2, "matrix.servers")
	w.line(2, "servers: [%s]", quoteAll(servers))
	w.guesses(2, "matrix.proxies")
	w.line(2, "proxies: [%s]", quoteAll(w.p.Proxies))
	w.comment(2, "One worker, one for each core, and twice as many. What folklore says is measured beside them.")
	w.line(2, "workers: [1, cores, 2*cores]")
	if w.p.Interface == scenarios.WSGI {
		w.line(2, "threads: [1, 4]")
	}
	if len(servers) > 1 {
		w.comment(2, "gunicorn-sync has one thread in a worker, and gunicorn-gthread with one does what gunicorn-sync does.")
		w.line(2, `exclude: ["server=gunicorn-sync/threads=4", "server=gunicorn-gthread/threads=1"]`)
	}
	w.line(0, "")
}

func (w *writer) search() {
	w.comment(0, "All of them have to hold. Latency counts from the moment at which a request was due.")
	w.line(0, "objectives:")
	w.line(2, "- p99 < 500ms")
	w.line(2, "- errors < 0.1%%")
	w.line(0, "")
	w.line(0, "search:")
	w.line(2, "budget: %s # of wall time, everything included", scenarios.Duration(w.o.Budget))
}
