package attack

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// maxSpread is the most transports that an attack over HTTP/2 spreads over.
const maxSpread = 32

// connections opens and keeps the connections of an attack.
//
// It opens them only for requests that wait for one: a server of one request
// per worker, such as gunicorn's sync, would give a connection that was opened
// in advance a whole worker, which then waits for a request.
//
// Over HTTP/1.1 they are as many as there are requests in flight, at most as
// many as the attack has workers. Over HTTP/2 net/http puts all requests to a
// host on one connection, and so on one worker of the proxy; no crowd of
// browsers does. Hits are therefore dealt out over as many transports as the
// attack has workers, 32 at most, each with a connection of its own.
type connections struct {
	spread []*http.Transport // hit seq uses the one at seq modulo their number
	per    uint64            // requests per connection in the mean; 0: any number
	from   time.Time         // start of the measured part; set before the first hit
	opened atomic.Uint64     // in the measured part
}

func newConnections(ctx context.Context, s Spec, workers int) *connections {
	c := &connections{per: uint64(s.PerConnection)}
	number := 1
	if s.HTTP2 {
		number = min(workers, maxSpread)
	}
	for range number {
		c.spread = append(c.spread, c.newTransport(ctx, s, workers))
	}
	return c
}

func (c *connections) newTransport(ctx context.Context, s Spec, workers int) *http.Transport {
	t := &http.Transport{
		DialContext:         func(context.Context, string, string) (net.Conn, error) { return c.dial(ctx, s) },
		TLSHandshakeTimeout: s.Timeout,
		DisableCompression:  true,
		MaxConnsPerHost:     workers,
		MaxIdleConnsPerHost: workers,
		Protocols:           &http.Protocols{},
	}
	t.Protocols.SetHTTP1(true)
	if s.TLS != nil {
		t.TLSClientConfig = s.TLS.Clone()
		t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	if s.HTTP2 {
		// HTTP/1.1 is offered too, so that a server without HTTP/2 shows
		// itself by its answers, which are faults.
		t.Protocols.SetHTTP2(true)
		t.TLSClientConfig.NextProtos = []string{"h2", "http/1.1"}
		t.MaxConnsPerHost = 1 // or every request that waits for the connection opens one
		return t
	}
	t.Proxy = sendOnce
	return t
}

// dial opens a connection. The request that it is opened for may be over by
// then, because another connection became free or its time was up; so dialling
// has a time-out of its own, and ends with the attack.
func (c *connections) dial(ctx context.Context, s Spec) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	dial := s.dial
	if dial == nil {
		dial = func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, s.Network, s.Address)
		}
	}
	conn, err := dial(ctx)
	if err == nil && !time.Now().Before(c.from) {
		c.opened.Add(1)
	}
	return conn, err
}

// of returns the transport of hit seq.
func (c *connections) of(seq uint64) *http.Transport {
	return c.spread[seq%uint64(len(c.spread))]
}

// last tells whether hit seq is the last one of its connection: every per-th
// hit of a transport is, and transports take turns. With one transport those
// are the hits per−1, 2·per−1, and so on. A connection that hits share at
// random thus ends after per requests in the mean.
func (c *connections) last(seq uint64) bool {
	if c.per == 0 {
		return false
	}
	n := uint64(len(c.spread))
	return (seq/n+seq%n)%c.per == c.per-1
}

// close closes the connections that are idle.
func (c *connections) close() {
	for _, t := range c.spread {
		t.CloseIdleConnections()
	}
}

// sending is the context of the one request of a hit. It also holds the
// request's URL, which saves an allocation.
type sending struct {
	context.Context
	url   url.URL
	tries int
}

var errRepeated = errors.New("the request would have to be sent a second time")

// sendOnce is a Transport.Proxy, which net/http asks each time before it sends
// a request. When a kept-alive connection is closed before it answers, net/http
// sends some requests a second time on another one: the subject would have got
// a request that no count holds, and closed a connection under a request
// without anybody knowing. It needs no such care over HTTP/2, where only
// requests are sent again that the server has declared untouched.
func sendOnce(r *http.Request) (*url.URL, error) {
	s := r.Context().(*sending)
	if s.tries++; s.tries > 1 {
		return nil, errRepeated
	}
	return nil, nil
}

// base returns the address that requests go to, without a path.
func (s Spec) base() *url.URL {
	u := &url.URL{Scheme: "http", Host: s.Host}
	if s.TLS != nil {
		u.Scheme = "https"
	}
	switch {
	case u.Host != "":
	case s.Network == "unix":
		u.Host = "localhost"
	default:
		u.Host = s.Address
	}
	return u
}
