package linger

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

const asgi = `
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        return await send({"type": "http.response.body", "body": b"ok"})
    if scope["type"] != "websocket":
        return
    while True:
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            return
`

const wsgi = `
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
`

const nginxConf = `daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	access_log off;
	server {
		listen %s;
		location / { proxy_pass http://unix:app.sock; }
	}
}
`

// need skips a test whose program is missing, or fails it where all have to be.
func need(t *testing.T, program, remedy string, argv ...string) {
	t.Helper()
	if err := exec.Command(argv[0], argv[1:]...).Run(); err != nil {
		if os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1" {
			t.Fatalf("%s is missing, and SWEETSPOT_REQUIRE_STACKS is 1: %v: %s", program, err, remedy)
		}
		t.Skipf("%s is missing: %v: %s", program, err, remedy)
	}
}

// folder returns a folder with one file, whose path is short enough for a Unix
// socket in it.
func folder(t *testing.T, name, content string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "linger")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// launch starts a program in dir and waits until it answers at the address.
func launch(t *testing.T, dir, address string, argv ...string) *process.Process {
	t.Helper()
	p, err := process.Start(t.Context(), process.Spec{
		Role: filepath.Base(argv[0]), Argv: argv, Dir: dir, Log: filepath.Join(dir, filepath.Base(argv[0])+".log"),
		Env: []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" + dir, "PYTHONDONTWRITEBYTECODE=1", process.Mark(t.Name())},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		err := get(address, time.Minute)
		if err == nil {
			return p
		}
		if ended := p.Err(); ended != nil || time.Now().After(deadline) {
			t.Fatalf("%v, %v\n%s", err, ended, p.LogTail(20))
		}
	}
}

// get makes one normal request on a connection of its own.
func get(address string, timeout time.Duration) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: timeout}
	resp, err := client.Get("http://" + address + "/")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

func TestUvicornHoldsWebSockets(t *testing.T) {
	need(t, "uvicorn", "sudo apt-get install uvicorn python3-websockets", "/usr/bin/python3", "-c", "import uvicorn, websockets")
	dir, address := folder(t, "echo.py", asgi), freeAddress(t)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, address, "/usr/bin/python3", "-m", "uvicorn", "--host", host, "--port", port, "--log-level", "error", "echo:app")
	s := Spec{
		Network: "tcp", Address: address, Timeout: time.Minute,
		WebSockets: &scenarios.WebSockets{Connections: 200, Path: "/", Every: scenarios.Duration(500 * time.Millisecond)},
	}
	h := start(t, s)
	eventually(t, h, "400 echoes", func(b rundir.Beside) bool { return b.WebSockets.Echo.Count >= 400 })
	got := h.Stop().WebSockets
	sums(t, got)
	if got.Held != 200 || got.Wrong != 0 || got.Echo.P50 == 0 {
		t.Errorf("got %+v, want 200 held and no echo wrong", *got)
	}

	h = start(t, s)
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, h, "all are dropped", func(b rundir.Beside) bool { return b.WebSockets.Dropped == 200 })
	if got := h.Stop().WebSockets; got.Held != 0 || got.Refused != 0 {
		t.Errorf("got %+v, want 200 dropped when the server ended", *got)
	}
}

func TestSlowClientOfGunicornSync(t *testing.T) {
	need(t, "gunicorn", "sudo apt-get install gunicorn", "/usr/bin/gunicorn", "--version")
	need(t, "nginx", "sudo apt-get install nginx-light", "/usr/sbin/nginx", "-v")
	direct, proxied := freeAddress(t), freeAddress(t)
	dir := folder(t, "site.conf", fmt.Sprintf(nginxConf, proxied))
	if err := os.WriteFile(filepath.Join(dir, "page.py"), []byte(wsgi), 0o644); err != nil {
		t.Fatal(err)
	}
	launch(t, dir, direct, "/usr/bin/gunicorn", "-b", direct, "-b", "unix:app.sock", "-w", "1", "-k", "sync",
		"-t", "600", "--worker-tmp-dir", "/dev/shm", "page:app")
	launch(t, dir, proxied, "/usr/sbin/nginx", "-e", "stderr", "-p", dir+"/", "-c", "site.conf")
	for _, tt := range []struct {
		name, address string
		served        bool
	}{
		{"direct", direct, false},
		{"nginx", proxied, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := start(t, Spec{Network: "tcp", Address: tt.address, Slow: slowly(scenarios.SlowHeaders, 1), Timeout: time.Minute})
			timeout := time.Minute
			if !tt.served {
				timeout = time.Second // it would have to wait for ten minutes
			}
			err := get(tt.address, timeout)
			if tt.served && err != nil || !tt.served && !timedOut(err) {
				t.Errorf("a normal request beside a slow one: %v, want it served: %v", err, tt.served)
			}
			if got := *h.Stop().Slow; got != (rundir.SlowClients{Clients: 1, Kind: scenarios.SlowHeaders, Most: 1}) {
				t.Errorf("got %+v, want the one client held", got)
			}
			if err := get(tt.address, time.Minute); err != nil {
				t.Errorf("a request after the slow one: %v", err)
			}
			w := start(t, Spec{Network: "tcp", Address: tt.address, Timeout: time.Minute,
				WebSockets: &scenarios.WebSockets{Connections: 5, Path: "/"}}).Stop().WebSockets
			if want := map[string]int{"status 200": 5}; !maps.Equal(w.Refusals, want) {
				t.Errorf("refusals of WebSockets %v, want %v", w.Refusals, want)
			}
		})
	}
}
