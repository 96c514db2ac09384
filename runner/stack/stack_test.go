package stack

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sweetspot/runner/process"
	"sweetspot/scenarios"
)

func TestMain(m *testing.M) {
	process.Main()
	Main()
	if dir := os.Getenv(ownerName); dir != "" {
		owner(dir)
	}
	os.Exit(m.Run())
}

const (
	ownerName = "TEST_OWNER" // run folder of a helper that starts a stack and waits to be killed
	ownerRun  = "killed-owner"
)

// owner starts gunicorn behind nginx under a watchdog, prints "ready", and waits.
func owner(dir string) {
	err := func() error {
		if _, err := process.Watch(ownerRun); err != nil {
			return err
		}
		ctx := context.Background()
		app := &App{Interface: scenarios.WSGI, Module: "site_under_test:app", Dir: dir, Ready: "/", Deadline: time.Minute}
		var err error
		if app.Python, err = findPython(ctx, scenarios.App{}, []string{"gunicorn"}); err != nil {
			return err
		}
		_, err = Start(ctx, Config{
			App: app, Dir: filepath.Join(dir, "start"), RunID: ownerRun, TrialID: "1",
			Cell: scenarios.Cell{Server: "gunicorn-gthread", Proxy: "nginx", Workers: 2, Threads: 2},
		})
		return err
	}()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	select {}
}

// wsgi answers with what the tests read back. BROKEN is how it misbehaves.
const wsgi = `
import os, sys, time
BROKEN = os.environ.get("BROKEN")
if BROKEN == "import":
    raise RuntimeError("no settings here")
print("imported", flush=True)

def app(environ, start_response):
    entered = time.monotonic_ns()
    path = environ["PATH_INFO"]
    if path == "/io/":
        time.sleep(0.05)
    body = b"ok"
    if path == "/env/":
        body = "\n".join(sorted(f"{k}={v}" for k, v in os.environ.items())).encode()
    start_response("503 Unavailable" if BROKEN == "ready" else "200 OK", [
        ("Content-Length", str(len(body))),
        ("X-Sweetspot-Trial", "another" if BROKEN == "trial" else os.environ["SWEETSPOT_TRIAL"]),
        ("X-Sweetspot-Span", f"{entered} {time.monotonic_ns()}"),
    ])
    return [body]
`

// need skips a test whose program is missing, or fails it where all have to be.
func need(t *testing.T, missing error) {
	t.Helper()
	switch {
	case missing == nil:
	case os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
}

// wsgiApp prepares the application above, with one static file.
func wsgiApp(t *testing.T, env map[string]string) *App {
	t.Helper()
	_, missing := findPython(t.Context(), scenarios.App{}, []string{"gunicorn"})
	need(t, missing)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "site_under_test.py"), []byte(wsgi), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "my static"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "my static", "a.css"), []byte("a {}"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &scenarios.Scenario{
		App: scenarios.App{
			Interface: scenarios.WSGI, Module: "site_under_test:app", Dir: dir, Env: env, Ready: "/health/",
			Static: []scenarios.Mount{{URL: "/static/", Dir: filepath.Join(dir, "my static")}},
		},
		Matrix: scenarios.Matrix{Servers: []string{"gunicorn-sync", "gunicorn-gthread"}},
	}
	app, err := Prepare(t.Context(), s, t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// embeddedApp waits 20 ms on /io/.
func embeddedApp(t *testing.T) *App {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.css"), []byte("a {}"), 0o644); err != nil {
		t.Fatal(err)
	}
	return &App{
		Interface: scenarios.Embedded, Ready: "/health/", Deadline: time.Minute,
		Routes: []scenarios.Route{{Path: "/"}, {Path: "/io/", Wait: scenarios.Duration(20 * time.Millisecond), Bytes: 2}},
		Static: []scenarios.Mount{{URL: "/static/", Dir: dir}},
	}
}

func cell(t *testing.T, name string) scenarios.Cell {
	t.Helper()
	c, err := scenarios.ParseCell(name)
	if err != nil {
		t.Fatal(err)
	}
	if c.Proxy == nginx.name {
		_, missing := findProgram(nginx.program)
		need(t, missing)
	}
	return c
}

func config(t *testing.T, app *App, name string) Config {
	t.Helper()
	return Config{App: app, Cell: cell(t, name), Dir: filepath.Join(t.TempDir(), "start"), RunID: strings.ToLower(rand.Text()[:8]), TrialID: "trial-7"}
}

// start starts a cell and checks at the end that nothing of it is left.
func start(t *testing.T, cfg Config) *Stack {
	t.Helper()
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Stop(); err != nil {
			t.Error(err)
		}
		nothingLeft(t, cfg)
	})
	return st
}

