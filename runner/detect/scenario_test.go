package detect

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sweetspot/scenarios"
)

var update = flag.Bool("update", false, "write the golden files anew")

// wsgiProject is one with everything that a scenario can show.
func wsgiProject() *Project {
	return &Project{
		Dir: "/", Name: "shop", Framework: Django, Interface: scenarios.WSGI,
		Module: "shop.wsgi:application", ASGI: "shop.asgi:application", Python: systemPython,
		Env:     map[string]string{settingsVar: "shop.settings", "DATABASE_URL": "sqlite:///a b.db"},
		Servers: []string{"gunicorn-sync", "gunicorn-gthread", "waitress", "uvicorn"},
		Proxies: []string{scenarios.Direct, "nginx"},
		Static:  []scenarios.Mount{{URL: "/static/", Dir: "/tmp"}},
		Prepare: [][]string{{"{python}", "manage.py", "migrate", "--no-input"}},
		Guesses: []Guess{
			{"name", "shop", "the name of the project's folder"},
			{"app", "DEBUG = True", "the settings have it, and it keeps every query in memory: figures of production need settings without it"},
			{"app.env", settingsVar + "=shop.settings", "manage.py names it"},
			{"app.module", "shop.wsgi:application", "WSGI_APPLICATION\nof the settings"},
			{"app.static", "/static/", "STATIC_ROOT of the settings"},
			{"matrix.servers", "gunicorn-sync, gunicorn-gthread", "few, so that a first run takes minutes; also found here, and worth adding: waitress, uvicorn"},
			{"matrix.proxies", "direct, nginx", "with a proxy and without it, to tell whether it pays for itself"},
		},
		Refused: []string{"route /logout: its name sounds as if a GET would change something"},
		lengths: map[string]int64{"/static/a.css": 12},
	}
}

func asgiProject() *Project {
	return &Project{
		Dir: "/", Name: "api", Framework: FastAPI, Interface: scenarios.ASGI, Module: "main:app", Python: systemPython,
		Servers: []string{"gunicorn-uvicorn", "uvicorn"}, Proxies: []string{scenarios.Direct},
	}
}

func TestScenarioGolden(t *testing.T) {
	for _, tt := range []struct {
		name    string
		project *Project
		options ScenarioOptions
	}{
		{"wsgi", wsgiProject(), ScenarioOptions{
			Ready: "/polls/", Routes: []string{"/", "/polls/", "/polls", "/a:b/%7Bx%7D,y"}, StaticFiles: []string{"/static/a.css", "/static/b.css"},
		}},
		{"wsgi-prepare", wsgiProject(), ScenarioOptions{
			Routes: []string{"/"}, StaticFiles: []string{"/static/a.css"}, Prepare: true, Budget: 90 * time.Second,
		}},
		{"asgi", asgiProject(), ScenarioOptions{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.project.Scenario(tt.options)
			parse(t, got)
			golden := filepath.Join("testdata", tt.name+".golden.yaml")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestScenarioSaysWhatTheProjectIs(t *testing.T) {
	p := wsgiProject()
	s := parse(t, p.Scenario(ScenarioOptions{
		Ready: "/polls/", Routes: []string{"/", "/polls/", "/polls"}, StaticFiles: []string{"/static/a.css"}, Budget: 90 * time.Second,
	}))
	if s.App.Module != p.Module || s.App.ASGI != p.ASGI || s.App.Ready != "/polls/" || !reflect.DeepEqual(s.App.Env, p.Env) {
		t.Errorf("application %+v, want that of %+v", s.App, p)
	}
	if s.App.Prepare != nil {
		t.Errorf("prepare %v, want none unless it is asked for", s.App.Prepare)
	}
	if got := s.Search.Budget.Std(); got != 90*time.Second {
		t.Errorf("budget %v, want 90s", got)
	}
	if got, want := objectives(s), "p99 < 500ms, errors < 0.1%"; got != want {
		t.Errorf("objectives %s, want %s", got, want)
	}
	for i, want := range []struct {
		name, class, path string
		length            bool
	}{
		{"home", scenarios.Dynamic, "/", false}, {"polls", scenarios.Dynamic, "/polls/", false},
		{"polls-2", scenarios.Dynamic, "/polls", false}, {"static-a.css", scenarios.Static, "/static/a.css", true},
	} {
		r := s.Traffic.Requests[i]
		if r.Name != want.name || r.Class != want.class || r.Path != want.path || r.Weight != 1 || r.Method != "GET" || (r.Expect.Length != nil) != want.length {
			t.Errorf("request %d is %+v, want %+v", i, r, want)
		}
	}
}

func objectives(s *scenarios.Scenario) string {
	var texts []string
	for _, o := range s.Objectives {
		texts = append(texts, o.String())
	}
	return strings.Join(texts, ", ")
}

// TestScenarioQuotes has folders and values that YAML would take for something
// else.
func TestScenarioQuotes(t *testing.T) {
	for _, name := range []string{
		"plain", "with blank", "colon: and #hash", "- dash", "quote\"s 'n", "ünï", "true", "1.5", "a,b [c]", "back\\slash", "*star", "@at", "%percent", "tab\there", "end:",
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), name)
			if err := os.MkdirAll(filepath.Join(dir, "static"), 0o755); err != nil {
				t.Fatal(err)
			}
			p := asgiProject()
			p.Dir, p.Name, p.Env = dir, nameOf(dir), map[string]string{"VALUE": name}
			p.Static = []scenarios.Mount{{URL: "/static/", Dir: filepath.Join(dir, "static")}}
			p.guess("app.dir", dir, "it is in "+dir)
			p.refuse(dir, "line\nbreak\x00")
			s := parse(t, p.Scenario(ScenarioOptions{}))
			if s.App.Dir != dir || s.App.Static[0].Dir != p.Static[0].Dir || s.App.Env["VALUE"] != name {
				t.Errorf("folder %q, mount %q, value %q; want %q", s.App.Dir, s.App.Static[0].Dir, s.App.Env["VALUE"], name)
			}
		})
	}
}

func TestNameOf(t *testing.T) {
	for _, tt := range []struct{ dir, want string }{
		{"/srv/my shop", "my-shop"}, {"/", "project"}, {"/x/.hidden", "hidden"}, {"/x/ünï", "n"}, {"/x/" + strings.Repeat("a", 80), strings.Repeat("a", 64)},
	} {
		t.Run(tt.dir, func(t *testing.T) {
			if got := nameOf(tt.dir); got != tt.want {
				t.Errorf("nameOf(%q) = %q, want %q", tt.dir, got, tt.want)
			}
		})
	}
}

func TestPickedFiles(t *testing.T) {
	dir := t.TempDir()
	for i := range 20 {
		name := string(rune('a'+i)) + ".txt"
		write(t, dir, map[string]string{name: strings.Repeat("x", 1+10*i)})
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.Remove(filepath.Join(dir, "t.txt")), os.Symlink("s.txt", filepath.Join(dir, "t.txt")), os.Symlink(dir, link)); err != nil {
		t.Fatal(err)
	}
	p := &Project{Static: []scenarios.Mount{{URL: "/s/", Dir: link}}}
	p.pickFiles()
	if n := len(p.StaticFiles); n != picked || p.StaticFiles[0] != "/s/a.txt" || p.StaticFiles[n-1] != "/s/t.txt" {
		t.Errorf("files %v, want %d from the smallest, a, to the largest, t", p.StaticFiles, picked)
	}
	if got := p.lengths["/s/t.txt"]; got != 181 {
		t.Errorf("length %d, want 181, that of the file behind the link", got)
	}
}
