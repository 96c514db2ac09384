package stack

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"

	"sweetspot/scenarios"
)

// gunicornKeepAlive outlives nginx's idle upstream connections (60 s), so that
// the proxy never sends on a connection that gunicorn is about to close.
const gunicornKeepAlive = 75 // seconds

// gunicorn returns the driver of one of gunicorn's worker classes.
func gunicorn(name, class string) server {
	modules := []string{"gunicorn"}
	if class == "gevent" {
		modules = append(modules, class)
	}
	return server{
		name: name, interfaces: []string{scenarios.WSGI}, modules: modules,
		threads: class == "gthread", bounded: class != "gevent", spare: 1, applies: plainEntry(name),
		plan: func(s site) plan {
			config := "gunicorn.conf.py"
			return plan{
				argv:  []string{s.app.Python, "-m", "gunicorn", "-c", filepath.Join(s.dir, config), s.entry},
				dir:   s.app.Dir,
				files: map[string]string{config: gunicornConfig(s, class)},
			}
		},
		resize: gunicornResize,
		winner: func(app *App, entry string, cell scenarios.Cell) (string, string) {
			return "gunicorn.conf.py", gunicornWinner(app, entry, cell, class)
		},
	}
}

// gunicornResize has the master start or end workers. Two signals at once
// would be one, so each is sent when the one before has shown.
func gunicornResize(p part, from, to int) error {
	signal, step := syscall.SIGTTIN, 1
	if to < from {
		signal, step = syscall.SIGTTOU, -1
	}
	for n := from; n != to; n += step {
		if err := syscall.Kill(p.process.PID(), signal); err != nil {
			return fmt.Errorf("signal gunicorn: %w", err)
		}
		if err := awaitChildren(p.process, n+step); err != nil {
			return err
		}
	}
	return nil
}

func gunicornConfig(s site, class string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", s.cell)
	fmt.Fprintf(&b, "bind = %q\n", gunicornBind(s.listen))
	b.WriteString(gunicornConcurrency(s.cell, class))
	if s.machine.sharedMemory {
		b.WriteString("worker_tmp_dir = \"/dev/shm\"  # the heartbeat is a file: keep it off the disk\n")
	}
	b.WriteString("accesslog = None\n")
	b.WriteString("errorlog = \"-\"\n")
	b.WriteString("control_socket_disable = True  # gunicorn before 25.1 has none and ignores this\n")
	return b.String()
}

func gunicornBind(at endpoint) string {
	if at.network == "unix" {
		return "unix:" + at.address
	}
	return at.address
}

func gunicornConcurrency(cell scenarios.Cell, class string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "workers = %d\n", cell.Workers)
	fmt.Fprintf(&b, "worker_class = %q\n", class)
	if class == "gthread" {
		fmt.Fprintf(&b, "threads = %d\n", cell.Threads)
	}
	if class == "gevent" {
		b.WriteString("worker_connections = 1000  # the default: requests that a worker takes at once\n")
	}
	if class != "sync" {
		fmt.Fprintf(&b, "keepalive = %d  # seconds\n", gunicornKeepAlive)
	}
	return b.String()
}

func gunicornWinner(app *App, entry string, cell scenarios.Cell, class string) string {
	socket := "unix:" + productionSocket(app)
	start, bind := "gunicorn -c gunicorn.conf.py", fmt.Sprintf("bind = %q  # no proxy stands in front\n", productionAddress)
	if cell.Proxy != scenarios.Direct {
		bind = fmt.Sprintf("bind = %q  # where %s looks for it\n", socket, cell.Proxy)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured and recommended by sweetspot: %s\n", cell)
	if n := cell.Servers(); n > 1 {
		fmt.Fprintf(&b, "# It takes one instance for each NUMBER from 1 to %d.\n", n)
		start, bind = start+" -b "+strings.TrimSuffix(socket, ".sock")+"-NUMBER.sock", ""
	}
	fmt.Fprintf(&b, "# Start it in the application's folder: %s %s\n\n%s", start, shellQuote(entry), bind)
	b.WriteString(gunicornConcurrency(cell, class))
	b.WriteString("worker_tmp_dir = \"/dev/shm\"  # the heartbeat is a file: keep it off the disk\n")
	b.WriteString("accesslog = None  # as measured; \"-\" logs every request and costs some of the rate\n")
	b.WriteString("errorlog = \"-\"\n")
	return b.String()
}

// productionSocket is where the production configurations of server and proxy meet.
func productionSocket(app *App) string {
	return fmt.Sprintf("/run/%s/app.sock", app.name())
}
