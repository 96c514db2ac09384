package scenarios

import "slices"

const maxKeepAlive = 10_000

// upstreams are the ways from a proxy to an application server.
var upstreams = []string{AutoUpstream, UnixUpstream, TCPUpstream}

// proxy checks how the proxies of the matrix are set up.
func (c checker) proxy() {
	p, proxies := c.s.Proxy, c.s.Matrix.Proxies
	c.word("proxy.upstream", p.Upstream, upstreams)
	c.count("proxy.keepalive", p.KeepAlive, 0, maxKeepAlive)
	c.faultIf(p.HTTP2 && !p.TLS && !c.isWrong("proxy.tls"), "proxy.http2", "needs TLS, by which a client agrees on it", "write tls: true beside it")
	// In a list with others direct stays as it is: it shows what TLS costs.
	isDirect := len(proxies) > 0 && !slices.ContainsFunc(proxies, func(name string) bool { return name != Direct })
	c.faultIf(p.TLS && isDirect && !c.isWrong("matrix.proxies"), "proxy.tls", "is true, and no proxy is there to speak it", "add one, as matrix: with proxies: [nginx]")
}

// databases of which an application uses one.
var databases = []string{"postgresql", "mariadb"}

// services checks the names of the services.
func (c checker) services() {
	s := c.s.Services
	if len(s) == 0 || !c.names("services", "service", s, c.cat.Services) {
		return
	}
	used := 0
	for _, name := range databases {
		if slices.Contains(s, name) {
			used++
		}
	}
	c.faultIf(used > 1, "services", "name two databases, and the application is told of one", "keep "+oneOf(databases))
}
