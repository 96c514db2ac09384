package detect

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"sweetspot/scenarios"
)

// A server is what a name in the catalogue needs.
type server struct {
	name      string
	iface     string
	modules   []string                     // that the interpreter imports
	installed func(venv, base string) bool // of programs outside the interpreter; nil for none
}

// servers, the usual ones first.
var servers = []server{
	{name: "gunicorn-sync", iface: scenarios.WSGI, modules: []string{"gunicorn"}},
	{name: "gunicorn-gthread", iface: scenarios.WSGI, modules: []string{"gunicorn"}},
	{name: "waitress", iface: scenarios.WSGI, modules: []string{"waitress"}},
	{name: "uwsgi", iface: scenarios.WSGI, installed: hasUWSGI},
	{name: "mod_wsgi", iface: scenarios.WSGI, installed: hasModWSGI},
	{name: "gunicorn-gevent", iface: scenarios.WSGI, modules: []string{"gunicorn", "gevent"}},
	{name: "gunicorn-uvicorn", iface: scenarios.ASGI, modules: []string{"gunicorn", "uvicorn.workers"}},
	{name: "uvicorn", iface: scenarios.ASGI, modules: []string{"uvicorn"}},
	{name: "hypercorn", iface: scenarios.ASGI, modules: []string{"hypercorn"}},
	{name: "daphne", iface: scenarios.ASGI, modules: []string{"daphne"}},
	{name: "granian", iface: scenarios.ASGI, modules: []string{"granian"}},
}

// serverModules returns every module that some server needs, once.
func serverModules() []string {
	var modules []string
	for _, s := range servers {
		modules = append(modules, s.modules...)
	}
	slices.Sort(modules)
	return slices.Compact(modules)
}

// findServers fills Servers once the entry points are known.
func (p *Project) findServers(python interpreter) error {
	interfaces := []string{p.Interface}
	if p.ASGI != "" {
		interfaces = append(interfaces, scenarios.ASGI)
	}
	for _, s := range servers {
		here := s.installed == nil || s.installed(p.Venv, python.Base)
		if slices.Contains(interfaces, s.iface) && python.has(s.modules...) && here {
			p.Servers = append(p.Servers, s.name)
		}
	}
	if len(p.Servers) > 0 {
		return nil
	}
	usual, known := "gunicorn", "gunicorn, waitress, uwsgi with its python3 plugin, apache2 with mod_wsgi"
	if p.Interface == scenarios.ASGI {
		usual, known = "gunicorn uvicorn", "uvicorn, hypercorn, daphne, granian"
	}
	return fmt.Errorf("no server for %s in %s: looked for %s; %s", p.Module, p.Python, known, installInto(p.Venv, usual))
}

// systemDirs are looked in before PATH, because /usr/sbin is not in everyone's.
var systemDirs = []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin"}

func hasProgram(name string) bool {
	for _, dir := range systemDirs {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	_, err := exec.LookPath(name)
	return err == nil
}

// hasUWSGI looks for the virtualenv's own uWSGI, or for the distribution's,
// whose plugin is built for the distribution's Python alone.
func hasUWSGI(venv, base string) bool {
	if _, err := os.Stat(filepath.Join(venv, "bin", "uwsgi")); venv != "" && err == nil {
		return true
	}
	return isSystem(base) && hasProgram("uwsgi") && exists("/usr/lib/uwsgi/plugins/python3_plugin.so")
}

// hasModWSGI looks for the distribution's module, built for its own Python.
func hasModWSGI(_, base string) bool {
	return isSystem(base) && hasProgram("apache2") && exists("/usr/lib/apache2/modules/mod_wsgi.so")
}

func isSystem(base string) bool { return base == filepath.Dir(filepath.Dir(systemPython)) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func proxies() []string {
	if hasProgram("nginx") {
		return []string{scenarios.Direct, "nginx"}
	}
	return []string{scenarios.Direct}
}

// firstServers returns the few servers with which a first run takes minutes.
func (p *Project) firstServers() []string {
	const sync, gthread = "gunicorn-sync", "gunicorn-gthread"
	if slices.Contains(p.Servers, sync) {
		return []string{sync, gthread}
	}
	return p.Servers[:1]
}

// guessServers explains the choice of servers and proxies.
func (p *Project) guessServers() {
	first := p.firstServers()
	others := slices.DeleteFunc(slices.Clone(p.Servers), func(s string) bool { return slices.Contains(first, s) })
	why := "all that was found here for the application"
	if len(others) > 0 {
		why = "few, so that a first run takes minutes; also found here, and worth adding: " + strings.Join(others, ", ")
	}
	p.guess("matrix.servers", strings.Join(first, ", "), why)
	why = "with a proxy and without it, to tell whether it pays for itself"
	if len(p.Proxies) == 1 {
		why = "nginx is not installed: sudo apt-get install --no-install-recommends nginx"
	}
	p.guess("matrix.proxies", strings.Join(p.Proxies, ", "), why)
}
