package stack

import (
	"strings"
	"testing"

	"sweetspot/scenarios"
)

// asgiRendered is as renderedApp, with an entry point for ASGI.
func asgiRendered(entry string) *App {
	app := renderedApp(scenarios.WSGI)
	app.ASGI = entry
	return app
}

// Every server of ASGI applications as it is started, alone and where a proxy
// looks for it.
func TestASGIPlans(t *testing.T) {
	const plain, factory = "shop.asgi:application", "shop.asgi:create_app()"
	alone, port := endpoint{"tcp", "127.0.0.1:8001"}, endpoint{"tcp", "127.0.0.1:8002"}
	socket := endpoint{"unix", "/run-1/start/app.sock"}
	for _, tt := range []struct {
		name   string
		entry  string
		cell   scenarios.Cell
		listen endpoint
	}{
		{"gunicorn-uvicorn-direct", plain, scenarios.Cell{Server: "gunicorn-uvicorn", Proxy: "direct", Workers: 4, Threads: 1}, alone},
		{"gunicorn-uvicorn-socket", factory, scenarios.Cell{Server: "gunicorn-uvicorn", Proxy: "nginx", Workers: 4, Threads: 1}, socket},
		{"uvicorn-direct", plain, scenarios.Cell{Server: "uvicorn", Proxy: "direct", Workers: 1, Threads: 1}, alone},
		{"uvicorn-socket", factory, scenarios.Cell{Server: "uvicorn", Proxy: "nginx", Workers: 4, Threads: 1}, socket},
		{"uvicorn-port", "shop.asgi", scenarios.Cell{Server: "uvicorn", Proxy: "haproxy", Workers: 2, Threads: 1}, port},
		{"daphne-direct", plain, scenarios.Cell{Server: "daphne", Proxy: "direct", Workers: 1, Threads: 1}, alone},
		{"daphne-socket", plain, scenarios.Cell{Server: "daphne", Proxy: "nginx", Workers: 2, Threads: 1}, socket},
		{"hypercorn-direct", plain, scenarios.Cell{Server: "hypercorn", Proxy: "direct", Workers: 4, Threads: 1}, alone},
		{"hypercorn-socket", factory, scenarios.Cell{Server: "hypercorn", Proxy: "nginx", Workers: 1, Threads: 1}, socket},
		{"granian-direct", plain, scenarios.Cell{Server: "granian", Proxy: "direct", Workers: 4, Threads: 1}, alone},
		{"granian-port", factory, scenarios.Cell{Server: "granian", Proxy: "nginx", Workers: 2, Threads: 1}, port},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, _ := findServer(tt.cell.Server)
			s := site{
				app: asgiRendered(tt.entry).at("/run-1/start/data"), cell: tt.cell, dir: "/run-1/start",
				listen: tt.listen, trialID: "trial-7", machine: machine{sharedMemory: true},
			}
			s.iface, s.entry = srv.entry(s.app.Interface, s.app.Module, s.app.ASGI)
			golden(t, tt.name+".golden", showPlan(srv.plan(s), environment(s.app.Env, s.dir, s.trialID)))
		})
	}
}

func TestASGIWinnerConfigs(t *testing.T) {
	const plain, factory = "shop.asgi:application", "shop.asgi:create_app()"
	for _, tt := range []struct {
		name  string
		entry string
		cell  scenarios.Cell
	}{
		{"winner-gunicorn-uvicorn-nginx", plain, scenarios.Cell{Server: "gunicorn-uvicorn", Proxy: "nginx", Workers: 4, Threads: 1}},
		{"winner-uvicorn-direct", plain, scenarios.Cell{Server: "uvicorn", Proxy: "direct", Workers: 4, Threads: 1}},
		{"winner-uvicorn-nginx", factory, scenarios.Cell{Server: "uvicorn", Proxy: "nginx", Workers: 4, Threads: 1}},
		{"winner-uvicorn-instances", plain, scenarios.Cell{Server: "uvicorn", Proxy: "nginx", Workers: 1, Threads: 1, Instances: 3}},
		{"winner-daphne-direct", plain, scenarios.Cell{Server: "daphne", Proxy: "direct", Workers: 1, Threads: 1}},
		{"winner-daphne-nginx", plain, scenarios.Cell{Server: "daphne", Proxy: "nginx", Workers: 2, Threads: 1}},
		{"winner-hypercorn-direct", plain, scenarios.Cell{Server: "hypercorn", Proxy: "direct", Workers: 4, Threads: 1}},
		{"winner-hypercorn-nginx", factory, scenarios.Cell{Server: "hypercorn", Proxy: "nginx", Workers: 4, Threads: 1}},
		{"winner-hypercorn-instances", plain, scenarios.Cell{Server: "hypercorn", Proxy: "nginx", Workers: 2, Threads: 1, Instances: 3}},
		{"winner-granian-direct", plain, scenarios.Cell{Server: "granian", Proxy: "direct", Workers: 4, Threads: 1}},
		{"winner-granian-nginx", factory, scenarios.Cell{Server: "granian", Proxy: "nginx", Workers: 4, Threads: 1}},
		{"winner-granian-instances", plain, scenarios.Cell{Server: "granian", Proxy: "nginx", Workers: 1, Threads: 1, Instances: 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := asgiRendered(tt.entry)
			srv, _ := findServer(tt.cell.Server)
			_, entry := srv.entry(app.Interface, app.Module, app.ASGI)
			name, content := srv.winner(app, entry, tt.cell)
			text := showFiles(map[string]string{name: content})
			if strings.Contains(text, "/run-1") {
				t.Errorf("a path of the run is in it:\n%s", text)
			}
			golden(t, tt.name+".golden", text)
		})
	}
}

