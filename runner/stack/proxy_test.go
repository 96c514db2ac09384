package stack

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sweetspot/scenarios"
)

// behind tells what it sees of the proxy. On /stream/ its second half waits
// until the client has seen the first, which makes a file. On /large/ it ends
// with whether the client had made that file by then, and makes one itself.
const behind = `
import json, os, time

def stream(seen):
    yield b"first"
    deadline = time.monotonic() + 20
    while not os.path.exists(seen) and time.monotonic() < deadline:
        time.sleep(0.005)
    yield b"second" if os.path.exists(seen) else b"timeout"

def large(seen):
    for _ in range(64):
        yield b"x" * (512 << 10)
    yield b"seen" if os.path.exists(seen) else b"early"
    open(seen + ".done", "w").close()

def app(environ, start_response):
    headers = [("X-Sweetspot-Trial", os.environ["SWEETSPOT_TRIAL"])]
    if environ["PATH_INFO"] == "/stream/":
        start_response("200 OK", headers)
        return stream(os.environ["SEEN"])
    if environ["PATH_INFO"] == "/large/":
        start_response("200 OK", headers)
        return large(os.environ["SEEN"])
    body = json.dumps({
        "path": environ["PATH_INFO"], "pid": os.getpid(), "port": environ.get("REMOTE_PORT", ""),
        "host": environ["HTTP_HOST"], "for": environ.get("HTTP_X_FORWARDED_FOR", ""),
        "proto": environ.get("HTTP_X_FORWARDED_PROTO", ""),
    }).encode()
    start_response("200 OK", headers + [("Content-Length", str(len(body)))])
    return [body]
`

// sight is what the application above tells.
type sight struct {
	Path, Port, Host, For, Proto string
	PID                          int
}

