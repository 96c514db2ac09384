package attack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
)

// maxSpread is the most transports that an attack over HTTP/2 spreads over.
const maxSpread = 32

// standard is the client for what the lean one does not do: HTTP/2. It is
// net/http's.
//
// It opens connections only for requests that wait for one: a server of one
// request per worker, such as gunicorn's sync, would give a connection that was
// opened in advance a whole worker, which then waits for a request.
//
// Over HTTP/1.1 they are as many as there are requests in flight, at most as
// many as the attack has workers. Over HTTP/2 net/http puts all requests to a
// host on one connection, and so on one worker of the proxy; no crowd of
// browsers does. Hits are therefore dealt out over as many transports as the
// attack has workers, 32 at most, each with a connection of its own.
type standard struct {
	*traffic
	dialer *dialer
	spread []*http.Transport // hit seq uses the one at seq modulo their number
	per    uint64            // requests per connection in the mean; 0: any number
	http2  bool              // anything else is a fault
}

func newStandard(s Spec, traffic *traffic, dialer *dialer, workers int) *standard {
	c := &standard{traffic: traffic, dialer: dialer, per: uint64(s.PerConnection), http2: s.HTTP2}
	number := 1
	if s.HTTP2 {
		number = min(workers, maxSpread)
	}
	for range number {
		c.spread = append(c.spread, c.newTransport(s, workers))
	}
	return c
}

func (c *standard) newTransport(s Spec, workers int) *http.Transport {
	t := &http.Transport{
		DialContext:         c.dial,
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
func (c *standard) dial(context.Context, string, string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.timeout)
	defer cancel()
	return c.dialer.open(ctx)
}

// of returns the transport of hit seq.
func (c *standard) of(seq uint64) *http.Transport {
	return c.spread[seq%uint64(len(c.spread))]
}

// last tells whether hit seq is the last one of its connection: every per-th
// hit of a transport is, and transports take turns. With one transport those
// are the hits per−1, 2·per−1, and so on. A connection that hits share at
// random thus ends after per requests in the mean.
func (c *standard) last(seq uint64) bool {
	if c.per == 0 {
		return false
	}
	n := uint64(len(c.spread))
	return (seq/n+seq%n)%c.per == c.per-1
}

// close closes the connections that are idle.
func (c *standard) close() {
	for _, t := range c.spread {
		t.CloseIdleConnections()
	}
}

// exchange implements client.
func (c *standard) exchange(seq uint64, f *finding) int {
	ctx, cancel := context.WithTimeout(c.ctx, c.timeout)
	defer cancel()
	k := &c.kinds[c.mix.Pick(seq)]
	request := c.request(ctx, k, seq, f)
	resp, err := c.of(seq).RoundTrip(request)
	if err != nil {
		f.fault = c.cause(faultOf(err))
		return 0
	}
	defer resp.Body.Close()
	n, fault := c.verifier.verify(resp.Body, resp.StatusCode, c.expect(k, []byte(request.URL.Opaque)))
	if c.http2 && resp.ProtoMajor != 2 {
		fault = notHTTP2
	}
	f.over, f.in, f.fault = protocolOf(resp), uint64(n), c.cause(fault)
	return resp.StatusCode
}

// request returns hit seq as it is sent.
func (c *standard) request(ctx context.Context, k *kind, seq uint64, f *finding) *http.Request {
	s := &sending{Context: ctx, url: url.URL{
		Scheme: k.request.URL.Scheme,
		Host:   k.request.URL.Host,
		Opaque: string(c.mix.AppendPath(make([]byte, 0, 128), seq)), // goes into the request line as it is
	}}
	r := k.request.WithContext(s)
	r.URL, r.Close = &s.url, c.last(seq)
	if body := c.mix.AppendBody(nil, seq); len(body) > 0 {
		r.ContentLength = int64(len(body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		f.out = uint64(len(body))
	}
	return r
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
