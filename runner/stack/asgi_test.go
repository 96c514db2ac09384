package stack

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sweetspot/runner/process"
	"sweetspot/scenarios"
)

// asgi answers as the WSGI application of these tests does; /io/ awaits.
const asgi = `
import asyncio, os, time
if os.environ.get("BROKEN") == "import":
    raise RuntimeError("no settings here")
print("imported", flush=True)

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    entered = time.monotonic_ns()
    if scope["path"] == "/io/":
        await asyncio.sleep(0.05)
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-length", b"2"),
        (b"x-sweetspot-trial", os.environ["SWEETSPOT_TRIAL"].encode()),
        (b"x-sweetspot-span", b"%d %d" % (entered, time.monotonic_ns())),
    ]})
    await send({"type": "http.response.body", "body": b"ok"})
`

// asgiServers are those that Debian has.
var asgiServers = []string{"gunicorn-uvicorn", "uvicorn", "daphne", "hypercorn"}

// asgiApp prepares the application above.
func asgiApp(t *testing.T, env map[string]string) *App {
	t.Helper()
	_, missing := findPython(t.Context(), scenarios.App{}, modulesOf(asgiServers))
	need(t, missing)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "site_under_test.py"), []byte(asgi), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &scenarios.Scenario{
		App: scenarios.App{
			Interface: scenarios.ASGI, Module: "site_under_test:app", Dir: dir, Env: env, Ready: "/health/", Wait: "/io/",
		},
		Matrix: scenarios.Matrix{Servers: asgiServers},
	}
	app, err := Prepare(t.Context(), s, t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// asgiConfig is config in a folder that has what servers may trip over in its
// name, and that proxies can reach, so that the sockets are in it.
func asgiConfig(t *testing.T, app *App, name string) Config {
	t.Helper()
	dir := openTempDir(t)
	return Config{App: app, Cell: cell(t, name), Dir: filepath.Join(dir, "a=b:c d"), RunID: filepath.Base(dir), TrialID: "trial-7"}
}

// All the workers of a cell live, and an event loop works on all requests at
// once, however few workers there are.
func TestASGICells(t *testing.T) {
	for _, name := range []string{
		"server=gunicorn-uvicorn/proxy=direct/workers=1/threads=1",
		"server=gunicorn-uvicorn/proxy=direct/workers=2/threads=1",
		"server=gunicorn-uvicorn/proxy=nginx/workers=4/threads=1",
		"server=uvicorn/proxy=direct/workers=1/threads=1",
		"server=uvicorn/proxy=direct/workers=2/threads=1",
		"server=uvicorn/proxy=nginx/workers=1/threads=1",
		"server=uvicorn/proxy=nginx/workers=4/threads=1",
		"server=daphne/proxy=direct/workers=1/threads=1",
		"server=daphne/proxy=nginx/workers=2/threads=1",
		"server=daphne/proxy=nginx/workers=4/threads=1",
		"server=hypercorn/proxy=direct/workers=1/threads=1",
		"server=hypercorn/proxy=direct/workers=2/threads=1",
		"server=hypercorn/proxy=nginx/workers=1/threads=1",
		"server=hypercorn/proxy=nginx/workers=4/threads=1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("WEB_CONCURRENCY", "7")
			cfg := asgiConfig(t, asgiApp(t, nil), name)
			st := start(t, cfg)
			e, err := st.Effective()
			if err != nil {
				t.Fatal(err)
			}
			if e.Workers != cfg.Cell.Workers || e.Threads != 0 {
				t.Errorf("effective: %d workers of %d threads, want %d of which none are counted", e.Workers, e.Threads, cfg.Cell.Workers)
			}
			if proxied := cfg.Cell.Proxy != scenarios.Direct; proxied != (e.Upstream == "unix") {
				t.Errorf("upstream %q, want unix only behind a proxy", e.Upstream)
			}
			allAtOnce(t, st)
			resp, body := get(t, st, "/health/")
			if got := resp.Header.Get(trialHeader); got != cfg.TrialID || body != "ok" {
				t.Errorf("answer %q of trial %q, want ok of %q", body, got, cfg.TrialID)
			}
			if err := st.Stop(); err != nil {
				t.Fatal(err)
			}
			if c, err := net.Dial(st.Network, st.Address); err == nil {
				c.Close()
				t.Error("somebody still listens after Stop")
			}
		})
	}
}