// behindApp prepares the application above, with one static file, where every
// user reaches it.
func behindApp(t *testing.T) *App {
	t.Helper()
	_, missing := findPython(t.Context(), scenarios.App{}, []string{"gunicorn"})
	need(t, missing)
	dir := openTempDir(t)
	static := filepath.Join(dir, "my static")
	if err := os.Mkdir(static, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{filepath.Join(dir, "behind.py"): behind, filepath.Join(static, "a.css"): "a {}"} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := &scenarios.Scenario{
		App: scenarios.App{
			Interface: scenarios.WSGI, Module: "behind:app", Dir: dir, Env: map[string]string{"SEEN": filepath.Join(dir, "seen")},
			Static: []scenarios.Mount{{URL: "/static/", Dir: static}},
		},
		Matrix: scenarios.Matrix{Servers: []string{"gunicorn-gthread"}},
	}
	app, err := Prepare(t.Context(), s, openTempDir(t), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// behindConfig is a cell of one worker with two threads behind a proxy.
func behindConfig(t *testing.T, px proxy, settings scenarios.Proxy) Config {
	t.Helper()
	_, missing := findProgram(px.program)
	need(t, missing)
	cfg := config(t, behindApp(t), "server=gunicorn-gthread/proxy="+px.name+"/workers=1/threads=2")
	cfg.Proxy = settings
	return cfg
}

// visitor is a client of a stack that keeps its connection. It offers HTTP/2
// where TLS is spoken.
func visitor(t *testing.T, st *Stack) *http.Client {
	t.Helper()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, st.Network, st.Address)
		},
		TLSClientConfig: st.TLS.Clone(), ForceAttemptHTTP2: true, DisableCompression: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

func visit(t *testing.T, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func look(t *testing.T, c *http.Client, url string) (s sight) {
	t.Helper()
	resp, body := visit(t, c, url)
	if err := json.Unmarshal([]byte(body), &s); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v\n%s", url, resp.Status, err, body)
	}
	return s
}

// A proxy forwards to the application over the way that was asked for, tells
// it about the client, and serves the files itself if it can.
func TestProxies(t *testing.T) {
	for _, px := range fronts {
		for _, upstream := range []string{scenarios.UnixUpstream, scenarios.TCPUpstream} {
			t.Run(px.name+" "+upstream, func(t *testing.T) {
				st := start(t, behindConfig(t, px, scenarios.Proxy{Upstream: upstream, KeepAlive: 8, Buffering: true}))
				c := visitor(t, st)
				got := look(t, c, st.url("/a%2Fb/"))
				want := sight{Path: "/a/b/", Port: got.Port, Host: st.Address, For: "127.0.0.1", Proto: "http", PID: got.PID}
				if got != want {
					t.Errorf("the application sees %+v, want %+v", got, want)
				}
				at := st.apps[0].at
				connections, err := established(at)
				if err != nil || at.network != upstream || len(connections) == 0 {
					t.Errorf("%d connections to %v (%v), want some over %s", len(connections), at, err, upstream)
				}
				resp, body := visit(t, c, st.url("/static/a.css"))
				switch own := resp.Header.Get(trialHeader) == ""; {
				case own == px.noFiles:
					t.Errorf("static file served by the proxy itself: %v, want %v", own, !px.noFiles)
				case own && (body != "a {}" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/css")):
					t.Errorf("static file: %q with %v", body, resp.Header)
				}
			})
		}
	}
}

// Connections between proxy and application last as long as was asked for.
func TestUpstreamKeepAlive(t *testing.T) {
	const requests = 30
	for _, px := range fronts {
		for _, tt := range []struct{ keep, least, most int }{
			{0, requests, requests},
			{8, 1, 4},
		} {
			t.Run(fmt.Sprintf("%s keeps %d", px.name, tt.keep), func(t *testing.T) {
				st := start(t, behindConfig(t, px, scenarios.Proxy{Upstream: scenarios.TCPUpstream, KeepAlive: tt.keep, Buffering: true}))
				c := visitor(t, st)
				ports := map[string]bool{}
				for range requests {
					ports[look(t, c, st.url("/")).Port] = true
				}
				if n := len(ports); n < tt.least || n > tt.most {
					t.Errorf("%d requests came over %d connections, want %d to %d", requests, n, tt.least, tt.most)
				}
			})
		}
	}
}

// Requests go to the instances in turn, on kept connections and on new ones.
func TestBalancing(t *testing.T) {
	const instances, each = 5, 10
	for _, px := range fronts {
		for _, keep := range []int{0, 8} {
			t.Run(fmt.Sprintf("%s keeps %d", px.name, keep), func(t *testing.T) {
				cfg := behindConfig(t, px, scenarios.Proxy{KeepAlive: keep, Buffering: true})
				cfg.Cell.Instances = instances
				st := start(t, cfg)
				c := visitor(t, st)
				counts := map[int]int{}
				for range instances * each {
					counts[look(t, c, st.url("/")).PID]++
				}
				if len(counts) != instances {
					t.Errorf("%d instances answered, want %d", len(counts), instances)
				}
				for pid, n := range counts {
					if n != each {
						t.Errorf("instance %d answered %d requests, want %d", pid, n, each)
					}
				}
			})
		}
	}
}

// Clients speak TLS with a certificate of the run's own authority, and HTTP/2
// exactly where that was asked for.
func TestTLS(t *testing.T) {
	for _, px := range fronts {
		for _, tt := range []struct {
			http2        bool
			proto, spoke string
		}{
			{false, "HTTP/1.1", "http/1.1"},
			{true, "HTTP/2.0", "h2"},
		} {
			t.Run(px.name+" "+tt.spoke, func(t *testing.T) {
				cfg := behindConfig(t, px, scenarios.Proxy{KeepAlive: 8, Buffering: true, TLS: true, HTTP2: tt.http2})
				st := start(t, cfg)
				c := visitor(t, st)
				for _, path := range []string{"/", "/static/a.css"} {
					resp, body := visit(t, c, st.url(path))
					if resp.StatusCode != http.StatusOK || resp.Proto != tt.proto {
						t.Errorf("%s: %s over %s, want %s\n%s", path, resp.Status, resp.Proto, tt.proto, body)
					}
					// A server without ALPN says nothing, and means HTTP/1.1.
					if spoke := resp.TLS.NegotiatedProtocol; spoke != tt.spoke && (tt.http2 || spoke != "") {
						t.Errorf("%s: negotiated %q, want %q", path, spoke, tt.spoke)
					}
				}
				if got := look(t, c, st.url("/")); got.Proto != "https" || got.Host != serverName {
					t.Errorf("the application sees %+v, want https for %s", got, serverName)
				}
				distrusts(t, st)
				if keys, err := filepath.Glob(filepath.Join(cfg.Dir, "tmp", "tls.*")); err != nil || len(keys) != 3 {
					t.Errorf("certificate and keys: %q, %v", keys, err)
				}
			})
		}
	}
}

// distrusts checks that a client without the run's authority refuses the stack.
func distrusts(t *testing.T, st *Stack) {
	t.Helper()
	conn, err := tls.Dial(st.Network, st.Address, &tls.Config{ServerName: serverName, RootCAs: x509.NewCertPool()})
	if err == nil {
		conn.Close()
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("a client that trusts nobody: %v, want an unknown authority", err)
	}
}

// The client has the first half of an answer before the application makes the
// second.
func TestStreaming(t *testing.T) {
	for _, px := range fronts {
		t.Run(px.name, func(t *testing.T) {
			cfg := behindConfig(t, px, scenarios.Proxy{KeepAlive: 8})
			st := start(t, cfg)
			resp, err := visitor(t, st).Get(st.url("/stream/"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			first := make([]byte, len("first"))
			if _, err := io.ReadFull(resp.Body, first); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(cfg.App.Env["SEEN"], nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(resp.Body); err != nil || string(first)+string(rest) != "firstsecond" {
				t.Errorf("answer %s %s, %v; want the first half early", first, rest, err)
			}
		})
	}
}

// Buffering takes an answer off the application that its client does not read;
// without it the application waits for the client.
func TestBuffering(t *testing.T) {
	for _, tt := range []struct {
		buffering bool
		end       string
	}{{true, "early"}, {false, "seen"}} {
		t.Run(fmt.Sprint(tt.buffering), func(t *testing.T) {
			cfg := behindConfig(t, nginx, scenarios.Proxy{KeepAlive: 8, Buffering: tt.buffering})
			st := start(t, cfg)
			resp, err := visitor(t, st).Get(st.url("/large/"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			seen := cfg.App.Env["SEEN"]
			patience := 20 * time.Second
			if !tt.buffering {
				patience = time.Second // enough for a wrong end; the right one needs none
			}
			for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(probeEvery) {
				if _, err := os.Stat(seen + ".done"); err == nil {
					break
				}
			}
			if err := os.WriteFile(seen, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || !strings.HasSuffix(string(body), "x"+tt.end) {
				t.Errorf("the answer ends with %q, %v; want %q", body[max(0, len(body)-6):], err, tt.end)
			}
		})
	}
}

// nginx speaks uwsgi's own protocol with it, and tells it as much as over HTTP.
func TestUWSGIProtocol(t *testing.T) {
	_, missing := findProgram("uwsgi")
	need(t, missing)
	cfg := behindConfig(t, nginx, scenarios.Proxy{KeepAlive: 8, Buffering: true, TLS: true})
	cfg.Cell.Server = "uwsgi"
	st := start(t, cfg)
	got := look(t, visitor(t, st), st.url("/a%2Fb/"))
	want := sight{Path: "/a/b/", Port: got.Port, Host: serverName, For: "127.0.0.1", Proto: "https", PID: got.PID}
	if got != want {
		t.Errorf("the application sees %+v, want %+v", got, want)
	}
	if e, err := st.Effective(); err != nil || e.Upstream != "unix, uwsgi protocol" {
		t.Errorf("upstream %q, %v", e.Upstream, err)
	}
}

// echo is an ASGI application whose WebSockets send back what they get.
const echo = `
import os

async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [
            (b"x-sweetspot-trial", os.environ["SWEETSPOT_TRIAL"].encode())]})
        await send({"type": "http.response.body", "body": b"ok"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
`

// WebSockets go through every proxy.
func TestWebSockets(t *testing.T) {
	_, missing := findPython(t.Context(), scenarios.App{}, []string{"uvicorn", "websockets"})
	need(t, missing)
	for _, px := range fronts {
		for _, keep := range []int{0, 8} {
			t.Run(fmt.Sprintf("%s keeps %d", px.name, keep), func(t *testing.T) {
				cfg := behindConfig(t, px, scenarios.Proxy{KeepAlive: keep, Buffering: true})
				if err := os.WriteFile(filepath.Join(cfg.App.Dir, "echo.py"), []byte(echo), 0o644); err != nil {
					t.Fatal(err)
				}
				cfg.App.Interface, cfg.App.Module = scenarios.ASGI, "echo:app"
				cfg.Cell.Server, cfg.Cell.Threads = "uvicorn", 1
				st := start(t, cfg)
				echoes(t, st)
			})
		}
	}
}

// echoes opens a WebSocket and checks that two messages come back.
func echoes(t *testing.T, st *Stack) {
	t.Helper()
	conn, err := net.Dial(st.Network, st.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /echo/ HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", st.Address)
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %+v, %v", resp, err)
	}
	for _, text := range []string{"hello", "again"} {
		// A final text frame, masked with zeros; it comes back without a mask.
		if _, err := conn.Write(append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)); err != nil {
			t.Fatal(err)
		}
		frame := make([]byte, 2+len(text))
		if _, err := io.ReadFull(r, frame); err != nil || string(frame[2:]) != text {
			t.Errorf("echo %q, %v; want %q", frame, err, text)
		}
	}
}

func TestDeathOfAProxy(t *testing.T) {
	for _, px := range fronts {
		t.Run(px.name, func(t *testing.T) {
			st := start(t, behindConfig(t, px, scenarios.Proxy{KeepAlive: 8, Buffering: true}))
			master := st.proxy.PID()
			if err := syscall.Kill(master, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-st.Died()
			if want := fmt.Sprintf("proxy (pid %d) ended: signal: killed", master); !strings.Contains(st.Err().Error(), want) {
				t.Errorf("Err = %v, want %q", st.Err(), want)
			}
		})
	}
}

// A port that was taken between its choice and its use is found out, whatever
// the proxy makes of it.
func TestProxyPortIsTaken(t *testing.T) {
	t.Parallel()
	for _, px := range fronts {
		t.Run(px.name, func(t *testing.T) {
			cfg := behindConfig(t, px, scenarios.Proxy{KeepAlive: 8, Buffering: true})
			taken, tries := takenPort(t), 0
			cfg.choosePort = func(netip.Addr) (endpoint, error) {
				if tries++; tries == 1 {
					return taken, nil
				}
				return freePort(loopback)
			}
			st := start(t, cfg)
			if look(t, visitor(t, st), st.url("/")); st.Address == taken.address || tries != 2 {
				t.Errorf("serves on %s after %d tries; %s is somebody else's", st.Address, tries, taken.address)
			}
		})
	}
}

// A proxy that gives up root reaches the application in a folder that is
// closed to it, and says at once that it cannot serve files from one.
func TestProxyAsAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give itself up")
	}
	cfg := behindConfig(t, apache, scenarios.Proxy{KeepAlive: 8, Buffering: true})
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	cfg.Dir = filepath.Join(closed, "start")
	st := start(t, cfg)
	if got := look(t, visitor(t, st), st.url("/")); got.Path != "/" {
		t.Errorf("the application sees %+v", got)
	}

	static := openTempDir(t)
	secret := filepath.Join(static, "secret.css")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ dir, want string }{
		{filepath.Join(closed, "static"), "apache, started by root, serves as www-data, which may not enter "},
		{static, "apache, started by root, serves as www-data, which may not read " + secret},
	} {
		other := cfg
		other.App = cfg.App.at("")
		other.App.Static[0].Dir = tt.dir
		other.Dir += "-never"
		if _, err := Start(t.Context(), other); err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, ErrNotReady) {
			t.Errorf("Start = %v, want %q", err, tt.want)
		}
	}
}
