package detect

import (
	"fmt"
	"strings"

	"sweetspot/scenarios"
)

// traffic adds the requests. A file's length is expected where nothing is
// going to change it.
func (w *writer) traffic() {
	names := requestNames{}
	w.line(0, "traffic:")
	w.comment(2, "Only GET, and only paths without parameters that answered 200. They weigh the same, for nothing here "+
		"tells how often each is asked for: set weight to what your access log says, and add what is missing.")
	if len(w.p.Static) > 0 && len(w.o.StaticFiles) == 0 {
		w.comment(2, "No static files: the application itself answers for none of them, so that cells without a proxy would fail.")
	}
	w.line(2, "requests:")
	routes := w.o.Routes
	if len(routes)+len(w.o.StaticFiles) == 0 {
		routes = []string{w.o.Ready}
	}
	for _, path := range routes {
		w.line(4, "- { name: %s, weight: 1, path: %s }", quote(names.of(path)), quote(path))
	}
	for _, path := range w.o.StaticFiles {
		expect := ""
		if length, ok := w.p.lengths[path]; ok && !w.o.Prepare {
			expect = fmt.Sprintf(", expect: { length: %d }", length)
		}
		w.line(4, "- { name: %s, class: %s, weight: 1, path: %s%s }", quote(names.of(path)), scenarios.Static, quote(path), expect)
	}
	w.line(0, "")
}

// requestNames makes names for the requests of a mix, each once.
type requestNames map[string]bool

func (n requestNames) of(path string) string {
	base := strings.Trim(notInName.ReplaceAllString(path, "-"), "-._")
	if base == "" {
		base = "home"
	}
	const room = 5 // for a number at the end
	if len(base) > maxName-room {
		base = strings.TrimLeft(base[len(base)-(maxName-room):], "-._")
	}
	name := base
	for i := 2; n[name]; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	n[name] = true
	return name
}
