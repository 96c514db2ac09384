package stack

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sweetspot/runner/process"
	"sweetspot/scenarios"
)

// modWSGI is Apache with the application in daemon processes: it is server and
// front at once, and serves the static files itself.
var modWSGI = server{
	name: "mod_wsgi", interfaces: []string{scenarios.WSGI}, program: "apache2",
	threads: true, bounded: true, tcpOnly: true, files: true, user: apacheUser, spare: 3,
	missing: modWSGIMissing,
	plan: func(s site) plan {
		return plan{
			argv:  []string{s.machine.programs["apache2"], "-f", filepath.Join(s.dir, modWSGIFile), "-DFOREGROUND"},
			dir:   s.app.Dir,
			files: map[string]string{modWSGIFile: modWSGIConfig(s), "app.wsgi": modWSGIScript(s)},
		}
	},
	workers: modWSGIDaemons,
	doomed: func(log string) bool {
		// It would answer every request with 500 and try again.
		return strings.Contains(log, "Failed to exec Python script file")
	},
	winner: func(app *App, entry string, cell scenarios.Cell) (string, string) {
		return modWSGIFile, modWSGIWinner(app, entry, cell)
	},
}

const modWSGIFile = "mod_wsgi.conf"

// modWSGIModule is the distribution's.
const modWSGIModule = apacheModules + "/mod_wsgi.so"

const (
	modWSGIGroup = "sweetspot" // of daemon processes
	modWSGITitle = "(wsgi:"    // what the command line of one begins with
)

// modWSGIModules returns where Apache's module may be for an interpreter: pip
// puts it among the packages of the virtualenv.
func modWSGIModules(python string) []string {
	const packages = "lib/python3*/site-packages/mod_wsgi/server/mod_wsgi-py3*.so"
	found, _ := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(python)), packages)) // the pattern is well formed
	return append(found, modWSGIModule)
}

func modWSGIMissing(m machine) string {
	switch {
	case m.modWSGI == "":
		return "mod_wsgi is not installed: sudo apt-get install --no-install-recommends apache2 libapache2-mod-wsgi-py3"
	case m.foreignPython != "" && m.modWSGI == modWSGIModule:
		return foreignPython("mod_wsgi", m)
	case m.closed != "":
		return closedTo("mod_wsgi", apacheUser, m.closed)
	}
	return ""
}

// modWSGIDaemons returns the daemon processes; the other children of the
// master are Apache's own.
func modWSGIDaemons(p *process.Process) (daemons []int, err error) {
	children, err := p.Children()
	for _, pid := range children {
		title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && bytes.HasPrefix(title, []byte(modWSGITitle)) {
			daemons = append(daemons, pid)
		}
	}
	return daemons, err
}

// modWSGIConnections is the same where it is measured and in production.
const modWSGIConnections = `KeepAliveTimeout 75
MaxKeepAliveRequests 0
EnableSendfile On
`

func modWSGIConfig(s site) string {
	var b strings.Builder
	tmp := filepath.Join(s.dir, "tmp")
	fmt.Fprintf(&b, "# %s\n", s.cell)
	fmt.Fprintf(&b, "ServerRoot %s\nDefaultRuntimeDir %s\nPidFile %s\n", apacheQuote(s.dir), apacheQuote(tmp), apacheQuote(tmp+"/httpd.pid"))
	fmt.Fprintf(&b, "Mutex %s default\nWSGISocketPrefix %s\n", apacheQuote("file:"+tmp), apacheQuote(tmp+"/wsgi"))
	if s.machine.root {
		fmt.Fprintf(&b, "User %s\nGroup %s\n", apacheUser, apacheUser)
	}
	fmt.Fprintf(&b, "ServerName %s\nListen %s\n", serverName, s.listen.address)
	b.WriteString("ErrorLog /dev/stderr\nLogLevel warn\n\n")
	for _, name := range []string{"mpm_event", "authz_core", "alias", "mime"} {
		fmt.Fprintf(&b, "LoadModule %s_module %s/mod_%s.so\n", name, apacheModules, name)
	}
	fmt.Fprintf(&b, "LoadModule wsgi_module %s\n", apacheQuote(s.machine.modWSGI))
	b.WriteString("\n" + apacheEvent + "\n" + modWSGIConnections + "TypesConfig /dev/null\n")
	for _, m := range mediaTypes {
		fmt.Fprintf(&b, "AddType %s %s\n", m.name, m.extensions)
	}
	b.WriteString(`
<Directory "/">
    Require all granted
</Directory>
`)
	b.WriteString(modWSGIAliases(s.app.Static))
	b.WriteString(modWSGIDaemon(s.cell, s.app.Dir, pythonHome(s.app.Python), filepath.Join(s.dir, "app.wsgi")))
	return b.String()
}

