package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// idleCheck is how long a connection may lie idle and be used again without a
// look whether the server has closed it.
const idleCheck = 20 * time.Millisecond

// An open loop has connections ready for requests that take warmFor, but not
// more than maxWarm.
const (
	warmFor = 10 * time.Millisecond
	maxWarm = 256
)

// lean is the client for HTTP/1.1. It takes a third of the CPU time that
// net/http takes: no goroutine stands between a worker and its socket, and
// requests are rendered once.
//
// Beyond those that it warms it opens connections, like the standard client,
// only for requests that find none idle.
type lean struct {
	*traffic
	dialer *dialer
	tls    *tls.Config // nil: none
	orders []order     // by kind
	per    uint64      // requests per connection in the mean; 0: any number
	forget func() bool // no longer watches the attack's end

	mutex sync.Mutex
	idle  []*wire // the one used last comes last
	all   map[*wire]struct{}
}

func newLean(s Spec, traffic *traffic, dialer *dialer, workers int) *lean {
	l := &lean{traffic: traffic, dialer: dialer, per: uint64(s.PerConnection), all: map[*wire]struct{}{}}
	for i := range traffic.kinds {
		l.orders = append(l.orders, newOrder(&traffic.kinds[i].request))
	}
	if s.TLS != nil {
		l.tls = s.TLS.Clone()
		l.tls.NextProtos = []string{"http/1.1"}
		if l.tls.ServerName == "" {
			l.tls.ServerName = s.base().Hostname()
		}
	}
	l.forget = context.AfterFunc(traffic.ctx, l.interrupt)
	l.warm(min(int(s.ownRate()*warmFor.Seconds()), workers, maxWarm))
	return l
}

// order is one of the scenario's requests, rendered but for what differs
// between its hits.
type order struct {
	request *http.Request
	before  []byte // method
	after   []byte // from behind the path to the last header
	counted bool   // it says how long its body is even when it has none
	safe    bool   // sending it twice does what sending it once does: RFC 9110, section 9.2.1
}

func newOrder(r *http.Request) order {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	var after bytes.Buffer
	after.WriteString(" HTTP/1.1\r\nHost: " + host + "\r\n")
	// Writing to a buffer does not fail.
	_ = r.Header.WriteSubset(&after, map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Trailer": true})
	return order{
		request: r, before: []byte(r.Method + " "), after: after.Bytes(),
		counted: slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch}, r.Method),
		safe:    slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}, r.Method),
	}
}

// exchange implements client.
func (l *lean) exchange(seq uint64, f *finding) int {
	now := time.Now()
	deadline := now.Add(l.timeout)
	kind := l.mix.Pick(seq)
	w, err := l.take(now, deadline, l.orders[kind].safe)
	if err != nil {
		f.fault = l.cause(faultOf(err))
		return 0
	}
	code := l.talk(w, kind, seq, deadline, f)
	if f.fault == stale && l.orders[kind].safe {
		if w, err = l.open(deadline); err != nil {
			f.fault = l.cause(faultOf(err))
			return 0
		}
		f.resent = true
		code = l.talk(w, kind, seq, deadline, f)
	}
	return code
}

// talk sends a hit over a connection, and reads and verifies its response.
func (l *lean) talk(w *wire, kind int, seq uint64, deadline time.Time, f *finding) int {
	o, last := &l.orders[kind], l.per > 0 && seq%l.per == l.per-1
	target := l.render(w, o, seq, last)
	f.out, f.fault = uint64(len(w.body)), good
	h, err := l.answer(w, o, deadline)
	if err != nil {
		l.drop(w)
		f.fault = l.cause(faultOf(err))
		if w.used && !w.heard && isClosed(err) && f.fault != cancelled {
			f.fault = stale
		}
		return 0
	}
	n, fault := l.verifier.verify(&w.rest, h.code, l.expect(&l.kinds[kind], target))
	f.in, f.fault = uint64(n), l.cause(fault)
	f.over = protocol((1+h.minor)<<4 | int(w.tls&0x0f)) // 0x0304 is TLS 1.3
	if last || h.close || !w.rest.done || w.in.Buffered() > 0 || h.code == http.StatusSwitchingProtocols {
		l.drop(w)
	} else {
		l.keep(w)
	}
	return h.code
}