// Which cells servers of ASGI applications run, and by which entry point.
func TestASGIApplies(t *testing.T) {
	wsgi := scenarios.App{Interface: scenarios.WSGI, Module: "shop.wsgi:application"}
	both := scenarios.App{Interface: scenarios.WSGI, Module: "shop.wsgi:site.app", ASGI: "shop.asgi:application"}
	asgi := scenarios.App{Interface: scenarios.ASGI, Module: "shop.main:app"}
	factory := scenarios.App{Interface: scenarios.ASGI, Module: "shop.main:create_app()"}
	deep := scenarios.App{Interface: scenarios.ASGI, Module: "shop.main:site.app"}
	all := []string{"gunicorn-uvicorn", "uvicorn", "daphne", "hypercorn", "granian"}
	for _, tt := range []struct {
		name     string
		servers  []string
		app      scenarios.App
		cell     string // what follows the server in its name
		upstream string
		entry    string
		why      string // %s stands for the server
	}{
		{"WSGI only", all, wsgi, "proxy=nginx/workers=2/threads=1", "", "", "%s needs an application with interface asgi, not wsgi"},
		{"ASGI beside WSGI", all, both, "proxy=nginx/workers=2/threads=1", "", "shop.asgi:application", ""},
		{"ASGI", all, asgi, "proxy=nginx/workers=2/threads=1", "", "shop.main:app", ""},
		{"ASGI alone", all, asgi, "proxy=direct/workers=1/threads=1", "", "shop.main:app", ""},
		{"instances", all, asgi, "proxy=nginx/workers=1/threads=1/instances=3", "", "shop.main:app", ""},
		{"threads", all, asgi, "proxy=nginx/workers=2/threads=2", "", "shop.main:app", "%s has no threads"},
		{"one process", []string{"daphne"}, asgi, "proxy=direct/workers=2/threads=1", "", "shop.main:app", "%s is one process: more workers need a proxy that balances over them"},
		{"several processes", []string{"gunicorn-uvicorn", "uvicorn", "hypercorn", "granian"}, asgi, "proxy=direct/workers=2/threads=1", "", "shop.main:app", ""},
		{"factory", []string{"gunicorn-uvicorn", "uvicorn", "hypercorn", "granian"}, factory, "proxy=nginx/workers=2/threads=1", "", "shop.main:create_app()", ""},
		{"factory", []string{"daphne"}, factory, "proxy=nginx/workers=2/threads=1", "", "shop.main:create_app()", "%s calls no factory, as shop.main:create_app() is; name the application itself"},
		{"deep", []string{"uvicorn", "daphne", "hypercorn", "granian"}, deep, "proxy=nginx/workers=2/threads=1", "", "shop.main:site.app", ""},
		{"deep", []string{"gunicorn-uvicorn"}, deep, "proxy=nginx/workers=2/threads=1", "", "shop.main:site.app", "%s finds applications by a name in their module only, not as site.app"},
		{"Unix socket", []string{"gunicorn-uvicorn", "uvicorn", "daphne", "hypercorn"}, asgi, "proxy=nginx/workers=2/threads=1", scenarios.UnixUpstream, "shop.main:app", ""},
		{"Unix socket", []string{"granian"}, asgi, "proxy=nginx/workers=2/threads=1", scenarios.UnixUpstream, "shop.main:app", "%s listens on no Unix socket, which proxy.upstream asks for"},
	} {
		for _, name := range tt.servers {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				c, err := scenarios.ParseCell("server=" + name + "/" + tt.cell)
				if err != nil {
					t.Fatal(err)
				}
				s := &scenarios.Scenario{App: tt.app, Proxy: scenarios.Proxy{Upstream: tt.upstream}}
				if got, want := applies(s, c), strings.ReplaceAll(tt.why, "%s", name); got != want {
					t.Errorf("applies = %q, want %q", got, want)
				}
				srv, _ := findServer(name)
				if _, got := srv.entry(tt.app.Interface, tt.app.Module, tt.app.ASGI); got != tt.entry {
					t.Errorf("entry point %q, want %q", got, tt.entry)
				}
			})
		}
	}
}
