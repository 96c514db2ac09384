package stack

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sweetspot/scenarios"
)

func TestPrepareRunsOnce(t *testing.T) {
	_, missing := findPython(t.Context(), scenarios.App{}, nil)
	need(t, missing)
	runDir, dir := t.TempDir(), t.TempDir()
	s := &scenarios.Scenario{App: scenarios.App{
		Interface: scenarios.WSGI, Dir: dir,
		Env: map[string]string{"NAME": "{data}/db", "AT": "{run}"},
		Prepare: []scenarios.Command{
			{"{python}", "-c", "import os; open(os.environ['NAME'], 'w').write(os.getcwd())"},
			{"/bin/sh", "-c", "echo again >> {run}/count"},
		},
		Static: []scenarios.Mount{{URL: "/media/", Dir: "{data}/media"}, {URL: "/static/", Dir: "{run}/static"}},
	}}
	for range 2 {
		app, err := Prepare(t.Context(), s, runDir, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if app.DataDir != filepath.Join(runDir, "data") || !filepath.IsAbs(app.Python) {
			t.Errorf("DataDir = %s, Python = %s", app.DataDir, app.Python)
		}
		at := app.at("/elsewhere")
		if got, want := at.Env["NAME"]+" "+at.Env["AT"], "/elsewhere/db "+runDir; got != want {
			t.Errorf("Env of a start = %q, want %q", got, want)
		}
		if got, want := at.Static[0].Dir+" "+at.Static[1].Dir, "/elsewhere/media "+runDir+"/static"; got != want {
			t.Errorf("Static of a start = %q, want %q", got, want)
		}
		if app.Env["NAME"] != "{data}/db" || app.Static[0].Dir != "{data}/media" {
			t.Error("a start changed what it was prepared from")
		}
	}
	if got, err := os.ReadFile(filepath.Join(runDir, "data", "db")); err != nil || string(got) != dir {
		t.Errorf("the first command wrote %q, %v; want its working folder %s", got, err, dir)
	}
	if got, err := os.ReadFile(filepath.Join(runDir, "count")); err != nil || string(got) != "again\n" {
		t.Errorf("commands ran %q, %v; want once", got, err)
	}
	s.App.Env["NAME"] = "{data}/other"
	if _, err := Prepare(t.Context(), s, runDir, io.Discard); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(runDir, "count")); err != nil || string(got) != "again\nagain\n" {
		t.Errorf("commands ran %q, %v; want again after a change", got, err)
	}
}

func TestPrepareFixture(t *testing.T) {
	_, missing := findPython(t.Context(), scenarios.App{}, nil)
	need(t, missing)
	runDir := t.TempDir()
	s := &scenarios.Scenario{App: scenarios.App{Interface: scenarios.WSGI, Dir: "fixture:django"}}
	app, err := Prepare(t.Context(), s, runDir, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(app.Dir, "manage.py")); err != nil || app.Dir != filepath.Join(runDir, "app") {
		t.Errorf("application in %s: %v", app.Dir, err)
	}
}

