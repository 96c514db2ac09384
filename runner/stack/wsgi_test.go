package stack

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sweetspot/runner/process"
	"sweetspot/scenarios"
)

// wsgiSite answers with what the tests read back, under every form of name
// that an entry point may have.
const wsgiSite = `
import os, time
if os.environ.get("BROKEN") == "import":
    raise RuntimeError("no settings here")

def application(environ, start_response):
    entered = time.monotonic_ns()
    path, body = environ["PATH_INFO"], "ok"
    if path == "/io/":
        time.sleep(0.05)
    if path == "/env/":
        body = "\n".join(f"{k}={v}" for k, v in os.environ.items())
    if path == "/write/":
        for name in "SHOP_DATA", "HOME", "TMPDIR":
            with open(os.path.join(os.environ[name], "written"), "w") as f:
                f.write(str(os.getpid()))
    if path == "/packages/":
        import sys
        body = sys.prefix
    start_response("200 OK", [
        ("Content-Length", str(len(body))),
        ("X-Sweetspot-Trial", os.environ["SWEETSPOT_TRIAL"]),
        ("X-Sweetspot-Span", f"{entered} {time.monotonic_ns()}"),
    ])
    return [body.encode()]

def create_app():
    return application

class site:
    app = application
    create_app = staticmethod(create_app)
`

// siteFor prepares the application above for one server. Its folder has a
// blank in its name, as has that of its static file.
func siteFor(t *testing.T, server string, env map[string]string) *App {
	t.Helper()
	dir := filepath.Join(openTempDir(t), "my site")
	static := filepath.Join(dir, "my static")
	if err := os.MkdirAll(static, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{filepath.Join(dir, "wsgi_site.py"): wsgiSite, filepath.Join(static, "a.css"): "a {}"} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	app, err := Prepare(t.Context(), &scenarios.Scenario{
		App: scenarios.App{
			Interface: scenarios.WSGI, Module: "wsgi_site:application", Dir: dir, Env: env, Ready: "/health/", Wait: "/io/",
			Deadline: scenarios.Duration(time.Minute), Static: []scenarios.Mount{{URL: "/static/", Dir: static}},
		},
		Matrix: scenarios.Matrix{Servers: []string{server}, Proxies: []string{scenarios.Direct}},
	}, openTempDir(t), io.Discard)
	need(t, err)
	return app
}

func siteConfig(t *testing.T, app *App, name string) Config {
	t.Helper()
	return Config{
		App: app, Cell: cell(t, name), Proxy: scenarios.Proxy{KeepAlive: 32, Buffering: true},
		Dir: filepath.Join(openTempDir(t), "start"), RunID: t.Name(), TrialID: "trial-7",
	}
}

// startSite starts a cell and checks at the end that nothing of it is left.
func startSite(t *testing.T, cfg Config) *Stack {
	t.Helper()
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Stop(); err != nil {
			t.Error(err)
		}
		cleared(t, cfg)
	})
	return st
}

