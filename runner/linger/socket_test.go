package linger

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// eventually polls until cond holds of what is held; a minute is the guard
// against a hang, not a claim on speed.
func eventually(t *testing.T, h *Held, what string, cond func(b rundir.Beside) bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(h.beside()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			b := h.beside()
			t.Fatalf("never happened: %s\n%+v\n%+v", what, b.WebSockets, b.Slow)
		}
	}
}

// site echoes on /echo, and answers 20 kB elsewhere.
func site(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/echo" {
		_, _ = io.WriteString(w, strings.Repeat("x", 20_000))
		return
	}
	c, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	defer c.Close()
	s := webSocket{c, buffered.Reader}
	for err = answerUpgrade(c, r); err == nil; {
		var op byte
		var payload []byte
		if op, payload, err = s.read(); err == nil && (op == closing || !echo(s, 0, op, payload)) {
			return
		}
	}
}

func TestRealSockets(t *testing.T) {
	for _, tt := range []struct {
		name, network string
		tls           bool
	}{
		{"TCP", "tcp", false},
		{"Unix", "unix", false},
		{"TLS", "tcp", true},
		{"TLS over Unix", "unix", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address := "127.0.0.1:0"
			if tt.network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			listener, err := net.Listen(tt.network, address)
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewUnstartedServer(http.HandlerFunc(site))
			server.Listener.Close()
			server.Listener = listener
			t.Cleanup(server.Close)
			s := Spec{
				Network: tt.network, Address: listener.Addr().String(), Timeout: time.Minute,
				WebSockets: &scenarios.WebSockets{Connections: 100, Path: "/echo", Every: scenarios.Duration(100 * time.Millisecond)},
				Slow:       &scenarios.Slow{Clients: 2, Kind: scenarios.SlowRead, Every: scenarios.Duration(time.Millisecond)},
			}
			if tt.tls {
				server.EnableHTTP2 = true
				server.StartTLS()
				s.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
				s.TLS.NextProtos = []string{"h2"}
				s.TLS.ServerName = map[string]string{"unix": "example.com"}[tt.network] // over TCP the address says it
			} else {
				server.Start()
			}
			h := start(t, s)
			h.Measure()
			eventually(t, h, "300 echoes, 10 answers and both slow clients at once", func(b rundir.Beside) bool {
				return b.WebSockets.Echo.Count >= 300 && b.Slow.Served >= 10 && b.Slow.Most == 2
			})
			b := h.Stop()
			sums(t, b.WebSockets)
			if w := b.WebSockets; w.Held != 100 || w.Wrong != 0 {
				t.Errorf("got %+v, want 100 held and no echo wrong", *w)
			}
			if b.Slow.Dropped != 0 || b.Slow.Most != 2 {
				t.Errorf("got %+v, want none dropped and two at once", *b.Slow)
			}
		})
	}
}

func TestUntrustedCertificateIsARefusal(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(site))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the clients
	server.StartTLS()
	t.Cleanup(server.Close)
	got := start(t, Spec{
		Network: "tcp", Address: server.Listener.Addr().String(), TLS: &tls.Config{MinVersion: tls.VersionTLS12},
		WebSockets: &scenarios.WebSockets{Connections: 2, Path: "/echo"}, Timeout: time.Minute,
	}).Stop().WebSockets
	if got.Refusals["TLS handshake failed"] != 2 {
		t.Errorf("refusals %v, want both for the certificate", got.Refusals)
	}
}

// Without a small buffer the kernel would take megabytes that the client has
// not read, and the stack would be done with it.
func TestSlowReadersHaveASmallBuffer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, tt := range []struct {
		kind  string
		small bool
	}{{scenarios.SlowRead, true}, {scenarios.SlowBody, false}} {
		t.Run(tt.kind, func(t *testing.T) {
			c := newClients(Spec{Network: "tcp", Address: listener.Addr().String(), Timeout: time.Minute, Slow: slowly(tt.kind, 1)})
			conn, err := c.place.connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if got := receiveBufferOf(t, conn); got <= 2*readSize != tt.small { // the kernel doubles what it is told
				t.Errorf("a receive buffer of %d bytes; want it at most %d: %v", got, 2*readSize, tt.small)
			}
		})
	}
}

func receiveBufferOf(t *testing.T, l link) (bytes int) {
	t.Helper()
	c, err := l.raw.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	outer := c.Control(func(fd uintptr) {
		bytes, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	})
	if outer != nil || err != nil {
		t.Fatal(outer, err)
	}
	return bytes
}
