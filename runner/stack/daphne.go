package stack

import (
	"strings"

	"sweetspot/scenarios"
)

// daphne is one process. Its listen queue is 50 long and an idle connection
// lives 60 s; it has no plain option for either.
var daphne = server{
	name: "daphne", interfaces: onlyASGI, modules: []string{"daphne"}, single: true,
	applies: daphneApplies,
	plan: func(s site) plan {
		argv := append([]string{s.app.Python, "-m", "daphne"}, daphneListen(s.listen)...)
		return plan{argv: append(argv, daphneArguments(s.entry, s.cell)...), dir: s.app.Dir}
	},
	winner: func(app *App, entry string, cell scenarios.Cell) (string, string) {
		where := daphneListen(startEndpoint(app, cell, cell.Processes()))
		return "start.sh", startScript(cell, cell.Processes(), "daphne", where, daphneArguments(entry, cell))
	},
}

func daphneApplies(s *scenarios.Scenario, _ scenarios.Cell) string {
	if object := colonEntry(asgiEntry(s)); len(factoryEntry(object)) > 1 {
		return "daphne calls no factory, as " + object + " is; name the application itself"
	}
	return ""
}

// twistedQuote quotes what means something in Twisted's description of an
// endpoint, into which daphne puts the path as it stands.
var twistedQuote = strings.NewReplacer(`\`, `\\`, `:`, `\:`, `=`, `\=`)

func daphneListen(at endpoint) []string {
	if at.network == "unix" {
		return []string{"-u", twistedQuote.Replace(at.address)}
	}
	host, port := hostAndPort(at.address)
	return []string{"-b", host, "-p", port}
}

// daphneArguments are the same where it is measured and in production. Without
// verbosity it writes no access log. There is no limit on the time of a
// response unless --http-timeout sets one.
func daphneArguments(entry string, cell scenarios.Cell) []string {
	args := []string{"-v", "0", "--application-close-timeout", "10", "--websocket_timeout", "86400"}
	if cell.Proxy != scenarios.Direct {
		args = append(args, "--proxy-headers")
	}
	return append(args, colonEntry(entry))
}
