// Package stack runs one cell: application servers and perhaps a proxy in
// front of them, started from configurations that it renders itself, verified
// to be ours and ready, read back, and stopped without a trace.
package stack

import (
	"fmt"
	"slices"
	"strings"

	"sweetspot/fixtures"
	"sweetspot/runner/process"
	"sweetspot/runner/service"
	"sweetspot/scenarios"
)

// servers and proxies are all that a cell may name. A new one is one file with
// a driver and one line here.
var (
	servers = []server{
		gunicorn("gunicorn-sync", "sync"),
		gunicorn("gunicorn-gthread", "gthread"),
		gunicorn("gunicorn-gevent", "gevent"),
		gunicornUvicorn(),
		uwsgi,
		modWSGI,
		waitress,
		uvicorn,
		daphne,
		hypercorn,
		granian,
		runserver,
		embeddedServer,
		targetServer,
	}
	proxies = []proxy{
		direct,
		nginx,
		apache,
		caddy,
		haproxy,
		embeddedProxy,
	}
)

// A server describes how an application server is started. It starts nothing
// and looks at nothing but the site: rendering is pure.
type server struct {
	name       string
	interfaces []string // that it speaks, the one it prefers first
	modules    []string // Python modules that the interpreter needs
	program    string   // that must be installed, under the name of its package; "" for none
	single     bool     // it is one process: further workers are further instances, which a proxy balances over
	threads    bool     // a worker works on as many requests at once as the cell has threads
	bounded    bool     // it works on workers × threads requests at once, never on more
	tcpOnly    bool     // it listens on no Unix socket
	uwsgi      bool     // it speaks the uwsgi protocol to proxies that do
	files      bool     // it serves the static files itself, as a web server
	user       string   // that it becomes when root starts it; "" for none
	spare      int      // threads of a worker that serve no requests, once it has served some

	applies func(s *scenarios.Scenario, cell scenarios.Cell) string            // further reasons why it cannot run a cell; nil for none
	missing func(machine) string                                               // what else is not installed, with the remedy; nil when modules and program are all
	plan    func(site) plan                                                    // how to run it here
	workers func(*process.Process) ([]int, error)                              // its live workers; nil: the children of the master, or the master of a single one
	doomed  func(log string) bool                                              // its log tells that it will never serve, though it runs on; nil when it ends then
	resize  func(p part, from, to int) error                                   // asks for another number of workers; nil when it cannot change while it runs
	grows   bool                                                               // it resizes to more workers only
	winner  func(app *App, entry string, cell scenarios.Cell) (string, string) // production configuration: file name and content; nil for none
}

// A proxy describes how a reverse proxy is started, likewise.
type proxy struct {
	name       string
	interfaces []string // of the applications that it may stand before; nil means WSGI and ASGI
	program    string   // that must be installed, under the name of its package; "" for none
	noFiles    bool     // it serves no files: static requests go to the application
	uwsgi      bool     // it speaks the uwsgi protocol
	user       string   // that it becomes when root starts it; "" for none
	applies    func(s *scenarios.Scenario, cell scenarios.Cell) string
	plan       func(site) plan // nil when there is no process
	winner     func(app *App, cell scenarios.Cell) (string, string)
}

// A site is where and for what a driver renders.
type site struct {
	app       *App   // {data} is expanded
	entry     string // application's entry point, as shop.wsgi:application
	iface     string // that the entry point speaks
	cell      scenarios.Cell
	room      int        // workers that it may be resized to; 0: it is not resized
	dir       string     // of this part of this start; all that is written goes here
	listen    endpoint   // where the part has to listen
	upstreams []endpoint // where the instances of the application listen; proxies only
	uwsgi     bool       // proxy and application speak the uwsgi protocol
	settings  scenarios.Proxy
	cert      *certificate // proxies only; nil: clients speak no TLS
	cpus      int          // that the part is pinned to; 0 means not pinned
	trialID   string
	machine   machine
	epoch     int64 // CLOCK_MONOTONIC at the start, ns
}

// A machine is what a configuration depends on besides the cell.
type machine struct {
	root         bool              // we are root
	sharedMemory bool              // /dev/shm is there
	mimeTypes    string            // table of media types, as nginx reads it; "" when there is none
	nginxHTTP2   bool              // nginx has the directive http2, which it wants in place of a word after listen
	programs     map[string]string // paths, by name

	uwsgiPlugin   string // Python plugin of the distribution's uwsgi; "" when there is none
	modWSGI       string // Apache's module; "" when there is none
	foreignPython string // interpreter that is not the distribution's, nor in a virtualenv of it; "" when it is
	closed        string // root only: folder of the application or the run that other users may not enter; "" when they may
	somaxconn     int    // longest queue of connections that a listener may ask for
}

// A plan is a process to be, with the files it reads.
type plan struct {
	argv  []string
	dir   string            // working folder
	env   []string          // on top of what every process gets
	files map[string]string // name in the site's folder → content
}

