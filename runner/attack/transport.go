package attack

import (
	"context"
	"errors"
	"net/http"
	"strconv"
)

// transport stands between vegeta and the client that talks to the subject. It
// hands vegeta the findings in place of the body.
type transport struct {
	ctx    context.Context // of the attack; vegeta's requests carry none
	client client
	pool   pool
}

// A client sends the request that a hit stands for, and reads and verifies its
// response.
type client interface {
	// exchange notes its findings and returns the status code; 0 without an
	// answer. It is called by as many goroutines as the attack has workers.
	exchange(seq uint64, f *finding) (code int)
	close()
}

// newClient returns the client that an attack is made with.
func newClient(s Spec, traffic *traffic, dialer *dialer, workers int) client {
	if s.HTTP2 || s.Standard {
		return newStandard(s, traffic, dialer, workers)
	}
	return newLean(s, traffic, dialer, workers)
}

// RoundTrip implements http.RoundTripper. The request only tells the number of
// the hit; that header is not sent to the subject, whose requests look like
// anybody's. It never fails: what went wrong is in the response's body.
func (t *transport) RoundTrip(numbered *http.Request) (*http.Response, error) {
	seq, err := number(numbered.Header["X-Vegeta-Seq"]) // Get would bring the name into its form first
	if err != nil {
		return nil, err
	}
	f := finding{queued: seq < t.pool.busyUntil.Load()}
	code := 0
	if t.ctx.Err() != nil {
		f.fault = unsent
	} else {
		code = t.client.exchange(seq, &f)
	}
	a := &answered{body: findingBody{record: f.encode()}}
	a.response = http.Response{StatusCode: code, Body: &a.body, Request: numbered}
	return &a.response, nil
}

// number reads the number of a hit.
func number(header []string) (uint64, error) {
	if len(header) != 1 {
		return 0, errors.New("vegeta does not tell the number of a hit")
	}
	return strconv.ParseUint(header[0], 10, 64)
}

// answered is a response and its body in one allocation.
type answered struct {
	response http.Response
	body     findingBody
}
