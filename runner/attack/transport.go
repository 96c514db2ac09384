package attack

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// transport makes the request that a hit stands for, reads and verifies its
// response, and hands vegeta the findings in place of the body.
type transport struct {
	ctx      context.Context // of the attack; vegeta's requests carry none
	conns    *connections
	mix      Mix
	kinds    []kind
	files    files
	verifier *verifier
	http2    bool // anything else is a fault
	timeout  time.Duration
	pool     pool
}

func newTransport(ctx context.Context, s Spec, kinds []kind, files files, workers int) *transport {
	longest := 0
	for _, k := range kinds {
		longest = max(longest, len(k.expect.contains))
	}
	return &transport{
		ctx:      ctx,
		conns:    newConnections(ctx, s, workers),
		mix:      s.Mix,
		kinds:    kinds,
		files:    files,
		verifier: newVerifier(longest),
		http2:    s.HTTP2,
		timeout:  s.Timeout,
	}
}

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
	request := t.request(ctx, k, seq, f)
	resp, err := t.conns.of(seq).RoundTrip(request)
	if err != nil {
		f.fault = t.cause(faultOf(err))
		return 0
	}
	defer resp.Body.Close()
	n, fault := t.verifier.verify(resp.Body, resp.StatusCode, t.expect(k, request.URL.Opaque))
	if t.http2 && resp.ProtoMajor != 2 {
		fault = notHTTP2
	}
	f.over, f.in, f.fault = protocolOf(resp), uint64(n), t.cause(fault)
	return resp.StatusCode
}

// expect returns what a good response to a request of kind k looks like, which
// was sent with the given path and query.
func (t *transport) expect(k *kind, target string) expectation {
	if !k.file || len(t.files) == 0 {
		return k.expect
	}
	path, _, _ := strings.Cut(target, "?")
	return k.expect.or(t.files[path])
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
	s := &sending{Context: ctx, url: url.URL{
		Scheme: k.request.URL.Scheme,
		Host:   k.request.URL.Host,
		Opaque: string(t.mix.AppendPath(make([]byte, 0, 128), seq)), // goes into the request line as it is
	}}
	r := k.request.WithContext(s)
	r.URL, r.Close = &s.url, t.conns.last(seq)
	if body := t.mix.AppendBody(nil, seq); len(body) > 0 {
		r.ContentLength = int64(len(body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		f.out = uint64(len(body))
	}
	return r
}
