package attack

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// replay is a connection on which some bytes come, and then the end.
type replay struct {
	net.Conn
	io.Reader
}

func (r replay) Read(p []byte) (int, error)  { return r.Reader.Read(p) }
func (r replay) SetDeadline(time.Time) error { return nil }

// told is what a client makes of the bytes of a response.
type told struct {
	broken bool // the headers are
	code   int
	body   string
	cut    bool // the body does not come to its end
	again  bool // the connection may be used again
}

func byWire(w *wire, b []byte, method string) (got told) {
	w.conn = replay{Reader: bytes.NewReader(b)}
	w.in.Reset(w)
	_ = w.begin(time.Time{})
	h, err := w.answer(&http.Request{Method: method})
	if err != nil {
		return told{broken: true}
	}
	body, err := io.ReadAll(&w.rest)
	return told{code: h.code, body: string(body), cut: err != nil, again: err == nil && w.rest.done && !h.close}
}

func byNetHTTP(b []byte, method string) (got told) {
	in := bufio.NewReader(bytes.NewReader(b))
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return told{broken: true}
		}
		if resp.StatusCode/100 == 1 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		return told{code: resp.StatusCode, body: string(body), cut: err != nil, again: err == nil && !resp.Close && resp.ProtoMajor == 1}
	}
}

// Whatever a server sends, both make the same of it.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nyes",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\nyes",
		"HTTP/1.1 304 \r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
		"HTTP/1.1 200\nA: b\n c\n\nto the end",
		"HTTP/1.1 099 x\r\nContent-Length: 01\r\n\r\nx",
		"HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n: a\r\n\r\n", "HTTP/1.1 20\r\n\r\n",
	} {
		for method := range 2 {
			f.Add([]byte(text), method == 1)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, head bool) {
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		w, want := newWire(replay{}), byNetHTTP(b, method)
		for _, time := range []string{"first", "second"} { // by when the header block is known
			if got := byWire(w, b, method); got != want {
				t.Errorf("%s %q for the %s time: %+v, net/http says %+v", method, b, time, got, want)
			}
		}
	})
}

func TestHeaderBlockWithoutAnEnd(t *testing.T) {
	w := newWire(replay{Reader: strings.NewReader("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: b\r\n", longestTop/4))})
	_ = w.begin(time.Time{})
	if _, err := w.answer(&http.Request{Method: "GET"}); err == nil || faultOf(err) != malformed {
		t.Errorf("error %v, want one of a malformed response", err)
	}
}

func TestReadingAHeadDoesNotAllocate(t *testing.T) {
	b := []byte("HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nConnection: keep-alive\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n")
	if n := testing.AllocsPerRun(100, func() {
		if h, ok := parseHead(b[:headEnd(b)]); !ok || h.length != 3 {
			t.Errorf("%+v, %v", h, ok)
		}
	}); n != 0 {
		t.Errorf("%v allocations a head, want 0", n)
	}
}
