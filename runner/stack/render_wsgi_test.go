package stack

import (
	"strings"
	"testing"

	"sweetspot/scenarios"
)

// debianWSGI is what the WSGI servers see of a Debian machine.
var debianWSGI = machine{
	root: true, sharedMemory: true, somaxconn: 4096,
	programs:    map[string]string{"uwsgi": "/usr/bin/uwsgi", "apache2": "/usr/sbin/apache2"},
	uwsgiPlugin: "/usr/lib/uwsgi/plugins/python3_plugin.so", modWSGI: "/usr/lib/apache2/modules/mod_wsgi.so",
}

// Every WSGI server as it is started, by itself and behind a proxy.
func TestWSGIPlans(t *testing.T) {
	pip := machine{somaxconn: 128, programs: map[string]string{"uwsgi": "/venv/bin/uwsgi", "apache2": "/usr/sbin/apache2"}, modWSGI: "/venv/mod_wsgi-py311.so"}
	tcp, unix := endpoint{"tcp", "127.0.0.1:8001"}, endpoint{"unix", "/run-1/start/app.sock"}
	for _, tt := range []struct {
		name             string
		server           string
		workers, threads int
		python, entry    string
		listen           endpoint
		uwsgi            bool
		machine          machine
		room             int
	}{
		{"wsgi-gevent", "gunicorn-gevent", 4, 1, "/usr/bin/python3", "shop.wsgi:application", unix, false, debianWSGI, 0},
		{"wsgi-uwsgi-http", "uwsgi", 4, 2, "/usr/bin/python3", "shop.wsgi", tcp, false, debianWSGI, 0},
		{"wsgi-uwsgi-http-unix", "uwsgi", 1, 1, "/100%/bin/python", "shop:create_app()", unix, false, pip, 0},
		{"wsgi-uwsgi-protocol", "uwsgi", 4, 2, "/usr/bin/python3", "shop.wsgi:application", unix, true, debianWSGI, 0},
		{"wsgi-uwsgi-room", "uwsgi", 2, 2, "/usr/bin/python3", "shop.wsgi", tcp, false, debianWSGI, 5},
		{"wsgi-mod_wsgi", "mod_wsgi", 4, 2, "/usr/bin/python3", "shop.wsgi:application", tcp, false, debianWSGI, 0},
		{"wsgi-mod_wsgi-pip", "mod_wsgi", 1, 1, "/venv/bin/python", "shop:site.create_app()", tcp, false, pip, 0},
		{"wsgi-waitress-tcp", "waitress", 1, 8, "/venv/bin/python", "shop.wsgi:site.app", tcp, false, debianWSGI, 0},
		{"wsgi-waitress-unix", "waitress", 2, 4, "/venv/bin/python", "shop:create_app()", unix, false, debianWSGI, 0},
		{"wsgi-runserver", "django-runserver", 1, 1, "/venv/bin/python", "shop.wsgi:application", tcp, false, debianWSGI, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := renderedApp(scenarios.WSGI).at("/run-1/start/data")
			app.Python = tt.python
			s := site{
				app: app, entry: tt.entry, iface: scenarios.WSGI, dir: "/run-1/start", listen: tt.listen, uwsgi: tt.uwsgi,
				cell:    scenarios.Cell{Server: tt.server, Proxy: "direct", Workers: tt.workers, Threads: tt.threads},
				trialID: "trial-7", machine: tt.machine, room: tt.room,
			}
			srv, ok := findServer(tt.server)
			if !ok {
				t.Fatalf("no server %s", tt.server)
			}
			golden(t, tt.name+".golden", showPlan(srv.plan(s), nil))
		})
	}
}

func TestWSGIWinners(t *testing.T) {
	for _, tt := range []struct{ name, module, cell string }{
		{"wsgi-winner-gevent", "shop.wsgi:application", "server=gunicorn-gevent/proxy=nginx/workers=4/threads=1"},
		{"wsgi-winner-uwsgi", "shop.wsgi:application", "server=uwsgi/proxy=direct/workers=4/threads=2"},
		{"wsgi-winner-uwsgi-nginx", "shop:create_app()", "server=uwsgi/proxy=nginx/workers=4/threads=2"},
		{"wsgi-winner-gunicorn-instances", "shop:create_app()", "server=gunicorn-sync/proxy=nginx/workers=2/threads=1/instances=3"},
		{"wsgi-winner-uwsgi-instances", "shop.wsgi", "server=uwsgi/proxy=nginx/workers=2/threads=2/instances=3"},
		{"wsgi-winner-mod_wsgi-instances", "shop.wsgi", "server=mod_wsgi/proxy=nginx/workers=2/threads=2/instances=3"},
		{"wsgi-winner-uwsgi-caddy", "shop.wsgi", "server=uwsgi/proxy=caddy/workers=4/threads=2"},
		{"wsgi-winner-mod_wsgi", "shop:create_app()", "server=mod_wsgi/proxy=direct/workers=4/threads=2"},
		{"wsgi-winner-mod_wsgi-haproxy", "shop.wsgi:application", "server=mod_wsgi/proxy=haproxy/workers=4/threads=2"},
		{"wsgi-winner-waitress", "shop:create_app()", "server=waitress/proxy=direct/workers=1/threads=8"},
		{"wsgi-winner-waitress-nginx", "shop.wsgi:application", "server=waitress/proxy=nginx/workers=2/threads=4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := renderedApp(scenarios.WSGI)
			app.Module = tt.module
			c, err := scenarios.ParseCell(tt.cell)
			if err != nil {
				t.Fatal(err)
			}
			srv, _ := findServer(c.Server)
			name, content := srv.winner(app, tt.module, c)
			text := showFiles(map[string]string{name: content})
			if strings.Contains(text, "/run-1") || strings.Contains(text, "{data}") {
				t.Errorf("a path of the run is in it:\n%s", text)
			}
			golden(t, tt.name+".golden", text)
		})
	}
	if srv, _ := findServer("django-runserver"); srv.winner != nil {
		t.Error("a development server has a configuration for production")
	}
}

