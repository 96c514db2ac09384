package stack

import (
	"regexp"
	"strconv"

	"sweetspot/scenarios"
)

// uvicorn takes uvloop and httptools where they are installed. Before version
// 0.30 it does not replace a worker that has died.
var uvicorn = server{
	name: "uvicorn", interfaces: onlyASGI, modules: []string{"uvicorn"},
	workers: forkedOrMaster,
	doomed:  uvicornFailed.MatchString,
	plan: func(s site) plan {
		argv := append([]string{s.app.Python, "-m", "uvicorn"}, uvicornListen(s.listen)...)
		return plan{argv: append(argv, uvicornArguments(s.entry, s.cell)...), dir: s.app.Dir}
	},
	winner: func(app *App, entry string, cell scenarios.Cell) (string, string) {
		where := uvicornListen(startEndpoint(app, cell, cell.Servers()))
		return "start.sh", startScript(cell, cell.Servers(), "uvicorn", where, uvicornArguments(entry, cell))
	},
}

// uvicornFailed is what it logs when it cannot import the application: a line of
// its own, or a traceback, to the end. With several workers the master then
// stays without any, or starts them again and again.
var uvicornFailed = regexp.MustCompile(`Error loading ASGI app|(?s:import_from_string\(self\.app\).*\n[\w.]+: )`)

func uvicornListen(at endpoint) []string {
	if at.network == "unix" {
		return []string{"--uds", at.address}
	}
	host, port := hostAndPort(at.address)
	return []string{"--host", host, "--port", port}
}

// uvicornArguments are the same where it is measured and in production.
func uvicornArguments(entry string, cell scenarios.Cell) []string {
	args := []string{
		"--workers", strconv.Itoa(cell.Workers), "--loop", "auto", "--http", "auto", "--backlog", strconv.Itoa(asgiBacklog),
		"--timeout-keep-alive", strconv.Itoa(asgiKeepAlive), "--no-access-log", "--log-level", "warning",
	}
	if cell.Proxy != scenarios.Direct {
		// Who connects over a Unix socket has no address that it could trust.
		args = append(args, "--proxy-headers", "--forwarded-allow-ips", "*")
	}
	return append(args, factoryEntry(entry)...)
}
