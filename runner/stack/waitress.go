package stack

import (
	"fmt"
	"strings"

	"sweetspot/scenarios"
)

var waitress = server{
	name: "waitress", interfaces: []string{scenarios.WSGI}, modules: []string{"waitress"},
	single: true, threads: true, bounded: true, spare: 1,
	plan: func(s site) plan {
		argv := append([]string{s.app.Python, "-m", "waitress"}, waitressListen(s.listen)...)
		return plan{argv: append(argv, waitressArguments(s.entry, s.cell)...), dir: s.app.Dir}
	},
	winner: func(app *App, entry string, cell scenarios.Cell) (string, string) {
		n := cell.Processes()
		where := waitressListen(startEndpoint(app, cell, n))
		return "start.sh", startScript(cell, n, "waitress", where, waitressArguments(entry, cell))
	},
}

func waitressListen(at endpoint) []string {
	if at.network == "unix" {
		return []string{"--unix-socket=" + at.address, "--unix-socket-perms=666"}
	}
	return []string{"--listen=" + at.address}
}

// waitressArguments are the same where it is measured and in production. The
// default limit of 100 connections would leave the others unanswered until one
// of them closes; so many more need poll instead of select.
func waitressArguments(entry string, cell scenarios.Cell) []string {
	args := []string{fmt.Sprintf("--threads=%d", cell.Threads), "--backlog=1024", "--connection-limit=1000", "--asyncore-use-poll"}
	module, object := entryParts(entry)
	if factory, ok := strings.CutSuffix(object, "()"); ok {
		return append(args, "--call", module+":"+factory)
	}
	return append(args, module+":"+object)
}
