package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"sweetspot/scenarios"
)

var uwsgi = server{
	name: "uwsgi", interfaces: []string{scenarios.WSGI}, program: "uwsgi",
	threads: true, bounded: true, uwsgi: true,
	applies: plainEntry("uwsgi"),
	missing: uwsgiMissing,
	plan: func(s site) plan {
		config := "uwsgi.ini"
		return plan{
			argv:  []string{s.machine.programs["uwsgi"], "--ini", filepath.Join(s.dir, config)},
			dir:   s.app.Dir,
			files: map[string]string{config: uwsgiConfig(s)},
		}
	},
	resize: uwsgiGrow, grows: true,
	winner: func(app *App, entry string, cell scenarios.Cell) (string, string) {
		return "uwsgi.ini", uwsgiWinner(app, entry, cell)
	},
}

// uwsgiProxies are those whose drivers say that they speak the uwsgi protocol.
// The table of proxies cannot be asked here: it depends on that of servers.
var uwsgiProxies = []string{"nginx"}

// uwsgiBacklog is a queue as long as other servers have; the default is 100.
const uwsgiBacklog = 1024

func uwsgiMissing(m machine) string {
	switch program := m.programs["uwsgi"]; {
	case !distributed(program):
		return "" // pip's have Python built in
	case m.uwsgiPlugin == "":
		return notInstalled("uwsgi").Error()
	case m.foreignPython != "":
		return foreignPython("uwsgi", m)
	}
	return ""
}

func uwsgiConfig(s site) string {
	var b strings.Builder
	fmt.Fprintf(&b, "; %s\n[uwsgi]\n", s.cell)
	if distributed(s.machine.programs["uwsgi"]) {
		uwsgiSet(&b, "plugin", s.machine.uwsgiPlugin)
	}
	b.WriteString("strict = true\n")
	at := s.listen.address
	if s.uwsgi {
		uwsgiSet(&b, "socket", at)
	} else {
		uwsgiHTTP(&b, at)
	}
	if s.listen.network == "unix" {
		b.WriteString("chmod-socket = 666\n")
	}
	fmt.Fprintf(&b, "listen = %d\n", min(uwsgiBacklog, s.machine.somaxconn))
	if home := pythonHome(s.app.Python); home != "" {
		uwsgiSet(&b, "home", home)
	}
	most := s.cell
	if s.room > 1 {
		most.Workers = s.room
		b.WriteString(uwsgiRoom(s))
	}
	b.WriteString(uwsgiService(s.entry, most))
	b.WriteString("; what a killed master leaves would go on serving\nno-orphans = true\n")
	return b.String()
}

// uwsgiFifo is where the master of a start takes commands.
func uwsgiFifo(dir string) string { return filepath.Join(dir, "tmp", "workers.fifo") }

// uwsgiRoom has it start the workers of the cell, and more when told.
func uwsgiRoom(s site) string {
	return fmt.Sprintf(`; the search adds workers while it runs, up to the processes below
cheaper = 1
cheaper-initial = %d
cheaper-algo = manual
master-fifo = %s
`, s.cell.Workers, strings.ReplaceAll(uwsgiFifo(s.dir), "%", "%%"))
}

// uwsgiGrow tells the master to start workers, one after the other: how many
// come at once is another option. There is a command to end one, too, but one
// with threads that had served was seen to take more than ten seconds.
func uwsgiGrow(p part, from, to int) error {
	fifo, err := os.OpenFile(uwsgiFifo(p.dir), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("tell uwsgi: %w", err)
	}
	defer fifo.Close()
	for n := from; n < to; n++ {
		if _, err := fifo.WriteString("+"); err != nil {
			return fmt.Errorf("tell uwsgi: %w", err)
		}
		if err := awaitChildren(p.process, n+1); err != nil {
			return err
		}
	}
	return nil
}

// uwsgiHTTP has it speak HTTP. It closes every connection, and by itself does
// not say so: a client would count an error.
func uwsgiHTTP(b *strings.Builder, at string) {
	uwsgiSet(b, "http-socket", at)
	b.WriteString("; it closes every connection: say so\nadd-header = Connection: close\n")
}

// uwsgiService is the same where it is measured and in production.
func uwsgiService(entry string, cell scenarios.Cell) string {
	module, object := entryParts(entry)
	return fmt.Sprintf(`module = %s
callable = %s
master = true
processes = %d
threads = %d
; threads that the application itself starts would stand still without it
enable-threads = true
single-interpreter = true
need-app = true
die-on-term = true
vacuum = true
disable-logging = true
`, module, object, cell.Workers, cell.Threads)
}

// uwsgiSet writes an option whose value may hold a percent sign, which begins
// a placeholder otherwise.
func uwsgiSet(b *strings.Builder, option, value string) {
	fmt.Fprintf(b, "%s = %s\n", option, strings.ReplaceAll(value, "%", "%%"))
}

func uwsgiWinner(app *App, entry string, cell scenarios.Cell) string {
	var b strings.Builder
	fmt.Fprintf(&b, "; Measured and recommended by sweetspot: %s\n", cell)
	start, socket := "uwsgi --ini uwsgi.ini", productionSocket(app)
	if n := cell.Servers(); n > 1 {
		fmt.Fprintf(&b, "; It takes one instance for each NUMBER from 1 to %d.\n", n)
		start, socket = "NUMBER=1 "+start, strings.TrimSuffix(socket, ".sock")+"-$(NUMBER).sock"
	}
	fmt.Fprintf(&b, "; Start it with: %s\n\n[uwsgi]\n", start)
	b.WriteString("; of Debian's uwsgi; delete it where uwsgi came with pip, and name the virtualenv: home = /srv/venv\nplugin = python3\n")
	uwsgiSet(&b, "chdir", app.productionHome())
	switch {
	case cell.Proxy == scenarios.Direct:
		uwsgiHTTP(&b, productionAddress)
	case slices.Contains(uwsgiProxies, cell.Proxy):
		uwsgiSet(&b, "socket", socket)
	default:
		uwsgiHTTP(&b, socket)
	}
	if cell.Proxy != scenarios.Direct {
		b.WriteString("; the proxy runs as another user\nchmod-socket = 666\n")
	}
	fmt.Fprintf(&b, "; at most net.core.somaxconn\nlisten = %d\n", uwsgiBacklog)
	b.WriteString(uwsgiService(entry, cell))
	return b.String()
}
