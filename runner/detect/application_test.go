package detect

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/scenarios"
)

const flaskApplication = `from flask import Flask, render_template

app = Flask(__name__)


@app.route('/')
def index():
    return render_template('index.html')


@app.route('/about')
def about():
    return 'about'


@app.route('/users/<name>')
def user(name):
    return name


@app.route('/order', methods=['POST'])
def order():
    return 'thanks'


@app.route('/logout')
def leave():
    return 'bye'
`

func TestApplications(t *testing.T) {
	type want struct {
		framework, iface, module string
		dir                      string // below the project
		routes                   []string
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  want
	}{
		{"flask in three files", map[string]string{
			"app.py": flaskApplication, "templates/index.html": "<p>hi", "static/style.css": "p { color: red }",
		}, want{Flask, scenarios.WSGI, "app:app", "", []string{"/", "/about"}}},
		{"flask factory in a package", map[string]string{
			"shop/__init__.py": "from flask import Flask\n\ndef create_app(config=None):\n    app = Flask(__name__)\n    app.add_url_rule('/hi', 'hi', lambda: 'hi')\n    return app\n",
		}, want{Flask, scenarios.WSGI, "shop:create_app()", "", []string{"/hi"}}},
		{"wsgi.py beside a factory with arguments", map[string]string{
			"shop/__init__.py": "from flask import Flask\n\ndef create_app(config):\n    return Flask(__name__)\n",
			"wsgi.py":          "from shop import create_app\napplication = create_app({})\n",
		}, want{Flask, scenarios.WSGI, "wsgi:application", "", nil}},
		{"flask in src", map[string]string{
			"src/shop/__init__.py": "", "src/shop/app.py": "from flask import Flask\napp = Flask(__name__)\n",
		}, want{Flask, scenarios.WSGI, "shop.app:app", "", nil}},
		{"flask in a folder that is no package", map[string]string{
			"backend/main.py": "from flask import Flask\nimport views\napp = Flask(__name__)\n", "backend/views.py": "",
		}, want{Flask, scenarios.WSGI, "main:app", "backend", nil}},
		{"flask named by .flaskenv", map[string]string{
			"app.py": flaskApplication, "hello.py": "from flask import Flask\nsite = Flask(__name__)\n", ".flaskenv": "FLASK_APP=hello.py\n",
		}, want{Flask, scenarios.WSGI, "hello:site", "", nil}},
		{"fastapi", map[string]string{
			"main.py": "from fastapi import FastAPI\napp = FastAPI()\n\n@app.get('/items')\nasync def items(): return []\n\n@app.get('/items/{n}')\nasync def item(n: int): return n\n\n@app.post('/new')\nasync def new(): return 1\n",
		}, want{FastAPI, scenarios.ASGI, "main:app", "", []string{"/items"}}},
		{"starlette with a mount", map[string]string{
			"main.py": "from starlette.applications import Starlette\nfrom starlette.routing import Mount, Route\ndef home(request): pass\napp = Starlette(routes=[Route('/', home), Mount('/api', routes=[Route('/list', home)])])\n",
		}, want{ASGI, scenarios.ASGI, "main:app", "", []string{"/", "/api/list"}}},
		{"plain WSGI", map[string]string{
			"hello.py": "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hi']\n",
		}, want{WSGI, scenarios.WSGI, "hello:application", "", nil}},
		{"plain ASGI", map[string]string{
			"hello.py": "async def app(scope, receive, send):\n    pass\n",
		}, want{ASGI, scenarios.ASGI, "hello:app", "", nil}},
		{"an ASGI class", map[string]string{
			"asgi.py": "class App:\n    async def __call__(self, scope, receive, send):\n        pass\n\napplication = App()\n",
		}, want{ASGI, scenarios.ASGI, "asgi:application", "", nil}},
		{"noise on standard output", map[string]string{
			"app.py": "import os\nprint('{}')\nos.system('echo more')\n" + flaskApplication,
		}, want{Flask, scenarios.WSGI, "app:app", "", []string{"/", "/about"}}},
		{"a broken module and one that works", map[string]string{
			"wsgi.py": "import nowhere\nfrom app import app\n", "app.py": flaskApplication,
		}, want{Flask, scenarios.WSGI, "app:app", "", []string{"/", "/about"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := project(t, tt.files)
			p := detect(t, dir)
			relative, err := filepath.Rel(dir, p.Dir)
			if err != nil {
				t.Fatal(err)
			}
			got := want{p.Framework, p.Interface, p.Module, strings.TrimPrefix(relative, "."), p.Routes}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v\nrefused %q", got, tt.want, p.Refused)
			}
			s := parse(t, p.Scenario(ScenarioOptions{}))
			if s.App.Module != tt.want.module || s.App.Dir != p.Dir {
				t.Errorf("scenario of %s in %s, want %s in %s", s.App.Module, s.App.Dir, tt.want.module, p.Dir)
			}
		})
	}
}

