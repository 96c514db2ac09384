package stack

import (
	"fmt"
	"strings"

	"sweetspot/scenarios"
)

// productionSite is for what the production configuration of a proxy is
// rendered: mounts and sockets are where they are likely to be in production,
// the settings are those that were measured.
func productionSite(app *App, cell scenarios.Cell) site {
	there := *app
	there.Static = make([]scenarios.Mount, len(app.Static))
	for i, m := range app.Static {
		there.Static[i] = scenarios.Mount{URL: m.URL, Dir: app.productionDir(m)}
	}
	srv, _ := findServer(cell.Server)
	s := site{app: &there, cell: cell, settings: app.proxy, uwsgi: srv.uwsgi}
	n := srv.copies(cell)
	for i := range n {
		s.upstreams = append(s.upstreams, productionEndpoint(app, srv, i, n))
	}
	return s
}

// productionEndpoint is where the application server i of n listens for a proxy.
func productionEndpoint(app *App, srv server, i, n int) endpoint {
	switch {
	case srv.tcpOnly && n > 1:
		return endpoint{"tcp", fmt.Sprintf("127.0.0.1:%d", 8001+i)}
	case srv.tcpOnly:
		return endpoint{"tcp", productionUpstream}
	case n > 1:
		return endpoint{"unix", strings.TrimSuffix(productionSocket(app), ".sock") + fmt.Sprintf("-%d.sock", i+1)}
	}
	return endpoint{"unix", productionSocket(app)}
}

// productionSockets is a comment on where the application has to listen; ""
// when it is one server, whose own configuration says so.
func productionSockets(s site) string {
	n := len(s.upstreams)
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("# Start %d application servers, each at an address of its own: %s to %s.\n",
		n, s.upstreams[0].address, s.upstreams[n-1].address)
}

// productionTLS qualifies a comment on TLS; "" when none was measured.
func productionTLS(s site) string {
	switch {
	case s.settings.HTTP2:
		return " and HTTP/2, as measured"
	case s.settings.TLS:
		return ", as measured"
	}
	return ""
}

// What the production configurations of servers that listen on a port say.
const (
	productionAddress  = "0.0.0.0:8000"   // where no proxy stands in front
	productionUpstream = "127.0.0.1:8000" // where one does
)
