package stack

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"sweetspot/runner/process"
	"sweetspot/scenarios"
)

// survivor is an application, for either interface, that keeps 8 MB for every
// request to /leak/ and may have little more than it begins with.
const survivor = `
import resource
soft = 400 << 20
resource.setrlimit(resource.RLIMIT_DATA, (soft, soft))
kept = []

def answer(path):
    if path == "/leak/":
        kept.append(bytearray(8 << 20))
    return b"ok"

def application(environ, start_response):
    body = answer(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Length", str(len(body))), ("Content-Type", "text/plain")])
    return [body]

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = answer(scope["path"])
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
`

// survivorSettings has Django's development server run the same application.
const survivorSettings = `
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
WSGI_APPLICATION = "survivor.application"
`

// survivors are the servers of the table that this machine can start, each
// with an application that it runs.
func survivors(t *testing.T) map[string]*App {
	t.Helper()
	dir := openTempDir(t)
	for name, text := range map[string]string{"survivor.py": survivor, "survivor_settings.py": survivorSettings} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	apps := map[string]*App{}
	for _, srv := range servers {
		if srv.name == embeddedServer.name || srv.name == targetServer.name { // these run no application of ours
			continue
		}
		s := &scenarios.Scenario{
			App:    scenarios.App{Interface: srv.interfaces[0], Module: "survivor:application", Dir: dir, Ready: "/", Env: map[string]string{djangoSettings: "survivor_settings"}},
			Matrix: scenarios.Matrix{Servers: []string{srv.name}, Proxies: []string{"nginx"}},
		}
		if s.App.Interface == scenarios.ASGI {
			s.App.Module = "survivor:asgi"
		}
		app, err := Prepare(t.Context(), s, openTempDir(t), t.Output())
		if err != nil {
			if srv.name != "granian" { // which Debian does not have
				need(t, err)
			}
			continue
		}
		apps[srv.name] = app
	}
	return apps
}

// openTempDir returns a folder that every user can reach.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sweetspot-survival-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Whatever happens to a stack, it goes on or says that it has died, and leaves
// nothing behind.
func TestEveryStackSurvives(t *testing.T) {
	for name, app := range survivors(t) {
		for _, tt := range []struct {
			name string
			play func(*testing.T, *Stack)
		}{
			{"the application leaks until its memory limit", leak},
			{"a worker is killed", killWorker},
			{"the master is killed", killMaster},
		} {
			t.Run(name+": "+tt.name, func(t *testing.T) {
				t.Parallel()
				cfg := survivalConfig(t, name, app)
				st, err := Start(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer endSurvival(t, st, cfg.RunID)
				tt.play(t, st)
			})
		}
		t.Run(name+": a socket file was left over", func(t *testing.T) {
			t.Parallel()
			cfg := survivalConfig(t, name, app)
			leaveSocket(t, filepath.Join(cfg.Dir, "app.sock"))
			st, err := Start(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			endSurvival(t, st, cfg.RunID)
		})
		t.Run(name+": the port is taken between choice and bind", func(t *testing.T) {
			t.Parallel()
			cfg := survivalConfig(t, name, app)
			cfg.Cell.Proxy, cfg.Cell.Workers = scenarios.Direct, 1
			taken := 0
			cfg.choosePort = func(netip.Addr) (endpoint, error) {
				at, err := freePort(loopback)
				if err == nil && taken == 0 {
					taken++
					var l net.Listener
					if l, err = net.Listen("tcp", at.address); err == nil {
						t.Cleanup(func() { _ = l.Close() })
					}
				}
				return at, err
			}
			st, err := Start(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			endSurvival(t, st, cfg.RunID)
		})
	}
}

func survivalConfig(t *testing.T, name string, app *App) Config {
	t.Helper()
	dir := openTempDir(t)
	return Config{
		App: app, Cell: scenarios.Cell{Server: name, Proxy: "nginx", Workers: 2, Threads: 1}, Dir: dir,
		RunID: "survival" + filepath.Base(dir), TrialID: "1",
	}
}

// endSurvival stops a stack; nothing of it may be left.
func endSurvival(t *testing.T, st *Stack, runID string) {
	t.Helper()
	if err := st.Stop(); err != nil {
		t.Error(err)
	}
	if left, err := process.Marked(runID); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// leaveSocket makes the socket file of a server that was killed.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// leak asks until the memory is at its end: what was good must turn bad.
func leak(t *testing.T, st *Stack) {
	const enough = 400 // times 8 MB, on two workers of 400 MB
	for range enough {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		status, err := st.Get(ctx, "/leak/")
		cancel()
		if err != nil || status != 200 {
			return
		}
	}
	t.Errorf("%d requests that keep 8 MB each were all answered", enough)
}

// killWorker kills one worker: the stack has all of them again after a while,
// or has died.
func killWorker(t *testing.T, st *Stack) {
	workers, err := st.workers()
	if err != nil || len(workers) != 2 {
		t.Fatalf("workers %v, %v", workers, err)
	}
	if err := syscall.Kill(workers[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(20 * time.Second)
	for {
		live, err := st.workers()
		if err != nil {
			t.Fatal(err)
		}
		if len(live) == 2 && !slices.Contains(live, workers[0]) && st.Answers(t.Context()) {
			return
		}
		select {
		case <-st.Died():
			if st.Err() == nil {
				t.Error("it died and does not say how")
			}
			return
		case <-deadline:
			// Some servers go on with fewer: reading the workers back tells.
			if len(live) != 1 || !st.Answers(t.Context()) {
				t.Errorf("workers %v of %v 20 s after one was killed, and no word of it", live, workers)
			}
			return
		case <-time.After(probeEvery):
		}
	}
}

// killMaster kills the first process of the application: that has to be told.
func killMaster(t *testing.T, st *Stack) {
	if err := syscall.Kill(st.apps[0].process.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-st.Died():
	case <-time.After(10 * time.Second):
		t.Error("the stack does not say that it has died")
	}
}