// allAtOnce checks that all requests in flight are inside together. One volley
// may miss that on a busy machine.
func allAtOnce(t *testing.T, st *Stack) {
	t.Helper()
	seen, offered := 0, 0
	for range 40 {
		p, err := st.Peak(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p == nil || p.Want != 0 {
			t.Fatalf("peak %+v, want one without an expectation", p)
		}
		if seen, offered = max(seen, p.Seen), p.Offered; seen == offered {
			return
		}
	}
	t.Errorf("peak concurrency %d of %d requests in flight, want all", seen, offered)
}

// An application that cannot be imported is the cell's fault, and long before
// the deadline, however its server takes it: uvicorn with several workers stays
// and never listens, hypercorn with several ends with status 0.
func TestASGIImportCrash(t *testing.T) {
	const raised = "RuntimeError: no settings here"
	for _, tt := range []struct{ name, module, how, tail string }{
		{"server=gunicorn-uvicorn/proxy=direct/workers=1/threads=1", "site_under_test:app", "ended: exit status 3", raised},
		{"server=uvicorn/proxy=direct/workers=1/threads=1", "site_under_test:app", "app is not ready: ", raised},
		{"server=uvicorn/proxy=direct/workers=2/threads=1", "site_under_test:app", "it runs, but without the application", raised},
		{"server=uvicorn/proxy=nginx/workers=2/threads=1", "nowhere:app", "it runs, but without the application", `Could not import module "nowhere"`},
		{"server=daphne/proxy=nginx/workers=2/threads=1", "site_under_test:app", "ended: exit status 1", raised},
		{"server=hypercorn/proxy=direct/workers=1/threads=1", "site_under_test:app", "ended: exit status 1", raised},
		{"server=hypercorn/proxy=direct/workers=2/threads=1", "site_under_test:app", "ended: exit status 0", raised},
	} {
		t.Run(tt.name+" "+tt.module, func(t *testing.T) {
			app := asgiApp(t, map[string]string{"BROKEN": "import"})
			app.Module, app.Deadline = tt.module, time.Minute
			cfg := asgiConfig(t, app, tt.name)
			_, err := Start(t.Context(), cfg)
			if !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), tt.how) || !strings.Contains(err.Error(), tt.tail) {
				t.Errorf("Start = %v, want ErrNotReady with %q and %q", err, tt.how, tt.tail)
			}
			nothingLeft(t, cfg)
		})
	}
}

// A killed worker is no longer read back, and the rest keeps serving. gunicorn
// replaces it.
func TestASGIDeathOfAWorker(t *testing.T) {
	for _, tt := range []struct {
		name     string
		replaced bool
	}{
		{"server=gunicorn-uvicorn/proxy=direct/workers=2/threads=1", true},
		{"server=uvicorn/proxy=direct/workers=2/threads=1", false},
		{"server=hypercorn/proxy=direct/workers=2/threads=1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := start(t, asgiConfig(t, asgiApp(t, nil), tt.name))
			before, err := st.workers()
			if err != nil || len(before) != 2 {
				t.Fatalf("workers %v, %v, want two", before, err)
			}
			if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			poll(t, "the dead worker is not read back", func() bool {
				now, err := st.workers()
				if err != nil {
					t.Fatal(err)
				}
				return !slices.Contains(now, before[0]) && (!tt.replaced || len(now) == 2)
			})
			poll(t, "the rest answers", func() bool { return st.Answers(t.Context()) })
			if err := st.Err(); err != nil {
				t.Errorf("Err = %v, want nil: the master lives", err)
			}
		})
	}
}

// Workers outlive their master and keep serving; the stack has died all the
// same, and stopping it ends them.
func TestASGIDeathOfAMaster(t *testing.T) {
	for _, tt := range []struct {
		name    string
		orphans bool
	}{
		{"server=gunicorn-uvicorn/proxy=direct/workers=2/threads=1", true},
		{"server=uvicorn/proxy=direct/workers=1/threads=1", false},
		{"server=uvicorn/proxy=nginx/workers=2/threads=1", true},
		{"server=daphne/proxy=nginx/workers=2/threads=1", false},
		{"server=hypercorn/proxy=direct/workers=1/threads=1", false},
		{"server=hypercorn/proxy=nginx/workers=2/threads=1", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := start(t, asgiConfig(t, asgiApp(t, nil), tt.name))
			master := st.apps[0].process
			if err := syscall.Kill(master.PID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-st.Died()
			want := fmt.Sprintf("app (pid %d) ended: signal: killed", master.PID())
			if err := st.Err(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "imported") {
				t.Errorf("Err = %v, want %q and the log's tail", err, want)
			}
			left, err := master.Members()
			if err != nil || (len(left) > 0) != tt.orphans {
				t.Errorf("left of the group before Stop: %v, %v, want some: %v", left, err, tt.orphans)
			}
			if err := st.Stop(); err != nil {
				t.Fatal(err)
			}
			if left, err = master.Members(); err != nil || len(left) > 0 {
				t.Errorf("left of the group after Stop: %v, %v", left, err)
			}
		})
	}
}

