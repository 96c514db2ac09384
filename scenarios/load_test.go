package scenarios

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// testCatalogue is what the scenarios of the tests may name.
var testCatalogue = Catalogue{
	Servers: []string{
		"gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent", "gunicorn-uvicorn", "uwsgi", "mod_wsgi", "waitress",
		"uvicorn", "daphne", "hypercorn", "granian", "django-runserver", "embedded",
	},
	Proxies:  []string{Direct, "nginx", "apache", "caddy", "haproxy", "embedded"},
	Services: []string{"mariadb", "postgresql", "redis"},
	Fixtures: []string{"asgi", "django", "fastapi", "flask", "wsgi"},
	Applies: func(s *Scenario, c Cell) string {
		iface := s.App.Interface
		switch {
		case c.Instances > 1 && c.Proxy == Direct:
			return "direct balances over no instances"
		case (c.Server == "embedded") != (iface == Embedded):
			return "server " + c.Server + " does not run interface " + iface
		case c.Server == "gunicorn-sync" && c.Threads > 1:
			return "gunicorn-sync has one thread"
		}
		return ""
	},
}

// minimal is the least that a scenario has to say.
const minimal = `name: small
app:
  interface: wsgi
  module: shop.wsgi:application
matrix:
  servers: [gunicorn-sync]
  workers: 2
traffic:
  requests:
    - {name: home, path: /}
`