// cleared checks that no process is left, and no file but configurations and
// logs.
func cleared(t *testing.T, cfg Config) {
	t.Helper()
	if left, err := process.SweepRun(cfg.RunID); err != nil || len(left) != 0 {
		t.Errorf("processes left: %q, %v", left, err)
	}
	kept := []string{".log", ".conf", ".ini", ".wsgi", ".py"}
	err := filepath.WalkDir(cfg.Dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !slices.Contains(kept, filepath.Ext(path)) {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// All the slots of a cell work at once, and never more.
func TestWSGIPeak(t *testing.T) {
	for _, tt := range []struct {
		name    string
		threads bool // all are there from the start, so that they can be read back exactly
	}{
		{"server=gunicorn-sync/proxy=direct/workers=1/threads=1", false},
		{"server=gunicorn-sync/proxy=direct/workers=2/threads=1", false},
		{"server=gunicorn-sync/proxy=direct/workers=4/threads=1", false},
		{"server=gunicorn-gthread/proxy=direct/workers=1/threads=1", false},
		{"server=gunicorn-gthread/proxy=direct/workers=2/threads=2", false},
		{"server=gunicorn-gthread/proxy=direct/workers=4/threads=2", false},
		{"server=uwsgi/proxy=direct/workers=1/threads=1", true},
		{"server=uwsgi/proxy=direct/workers=2/threads=2", true},
		{"server=uwsgi/proxy=direct/workers=4/threads=2", true},
		{"server=uwsgi/proxy=nginx/workers=4/threads=2", true},
		{"server=mod_wsgi/proxy=direct/workers=1/threads=1", true},
		{"server=mod_wsgi/proxy=direct/workers=2/threads=2", true},
		{"server=mod_wsgi/proxy=direct/workers=4/threads=2", true},
		{"server=mod_wsgi/proxy=nginx/workers=1/threads=2/instances=2", true},
		{"server=uwsgi/proxy=nginx/workers=1/threads=2/instances=2", true},
		{"server=waitress/proxy=direct/workers=1/threads=1", true},
		{"server=waitress/proxy=nginx/workers=2/threads=2", true},
		{"server=waitress/proxy=nginx/workers=4/threads=2", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := cell(t, tt.name)
			st := startSite(t, siteConfig(t, siteFor(t, c.Server, nil), tt.name))
			// A volley may miss a slot where a worker took too many connections;
			// more requests than slots must never be inside.
			most := 0
			for range 20 {
				peak, err := st.Peak(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if peak.Want != c.Slots() {
					t.Fatalf("Want = %d, want %d", peak.Want, c.Slots())
				}
				if most = max(most, peak.Seen); most >= peak.Want {
					break
				}
			}
			if most != c.Slots() {
				t.Errorf("peak concurrency %d, want %d", most, c.Slots())
			}
			e, err := st.Effective()
			if err != nil {
				t.Fatal(err)
			}
			if e.Workers != c.Processes() {
				t.Errorf("effective workers: %d, want %d", e.Workers, c.Processes())
			}
			if tt.threads && e.Threads != c.Threads {
				t.Errorf("effective threads: %d, want %d", e.Threads, c.Threads)
			}
		})
	}
}

// gevent takes as many requests as come, and the report must not promise less.
func TestGeventIsNotBounded(t *testing.T) {
	const name = "server=gunicorn-gevent/proxy=direct/workers=1/threads=1"
	st := startSite(t, siteConfig(t, siteFor(t, "gunicorn-gevent", nil), name))
	peak, err := st.Peak(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if peak.Want != 0 || peak.Seen <= 1 {
		t.Errorf("peak = %+v, want more than one of one worker, and no promise", *peak)
	}
}

// The application finds its environment, may write where it should, and uses
// the packages of its interpreter.
func TestWSGISurroundings(t *testing.T) {
	for _, server := range []string{"uwsgi", "mod_wsgi", "waitress"} {
		t.Run(server, func(t *testing.T) {
			t.Setenv("LEAK", "1")
			app := siteFor(t, server, map[string]string{"SHOP_DATA": "{data}"})
			if err := os.WriteFile(filepath.Join(app.DataDir, "written"), []byte("before"), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg := siteConfig(t, app, "server="+server+"/proxy=direct/workers=1/threads=1")
			st := startSite(t, cfg)
			_, body := get(t, st, "/env/")
			env := strings.Split(body, "\n")
			_, mark, _ := strings.Cut(process.Mark(cfg.RunID), "=")
			for _, want := range []string{
				"PATH=" + childPath, "HOME=" + cfg.Dir + "/home", "TMPDIR=" + cfg.Dir + "/tmp", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1",
				"SWEETSPOT_TRIAL=trial-7", "SWEETSPOT_MARK=" + mark, "SHOP_DATA=" + cfg.Dir + "/data",
			} {
				if !slices.Contains(env, want) {
					t.Errorf("%s is not in the environment:\n%s", want, body)
				}
			}
			if slices.Contains(env, "LEAK=1") {
				t.Error("our own environment leaks")
			}
			if resp, body := get(t, st, "/write/"); resp.StatusCode != 200 {
				t.Errorf("writing answered %s: %s", resp.Status, body)
			}
			if _, body := get(t, st, "/packages/"); body != filepath.Dir(filepath.Dir(app.Python)) {
				t.Errorf("prefix %s, but the interpreter is %s", body, app.Python)
			}
		})
	}
}

func TestWSGIEntryPoints(t *testing.T) {
	for _, tt := range []struct {
		server  string
		entries []string
	}{
		{"gunicorn-sync", []string{"wsgi_site", "wsgi_site:create_app()"}},
		{"uwsgi", []string{"wsgi_site", "wsgi_site:create_app()"}},
		{"mod_wsgi", []string{"wsgi_site", "wsgi_site:create_app()", "wsgi_site:site.app", "wsgi_site:site.create_app()"}},
		{"waitress", []string{"wsgi_site", "wsgi_site:create_app()", "wsgi_site:site.app", "wsgi_site:site.create_app()"}},
	} {
		app := siteFor(t, tt.server, nil)
		for _, entry := range tt.entries {
			t.Run(tt.server+" "+entry, func(t *testing.T) {
				app.Module = entry
				st := startSite(t, siteConfig(t, app, "server="+tt.server+"/proxy=direct/workers=1/threads=1"))
				if resp, _ := get(t, st, "/"); resp.Header.Get(trialHeader) != "trial-7" {
					t.Errorf("answered %s with %v", resp.Status, resp.Header)
				}
			})
		}
	}
}

// An application that cannot be imported is found out at once: the deadline
// of a minute plays no part.
func TestWSGICrashAtImport(t *testing.T) {
	for _, tt := range []struct{ server, want string }{
		{"gunicorn-gevent", "ended: exit status 3"},
		{"uwsgi", "ended: exit status 22"},
		{"mod_wsgi", "it runs, but without the application"},
		{"waitress", "ended: exit status 1"},
	} {
		t.Run(tt.server, func(t *testing.T) {
			cfg := siteConfig(t, siteFor(t, tt.server, map[string]string{"BROKEN": "import"}), "server="+tt.server+"/proxy=direct/workers=1/threads=1")
			_, err := Start(t.Context(), cfg)
			if !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "RuntimeError: no settings here") {
				t.Errorf("Start = %v, want ErrNotReady with %q and the exception", err, tt.want)
			}
			cleared(t, cfg)
		})
	}
}

// pids returns the live workers.
func pids(t *testing.T, st *Stack) []int {
	t.Helper()
	workers, err := st.workers()
	if err != nil {
		t.Fatal(err)
	}
	return workers
}

func TestWSGIKilledWorkerComesBack(t *testing.T) {
	for _, server := range []string{"gunicorn-gevent", "uwsgi", "mod_wsgi"} {
		t.Run(server, func(t *testing.T) {
			st := startSite(t, siteConfig(t, siteFor(t, server, nil), "server="+server+"/proxy=direct/workers=2/threads=1"))
			victim := pids(t, st)[0]
			if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			deadline := time.Now().Add(time.Minute)
			for live := pids(t, st); len(live) != 2 || slices.Contains(live, victim); live = pids(t, st) {
				if time.Now().After(deadline) {
					t.Fatalf("workers %v, want two without %d", live, victim)
				}
				time.Sleep(probeEvery)
			}
			if resp, _ := get(t, st, "/"); resp.Header.Get(trialHeader) != "trial-7" {
				t.Errorf("answered %s with %v", resp.Status, resp.Header)
			}
			if err := st.Err(); err != nil {
				t.Errorf("Err = %v: the master lives", err)
			}
		})
	}
}

// What a killed master leaves behind, and some leave workers that serve on, is
// ended by Stop, as the end of the test checks.
func TestWSGIKilledMaster(t *testing.T) {
	for _, server := range []string{"gunicorn-gevent", "uwsgi", "mod_wsgi", "waitress"} {
		t.Run(server, func(t *testing.T) {
			workers := "2"
			if server == "waitress" {
				workers = "1"
			}
			st := startSite(t, siteConfig(t, siteFor(t, server, nil), "server="+server+"/proxy=direct/workers="+workers+"/threads=1"))
			if err := syscall.Kill(st.apps[0].process.PID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-st.Died()
			if err := st.Err(); err == nil || !strings.Contains(err.Error(), "ended: signal: killed") {
				t.Errorf("Err = %v, want that the master was killed", err)
			}
		})
	}
}

// A socket file that a killed run left behind is no obstacle.
func TestWSGIStaleSocket(t *testing.T) {
	for _, server := range []string{"gunicorn-gevent", "uwsgi", "waitress"} {
		t.Run(server, func(t *testing.T) {
			cfg := siteConfig(t, siteFor(t, server, nil), "server="+server+"/proxy=nginx/workers=1/threads=1")
			if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(cfg.Dir, "app.sock")
			leaveSocket(t, path)
			st := startSite(t, cfg)
			if st.apps[0].at.address != path {
				t.Fatalf("listens on %s, not where the stale socket is", st.apps[0].at.address)
			}
			resp, _ := get(t, st, "/")
			if resp.Header.Get(trialHeader) != "trial-7" {
				t.Errorf("answered %s with %v", resp.Status, resp.Header)
			}
		})
	}
}

// A worker of uWSGI that is signalled right after its first answer may hang:
// a stop ends it all the same.
func TestUWSGIStopsAtOnce(t *testing.T) {
	app := siteFor(t, "uwsgi", nil)
	for range 3 {
		cfg := siteConfig(t, app, "server=uwsgi/proxy=direct/workers=2/threads=2")
		st, err := Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Stop(); err != nil {
			t.Error(err)
		}
		cleared(t, cfg)
	}
}

// mod_wsgi serves the mounts itself; its own Apache processes are no workers.
func TestModWSGIServesFiles(t *testing.T) {
	st := startSite(t, siteConfig(t, siteFor(t, "mod_wsgi", nil), "server=mod_wsgi/proxy=direct/workers=2/threads=2"))
	resp, body := get(t, st, "/static/a.css")
	if body != "a {}" || resp.Header.Get(spanHeader) != "" || resp.Header.Get("Content-Type") != "text/css" {
		t.Errorf("static file: %q with %v, want the file from Apache itself", body, resp.Header)
	}
	children, err := st.apps[0].process.Children()
	if err != nil {
		t.Fatal(err)
	}
	if workers := pids(t, st); len(workers) != 2 || len(children) <= 2 {
		t.Errorf("workers %v of children %v, want two, and more children than that", workers, children)
	}
}

// As root, Apache serves as another user. What that user may not read is an
// error before anything starts, and no finding of 403.
func TestModWSGIClosedFolders(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root becomes another user")
	}
	for _, tt := range []struct {
		name  string
		close func(t *testing.T, cfg *Config) (path string)
		want  string
	}{
		{"start", func(_ *testing.T, cfg *Config) string { return filepath.Dir(cfg.Dir) }, "--out"},
		{"application", func(_ *testing.T, cfg *Config) string { return cfg.App.Dir }, "--out"},
		{"static file", func(_ *testing.T, cfg *Config) string { return filepath.Join(cfg.App.Static[0].Dir, "a.css") }, "chmod -R o+rX"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := siteConfig(t, siteFor(t, "mod_wsgi", nil), "server=mod_wsgi/proxy=direct/workers=1/threads=1")
			path := tt.close(t, &cfg)
			if err := os.Chmod(path, 0o700); err != nil {
				t.Fatal(err)
			}
			_, err := Start(t.Context(), cfg)
			if err == nil || errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Start = %v, want an error that is the machine's and names %s and %s", err, path, tt.want)
			}
			cleared(t, cfg)
		})
	}
}

const djangoSite = `
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
import os, time
DEBUG = True
SECRET_KEY = "test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = __name__
WSGI_APPLICATION = "django_site_wsgi.application"

def view(request):
    entered = time.monotonic_ns()
    time.sleep(0.05)
    return HttpResponse("ok", headers={"X-Sweetspot-Trial": os.environ["SWEETSPOT_TRIAL"], "X-Sweetspot-Span": f"{entered} {time.monotonic_ns()}"})

urlpatterns = [path("", view)]
`

// The development server of Django takes a thread a connection and leaves the
// project as it is.
func TestRunserver(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"django_site.py":      djangoSite,
		"django_site_wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	app, err := Prepare(t.Context(), &scenarios.Scenario{
		App: scenarios.App{
			Interface: scenarios.WSGI, Module: "django_site_wsgi:application", Dir: dir, Wait: "/",
			Env: map[string]string{djangoSettings: "django_site"},
		},
		Matrix: scenarios.Matrix{Servers: []string{"django-runserver"}},
	}, t.TempDir(), io.Discard)
	need(t, err)
	st := startSite(t, siteConfig(t, app, "server=django-runserver/proxy=direct/workers=1/threads=1"))
	peak, err := st.Peak(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if peak.Want != 0 || peak.Seen <= 1 {
		t.Errorf("peak = %+v, want more than one, and no promise", *peak)
	}
	if e, err := st.Effective(); err != nil || e.Workers != 1 || e.Threads != 0 {
		t.Errorf("effective = %+v, %v, want one worker, and no threads", e, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the project holds %v, %v, want its two files", entries, err)
	}
}

// Which interpreter goes with servers that have Python built in.
func TestForeignPython(t *testing.T) {
	venv := func(base string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), []byte("home = "+base+"\nversion = 3.11.2\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, "bin", "python")
	}
	for _, tt := range []struct {
		name, python string
		want         bool
	}{
		{"the distribution's", "/usr/bin/python3", false},
		{"the same by its other name", "/bin/python3", false},
		{"a virtualenv of it", venv("/usr/bin"), false},
		{"somebody's own", "/opt/python/bin/python3", true},
		{"a virtualenv of that", venv("/opt/python/bin"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := isForeign(tt.python); got != tt.want {
				t.Errorf("isForeign(%s) = %v, want %v", tt.python, got, tt.want)
			}
		})
	}
}

// A matrix with such a server takes the distribution's interpreter, whatever
// comes first in PATH.
func TestPythonOfUWSGI(t *testing.T) {
	_, missing := findProgram("uwsgi")
	need(t, missing)
	s := &scenarios.Scenario{
		App:    scenarios.App{Interface: scenarios.WSGI, Module: "wsgi_site", Dir: t.TempDir()},
		Matrix: scenarios.Matrix{Servers: []string{"uwsgi"}},
	}
	app, lacking, err := Resolve(context.Background(), s, t.TempDir())
	if err != nil || len(lacking) != 0 || app.Python != systemPython {
		t.Errorf("Resolve = %+v, %v, %v, want %s", app, lacking, err, systemPython)
	}
}
