package linger

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"
)

// place is where the connections go.
type place struct {
	network, address, host string
	tls                    *tls.Config // nil: plain
	timeout                time.Duration
	dial                   func(context.Context) (net.Conn, error)
}

// newPlace returns the place of a spec. A positive receive is the size of the
// buffer in bytes in which the kernel takes what a connection has not read.
func newPlace(s Spec, receive int) place {
	p := place{network: s.Network, address: s.Address, host: s.Host, timeout: s.Timeout, dial: s.dial}
	if s.TLS != nil {
		p.tls = s.TLS.Clone()
		p.tls.NextProtos = []string{"http/1.1"} // a slow byte and an upgrade are things of HTTP/1.1
		host, _, _ := net.SplitHostPort(s.Address)
		p.tls.ServerName = cmp.Or(p.tls.ServerName, host, "localhost")
	}
	if p.dial == nil {
		dialer := net.Dialer{KeepAlive: -1} // no probes that the scenario does not know of
		if receive > 0 {
			dialer.Control = func(_, _ string, c syscall.RawConn) error { return receiveBuffer(c, receive) }
		}
		p.dial = func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, p.network, p.address) }
	}
	return p
}

// receiveBuffer sets the size of a socket's receive buffer, which a
// connection's window is made from: before it connects.
func receiveBuffer(c syscall.RawConn, bytes int) error {
	var err error
	outer := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, bytes)
	})
	return cmp.Or(outer, err)
}

// link is a connection whose Close never waits: what TLS would still say is
// left unsaid.
type link struct {
	net.Conn
	raw net.Conn
}

// Close closes the connection.
func (l link) Close() error { return l.raw.Close() }

// connect opens a connection, TLS included, within the timeout.
func (p place) connect(ctx context.Context) (link, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	raw, err := p.dial(ctx)
	if err != nil {
		return link{}, err
	}
	if p.tls == nil {
		return link{raw, raw}, nil
	}
	secured := tls.Client(raw, p.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		raw.Close()
		return link{}, fmt.Errorf("%w: %w", errTLS, err)
	}
	return link{secured, raw}, nil
}

// head returns the head of a request with the given header lines, up to and
// without the empty line.
func (p place) head(method, path string, lines ...string) string {
	lines = append([]string{"Host: " + p.host, "User-Agent: sweetspot"}, lines...)
	return fmt.Sprintf("%s %s HTTP/1.1\r\n%s\r\n", method, path, strings.Join(lines, "\r\n"))
}