// TestBroken loads the scenarios in testdata/broken, of which each tells its
// faults and the --set flags it is loaded with. Their folder has the files in
// testdata/site.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("found %d broken scenarios (%v), want at least 30", len(files), err)
	}
	site, err := filepath.Abs("testdata/site")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Files) != 2 || a.Files[0].Name != "shop.yaml" || a.Files[1].Name != "want" {
				t.Fatal("want the files shop.yaml and want")
			}
			var sets []Override
			for line := range strings.Lines(string(a.Comment)) {
				o, err := ParseOverride(strings.TrimSuffix(line, "\n"))
				if err != nil {
					t.Fatal(err)
				}
				sets = append(sets, o)
			}
			s, err := Parse("shop.yaml", a.Files[0].Data, site, sets, testCatalogue)
			var faults Faults
			if !errors.As(err, &faults) || len(faults) == 0 || s != nil {
				t.Fatalf("Parse = %v, %v; want Faults", s, err)
			}
			got := strings.ReplaceAll(err.Error(), site, "SITE") + "\n"
			if *update {
				a.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(a.Files[1].Data); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestBuiltInScenariosLoad(t *testing.T) {
	if got, want := BuiltIn(), []string{"balanced-instances", "django-shop", "embedded-shop", "folklore", "proxy-tax", "server-shootout", "static-vs-dynamic", "wsgi-vs-asgi"}; !slices.Equal(got, want) {
		t.Fatalf("BuiltIn() = %v, want %v", got, want)
	}
	for _, name := range BuiltIn() {
		s, src, source, err := Open(name, nil, testCatalogue)
		if err != nil {
			t.Errorf("Open(%s): %v", name, err)
			continue
		}
		if s.Name != name || source != name || len(src) == 0 {
			t.Errorf("Open(%s) = scenario %s of %d bytes from %s", name, s.Name, len(src), source)
		}
		dynamic, all := 0.0, 0.0
		for _, r := range s.Traffic.Requests {
			all += r.Weight
			if r.Class == Dynamic {
				dynamic += r.Weight
			}
		}
		if share := dynamic / all; share < 0.55 || share > 0.65 {
			t.Errorf("%s: %v of the requests are dynamic, want about 0.6", name, share)
		}
	}
}

func TestStarterIsValid(t *testing.T) {
	if _, err := Parse(starter, Starter(), t.TempDir(), nil, testCatalogue); err != nil {
		t.Error(err)
	}
}

// TestStarterExamplesAreValid takes the marks of comments off.
func TestStarterExamplesAreValid(t *testing.T) {
	text := strings.Replace(string(Starter()), "proxies: [direct]", "proxies: [direct, nginx]", 1)
	for _, line := range []string{"services: [", "proxy: { ", "instances: [", "slow: { ", "websockets: { ", "limits:\n", "  cpu: ", "  memory: ", "cores: ["} {
		if strings.Count(text, "# "+line) != 1 {
			t.Fatalf("the starter has %d examples of %q, want 1", strings.Count(text, "# "+line), line)
		}
		text = strings.Replace(text, "# "+line, line, 1)
	}
	s := parseText(t, text)
	if !s.Proxy.HTTP2 || s.Traffic.Slow == nil || s.Traffic.WebSockets == nil || len(s.Services) != 2 || len(s.Matrix.Instances) != 2 || s.Limits.Memory == 0 || s.Limits.CPU != 1.5 || len(s.Search.Cores) != 5 {
		t.Errorf("the examples were not read: %+v", s)
	}
}

func TestLoadResolvesPaths(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "small.yaml")
	text := strings.Replace(minimal, "wsgi:application\n", "wsgi:application\n  dir: code\n  static: [{url: /static/, dir: \"{run}/s\"}, {url: /m/, dir: code/m}]\n", 1)
	for _, d := range []string{"code/m"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Load(file, testCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{s.App.Dir, s.App.Static[0].Dir, s.App.Static[1].Dir}
	if want := []string{dir + "/code", "{run}/s", dir + "/code/m"}; !slices.Equal(got, want) {
		t.Errorf("folders are %q, want %q", got, want)
	}
	if err := s.Validate(dir, testCatalogue); err != nil {
		t.Errorf("a loaded scenario is not valid: %v", err)
	}
}

func TestValidateWithoutText(t *testing.T) {
	s, err := Parse("small.yaml", []byte(minimal), t.TempDir(), nil, testCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	s.Traffic.Requests[0].Weight = -1
	s.Search.Budget = 0
	err = s.Validate(t.TempDir(), testCatalogue)
	want := "small: traffic.requests[0].weight: is -1, must not be negative\n" +
		"  0 leaves the request out of the mix\n" +
		"small: search.budget: is 0s, must be at least 1s"
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestLoadMissingFile(t *testing.T) {
	_, err := Load("missing.yaml", testCatalogue)
	if want := "missing.yaml: no such file: sweetspot init writes a scenario to start from"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOpenUnknownName(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"django-shpo", "django-shpo: no such file or built-in scenario: did you mean django-shop? built in are balanced-instances, django-shop, embedded-shop, folklore, proxy-tax, server-shootout, static-vs-dynamic, wsgi-vs-asgi"},
		{"starter", "starter: no such file or built-in scenario: built in are balanced-instances, django-shop, embedded-shop, folklore, proxy-tax, server-shootout, static-vs-dynamic, wsgi-vs-asgi"},
		{"a/b", "a/b: no such file: sweetspot init writes a scenario to start from"},
	} {
		_, _, _, err := Open(tt.name, nil, testCatalogue)
		if err == nil || err.Error() != tt.want {
			t.Errorf("Open(%s):\n got %v\nwant %s", tt.name, err, tt.want)
		}
	}
}

func TestOpenReportsFlagsAndFileTogether(t *testing.T) {
	file := filepath.Join(t.TempDir(), "small.yaml")
	text := strings.Replace(minimal, "workers: 2", "workers: 0", 1)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, src, _, err := Open(file, []string{"search.budget", "search.seed=-1"}, testCatalogue)
	want := file + `:7:3: matrix.workers: "0" is too few
    workers: 0
    ^
  write at least 1
--set search.seed=-1: search.seed: is -1, must be from 0 to 18446744073709551615
--set search.budget: is not path=value
  write a field and its value, as search.budget=90s or traffic.requests[0].weight=3`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	if string(src) != text {
		t.Errorf("the source is %q, want the file's text", src)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal), "traffic.requests[0].weight=3")
	f.Add(Starter(), "app.env.A={run}")
	f.Add([]byte(everything), "traffic.slow.clients=3")
	f.Add([]byte(targeted), "target=http://[::1]:1")
	for _, name := range BuiltIn() {
		src, err := readBuiltIn(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src, "matrix.workers=[1,2]")
	}
	f.Add([]byte("a: &a [*a]\n<<: *a\n? [b]\n: {c: !d e}"), "a[0]=1")
	f.Add([]byte("a:\n\t- 'b"), "=")
	f.Add([]byte("a\n---\nb\n...\n%YAML 1.1"), "a.b.c=\x00")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, src []byte, set string) {
		var sets []Override
		if o, err := ParseOverride(set); err == nil {
			sets = append(sets, o)
		}
		s, err := Parse("fuzz.yaml", src, dir, sets, testCatalogue)
		if err != nil {
			_ = err.Error()
			return
		}
		s.Cells(3, testCatalogue)
		if _, address, _, _ := s.TargetAddress(); (address == "") != (s.Target == "") {
			t.Errorf("the address of target %q is %q", s.Target, address)
		}
		if _, err := NewMix(s.Traffic, s.Search.Seed); err != nil {
			t.Errorf("NewMix refuses a valid scenario: %v", err)
		}
	})
}
