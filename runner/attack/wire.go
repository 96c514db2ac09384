package attack

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"syscall"
	"time"
)

const (
	wireBuffer = 8 << 10
	longestTop = 1 << 20 // bytes of the header blocks of one response, interim ones included
)

var (
	errLongHead = errors.New("malformed response: a header block without an end")
	errBlocked  = errors.New("the socket takes no more for now")
)

// wire is a connection that speaks HTTP/1.1. One goroutine uses it at a time.
type wire struct {
	conn  net.Conn
	raw   syscall.RawConn // nil: the connection is no socket, or encrypted
	in    *bufio.Reader   // over Read
	tls   uint16          // version; 0: none
	out   []byte          // a request
	body  []byte          // its body
	left  []byte          // what of it is still to be sent: the next Read begins with that
	top   []byte          // the last plain header block
	was   head            // and what it said
	used  bool            // it has carried a request before
	heard bool            // a byte of the answer is in
	room  int             // bytes that header blocks may still take; -1: none is being read
	since time.Time       // idle since
	rest  answerBody

	// Of the one read of a socket that goes on: a closure for each would be an
	// allocation.
	try func(fd uintptr) bool
	to  []byte
	n   int
	err error
}

func newWire(conn net.Conn) *wire {
	w := &wire{conn: conn}
	w.in = bufio.NewReaderSize(w, wireBuffer)
	if encrypted, ok := conn.(*tls.Conn); ok {
		w.tls = encrypted.ConnectionState().Version
	}
	if socket, ok := conn.(syscall.Conn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			w.raw, w.try = raw, w.exchangeBytes
		}
	}
	return w
}

// begin makes the wire send w.out, and give up at the deadline.
func (w *wire) begin(deadline time.Time) error {
	w.left, w.heard, w.room = w.out, false, longestTop
	if w.raw != nil {
		return w.conn.SetReadDeadline(deadline)
	}
	return w.conn.SetDeadline(deadline)
}

// Read sends what is left of the request, and reads of the answer what is
// there.
func (w *wire) Read(p []byte) (n int, err error) {
	if w.room == 0 {
		return 0, errLongHead
	}
	if w.room > 0 {
		p = p[:min(len(p), w.room)]
	}
	if w.raw == nil {
		n, err = w.readPlainly(p)
	} else {
		n, err = w.readSocket(p)
	}
	w.heard = w.heard || n > 0
	if w.room > 0 {
		w.room -= n
	}
	return n, err
}

func (w *wire) readPlainly(p []byte) (int, error) {
	if len(w.left) > 0 {
		if _, err := w.conn.Write(w.left); err != nil {
			return 0, err
		}
		w.left = nil
	}
	return w.conn.Read(p)
}

// readSocket takes one system call to write a request and one to read its
// answer, where Conn.Write and Conn.Read take three: they read in vain before
// they wait.
func (w *wire) readSocket(p []byte) (int, error) {
	w.to = p
	for {
		w.n, w.err = 0, nil
		if err := w.raw.Read(w.try); err != nil {
			return 0, err
		}
		if w.err != errBlocked {
			return w.n, w.err
		}
		// Sending has to be waited for, which Conn.Write does.
		if err := w.conn.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			return 0, err
		}
		if _, err := w.conn.Write(w.left); err != nil {
			return 0, err
		}
		w.left = nil
	}
}

// exchangeBytes is called when the socket may be readable; false has it called
// again when it is.
func (w *wire) exchangeBytes(fd uintptr) bool {
	if len(w.left) > 0 {
		n, errno := send(fd, w.left)
		w.left = w.left[n:]
		switch {
		case errno == syscall.EINTR || errno == 0 && len(w.left) == 0:
			return false
		case errno == syscall.EAGAIN || errno == 0:
			w.err = errBlocked
		default:
			w.err = errno
		}
		return true
	}
	n, errno := receive(fd, w.to, 0)
	switch {
	case errno == syscall.EAGAIN || errno == syscall.EINTR:
		return false
	case errno != 0:
		w.err = errno
	case n == 0:
		w.err = io.EOF
	}
	w.n = n
	return true
}