// nothingLeft checks processes and files after a stop.
func nothingLeft(t *testing.T, cfg Config) {
	t.Helper()
	if left, err := process.SweepRun(cfg.RunID); err != nil || len(left) != 0 {
		t.Errorf("processes left: %q, %v", left, err)
	}
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	kept := []string{"app.log", "proxy.log", "gunicorn.conf.py", "nginx.conf", "apache.conf", "Caddyfile", "haproxy.cfg", "embedded-app.json", "embedded-proxy.json", "hypercorn.toml", "uwsgi.ini", "mod_wsgi.conf", "app.wsgi"}
	instance := regexp.MustCompile(`^app(-[0-9]+)?(\.log)?$`) // folder or log of one of several
	for _, e := range entries {
		if !slices.Contains(kept, e.Name()) && !instance.MatchString(e.Name()) {
			t.Errorf("%s is left in the folder of the start", e.Name())
		}
	}
}

// client uses a connection of its own for every request.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

func get(t *testing.T, st *Stack, path string) (*http.Response, string) {
	t.Helper()
	resp, err := client.Get("http://" + st.Address + path)
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

func proxyGroup(st *Stack) int {
	_, proxy, _ := st.Groups()
	return proxy
}

// What overrides the cell from the application's own environment is read back.
func TestOverriddenWorkersAreReadBack(t *testing.T) {
	t.Parallel()
	app := wsgiApp(t, map[string]string{"GUNICORN_CMD_ARGS": "--workers 2"})
	app.Wait = "/io/"
	st := start(t, config(t, app, "server=gunicorn-sync/proxy=direct/workers=4/threads=1"))
	e, err := st.Effective()
	if err != nil || e.Workers != 2 {
		t.Errorf("%d workers (%v), want the 2 of the environment", e.Workers, err)
	}
	if peak, err := st.Peak(t.Context()); err != nil || peak.Seen != 2 || peak.Want != 4 {
		t.Errorf("peak %+v (%v), want 2 of 4", peak, err)
	}
}

// Workers of a running server change without a restart, where it can and was
// started for it.
func TestResize(t *testing.T) {
	for _, tt := range []struct {
		name    string
		to, not []int
	}{
		{"server=gunicorn-sync/proxy=nginx/workers=1/threads=1", []int{4, 2, 3}, []int{5}},
		{"server=uwsgi/proxy=nginx/workers=1/threads=2", []int{2, 4}, []int{3, 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := wsgiApp(t, nil)
			app.Wait = "/io/"
			cfg := config(t, app, tt.name)
			cfg.Room = 4
			st := start(t, cfg)
			master := st.apps[0].process.PID()
			for _, workers := range tt.to {
				to := st.cell
				to.Workers = workers
				if ok, err := st.Resize(t.Context(), to); !ok || err != nil {
					t.Fatalf("resize to %d: %v, %v", workers, ok, err)
				}
				if e, err := st.Effective(); err != nil || e.Workers != workers || st.apps[0].process.PID() != master {
					t.Errorf("%d workers (%v) of master %d, want %d of %d", e.Workers, err, st.apps[0].process.PID(), workers, master)
				}
				if peak, err := st.Peak(t.Context()); err != nil || peak.Seen != to.Slots() {
					t.Errorf("%d requests at once (%v), want %d", peak.Seen, err, to.Slots())
				}
			}
			others := []scenarios.Cell{st.cell}
			others[0].Proxy = scenarios.Direct
			for _, workers := range tt.not {
				to := st.cell
				to.Workers = workers
				others = append(others, to)
			}
			for _, to := range others {
				if ok, err := st.Resize(t.Context(), to); ok || err != nil {
					t.Errorf("resize to %s: %v, %v; want false", to, ok, err)
				}
			}
		})
	}
}

// All the slots of a cell work at once, and never more.
func TestCells(t *testing.T) {
	for _, tt := range []struct {
		name    string
		threads int // of the busiest worker after load; 0 when not read
	}{
		{"server=gunicorn-sync/proxy=direct/workers=1/threads=1", 0},
		{"server=gunicorn-sync/proxy=direct/workers=4/threads=1", 0},
		{"server=gunicorn-sync/proxy=nginx/workers=4/threads=1", 0},
		{"server=gunicorn-gthread/proxy=direct/workers=2/threads=2", 2},
		{"server=gunicorn-gthread/proxy=direct/workers=4/threads=2", 2},
		{"server=gunicorn-gthread/proxy=nginx/workers=4/threads=2", 2},
		{"server=embedded/proxy=direct/workers=2/threads=2", 0},
		{"server=embedded/proxy=embedded/workers=2/threads=2", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("WEB_CONCURRENCY", "7")
			t.Setenv("GUNICORN_CMD_ARGS", "--workers 7")
			app := embeddedApp(t)
			if strings.Contains(tt.name, "gunicorn") {
				app = wsgiApp(t, nil)
			}
			app.Wait = "/io/"
			cfg := config(t, app, tt.name)
			st := start(t, cfg)

			peak, err := st.Peak(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if slots := cfg.Cell.Slots(); peak.Seen != slots || peak.Want != slots || peak.Offered <= slots {
				t.Errorf("peak %+v, want %d of more in flight", *peak, slots)
			}
			e, err := st.Effective()
			if err != nil {
				t.Fatal(err)
			}
			if e.Workers != cfg.Cell.Workers || e.Threads != tt.threads {
				t.Errorf("effective: %d workers of %d threads, want %d of %d", e.Workers, e.Threads, cfg.Cell.Workers, tt.threads)
			}
			resp, _ := get(t, st, "/health/")
			if got := resp.Header.Get(trialHeader); got != cfg.TrialID {
				t.Errorf("%s = %q, want %q", trialHeader, got, cfg.TrialID)
			}
			proxied := cfg.Cell.Proxy != scenarios.Direct
			if proxied != (proxyGroup(st) != 0) || proxied != (e.Argv["proxy"] != nil) || proxied != (st.Logs()["proxy"] != "") {
				t.Errorf("proxy: group %d, argv %q, log %q; want them only with a proxy", proxyGroup(st), e.Argv["proxy"], st.Logs()["proxy"])
			}
			if proxied {
				resp, body := get(t, st, "/static/a.css")
				if body != "a {}" || resp.Header.Get(spanHeader) != "" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/css") {
					t.Errorf("static file: %q with %v, want the file from the proxy itself", body, resp.Header)
				}
			}
			for name, content := range st.Configs() {
				if onDisk, err := os.ReadFile(filepath.Join(cfg.Dir, name)); err != nil || string(onDisk) != content {
					t.Errorf("%s: what Configs tells is not what was used: %v", name, err)
				}
			}
			if err := st.Err(); err != nil {
				t.Errorf("Err while running: %v", err)
			}
			if err := st.Stop(); err != nil {
				t.Fatal(err)
			}
			if err := st.Err(); err != nil {
				t.Errorf("Err after Stop: %v, want nil: it did not die by itself", err)
			}
			if c, err := net.Dial(st.Network, st.Address); err == nil {
				c.Close()
				t.Error("somebody still listens after Stop")
			}
		})
	}
}

