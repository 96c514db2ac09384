package stack

import (
	"fmt"
	"strings"

	"sweetspot/scenarios"
)

const (
	asgiBacklog   = 2048              // what gunicorn and uvicorn have by default, so that all queue alike
	asgiKeepAlive = gunicornKeepAlive // seconds, for the same reason
)

// onlyASGI is what servers speak whose workers are event loops.
var onlyASGI = []string{scenarios.ASGI}

// asgiEntry is the entry point that such a server uses; "" when there is none.
func asgiEntry(s *scenarios.Scenario) string {
	_, entry := server{interfaces: onlyASGI}.entry(s.App.Interface, s.App.Module, s.App.ASGI)
	return entry
}

// colonEntry is an entry point with its object always named.
func colonEntry(entry string) string {
	module, object := entryParts(entry)
	return module + ":" + object
}

// factoryEntry is the entry point for servers that call a factory only when an
// option tells them to.
func factoryEntry(entry string) []string {
	if factory, ok := strings.CutSuffix(colonEntry(entry), "()"); ok {
		return []string{"--factory", factory}
	}
	return []string{colonEntry(entry)}
}

// hostAndPort returns the two halves of a TCP address.
func hostAndPort(address string) (host, port string) {
	host, port, _ = strings.Cut(address, ":")
	return host, port
}

// startScript is the production configuration of a server that takes command
// lines: a script that starts one of its n instances. where are the options for
// where it listens, in the words of the shell.
func startScript(cell scenarios.Cell, n int, module string, where, arguments []string) string {
	usage := "sh start.sh"
	if n > 1 {
		usage = fmt.Sprintf("sh start.sh NUMBER, once with each number from 1 to %d", n)
	}
	quoted := make([]string, len(arguments))
	for i, a := range arguments {
		quoted[i] = shellQuote(a)
	}
	return fmt.Sprintf(`#!/bin/sh
# Measured and recommended by sweetspot: %s
# Start it in the application's folder: %s
exec python3 -m %s %s \
    %s
`, cell, usage, module, strings.Join(where, " "), strings.Join(quoted, " "))
}

// startEndpoint is where a start script has its server listen; $1 is the number
// of the instance.
func startEndpoint(app *App, cell scenarios.Cell, n int) endpoint {
	socket := productionSocket(app)
	switch {
	case cell.Proxy == scenarios.Direct:
		return endpoint{"tcp", productionAddress}
	case n > 1:
		return endpoint{"unix", `"` + strings.TrimSuffix(socket, ".sock") + `-$1.sock"`}
	}
	return endpoint{"unix", socket}
}

// shellQuote quotes what the shell would not take as it stands.
func shellQuote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/=") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
