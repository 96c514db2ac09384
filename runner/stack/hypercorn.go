package stack

import (
	"fmt"
	"path/filepath"
	"strings"

	"sweetspot/scenarios"
)

// hypercorn runs the event loop of asyncio, its default, also where uvloop is
// installed. It takes over a socket file that was left behind, and leaves its own.
var hypercorn = server{
	name: "hypercorn", interfaces: onlyASGI, modules: []string{"hypercorn"},
	workers: forkedOrMaster,
	plan: func(s site) plan {
		config := "hypercorn.toml"
		return plan{
			argv:  []string{s.app.Python, "-m", "hypercorn", "-c", filepath.Join(s.dir, config), colonEntry(s.entry)},
			dir:   s.app.Dir,
			files: map[string]string{config: hypercornConfig(s)},
		}
	},
	winner: func(app *App, entry string, cell scenarios.Cell) (string, string) {
		return "hypercorn.toml", hypercornWinner(app, entry, cell)
	},
}

func hypercornConfig(s site) string {
	return "# " + s.cell.String() + "\n" + hypercornBind(s.listen) + hypercornConcurrency(s.cell)
}

// hypercornBind opens a Unix socket to every user; its mode is 0755 otherwise.
func hypercornBind(at endpoint) string {
	if at.network == "unix" {
		return fmt.Sprintf("bind = [%q]\numask = 0  # of the socket: the proxy may run as another user\n", "unix:"+at.address)
	}
	return fmt.Sprintf("bind = [%q]\n", at.address)
}

// hypercornConcurrency is the same where it is measured and in production. No
// access log is written unless accesslog names one.
func hypercornConcurrency(cell scenarios.Cell) string {
	return fmt.Sprintf(`workers = %d
worker_class = "asyncio"
backlog = %d
keep_alive_timeout = %d  # seconds
loglevel = "WARNING"
`, cell.Workers, asgiBacklog, asgiKeepAlive)
}

func hypercornWinner(app *App, entry string, cell scenarios.Cell) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured and recommended by sweetspot: %s\n", cell)
	start, bind := "hypercorn -c hypercorn.toml", hypercornBind(endpoint{"tcp", productionAddress})
	if cell.Proxy != scenarios.Direct {
		socket := productionSocket(app)
		bind = hypercornBind(endpoint{"unix", socket})
		if n := cell.Servers(); n > 1 {
			start = fmt.Sprintf("%s -b unix:%s-NUMBER.sock", start, strings.TrimSuffix(socket, ".sock"))
			bind = "umask = 0  # of the socket: the proxy may run as another user\n"
			fmt.Fprintf(&b, "# It takes one instance for each NUMBER from 1 to %d.\n", n)
		}
	}
	fmt.Fprintf(&b, "# Start it in the application's folder: %s %s\n\n", start, shellQuote(colonEntry(entry)))
	return b.String() + bind + hypercornConcurrency(cell)
}