func TestEnvironmentIsMinimal(t *testing.T) {
	t.Setenv("LEAK", "1")
	app := wsgiApp(t, map[string]string{"SHOP_DATA": "{data}/db"})
	cfg := config(t, app, "server=gunicorn-sync/proxy=direct/workers=1/threads=1")
	_, body := get(t, start(t, cfg), "/env/")
	got := map[string]string{}
	for line := range strings.Lines(body) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		got[name] = value
	}
	_, mark, _ := strings.Cut(process.Mark(cfg.RunID), "=")
	want := map[string]string{
		"PATH": childPath, "HOME": cfg.Dir + "/home", "TMPDIR": cfg.Dir + "/tmp", "LANG": "C.UTF-8",
		"PYTHONDONTWRITEBYTECODE": "1", "SWEETSPOT_TRIAL": "trial-7", "SWEETSPOT_MARK": mark,
		"SHOP_DATA": cfg.Dir + "/data/db",
	}
	delete(got, "SERVER_SOFTWARE") // gunicorn adds it
	if !maps.Equal(got, want) {
		t.Errorf("environment:\n%v\nwant:\n%v", got, want)
	}
}

func TestLongPathUsesATemporaryFolder(t *testing.T) {
	cfg := config(t, embeddedApp(t), "server=embedded/proxy=embedded/workers=1/threads=1")
	cfg.Dir = filepath.Join(cfg.Dir, strings.Repeat("long", 25))
	st := start(t, cfg)
	if st.tempDir == "" || len(st.apps[0].at.address) > maxSocketPath {
		t.Errorf("socket %s is not in a short temporary folder", st.apps[0].at.address)
	}
	if err := st.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(st.tempDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stat %s = %v, want it gone", st.tempDir, err)
	}
}