// alive tells whether an idle connection is still open, as far as is known,
// and silent.
func (w *wire) alive() bool {
	if w.raw == nil {
		return true
	}
	silent := false
	err := w.raw.Control(func(fd uintptr) {
		var b [1]byte
		_, errno := receive(fd, b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent = errno == syscall.EAGAIN
	})
	return err == nil && silent
}

// answer sends the request and reads the header block of its response, after
// interim ones. The body is in w.rest then, which is valid until the next.
func (w *wire) answer(request *http.Request) (head, error) {
	for {
		h, err := w.header(request)
		if err != nil || h.code < 100 || h.code > 199 || h.code == http.StatusSwitchingProtocols {
			w.room = -1
			return h, err
		}
	}
}

// header reads one header block.
func (w *wire) header(request *http.Request) (head, error) {
	for {
		b, _ := w.in.Peek(w.in.Buffered())
		if n := len(w.top); n > 0 && bytes.HasPrefix(b, w.top) { // as it mostly is within a second
			_, err := w.in.Discard(n)
			return w.began(w.was, request.Method), err
		}
		plain := bytes.HasPrefix(b, []byte(versionOne)[:min(len(b), len(versionOne))])
		if n := headEnd(b); n > 0 || !plain || len(b) == wireBuffer {
			if h, ok := parseHead(b[:n]); ok {
				w.top, w.was = append(w.top[:0], b[:n]...), h
				_, err := w.in.Discard(n)
				return w.began(h, request.Method), err
			}
			return w.leaveToNetHTTP(request)
		}
		if _, err := w.in.Peek(len(b) + 1); err != nil {
			if err == io.EOF && len(b) > 0 {
				return w.leaveToNetHTTP(request)
			}
			return head{}, err
		}
	}
}

// began begins with the body that follows a header block.
func (w *wire) began(h head, method string) head {
	w.rest = w.bodyOf(h, method)
	h.close = h.close || w.rest.from == w.in && w.rest.left < 0
	return h
}

// bodyOf returns the body that follows a header block: RFC 9112, section 6.3.
func (w *wire) bodyOf(h head, method string) answerBody {
	switch {
	case method == http.MethodHead, h.code/100 == 1, h.code == http.StatusNoContent, h.code == http.StatusNotModified:
		return answerBody{from: w.in}
	case h.chunked:
		return answerBody{from: &chunks{wire: w, data: httputil.NewChunkedReader(w.in)}, left: -1}
	}
	return answerBody{from: w.in, left: h.length}
}

// leaveToNetHTTP has net/http read a header block that is not plain.
func (w *wire) leaveToNetHTTP(request *http.Request) (head, error) {
	resp, err := http.ReadResponse(w.in, request)
	if err != nil {
		return head{}, fmt.Errorf("malformed response: %w", err)
	}
	w.rest = answerBody{from: resp.Body, left: -1}
	return head{code: resp.StatusCode, minor: min(resp.ProtoMinor, 1), close: resp.Close || resp.ProtoMajor != 1}, nil
}

// answerBody reads the body of a response.
type answerBody struct {
	from io.Reader
	left int64 // bytes of it; -1: to the end of from
	done bool  // it has been read to its end
}

func (b *answerBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		b.done = true
		return 0, io.EOF
	}
	if b.left > 0 {
		p = p[:min(int64(len(p)), b.left)]
	}
	n, err := b.from.Read(p)
	switch {
	case b.left < 0:
		b.done = err == io.EOF
		return n, err
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	if b.left -= int64(n); b.left == 0 {
		b.done, err = true, io.EOF
	}
	return n, err
}

// chunks reads a chunked body and the trailer after it.
type chunks struct {
	wire *wire
	data io.Reader
}

func (c *chunks) Read(p []byte) (int, error) {
	n, err := c.data.Read(p)
	if err != io.EOF {
		return n, err
	}
	return n, c.trailer()
}

// trailer reads what follows the last chunk, and returns io.EOF when that is
// as it should be.
func (c *chunks) trailer() error {
	in := c.wire.in
	end, err := in.Peek(2)
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	if string(end) == "\r\n" {
		_, _ = in.Discard(2) // which are there
		return io.EOF
	}
	for len(end) < wireBuffer && !bytes.Contains(end, []byte("\r\n\r\n")) {
		if _, err := in.Peek(len(end) + 1); err != nil {
			return fmt.Errorf("chunked body: trailer without an end: %w", err)
		}
		end, _ = in.Peek(in.Buffered())
	}
	if !bytes.Contains(end, []byte("\r\n\r\n")) {
		return errors.New("chunked body: trailer without an end")
	}
	if _, err := textproto.NewReader(in).ReadMIMEHeader(); err != nil {
		return err
	}
	return io.EOF
}