// uWSGI's configurations know without the table which proxies speak its
// protocol.
func TestUWSGIProxies(t *testing.T) {
	var speak []string
	for _, px := range proxies {
		if px.uwsgi {
			speak = append(speak, px.name)
		}
	}
	if got, want := strings.Join(uwsgiProxies, " "), strings.Join(speak, " "); got != want {
		t.Errorf("uwsgiProxies = %s, want %s", got, want)
	}
}

func TestWSGIApplies(t *testing.T) {
	const django = "DJANGO_SETTINGS_MODULE"
	for _, tt := range []struct {
		cell, module string
		env          map[string]string
		want         string
	}{
		{"server=gunicorn-gevent/proxy=direct/workers=1/threads=2", "shop:app", nil, "gunicorn-gevent has no threads"},
		{"server=gunicorn-gevent/proxy=direct/workers=2/threads=1", "shop:app", nil, ""},
		{"server=gunicorn-sync/proxy=direct/workers=2/threads=1", "shop:site.app", nil, "gunicorn-sync finds applications by a name in their module only, not as site.app"},
		{"server=gunicorn-sync/proxy=direct/workers=2/threads=1", "shop.wsgi:create_app()", nil, ""},
		{"server=uwsgi/proxy=direct/workers=2/threads=2", "shop:site.app", nil, "uwsgi finds applications by a name in their module only, not as site.app"},
		{"server=uwsgi/proxy=nginx/workers=2/threads=2", "shop.wsgi", nil, ""},
		{"server=mod_wsgi/proxy=direct/workers=2/threads=2", "shop:site.app", nil, ""},
		{"server=waitress/proxy=direct/workers=1/threads=2", "shop:site.app", nil, ""},
		{"server=waitress/proxy=direct/workers=2/threads=2", "shop:app", nil, "waitress is one process: more workers need a proxy that balances over them"},
		{"server=waitress/proxy=nginx/workers=2/threads=2", "shop:app", nil, ""},
		{"server=django-runserver/proxy=direct/workers=1/threads=1", "shop:app", nil, "django-runserver needs DJANGO_SETTINGS_MODULE in app.env"},
		{"server=django-runserver/proxy=direct/workers=1/threads=1", "shop:app", map[string]string{django: "shop.settings"}, ""},
		{"server=django-runserver/proxy=direct/workers=1/threads=2", "shop:app", map[string]string{django: "shop.settings"}, "django-runserver has no threads"},
	} {
		t.Run(tt.cell+" "+tt.module, func(t *testing.T) {
			c, err := scenarios.ParseCell(tt.cell)
			if err != nil {
				t.Fatal(err)
			}
			s := &scenarios.Scenario{App: scenarios.App{Interface: scenarios.WSGI, Module: tt.module, Env: tt.env}}
			if got := applies(s, c); got != tt.want {
				t.Errorf("applies = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWSGIMissing(t *testing.T) {
	with := func(change func(*machine)) machine {
		m := debianWSGI
		change(&m)
		return m
	}
	const foreign = " has the distribution's Python built in, the application's interpreter is /opt/bin/python: set app.python to /usr/bin/python3, or app.venv to a virtualenv made with it"
	for _, tt := range []struct {
		name, server string
		machine      machine
		want         string
	}{
		{"all there", "uwsgi", debianWSGI, ""},
		{"no uwsgi", "uwsgi", machine{}, "uwsgi is not installed: sudo apt-get install --no-install-recommends uwsgi-core uwsgi-plugin-python3"},
		{"no plugin", "uwsgi", with(func(m *machine) { m.uwsgiPlugin = "" }), "uwsgi is not installed: sudo apt-get install --no-install-recommends uwsgi-core uwsgi-plugin-python3"},
		{"pip's uwsgi needs none", "uwsgi", machine{programs: map[string]string{"uwsgi": "/venv/bin/uwsgi"}, foreignPython: "/venv/bin/python"}, ""},
		{"uwsgi of another Python", "uwsgi", with(func(m *machine) { m.foreignPython = "/opt/bin/python" }), "uwsgi" + foreign},
		{"all there", "mod_wsgi", debianWSGI, ""},
		{"no Apache", "mod_wsgi", machine{}, "apache2 is not installed: sudo apt-get install --no-install-recommends apache2"},
		{"no module", "mod_wsgi", with(func(m *machine) { m.modWSGI = "" }), "mod_wsgi is not installed: sudo apt-get install --no-install-recommends apache2 libapache2-mod-wsgi-py3"},
		{"mod_wsgi of another Python", "mod_wsgi", with(func(m *machine) { m.foreignPython = "/opt/bin/python" }), "mod_wsgi" + foreign},
		{"closed folder", "mod_wsgi", with(func(m *machine) { m.closed = "/root" }), "mod_wsgi, started by root, serves as www-data, which may not enter /root: chmod o+x /root, or have the application and the run elsewhere, with --out"},
	} {
		t.Run(tt.server+" "+tt.name, func(t *testing.T) {
			srv, _ := findServer(tt.server)
			if got := srv.lacks(tt.machine); got != tt.want {
				t.Errorf("lacks = %q, want %q", got, tt.want)
			}
		})
	}
}