// Catalogue returns what a scenario may name.
func Catalogue() scenarios.Catalogue {
	c := scenarios.Catalogue{Fixtures: fixtures.Names(), Services: service.Names(), Applies: applies, Describe: describe}
	for _, s := range servers {
		if s.name != targetServer.name {
			c.Servers = append(c.Servers, s.name)
		}
	}
	for _, p := range proxies {
		c.Proxies = append(c.Proxies, p.name)
	}
	return c
}

// Without returns a catalogue in which the cells of what is missing do not
// apply: name of a server or proxy → why.
func Without(c scenarios.Catalogue, missing map[string]string) scenarios.Catalogue {
	inner := c.Applies
	c.Applies = func(s *scenarios.Scenario, cell scenarios.Cell) string {
		for _, name := range []string{cell.Server, cell.Proxy} {
			if why := missing[name]; why != "" {
				return why
			}
		}
		return inner(s, cell)
	}
	return c
}

// describe fills in what the drivers know of a cell.
func describe(s *scenarios.Scenario, p *scenarios.Planned) {
	if s.Target != "" {
		return
	}
	srv, _ := findServer(p.Cell.Server)
	px, _ := findProxy(p.Cell.Proxy)
	p.Interface, _ = srv.entry(s.App.Interface, s.App.Module, s.App.ASGI)
	p.StaticFromApp = !srv.files && (px.plan == nil || px.noFiles)
}

// applies says why a cell cannot be started; "" when it can.
func applies(s *scenarios.Scenario, cell scenarios.Cell) string {
	srv, ok := findServer(cell.Server)
	if !ok {
		return "no server is called " + cell.Server
	}
	px, ok := findProxy(cell.Proxy)
	if !ok {
		return "no proxy is called " + cell.Proxy
	}
	for _, why := range []string{srv.refuses(s, cell), px.refuses(s, cell), together(srv, px, s, cell)} {
		if why != "" {
			return why
		}
	}
	return ""
}

// refuses says what of a cell the server itself cannot express.
func (srv server) refuses(s *scenarios.Scenario, cell scenarios.Cell) string {
	iface, _ := srv.entry(s.App.Interface, s.App.Module, s.App.ASGI)
	switch {
	case iface == "":
		return fmt.Sprintf("%s needs an application with interface %s, not %s", srv.name, strings.Join(srv.interfaces, " or "), s.App.Interface)
	case cell.Threads > 1 && !srv.threads:
		return srv.name + " has no threads"
	case s.Proxy.Upstream == scenarios.UnixUpstream && srv.tcpOnly && cell.Proxy != scenarios.Direct:
		return srv.name + " listens on no Unix socket, which proxy.upstream asks for"
	case srv.applies != nil:
		return srv.applies(s, cell)
	}
	return ""
}

// refuses says what of a cell the proxy itself cannot do.
func (px proxy) refuses(s *scenarios.Scenario, cell scenarios.Cell) string {
	interfaces := px.interfaces
	if interfaces == nil {
		interfaces = []string{scenarios.WSGI, scenarios.ASGI}
	}
	switch {
	case !slices.Contains(interfaces, s.App.Interface) && s.Target == "":
		return fmt.Sprintf("proxy %s stands before applications with interface %s, not %s", px.name, strings.Join(interfaces, " or "), s.App.Interface)
	case s.Proxy.TLS && px.plan == nil && s.Target == "":
		return px.name + ": no proxy ends TLS"
	case px.applies != nil:
		return px.applies(s, cell)
	}
	return ""
}

// together says why a server and a proxy that both could do not make the cell.
func together(srv server, px proxy, s *scenarios.Scenario, cell scenarios.Cell) string {
	switch {
	case px.plan != nil || srv.copies(cell) == 1:
		return ""
	case srv.single:
		return srv.name + " is one process: more workers need a proxy that balances over them"
	}
	return "several instances need a proxy that balances over them"
}

// copies returns how many processes of the server a cell starts.
func (srv server) copies(cell scenarios.Cell) int {
	if srv.single {
		return cell.Processes()
	}
	return cell.Servers()
}

// entry returns the interface over which the server runs an application, and
// its entry point; both are empty when there is none.
func (srv server) entry(iface, module, asgi string) (string, string) {
	for _, speaks := range srv.interfaces {
		switch {
		case speaks == iface:
			return iface, module
		case speaks == scenarios.ASGI && asgi != "":
			return speaks, asgi
		}
	}
	return "", ""
}

func findServer(name string) (server, bool) {
	i := slices.IndexFunc(servers, func(s server) bool { return s.name == name })
	if i < 0 {
		return server{}, false
	}
	return servers[i], true
}

func findProxy(name string) (proxy, bool) {
	i := slices.IndexFunc(proxies, func(p proxy) bool { return p.name == name })
	if i < 0 {
		return proxy{}, false
	}
	return proxies[i], true
}