// uvicorn with several workers would die of a socket file that an earlier run
// left behind, daphne of the lock beside it.
func TestASGIStaleSocket(t *testing.T) {
	for _, server := range asgiServers {
		t.Run(server, func(t *testing.T) {
			cfg := asgiConfig(t, asgiApp(t, nil), "server="+server+"/proxy=nginx/workers=2/threads=1")
			socket := filepath.Join(cfg.Dir, "app.sock")
			if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
				t.Fatal(err)
			}
			leaveSocket(t, socket)
			// daphne's lock names a process; by now that may be any other one.
			if err := os.Symlink(strconv.Itoa(os.Getpid()), socket+".lock"); err != nil {
				t.Fatal(err)
			}
			st := start(t, cfg)
			if got := st.apps[0].at.address; got != socket {
				t.Errorf("listens on %s, want %s, where the old file was", got, socket)
			}
		})
	}
}

// gunicorn changes the number of its event loops while it runs.
func TestASGIResize(t *testing.T) {
	cfg := asgiConfig(t, asgiApp(t, nil), "server=gunicorn-uvicorn/proxy=direct/workers=1/threads=1")
	cfg.Room = 3
	st := start(t, cfg)
	for _, n := range []int{3, 2} {
		to := cfg.Cell
		to.Workers = n
		if ok, err := st.Resize(t.Context(), to); !ok || err != nil {
			t.Fatalf("Resize to %d workers = %v, %v", n, ok, err)
		}
		if workers, err := st.workers(); err != nil || len(workers) != n {
			t.Errorf("workers %v, %v, want %d", workers, err, n)
		}
		allAtOnce(t, st)
	}
}

// Workers are told from the processes that Python itself adds.
func TestForked(t *testing.T) {
	python, missing := findPython(t.Context(), scenarios.App{}, nil)
	need(t, missing)
	const script = `
import multiprocessing, sys, time

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    workers = [multiprocessing.Process(target=time.sleep, args=(600,)) for _ in range(3)]
    for w in workers:
        w.start()
    print("started", flush=True)
    for w in workers:
        w.join()
`
	for _, tt := range []struct {
		method string
		helper string // in the command line of one more child
	}{
		{"fork", ""},
		{"spawn", "resource_tracker"},
		{"forkserver", "forkserver"},
	} {
		t.Run(tt.method, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "main.py"), []byte(script), 0o644); err != nil {
				t.Fatal(err)
			}
			p, err := process.Start(t.Context(), process.Spec{
				Role: "app", Argv: []string{python, "main.py", tt.method}, Dir: dir, Log: filepath.Join(dir, "app.log"),
				Env: append(environment(nil, dir, ""), process.Mark(t.Name())),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := p.Stop(); err != nil {
					t.Error(err)
				}
			}()
			poll(t, "the workers are started", func() bool { return strings.Contains(p.LogTail(tailLines), "started") })
			workers, err := forked(p)
			if err != nil || len(workers) != 3 {
				t.Errorf("workers %v, %v, want three", workers, err)
			}
			children, err := p.Children()
			if err != nil {
				t.Fatal(err)
			}
			if helped := slices.ContainsFunc(children, func(pid int) bool { return tt.helper != "" && runs(pid, tt.helper) }); helped != (tt.helper != "") {
				t.Errorf("children %v, want a %q among them", children, tt.helper)
			}
		})
	}
}

// poll waits until a condition holds, for a minute at most.
func poll(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(probeEvery) {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute not yet: %s", what)
		}
	}
}

// A traceback counts when its end has come, so that the error shows the cause.
func TestUvicornFailed(t *testing.T) {
	const begun = "Process SpawnProcess-1:\nTraceback (most recent call last):\n" +
		"  File \"uvicorn/config.py\", line 458, in load\n    self.loaded_app = import_from_string(self.app)\n"
	for _, tt := range []struct {
		name, log string
		want      bool
	}{
		{"healthy", "imported\nWARNING:  Invalid HTTP request received.", false},
		{"the application's own traceback", "Traceback (most recent call last):\n  File \"site.py\", line 1, in view\nValueError: 7", false},
		{"no such module", `ERROR:    Error loading ASGI app. Could not import module "nowhere".`, true},
		{"traceback begun", begun + "  File \"site.py\", line 5, in <module>", false},
		{"another worker's begins in it", begun + "Process SpawnProcess-2:\nTraceback (most recent call last):\n", false},
		{"traceback complete", begun + "  File \"site.py\", line 5, in <module>\ndjango.core.exceptions.ImproperlyConfigured: no settings", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := uvicornFailed.MatchString(tt.log); got != tt.want {
				t.Errorf("matched %v, want %v", got, tt.want)
			}
		})
	}
}
