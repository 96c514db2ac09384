package scenarios

import (
	"strings"
	"time"
)

const (
	maxSlow       = 10_000
	maxWebSockets = 50_000
	maxEvery      = Duration(time.Hour)
)

// slowKinds are what slow clients may be slow at.
var slowKinds = []string{SlowHeaders, SlowBody, SlowRead}

// beside checks what is held beside the attack.
func (c checker) beside() {
	if s := c.s.Traffic.Slow; s != nil {
		c.number("traffic.slow.clients", s.Clients, maxSlow, "say how many, as clients: 10")
		if !c.missing("traffic.slow.kind", s.Kind, "write "+oneOf(slowKinds)) {
			c.word("traffic.slow.kind", s.Kind, slowKinds)
		}
		c.sentPath("traffic.slow.path", s.Path)
		c.between("traffic.slow.every", s.Every, Duration(time.Millisecond), maxEvery)
	}
	if w := c.s.Traffic.WebSockets; w != nil {
		c.number("traffic.websockets.connections", w.Connections, maxWebSockets, "say how many, as connections: 100")
		if !c.missing("traffic.websockets.path", w.Path, "write the path of an endpoint that sends back what it gets, as /ws/echo/") {
			c.sentPath("traffic.websockets.path", w.Path)
		}
		c.between("traffic.websockets.every", w.Every, Duration(10*time.Millisecond), maxEvery)
	}
}

// number reports a number that is missing, or not from 1 to most.
func (c checker) number(path string, n, most int, hint string) {
	if n == 0 && !c.given(path) {
		c.fault(path, "is missing", hint)
		return
	}
	c.count(path, n, 1, most)
}

// sentPath reports what cannot be a path without parameters.
func (c checker) sentPath(path, url string) {
	if strings.ContainsAny(url, "{}") {
		c.fault(path, "holds a brace, and there are no parameters to fill in", "write the path as it is sent; %7B and %7D are braces")
		return
	}
	c.urlPath(path, url)
}