func TestStaticOfApplications(t *testing.T) {
	for _, tt := range []struct {
		name, app string
		want      []scenarios.Mount // folders below the project
		refused   string
	}{
		{"flask", flaskApplication, []scenarios.Mount{{URL: "/static/", Dir: "static"}}, ""},
		{"flask with a blueprint",
			"from flask import Blueprint, Flask\napp = Flask(__name__, static_folder=None)\napp.register_blueprint(Blueprint('b', __name__, static_folder='more', static_url_path='/b'))\n",
			[]scenarios.Mount{{URL: "/b/", Dir: "more"}}, ""},
		{"flask that serves them at the root", "from flask import Flask\napp = Flask(__name__, static_url_path='')\n", nil, "share the prefix /"},
		{"flask with an empty folder", "from flask import Flask\napp = Flask(__name__, static_folder='none')\n", nil, ""},
		{"fastapi",
			"from fastapi import FastAPI\nfrom starlette.staticfiles import StaticFiles\napp = FastAPI()\napp.mount('/s', StaticFiles(directory='static'))\n",
			[]scenarios.Mount{{URL: "/s/", Dir: "static"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := project(t, map[string]string{"app.py": tt.app, "static/style.css": "p {}", "more/x.js": "1"})
			for i := range tt.want {
				tt.want[i].Dir = filepath.Join(dir, tt.want[i].Dir)
			}
			p := detect(t, dir)
			if !reflect.DeepEqual(p.Static, tt.want) || !p.refused(tt.refused) {
				t.Errorf("mounts %v, want %v; refused %q, want %q", p.Static, tt.want, p.Refused, tt.refused)
			}
			if len(tt.want) > 0 && len(p.StaticFiles) != 1 {
				t.Errorf("files %v, want one", p.StaticFiles)
			}
		})
	}
}

func TestNothingToMeasure(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string // in the error
	}{
		{"empty folder", nil, []string{"found nothing to measure", "manage.py", "write a wsgi.py"}},
		{"only tests and hidden folders", map[string]string{
			"tests/app.py": flaskApplication, ".hidden/app.py": flaskApplication, "test_app.py": flaskApplication, "node_modules/app.py": flaskApplication,
		}, []string{"found nothing to measure"}},
		{"a module that is missing", map[string]string{"app.py": "import nowhere_to_be_found.at_all\n" + flaskApplication},
			[]string{"app.py", "No module named 'nowhere_to_be_found'", "pip install nowhere_to_be_found"}},
		{"a mistake", map[string]string{"app.py": flaskApplication + "\n1 / 0\n"},
			[]string{"line 30", "ZeroDivisionError", "make this work first: cd ", "-c 'import app'"}},
		{"an exit", map[string]string{"app.py": flaskApplication + "\nraise SystemExit(3)\n"}, []string{"SystemExit: 3"}},
		{"a crash", map[string]string{"app.py": flaskApplication + "\nimport os\nprint('last words')\nos.write(1, b'bye')\nos._exit(7)\n"},
			[]string{"gives no answer", "exit status 7", "bye"}},
		{"a server that starts", map[string]string{"app.py": flaskApplication + "\napp.run(port=1)\n"},
			[]string{"app.py: it starts a server when it is imported", "__main__"}},
		{"a name that cannot be imported", map[string]string{"my-app.py": flaskApplication}, []string{"my-app.py: its name cannot be imported"}},
		{"a factory with arguments", map[string]string{"app.py": "def create_app(config):\n    pass\n"}, []string{"app:create_app() needs arguments", "wsgi.py"}},
		{"an app of another kind", map[string]string{"app.py": "app = {'not': 'callable'}\n"}, []string{"app:app is neither", "dict"}},
		{"a framework that is not installed", map[string]string{"app.py": "from sanic import Sanic\napp = Sanic('x')\n"},
			[]string{"no Python that can import sanic", systemPython, "-m pip install sanic"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := project(t, tt.files)
			_, err := Detect(t.Context(), dir)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(tt.want, dir) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nwant %q in it", err, want)
				}
			}
			untouched(t, dir)
		})
	}
}

func TestVirtualenv(t *testing.T) {
	dir := project(t, map[string]string{"app.py": flaskApplication})
	make := func(args ...string) string {
		venv := args[len(args)-1]
		argv := slices.Concat([]string{"-m", "venv", "--without-pip"}, args)
		if out, err := exec.Command(systemPython, argv...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", argv, err, out)
		}
		return venv
	}
	inProject := make("--system-site-packages", filepath.Join(dir, ".venv"))
	active := make("--system-site-packages", filepath.Join(t.TempDir(), "active"))
	bare := make(filepath.Join(t.TempDir(), "bare"))
	for _, tt := range []struct {
		name, active, want string
	}{
		{"in the project", "", inProject},
		{"active", active, active},
		{"active, but gone", "/no/such/venv", inProject},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("VIRTUAL_ENV", tt.active)
			p := detect(t, dir)
			if p.Venv != tt.want || p.Python != filepath.Join(tt.want, "bin", "python") {
				t.Errorf("virtualenv %s with %s, want %s", p.Venv, p.Python, tt.want)
			}
			if s := parse(t, p.Scenario(ScenarioOptions{})); s.App.Venv != tt.want || s.App.Python != "" {
				t.Errorf("scenario with venv %q and python %q, want venv %s alone", s.App.Venv, s.App.Python, tt.want)
			}
		})
	}
	t.Run("without the framework", func(t *testing.T) {
		t.Setenv("VIRTUAL_ENV", bare)
		_, err := Detect(t.Context(), dir)
		if want := filepath.Join(bare, "bin/python") + " -m pip install flask"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %q in it", err, want)
		}
	})
}