// Every start works on its own copy of the prepared data.
func TestDataIsCopied(t *testing.T) {
	app := embeddedApp(t)
	app.DataDir = t.TempDir()
	if err := os.WriteFile(filepath.Join(app.DataDir, "db"), []byte("rows"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config(t, app, "server=embedded/proxy=direct/workers=1/threads=1")
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Dir, "data", "journal"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, cfg)
	copied, err := os.ReadFile(filepath.Join(cfg.Dir, "data", "db"))
	if err != nil || string(copied) != "rows" {
		t.Errorf("copy holds %q, %v", copied, err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, "data", "journal")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a leftover of an earlier start: stat = %v, want it gone", err)
	}
}

func TestStartFailures(t *testing.T) {
	t.Parallel()
	const sync1 = "server=gunicorn-sync/proxy=direct/workers=1/threads=1"
	for _, tt := range []struct {
		name   string
		broken string
		adapt  func(*Config)
		want   []string
	}{
		{"crash on import", "import", nil, []string{"start " + sync1 + ": app is not ready: app (pid ", "ended: exit status 3", "RuntimeError: no settings here"}},
		{"never ready", "ready", nil, []string{"app is not ready after 5s: GET /health/ answered 503 Unavailable; raise app.deadline if it needs longer", "imported"}},
		{"another trial's answer", "trial", nil, []string{"GET /health/ was answered by trial another, not by trial-7"}},
		{"no such module", "", func(c *Config) { c.App.Module = "nowhere:app" }, []string{"No module named 'nowhere'"}},
		{"not applicable", "", func(c *Config) { c.Cell.Threads = 2 }, []string{"gunicorn-sync has no threads"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := wsgiApp(t, map[string]string{"BROKEN": tt.broken})
			app.Deadline = 30 * time.Second
			if tt.broken == "ready" || tt.broken == "trial" {
				app.Deadline = 5 * time.Second // enough to start in; this one waits for its end
			}
			cfg := config(t, app, sync1)
			if tt.adapt != nil {
				tt.adapt(&cfg)
			}
			_, err := Start(t.Context(), cfg)
			if err == nil {
				t.Fatal("Start succeeded")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
			if got, want := errors.Is(err, ErrNotReady), tt.name != "not applicable"; got != want {
				t.Errorf("is ErrNotReady = %v, want %v: %v", got, want, err)
			}
			if tt.name != "not applicable" {
				nothingLeft(t, cfg)
			}
		})
	}
}

// takenPort is a port on which somebody else answers, and well.
func takenPort(t *testing.T) endpoint {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { _ = http.Serve(l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) }()
	return endpoint{"tcp", l.Addr().String()}
}

func TestTakenPort(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"server=embedded/proxy=direct/workers=1/threads=1",
		"server=embedded/proxy=embedded/workers=1/threads=1",
		"server=gunicorn-sync/proxy=direct/workers=1/threads=1",
		"server=gunicorn-sync/proxy=nginx/workers=1/threads=1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := embeddedApp(t)
			if strings.Contains(name, "gunicorn") {
				app = wsgiApp(t, nil)
			}
			taken, tries := takenPort(t), 0
			cfg := config(t, app, name)
			cfg.choosePort = func(netip.Addr) (endpoint, error) {
				if tries++; tries < portTries {
					return taken, nil
				}
				return freePort(loopback)
			}
			st := start(t, cfg)
			if st.Address == taken.address || tries != portTries {
				t.Errorf("serves on %s after %d tries; %s is somebody else's", st.Address, tries, taken.address)
			}
			resp, _ := get(t, st, "/health/")
			if got := resp.Header.Get(trialHeader); got != cfg.TrialID {
				t.Errorf("answered by trial %q, want ours", got)
			}

			cfg.Dir += "-never"
			cfg.choosePort = func(netip.Addr) (endpoint, error) { return taken, nil }
			_, err := Start(t.Context(), cfg)
			want := fmt.Sprintf("3 ports in a row were taken: %s: another program listens there; see ss -ltnp", taken.address)
			if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, ErrNotReady) {
				t.Errorf("Start = %v, want %q", err, want)
			}
		})
	}
}

