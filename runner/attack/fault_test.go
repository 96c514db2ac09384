package attack

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestTLSFaults(t *testing.T) {
	yes := answer("yes")
	_, stranger := newCertificate(t, time.Now().Add(time.Hour))
	for _, tt := range []struct {
		name   string
		http2  bool
		server func(t *testing.T) (address string, client *tls.Config)
		want   string
	}{
		{"unknown authority", false, func(t *testing.T) (string, *tls.Config) {
			address, _ := listenTLS(t, yes, "http/1.1")
			return address, stranger
		}, "certificate signed by an unknown authority"},
		{"unknown authority, HTTP/2", true, func(t *testing.T) (string, *tls.Config) {
			address, _ := listenTLS(t, yes, "h2")
			return address, stranger
		}, "certificate signed by an unknown authority"},
		{"expired", false, func(t *testing.T) (string, *tls.Config) {
			certificate, client := newCertificate(t, time.Now().Add(-time.Hour))
			config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}}
			return serve(t, &http.Server{Handler: yes, TLSConfig: config}), client
		}, "certificate not valid"},
		{"HTTP/2 only", false, func(t *testing.T) (string, *tls.Config) { return listenTLS(t, yes, "h2") },
			"connection closed without an answer"},
		{"no common version", false, func(t *testing.T) (string, *tls.Config) {
			certificate, client := newCertificate(t, time.Now().Add(time.Hour))
			config := &tls.Config{Certificates: []tls.Certificate{certificate}, MaxVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
			client.MinVersion = tls.VersionTLS13
			return serve(t, &http.Server{Handler: yes, TLSConfig: config}), client
		}, "TLS refused by the server"},
		{"plain server", false, func(t *testing.T) (string, *tls.Config) { return listen(t, yes), stranger },
			"no TLS in the answer to its handshake"},
		{"closed", false, func(t *testing.T) (string, *tls.Config) { return closing(t, ""), stranger },
			"connection closed without an answer"},
		{"not a handshake", false, func(t *testing.T) (string, *tls.Config) { return closing(t, strangeRecord), stranger },
			"TLS handshake failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := burst
			s.HTTP2 = tt.http2
			s.Address, s.TLS = tt.server(t)
			checkFaults(t, mustRun(t, s.requests(page)), tt.want, "0")
		})
	}
}

// strangeRecord is a record of TLS that holds no known message.
const strangeRecord = "\x16\x03\x03\x00\x04\x63\x00\x00\x00"

// closing reads something from each connection, answers with text and closes.
func closing(t *testing.T, text string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepting(t, l, func(c net.Conn) {
		_, _ = bufio.NewReaderSize(c, 64<<10).Peek(1)
		_, _ = io.WriteString(c, text)
	})
	return l.Addr().String()
}

func TestHTTP2Faults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server func(t *testing.T) (address string, client *tls.Config)
		want   string
		status string
	}{
		{"reset", func(t *testing.T) (string, *tls.Config) {
			return listenTLS(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "h2")
		}, "HTTP/2 stream reset", "0"},
		{"reset in the body", func(t *testing.T) (string, *tls.Config) {
			return listenTLS(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}, "h2")
		}, "HTTP/2 stream reset", "200"},
		{"no answer", func(t *testing.T) (string, *tls.Config) { return listenTLS(t, hanging, "h2") },
			"timeout", "0"},
		{"closed", func(t *testing.T) (string, *tls.Config) { return frames(t, "") },
			"connection closed without an answer", "0"},
		{"closed with notice", func(t *testing.T) (string, *tls.Config) { return frames(t, goAway) },
			"connection closed without an answer", "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := burst
			s.Rate, s.HTTP2 = 50, true
			if tt.want == timedOut.String() {
				s.Timeout = time.Second
			}
			s.Address, s.TLS = tt.server(t)
			checkFaults(t, mustRun(t, s.requests(page)), tt.want, tt.status)
		})
	}
}

// Frames of HTTP/2: length, kind, flags and stream, then what they hold.
const (
	settings    = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	goAway      = "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x01" + "\x00\x00\x00\x00" // stream 1 was the last
	headersKind = 1
	preface     = len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
)

// frames speaks HTTP/2 up to the first request of each connection, answers it
// with the frames given and closes.
func frames(t *testing.T, last string) (address string, client *tls.Config) {
	t.Helper()
	certificate, client := newCertificate(t, time.Now().Add(time.Hour))
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	accepting(t, l, func(c net.Conn) {
		_, _ = io.WriteString(c, settings)
		in := bufio.NewReader(c)
		_, err := in.Discard(preface)
		for head := make([]byte, len(settings)); err == nil && head[3] != headersKind; {
			if _, err = io.ReadFull(in, head); err == nil {
				_, err = in.Discard(int(head[0])<<16 | int(head[1])<<8 | int(head[2]))
			}
		}
		_, _ = io.WriteString(c, last)
	})
	return l.Addr().String(), client
}

// accepting serves connections one after the other until the test ends.
func accepting(t *testing.T, l net.Listener, talk func(net.Conn)) {
	served := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-served })
	go func() {
		defer close(served)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			talk(c)
			c.Close()
		}
	}()
}
