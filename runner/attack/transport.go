package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// transport makes the request that a hit stands for, reads and verifies its
// response, and hands vegeta the findings in place of the body.
//
// It opens connections only for requests that wait for one: a server of one
// request per worker, such as gunicorn's sync, would give a connection that
// was opened in advance a whole worker, which then waits for a request.
//
// Like any HTTP/1.1 client, net/http repeats a request without a body on a
// fresh connection when the server closed the kept-alive one before answering.
type transport struct {
	ctx      context.Context // of the attack; vegeta's requests carry none
	base     *http.Transport
	mix      Mix
	kinds    []kind
	verifier *verifier
	timeout  time.Duration
	pool     pool
}

// kind is one of the scenario's requests, made ready for sending.
type kind struct {
	request http.Request // shared by its hits: net/http does not change it
	expect  expectation
}

func newTransport(ctx context.Context, s Spec, kinds []kind, idle int) *transport {
	longest := 0
	for _, k := range kinds {
		longest = max(longest, len(k.expect.contains))
	}
	dial := s.dial
	if dial == nil {
		dial = func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, s.Network, s.Address)
		}
	}
	return &transport{
		ctx: ctx,
		base: &http.Transport{
			DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
			DisableCompression:  true,
			MaxIdleConnsPerHost: idle,
		},
		mix:      s.Mix,
		kinds:    kinds,
		verifier: newVerifier(longest),
		timeout:  s.Timeout,
	}
}

// newKinds prepares the requests of a spec.
func newKinds(s Spec) ([]kind, error) {
	host := s.Address
	if s.Network == "unix" {
		host = "localhost"
	}
	var errs []error
	kinds := make([]kind, len(s.Requests))
	for i, r := range s.Requests {
		expect, err := newExpectation(r.Expect)
		if err != nil {
			errs = append(errs, fmt.Errorf("request %s: sha256 %q: %w: write 64 hexadecimal digits", r.Name, r.Expect.SHA256, err))
		}
		header := http.Header{"User-Agent": {"sweetspot"}}
		for name, value := range r.Headers {
			header.Set(name, value)
		}
		kinds[i] = kind{expect: expect, request: http.Request{
			Method: r.Method,
			Header: header,
			Host:   header.Get("Host"),
			URL:    &url.URL{Scheme: "http", Host: host},
		}}
	}
	return kinds, errors.Join(errs...)
}

// Close closes the connections that are idle.
func (t *transport) Close() { t.base.CloseIdleConnections() }

// RoundTrip implements http.RoundTripper. The request only tells the number of
// the hit; that header is not sent to the subject, whose requests look like
// anybody's. It never fails: what went wrong is in the response's body.
func (t *transport) RoundTrip(numbered *http.Request) (*http.Response, error) {
	seq, err := strconv.ParseUint(numbered.Header.Get("X-Vegeta-Seq"), 10, 64)
	if err != nil {
		return nil, err
	}
	f := finding{queued: seq < t.pool.busyUntil.Load()}
	code := t.exchange(seq, &f)
	return &http.Response{
		StatusCode: code,
		Body:       &findingBody{record: f.encode()},
		Request:    numbered,
	}, nil
}

// exchange sends hit seq, reads the response, notes the findings and returns
// the status code; 0 without an answer.
func (t *transport) exchange(seq uint64, f *finding) int {
	if t.ctx.Err() != nil {
		f.fault = unsent
		return 0
	}
	ctx, cancel := context.WithTimeout(t.ctx, t.timeout)
	defer cancel()
	k := &t.kinds[t.mix.Pick(seq)]
	resp, err := t.base.RoundTrip(t.request(ctx, k, seq, f))
	if err != nil {
		f.fault = t.cause(faultOf(err))
		return 0
	}
	defer resp.Body.Close()
	n, fault := t.verifier.verify(resp.Body, resp.StatusCode, k.expect)
	f.in, f.fault = uint64(n), t.cause(fault)
	return resp.StatusCode
}

// cause returns the fault that an exchange ended with, unless the end of the
// attack cut it short: net/http then returns any error that the end was given
// as its cause.
func (t *transport) cause(f fault) fault {
	if f != good && t.ctx.Err() != nil {
		return cancelled
	}
	return f
}

// request returns hit seq as it is sent.
func (t *transport) request(ctx context.Context, k *kind, seq uint64, f *finding) *http.Request {
	r := k.request.WithContext(ctx)
	r.URL = &url.URL{
		Scheme: k.request.URL.Scheme,
		Host:   k.request.URL.Host,
		Opaque: string(t.mix.AppendPath(make([]byte, 0, 128), seq)), // goes into the request line as it is
	}
	if body := t.mix.AppendBody(nil, seq); len(body) > 0 {
		r.ContentLength = int64(len(body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		f.out = uint64(len(body))
	}
	return r
}