func TestDeathOfAMaster(t *testing.T) {
	for _, tt := range []struct{ name, role string }{
		{"server=gunicorn-sync/proxy=direct/workers=2/threads=1", "app"},
		{"server=gunicorn-gthread/proxy=nginx/workers=2/threads=2", "app"},
		{"server=gunicorn-gthread/proxy=nginx/workers=2/threads=2", "proxy"},
		{"server=embedded/proxy=embedded/workers=2/threads=2", "app"},
		{"server=embedded/proxy=embedded/workers=2/threads=2", "proxy"},
	} {
		t.Run(tt.name+" "+tt.role, func(t *testing.T) {
			app := embeddedApp(t)
			if strings.Contains(tt.name, "gunicorn") {
				app = wsgiApp(t, nil)
			}
			st := start(t, config(t, app, tt.name))
			victim := st.apps[0].process.Group()
			if tt.role == "proxy" {
				victim = proxyGroup(st)
			}
			if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-st.Died()
			want := fmt.Sprintf("%s (pid %d) ended: signal: killed", tt.role, victim)
			if err := st.Err(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Err = %v, want %q", err, want)
			}
			if tt.role == "app" && strings.Contains(tt.name, "gunicorn") && !strings.Contains(st.Err().Error(), "imported") {
				t.Errorf("Err lacks the log's tail: %v", st.Err())
			}
		})
	}
}

func TestContextStopsAStart(t *testing.T) {
	app := wsgiApp(t, map[string]string{"BROKEN": "ready"})
	cfg := config(t, app, "server=gunicorn-sync/proxy=direct/workers=1/threads=1")
	ctx, cancel := context.WithCancel(t.Context())
	cfg.choosePort = func(netip.Addr) (endpoint, error) {
		time.AfterFunc(100*time.Millisecond, cancel)
		return freePort(loopback)
	}
	_, err := Start(ctx, cfg)
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrNotReady) {
		t.Errorf("Start = %v, want context.Canceled", err)
	}
	nothingLeft(t, cfg)
}

// nginx wipes the environment that /proc shows, gunicorn's workers outlive
// their master: all are found and ended when their owner is killed.
func TestKilledOwnerLeavesNothing(t *testing.T) {
	app := wsgiApp(t, nil)
	cell(t, "server=gunicorn-gthread/proxy=nginx/workers=2/threads=2")
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), ownerName+"="+app.Dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it is dead unless the test failed early
		_ = cmd.Wait()
	}()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("owner says %q, %v", line, err)
	}
	live, err := process.Marked(ownerRun)
	if err != nil {
		t.Fatal(err)
	}
	// Two masters, two workers, and at least one nginx worker.
	if len(live) < 5 || !strings.Contains(strings.Join(live, " "), "nginx") {
		t.Errorf("marked: %q, want gunicorn and nginx with their workers", live)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); len(live) > 0; time.Sleep(probeEvery) {
		if live, err = process.Marked(ownerRun); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("left: %q", live)
		}
	}
}
