// Package stack runs one cell: an application server and perhaps a proxy in
// front of it, started from configurations that it renders itself, verified to
// be ours and ready, read back, and stopped without a trace.
package stack

import (
	"slices"

	"sweetspot/fixtures"
	"sweetspot/scenarios"
)

// servers and proxies are all that a cell may name. A new one is one file with
// a driver and one line here.
var (
	servers = []server{
		gunicorn("gunicorn-sync", "sync"),
		gunicorn("gunicorn-gthread", "gthread"),
		embeddedServer,
	}
	proxies = []proxy{
		direct,
		nginx,
		embeddedProxy,
	}
)

// A server describes how an application server is started. It starts nothing
// and looks at nothing but the site: rendering is pure.
type server struct {
	name    string
	module  string                                               // Python module that the interpreter needs; "" for none
	threads bool                                                 // its threads are the system's, and can be counted
	applies func(cell scenarios.Cell, iface string) string       // why it cannot run the cell; "" when it can
	plan    func(site) plan                                      // how to run it here
	winner  func(app *App, cell scenarios.Cell) (string, string) // production configuration: file name and content; nil for none
}

// A proxy describes how a reverse proxy is started, likewise.
type proxy struct {
	name    string
	program string // that must be installed, under the name of its package; "" for none
	applies func(cell scenarios.Cell, iface string) string
	plan    func(site) plan // nil when there is no process
	winner  func(app *App, cell scenarios.Cell) (string, string)
}

// A site is where and for what a driver renders.
type site struct {
	app      *App // {data} is expanded
	cell     scenarios.Cell
	dir      string   // of this start; all that is written goes here
	listen   endpoint // where the part has to listen
	upstream endpoint // where the application listens; proxies only
	cpus     int      // that the part is pinned to; 0 means not pinned
	trialID  string
	machine  machine
	epoch    int64 // CLOCK_MONOTONIC at the start, ns
}

// A machine is what a configuration depends on besides the cell.
type machine struct {
	root         bool   // we are root
	sharedMemory bool   // /dev/shm is there
	mimeTypes    string // nginx's table of media types; "" when there is none
	nginx        string // path of the program
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
	c := scenarios.Catalogue{Fixtures: fixtures.Names(), Applies: applies}
	for _, s := range servers {
		c.Servers = append(c.Servers, s.name)
	}
	for _, p := range proxies {
		c.Proxies = append(c.Proxies, p.name)
	}
	return c
}

func applies(cell scenarios.Cell, iface string) string {
	srv, ok := findServer(cell.Server)
	if !ok {
		return "no server is called " + cell.Server
	}
	px, ok := findProxy(cell.Proxy)
	if !ok {
		return "no proxy is called " + cell.Proxy
	}
	if why := srv.applies(cell, iface); why != "" {
		return why
	}
	return px.applies(cell, iface)
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