func TestPrepareFailures(t *testing.T) {
	_, missing := findPython(t.Context(), scenarios.App{}, nil)
	need(t, missing)
	for _, tt := range []struct {
		name  string
		adapt func(*scenarios.Scenario)
		want  []string
	}{
		{"command fails", func(s *scenarios.Scenario) {
			s.App.Prepare = []scenarios.Command{{"/bin/sh", "-c", "echo no such table; exit 4"}}
		}, []string{"prepare: /bin/sh -c echo no such table; exit 4: prepare command (pid ", "exit status 4; run it by hand in ", "\nno such table"}},
		{"command missing", func(s *scenarios.Scenario) { s.App.Prepare = []scenarios.Command{{"/no/such"}} },
			[]string{"prepare: start prepare command: /no/such: fork/exec /no/such: no such file or directory"}},
		{"interpreter missing", func(s *scenarios.Scenario) { s.App.Python = "/no/such/python" },
			[]string{"prepare: no python with gunicorn: fork/exec /no/such/python: no such file or directory; install: /no/such/python -m pip install gunicorn"}},
		{"virtualenv missing", func(s *scenarios.Scenario) { s.App.Venv = "/no/such" },
			[]string{"fork/exec /no/such/bin/python: no such file or directory"}},
		{"fixture unknown", func(s *scenarios.Scenario) { s.App.Dir = "fixture:nothing" },
			[]string{`no built-in application "nothing"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &scenarios.Scenario{App: scenarios.App{Interface: scenarios.WSGI, Dir: t.TempDir()}}
			if s.Matrix.Servers = nil; strings.Contains(tt.name, "missing") && tt.name != "command missing" {
				s.Matrix.Servers = []string{"gunicorn-sync"}
			}
			tt.adapt(s)
			_, err := Prepare(t.Context(), s, t.TempDir(), io.Discard)
			if err == nil {
				t.Fatal("Prepare succeeded")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestFindPythonNamesWhatItTried(t *testing.T) {
	_, missing := findPython(t.Context(), scenarios.App{}, nil)
	need(t, missing)
	_, err := findPython(t.Context(), scenarios.App{}, []string{"gunicorn_of_nowhere"})
	for _, want := range []string{
		"no python with gunicorn_of_nowhere: ",
		"; /usr/bin/python3: ModuleNotFoundError: No module named 'gunicorn_of_nowhere'; install: ",
		"; install: sudo apt-get install --no-install-recommends python3 gunicorn_of_nowhere",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("findPython = %v, want %q in it", err, want)
		}
	}
}

func TestVersions(t *testing.T) {
	app := wsgiApp(t, nil)
	_, missing := findProgram(nginx.program)
	need(t, missing)
	got := Versions(t.Context(), app, &scenarios.Scenario{Matrix: scenarios.Matrix{Servers: []string{"gunicorn-sync", "embedded"}, Proxies: []string{"direct", "nginx"}}})
	for _, name := range []string{"python", "gunicorn", "nginx", "embedded"} {
		if !strings.Contains(got[name], ".") {
			t.Errorf("version of %s = %q", name, got[name])
		}
	}
}

func TestCatalogueApplies(t *testing.T) {
	c := Catalogue()
	for _, tt := range []struct{ cell, iface, want string }{
		{"server=gunicorn-sync/proxy=direct/workers=1/threads=1", scenarios.WSGI, ""},
		{"server=gunicorn-gthread/proxy=nginx/workers=1/threads=4", scenarios.WSGI, ""},
		{"server=embedded/proxy=embedded/workers=1/threads=4", scenarios.Embedded, ""},
		{"server=embedded/proxy=direct/workers=1/threads=4", scenarios.Embedded, ""},
		{"server=gunicorn-sync/proxy=direct/workers=1/threads=2", scenarios.WSGI, "gunicorn-sync has no threads"},
		{"server=gunicorn-sync/proxy=direct/workers=1/threads=1", scenarios.ASGI, "gunicorn-sync needs an application with interface wsgi, not asgi"},
		{"server=embedded/proxy=direct/workers=1/threads=1", scenarios.WSGI, "embedded needs an application with interface embedded, not wsgi"},
		{"server=embedded/proxy=nginx/workers=1/threads=1", scenarios.Embedded, "proxy nginx stands before applications with interface wsgi or asgi, not embedded"},
		{"server=gunicorn-sync/proxy=embedded/workers=1/threads=1", scenarios.WSGI, "proxy embedded stands before applications with interface embedded, not wsgi"},
		{"server=gunicorn-sync/proxy=direct/workers=1/threads=1/instances=3", scenarios.WSGI, "several instances need a proxy that balances over them"},
		{"server=none/proxy=direct/workers=1/threads=1", scenarios.WSGI, "no server is called none"},
		{"server=embedded/proxy=none/workers=1/threads=1", scenarios.Embedded, "no proxy is called none"},
	} {
		cell, err := scenarios.ParseCell(tt.cell)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Applies(&scenarios.Scenario{App: scenarios.App{Interface: tt.iface}}, cell); got != tt.want {
			t.Errorf("Applies(%s, %s) = %q, want %q", tt.cell, tt.iface, got, tt.want)
		}
	}
}
