package stack

import (
	"strconv"

	"sweetspot/scenarios"
)

// granian is version 2 or later, as its documentation describes it: Debian 12
// has no package of it, so that it was not started where the others were. Its
// master ends when a worker does. Only versions from 2.5 on listen on a Unix
// socket, as an experiment.
var granian = server{
	name: "granian", interfaces: onlyASGI, modules: []string{"granian"},
	tcpOnly: true,
	workers: forked,
	plan: func(s site) plan {
		argv := append([]string{s.app.Python, "-m", "granian"}, granianListen(s.listen)...)
		return plan{argv: append(argv, granianArguments(s.entry, s.cell)...), dir: s.app.Dir}
	},
	winner: func(_ *App, entry string, cell scenarios.Cell) (string, string) {
		n := cell.Servers()
		return "start.sh", startScript(cell, n, "granian", granianListen(granianProduction(cell, n)), granianArguments(entry, cell))
	},
}

func granianListen(at endpoint) []string {
	host, port := hostAndPort(at.address)
	return []string{"--host", host, "--port", port}
}

// granianProduction is startEndpoint for TCP, where productionEndpoint sends a
// proxy.
func granianProduction(cell scenarios.Cell, n int) endpoint {
	switch {
	case cell.Proxy == scenarios.Direct:
		return endpoint{"tcp", productionAddress}
	case n > 1:
		return endpoint{"tcp", "127.0.0.1:$((8000 + $1))"}
	}
	return endpoint{"tcp", productionUpstream}
}

// granianArguments are the same where it is measured and in production. One
// thread of a worker moves bytes while its event loop works. The time for
// reading a request's head is the longest that can be set: it may run on a kept
// connection between requests as well.
func granianArguments(entry string, cell scenarios.Cell) []string {
	return append([]string{
		"--interface", "asgi", "--workers", strconv.Itoa(cell.Workers), "--runtime-mode", "st", "--runtime-threads", "1",
		"--loop", "auto", "--backlog", strconv.Itoa(asgiBacklog), "--http1-header-read-timeout", "60000",
		"--no-access-log", "--log-level", "warning",
	}, factoryEntry(entry)...)
}
