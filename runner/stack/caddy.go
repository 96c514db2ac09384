package stack

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"sweetspot/scenarios"
)

// caddy hands requests on as they come; of answers it holds a part back when
// buffering is on, and nothing otherwise.
var caddy = proxy{
	name: "caddy", program: "caddy",
	plan: func(s site) plan {
		config := "Caddyfile"
		return plan{
			argv:  []string{s.machine.programs["caddy"], "run", "--config", filepath.Join(s.dir, config), "--adapter", "caddyfile"},
			dir:   s.dir,
			files: map[string]string{config: caddyConfig(s)},
		}
	},
	winner: func(app *App, cell scenarios.Cell) (string, string) {
		return "Caddyfile", caddyWinner(productionSite(app, cell))
	},
}

func caddyConfig(s site) string {
	host, port, err := net.SplitHostPort(s.listen.address)
	if err != nil {
		panic(err) // addresses are chosen by us
	}
	scheme, tls := "http", ""
	if s.cert != nil {
		scheme, tls = "https", "\ttls "+caddyQuote(s.cert.chain)+" "+caddyQuote(s.cert.key)+"\n"
	}
	return "# " + s.cell.String() + `
{
	admin off
	auto_https off
	storage file_system ` + caddyQuote(filepath.Join(s.dir, "tmp", "caddy")) + `
	log {
		level ERROR
	}
` + caddyProtocols(s) + `}

` + scheme + "://:" + port + ` {
	bind ` + host + "\n" + tls + caddyHandlers(s) + `}
`
}

// caddyProtocols says what to speak with clients: HTTP/2 on request only, HTTP/3 never.
func caddyProtocols(s site) string {
	protocols := "h1"
	if s.settings.HTTP2 {
		protocols = "h1 h2"
	}
	return "\tservers {\n\t\tprotocols " + protocols + "\n\t}\n"
}

// caddyHandlers serves the mounts from their folders and the rest from the application.
func caddyHandlers(s site) string {
	var b strings.Builder
	for _, m := range s.app.Static {
		fmt.Fprintf(&b, "\thandle_path %s {\n\t\troot * %s\n\t\tfile_server\n\t}\n",
			caddyQuote(m.URL+"*"), caddyQuote(strings.TrimSuffix(m.Dir, "/")))
	}
	b.WriteString("\thandle {\n\t\treverse_proxy {\n")
	for _, at := range s.upstreams {
		fmt.Fprintf(&b, "\t\t\tto %s\n", caddyQuote(caddyAddress(at)))
	}
	if len(s.upstreams) > 1 {
		b.WriteString("\t\t\tlb_policy round_robin\n")
	}
	if !s.settings.Buffering {
		b.WriteString("\t\t\tflush_interval -1\n")
	}
	b.WriteString("\t\t\ttransport http {\n")
	if n := s.settings.KeepAlive; n > 0 {
		fmt.Fprintf(&b, "\t\t\t\tkeepalive 60s\n\t\t\t\tkeepalive_idle_conns_per_host %d\n", n)
	} else {
		b.WriteString("\t\t\t\tkeepalive off\n")
	}
	b.WriteString("\t\t\t\tcompression off\n\t\t\t}\n\t\t}\n\t}\n")
	return b.String()
}

func caddyAddress(at endpoint) string {
	if at.network == "unix" {
		return "unix/" + at.address
	}
	return at.address
}

func caddyQuote(s string) string {
	if !strings.ContainsAny(s, " \t\"`#") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

func caddyWinner(s site) string {
	return `# Measured and recommended by sweetspot: ` + s.cell.String() + `
# Check the folders. For TLS` + productionTLS(s) + `, put a host name in place of :80.
` + productionSockets(s) + `{
` + caddyProtocols(s) + `}

:80 {
` + caddyHandlers(s) + `}
`
}