func (l *lean) answer(w *wire, o *order, deadline time.Time) (head, error) {
	if err := w.begin(deadline); err != nil {
		return head{}, err
	}
	if err := l.ctx.Err(); err != nil { // the deadline may be later than interrupt's
		return head{}, err
	}
	return w.answer(o.request)
}

// render puts a hit into the connection's buffer and returns its path and
// query.
func (l *lean) render(w *wire, o *order, seq uint64, last bool) (target []byte) {
	w.body = l.mix.AppendBody(w.body[:0], seq)
	w.out = append(w.out[:0], o.before...)
	w.out = l.mix.AppendPath(w.out, seq)
	end := len(w.out)
	w.out = append(w.out, o.after...)
	if last {
		w.out = append(w.out, "Connection: close\r\n"...)
	}
	if o.counted || len(w.body) > 0 {
		w.out = append(w.out, "Content-Length: "...)
		w.out = strconv.AppendInt(w.out, int64(len(w.body)), 10)
		w.out = append(w.out, "\r\n"...)
	}
	w.out = append(w.out, "\r\n"...)
	w.out = append(w.out, w.body...)
	return w.out[len(o.before):end]
}

// take returns an idle connection, or a new one when there is none. A look
// whether the server has closed it costs a system call, and is worth it where
// that is likely, or the request cannot be repeated.
func (l *lean) take(now, deadline time.Time, safe bool) (*wire, error) {
	for {
		l.mutex.Lock()
		n := len(l.idle) - 1
		if n < 0 {
			l.mutex.Unlock()
			return l.open(deadline)
		}
		w := l.idle[n]
		l.idle = l.idle[:n]
		l.mutex.Unlock()
		if safe && now.Sub(w.since) < idleCheck || w.alive() {
			return w, nil
		}
		l.drop(w)
	}
}

// open opens a connection.
func (l *lean) open(deadline time.Time) (*wire, error) {
	ctx, cancel := context.WithDeadline(l.ctx, deadline)
	defer cancel()
	conn, err := l.dialer.open(ctx)
	if err != nil {
		return nil, err
	}
	if l.tls != nil {
		encrypted := tls.Client(conn, l.tls)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = encrypted
	}
	w := newWire(conn)
	l.mutex.Lock()
	l.all[w] = struct{}{}
	l.mutex.Unlock()
	return w, nil
}

// warm opens n connections before the first request, so that a burst does not
// have to. They are used in the order in which they were opened, for a server
// that serves one connection at a time waits for the oldest. Those that do not
// open now fail when a request needs them.
func (l *lean) warm(n int) {
	for range n {
		w, err := l.open(time.Now().Add(l.timeout))
		if err != nil {
			return
		}
		w.since = time.Now()
		l.idle = slices.Insert(l.idle, 0, w)
	}
}

// keep has a connection wait for another request.
func (l *lean) keep(w *wire) {
	w.used, w.since = true, time.Now()
	l.mutex.Lock()
	l.idle = append(l.idle, w)
	l.mutex.Unlock()
}

// drop closes a connection.
func (l *lean) drop(w *wire) {
	_ = w.conn.Close()
	l.mutex.Lock()
	delete(l.all, w)
	l.mutex.Unlock()
}

// interrupt ends all exchanges.
func (l *lean) interrupt() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for w := range l.all {
		_ = w.conn.SetDeadline(time.Unix(1, 0))
	}
}

// close implements client.
func (l *lean) close() {
	l.forget()
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for w := range l.all {
		_ = w.conn.Close()
	}
	l.all, l.idle = nil, nil
}

// isClosed tells whether an error says that the other side closed the
// connection.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}
