package stack

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sweetspot/scenarios"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run with -update", err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and read the diff:\n%s", path, got)
	}
}

// renderedApp is as after Prepare, in folders that no machine has.
func renderedApp(iface string) *App {
	return &App{
		Interface: iface, Module: "shop.wsgi:application", Dir: "/run-1/app", Python: "/venv/bin/python",
		Env:    map[string]string{"SHOP_DATA": "{data}"},
		Static: []scenarios.Mount{{URL: "/static/", Dir: "/run-1/static"}, {URL: "/media/", Dir: "{data}/my media"}, {URL: "/docs/", Dir: "/opt/docs/"}},
		Routes: []scenarios.Route{{Path: "/io/", Wait: 20e6, Dist: "exponential", Bytes: 100}},
		Ready:  "/health/", RunDir: "/run-1", DataDir: "/run-1/data",
	}
}

func showPlan(p plan, env []string) string {
	return fmt.Sprintf("cd %s\n%s\n%s\n\n%s", p.dir, strings.Join(append(env, p.env...), "\n"), strings.Join(p.argv, " "), showFiles(p.files))
}

func showFiles(files map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "-- %s --\n%s", name, files[name])
	}
	return b.String()
}

// Every server behind every proxy that it may have, as it is started.
func TestPlans(t *testing.T) {
	debian := machine{root: true, sharedMemory: true, mimeTypes: "/etc/nginx/mime.types", programs: map[string]string{"nginx": "/usr/sbin/nginx"}}
	for _, tt := range []struct {
		name    string
		cell    scenarios.Cell
		iface   string
		machine machine
		cpus    int
	}{
		{"sync-direct", scenarios.Cell{Server: "gunicorn-sync", Proxy: "direct", Workers: 4, Threads: 1}, scenarios.WSGI, debian, 0},
		{"gthread-nginx", scenarios.Cell{Server: "gunicorn-gthread", Proxy: "nginx", Workers: 4, Threads: 2}, scenarios.WSGI, debian, 2},
		{"gthread-nginx-bare", scenarios.Cell{Server: "gunicorn-gthread", Proxy: "nginx", Workers: 1, Threads: 8}, scenarios.WSGI, machine{programs: map[string]string{"nginx": "/opt/nginx"}}, 0},
		{"embedded-direct", scenarios.Cell{Server: "embedded", Proxy: "direct", Workers: 2, Threads: 2}, scenarios.Embedded, debian, 0},
		{"embedded-embedded", scenarios.Cell{Server: "embedded", Proxy: "embedded", Workers: 2, Threads: 2}, scenarios.Embedded, debian, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, _ := findServer(tt.cell.Server)
			px, _ := findProxy(tt.cell.Proxy)
			s := site{
				app: renderedApp(tt.iface).at("/run-1/start/data"), entry: "shop.wsgi:application", settings: scenarios.Proxy{KeepAlive: 32, Buffering: true}, cell: tt.cell, dir: "/run-1/start",
				listen: endpoint{"tcp", "127.0.0.1:8001"}, trialID: "trial-7", machine: tt.machine, cpus: tt.cpus, epoch: 12345,
			}
			env := environment(s.app.Env, s.dir, s.trialID)
			if px.plan == nil {
				golden(t, tt.name+".golden", showPlan(srv.plan(s), env))
				return
			}
			public := s.listen
			s.listen = endpoint{"unix", "/run-1/start/app.sock"}
			text := showPlan(srv.plan(s), env)
			s.upstreams, s.listen = []endpoint{s.listen}, public
			golden(t, tt.name+".golden", text+"\n== proxy ==\n"+showPlan(px.plan(s), nil))
		})
	}
}

func TestWinnerConfigs(t *testing.T) {
	for _, tt := range []struct {
		name string
		cell scenarios.Cell
	}{
		{"winner-sync-direct", scenarios.Cell{Server: "gunicorn-sync", Proxy: "direct", Workers: 5, Threads: 1}},
		{"winner-gthread-nginx", scenarios.Cell{Server: "gunicorn-gthread", Proxy: "nginx", Workers: 4, Threads: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := showFiles(WinnerConfig(renderedApp(scenarios.WSGI), tt.cell))
			if strings.Contains(text, "/run-1") || strings.Contains(text, "{data}") {
				t.Errorf("a path of the run is in it:\n%s", text)
			}
			golden(t, tt.name+".golden", text)
		})
	}
	embedded := scenarios.Cell{Server: "embedded", Proxy: "embedded", Workers: 1, Threads: 1}
	if got := WinnerConfig(renderedApp(scenarios.Embedded), embedded); len(got) != 0 {
		t.Errorf("embedded: %v, want none", got)
	}
}
