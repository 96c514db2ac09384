package detect

import (
	"regexp"
	"slices"
	"strings"
)

// route is a path without parameters, as the URL configuration has it.
type route struct {
	Path  string   `json:"path"`
	Names []string `json:"names"` // of the route, and of the function behind it
}

// mostRoutes is how many routes a project may have here.
const mostRoutes = 200

// changing matches names of what a GET should not do and sometimes does. The
// short words must stand alone: /assets/ is no set.
var changing = regexp.MustCompile(`(?i)log_?-?out|log_?-?off|sign_?-?out|delete|remove|destroy|unsubscribe|deactivate|shutdown` +
	`|(?:^|[^a-z])(?:purge|clear|reset|cancel|revoke|flush|drop|kill|quit|restart|disable|activate|confirm|trigger|run|add_to_cart)(?:[^a-z]|$)`)

// takeRoutes keeps the routes that may be asked without harm, each path once.
func (p *Project) takeRoutes(routes []route) {
	for _, r := range routes {
		if !strings.HasPrefix(r.Path, "/") || strings.ContainsAny(r.Path, "{}<>") || slices.Contains(p.Routes, r.Path) {
			continue
		}
		if slices.ContainsFunc(append(r.Names, r.Path), changing.MatchString) {
			p.refuse("route "+r.Path, "its name sounds as if a GET would change something")
			continue
		}
		p.Routes = append(p.Routes, r.Path)
	}
	slices.Sort(p.Routes)
	p.Routes = p.Routes[:min(len(p.Routes), mostRoutes)]
}
