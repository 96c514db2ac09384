package stack

import (
	"fmt"
	"path/filepath"
	"strings"

	"sweetspot/scenarios"
)

// haproxy serves no files. It hands requests and answers on as they come, so
// buffering makes no difference to it.
var haproxy = proxy{
	name: "haproxy", program: "haproxy", noFiles: true,
	plan: func(s site) plan {
		config := "haproxy.cfg"
		return plan{
			argv:  []string{s.machine.programs["haproxy"], "-db", "-f", filepath.Join(s.dir, config)},
			dir:   s.dir,
			files: map[string]string{config: haproxyConfig(s)},
		}
	},
	winner: func(app *App, cell scenarios.Cell) (string, string) {
		return "haproxy.cfg", haproxyWinner(productionSite(app, cell))
	},
}

func haproxyConfig(s site) string {
	threads, tls := "", ""
	if s.cpus > 0 {
		threads = fmt.Sprintf("    nbthread %d\n", s.cpus)
	}
	if s.cert != nil {
		tls = " ssl crt " + haproxyQuote(s.cert.both) + haproxyTLS(s)
	}
	return "# " + s.cell.String() + `
global
    maxconn 8192
` + threads + `
` + haproxyDefaults + `
frontend public
    bind ` + s.listen.address + tls + `
` + haproxyBackend(s)
}

const haproxyDefaults = `defaults
    mode http
    maxconn 8192
    timeout connect 60s
    timeout client 60s
    timeout server 60s
    timeout http-request 60s
    timeout http-keep-alive 75s
    timeout tunnel 1h  # a held WebSocket may be silent for long
`

// haproxyTLS says which protocols to speak with clients.
func haproxyTLS(s site) string {
	protocols := "http/1.1"
	if s.settings.HTTP2 {
		protocols = "h2,http/1.1"
	}
	return " ssl-min-ver TLSv1.2 alpn " + protocols
}

// haproxyBackend hands every request of the frontend that is open above it to
// the application.
func haproxyBackend(s site) string {
	var b strings.Builder
	b.WriteString(`    option forwardfor
    http-request set-header X-Forwarded-Proto https if { ssl_fc }
    http-request set-header X-Forwarded-Proto http if !{ ssl_fc }
    default_backend app

backend app
    balance roundrobin
`)
	if s.settings.KeepAlive > 0 {
		b.WriteString("    http-reuse always\n")
	} else {
		b.WriteString("    option http-server-close\n")
	}
	for i, at := range s.upstreams {
		fmt.Fprintf(&b, "    server app-%d %s pool-max-conn %d\n", i+1, haproxyQuote(haproxyAddress(at)), s.settings.KeepAlive)
	}
	return b.String()
}

func haproxyAddress(at endpoint) string {
	if at.network == "unix" {
		return "unix@" + at.address
	}
	return at.address
}

func haproxyQuote(s string) string {
	return strings.NewReplacer(`\`, `\\`, ` `, `\ `, `"`, `\"`, `'`, `\'`, `#`, `\#`).Replace(s)
}

func haproxyWinner(s site) string {
	return `# Measured and recommended by sweetspot: ` + s.cell.String() + `
# It serves no files: the application does.
` + productionSockets(s) + `
global
    maxconn 8192
    user haproxy
    group haproxy

` + haproxyDefaults + `
frontend public
    bind :80
    # For TLS` + productionTLS(s) + `: bind :443 ssl crt /etc/haproxy/` + s.app.name() + `.pem` + haproxyTLS(s) + `
` + haproxyBackend(s)
}
