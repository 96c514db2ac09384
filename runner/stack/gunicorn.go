package stack

import (
	"fmt"
	"path/filepath"
	"strings"

	"sweetspot/scenarios"
)

// gunicornKeepAlive outlives nginx's idle upstream connections (60 s), so that
// the proxy never sends on a connection that gunicorn is about to close.
const gunicornKeepAlive = 75 // seconds

// gunicorn returns the driver of one of gunicorn's worker classes.
func gunicorn(name, class string) server {
	return server{
		name: name, module: "gunicorn", threads: true,
		applies: func(cell scenarios.Cell, iface string) string {
			switch {
			case iface != scenarios.WSGI:
				return fmt.Sprintf("%s needs an application with interface %s, not %s", name, scenarios.WSGI, iface)
			case class == "sync" && cell.Threads > 1:
				return name + " has no threads"
			}
			return ""
		},
		plan: func(s site) plan {
			config := "gunicorn.conf.py"
			return plan{
				argv:  []string{s.app.Python, "-m", "gunicorn", "-c", filepath.Join(s.dir, config), s.app.Module},
				dir:   s.app.Dir,
				files: map[string]string{config: gunicornConfig(s, class)},
			}
		},
		winner: func(app *App, cell scenarios.Cell) (string, string) {
			return "gunicorn.conf.py", gunicornWinner(app, cell, class)
		},
	}
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
		fmt.Fprintf(&b, "keepalive = %d  # seconds\n", gunicornKeepAlive)
	}
	return b.String()
}

func gunicornWinner(app *App, cell scenarios.Cell, class string) string {
	bind, why := "0.0.0.0:8000", "no proxy stands in front"
	if cell.Proxy != scenarios.Direct {
		bind, why = "unix:"+productionSocket(app), "where nginx.conf looks for it"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured and recommended by sweetspot: %s\n", cell)
	fmt.Fprintf(&b, "# Start it in the application's folder: gunicorn -c gunicorn.conf.py %s\n\n", app.Module)
	fmt.Fprintf(&b, "bind = %q  # %s\n", bind, why)
	b.WriteString(gunicornConcurrency(cell, class))
	b.WriteString("worker_tmp_dir = \"/dev/shm\"  # the heartbeat is a file: keep it off the disk\n")
	b.WriteString("accesslog = None  # as measured; \"-\" logs every request and costs some of the rate\n")
	b.WriteString("errorlog = \"-\"\n")
	return b.String()
}

// productionSocket is where the production configurations of server and proxy meet.
func productionSocket(app *App) string {
	return fmt.Sprintf("/run/%s/gunicorn.sock", app.name())
}