// modWSGIScript imports the application in a daemon, whose account's home
// folder is none of ours.
func modWSGIScript(s site) string {
	return fmt.Sprintf("import os\n\nos.environ[\"HOME\"] = %q\n\n%s", filepath.Join(s.dir, "home"), entryScript(s.entry))
}

func modWSGIAliases(mounts []scenarios.Mount) string {
	var b strings.Builder
	for _, m := range mounts {
		fmt.Fprintf(&b, "Alias %s %s\n", apacheQuote(m.URL), apacheQuote(strings.TrimSuffix(m.Dir, "/")+"/"))
	}
	return b.String()
}

// modWSGIDaemon is the same where it is measured and in production. Its queue
// has room for all of Apache's threads. Naming group and interpreter with the
// script has it imported before the first request.
func modWSGIDaemon(cell scenarios.Cell, dir, home, script string) string {
	options := fmt.Sprintf("processes=%d threads=%d listen-backlog=4096 display-name=%%{GROUP} home=%s python-path=%s",
		cell.Workers, cell.Threads, apacheQuote(dir), apacheQuote(dir))
	if home != "" {
		options += " python-home=" + apacheQuote(home)
	}
	return fmt.Sprintf(`WSGIRestrictEmbedded On
WSGIDaemonProcess %s %s
WSGIScriptAlias / %s process-group=%s application-group=%%{GLOBAL}
`, modWSGIGroup, options, apacheQuote(script), modWSGIGroup)
}

func modWSGIWinner(app *App, entry string, cell scenarios.Cell) string {
	dir := app.productionHome()
	mounts := make([]scenarios.Mount, len(app.Static))
	folders := make([]string, len(app.Static), len(app.Static)+1)
	for i, m := range app.Static {
		mounts[i] = scenarios.Mount{URL: m.URL, Dir: app.productionDir(m)}
		folders[i] = strings.TrimSuffix(mounts[i].Dir, "/")
	}
	var b strings.Builder
	b.WriteString(modWSGIUse(dir, entry, cell))
	fmt.Fprintf(&b, "\nListen %s\n%s\n%s\n", modWSGIPort(cell), apacheEvent, modWSGIConnections)
	for _, folder := range append(folders, dir) {
		fmt.Fprintf(&b, "<Directory %s>\n    Require all granted\n</Directory>\n", apacheQuote(folder))
	}
	b.WriteString(modWSGIAliases(mounts))
	b.WriteString(modWSGIDaemon(cell, dir, "", filepath.Join(dir, "app.wsgi")))
	return b.String()
}

// modWSGIUse is a comment on what to do with the production configuration.
func modWSGIUse(dir, entry string, cell scenarios.Cell) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured and recommended by sweetspot: %s\n", cell)
	if n := cell.Servers(); n > 1 {
		fmt.Fprintf(&b, "# It takes one Apache for each PORT from 8001 to %d.\n", 8000+n)
	}
	b.WriteString("# Enable it in Apache as a configuration of its own, with mpm_event and mod_wsgi;\n")
	b.WriteString("# add python-home=/srv/venv to WSGIDaemonProcess if the application has a virtualenv.\n")
	fmt.Fprintf(&b, "# %s/app.wsgi holds:\n", dir)
	for line := range strings.Lines(entryScript(entry)) {
		b.WriteString(strings.TrimRight("#     "+line, " \n") + "\n")
	}
	return b.String()
}

// modWSGIPort is where it listens in production.
func modWSGIPort(cell scenarios.Cell) string {
	switch {
	case cell.Servers() > 1:
		return "127.0.0.1:${PORT}"
	case cell.Proxy != scenarios.Direct:
		return productionUpstream
	}
	return productionAddress
}