func TestServersOfAnInterpreter(t *testing.T) {
	for _, tt := range []struct {
		name    string
		project Project
		python  interpreter
		want    []string
		first   []string
	}{
		{"gunicorn", Project{Interface: scenarios.WSGI}, interpreter{Modules: []string{"gunicorn", "waitress", "uvicorn"}},
			[]string{"gunicorn-sync", "gunicorn-gthread", "waitress"}, []string{"gunicorn-sync", "gunicorn-gthread"}},
		{"waitress alone", Project{Interface: scenarios.WSGI}, interpreter{Modules: []string{"waitress"}},
			[]string{"waitress"}, []string{"waitress"}},
		{"gevent without gunicorn", Project{Interface: scenarios.WSGI}, interpreter{Modules: []string{"gevent", "waitress"}},
			[]string{"waitress"}, []string{"waitress"}},
		{"ASGI", Project{Interface: scenarios.ASGI}, interpreter{Modules: []string{"gunicorn", "uvicorn", "uvicorn.workers", "daphne"}},
			[]string{"gunicorn-uvicorn", "uvicorn", "daphne"}, []string{"gunicorn-uvicorn"}},
		{"both", Project{Interface: scenarios.WSGI, ASGI: "x.asgi:application"}, interpreter{Modules: []string{"gunicorn", "hypercorn", "granian"}},
			[]string{"gunicorn-sync", "gunicorn-gthread", "hypercorn", "granian"}, []string{"gunicorn-sync", "gunicorn-gthread"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.python.Base = "/opt/python" // for which no uWSGI and mod_wsgi of a distribution is built
			if err := tt.project.findServers(tt.python); err != nil {
				t.Fatal(err)
			}
			if got := tt.project.firstServers(); !slices.Equal(tt.project.Servers, tt.want) || !slices.Equal(got, tt.first) {
				t.Errorf("servers %v, first %v; want %v, first %v", tt.project.Servers, got, tt.want, tt.first)
			}
		})
	}
	p := Project{Interface: scenarios.WSGI, Module: "app:app", Python: "/opt/python/bin/python3"}
	if err := p.findServers(interpreter{Base: "/opt/python"}); err == nil || !strings.Contains(err.Error(), "pip install gunicorn") {
		t.Errorf("without any server: %v, want the remedy", err)
	}
}

func TestLookThatDoesNotEnd(t *testing.T) {
	needPython(t)
	var found finding
	dir := t.TempDir()
	write(t, dir, map[string]string{"app.py": "import subprocess, time\nprint('waiting', flush=True)\nsubprocess.Popen(['sleep', '601.25'])\ntime.sleep(600)\n"})
	c := call{python: systemPython, dir: dir, env: []string{"PATH=" + childPath}, task: "application", limit: 2 * time.Second,
		arguments: map[string]any{"module": "app", "names": []string{"app"}, "factories": []string{}}}
	err := c.run(t.Context(), &found)
	if err == nil || !strings.Contains(fmt.Sprint(err), "no end within") || !strings.Contains(err.Error(), "waiting") {
		t.Errorf("got %v, want that it does not end, and what it printed", err)
	}
	if out, err := exec.Command("pgrep", "-f", "^sleep 601.25$").Output(); err == nil {
		t.Errorf("process %s is left", out)
	}
}

func TestDetectIsStopped(t *testing.T) {
	dir := project(t, map[string]string{"app.py": flaskApplication})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Detect(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

func TestNoSuchFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.py")
	write(t, filepath.Dir(file), map[string]string{"app.py": flaskApplication})
	for _, tt := range []struct{ name, dir, want string }{
		{"missing", "/no/such/folder", "no such file"},
		{"a file", file, "name the folder of the project"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Detect(t.Context(), tt.dir); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestChangingNames(t *testing.T) {
	for _, tt := range []struct {
		name string
		want bool
	}{
		{"/logout", true}, {"/accounts/log-out/", true}, {"signOut", true}, {"/items/delete", true}, {"remove_item", true},
		{"/cache/clear/", true}, {"password_reset", true}, {"/jobs/run", true}, {"/cart/cancel", true},
		{"/", false}, {"/products/", false}, {"/clearance/", false}, {"/running-shoes/", false}, {"/presets/", false}, {"/killers/", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := changing.MatchString(tt.name); got != tt.want {
				t.Errorf("changing %q = %v, want %v", tt.name, got, tt.want)
			}
		})
	}
}
