package stack

import (
	"strings"
	"testing"

	"sweetspot/scenarios"
)

// fronts are the proxies that forward to applications of Python.
var fronts = []proxy{nginx, apache, caddy, haproxy}

func TestProxyPlans(t *testing.T) {
	socket, port := endpoint{"unix", "/run-1/start/app.sock"}, endpoint{"tcp", "127.0.0.1:8002"}
	several := []endpoint{{"unix", "/run-1/start/app.sock"}, {"unix", "/run-1/start/app-2.sock"}, {"tcp", "127.0.0.1:8003"}}
	debian := machine{
		root: true, sharedMemory: true, mimeTypes: "/etc/nginx/mime.types",
		programs: map[string]string{
			"nginx": "/usr/sbin/nginx", "apache2": "/usr/sbin/apache2", "caddy": "/usr/bin/caddy", "haproxy": "/usr/sbin/haproxy",
		},
	}
	cert := &certificate{chain: "/run-1/start/tmp/tls.crt", key: "/run-1/start/tmp/tls.key", both: "/run-1/start/tmp/tls.pem"}
	for _, tt := range []struct {
		name      string
		upstreams []endpoint
		settings  scenarios.Proxy
		cpus      int
	}{
		{"unix", []endpoint{socket}, scenarios.Proxy{KeepAlive: 32, Buffering: true}, 0},
		{"tcp", []endpoint{port}, scenarios.Proxy{KeepAlive: 32, Buffering: true}, 2},
		{"tls", []endpoint{socket}, scenarios.Proxy{KeepAlive: 32, Buffering: true, TLS: true}, 0},
		{"http2", []endpoint{socket}, scenarios.Proxy{KeepAlive: 32, Buffering: true, TLS: true, HTTP2: true}, 0},
		{"closing", []endpoint{socket}, scenarios.Proxy{Buffering: true}, 0},
		{"unbuffered", []endpoint{socket}, scenarios.Proxy{KeepAlive: 32}, 0},
		{"instances", several, scenarios.Proxy{KeepAlive: 32, Buffering: true}, 0},
	} {
		for _, px := range fronts {
			t.Run(px.name+"-"+tt.name, func(t *testing.T) {
				s := site{
					app: renderedApp(scenarios.WSGI).at("/run-1/start/data"), dir: "/run-1/start", trialID: "trial-7",
					cell:   scenarios.Cell{Server: "gunicorn-sync", Proxy: px.name, Workers: 4, Threads: 1},
					listen: endpoint{"tcp", "127.0.0.1:8001"}, upstreams: tt.upstreams, settings: tt.settings, cpus: tt.cpus, machine: debian,
				}
				if n := len(tt.upstreams); n > 1 {
					s.cell.Instances = n
				}
				if tt.settings.TLS {
					s.cert = cert
				}
				golden(t, "proxy-"+px.name+"-"+tt.name+".golden", showPlan(px.plan(s), nil))
			})
		}
	}
}

// What only nginx has: another protocol upstream, and two ways to say HTTP/2.
func TestNginxPlans(t *testing.T) {
	for _, tt := range []struct {
		name    string
		machine machine
		adapt   func(*site)
	}{
		{"proxy-nginx-uwsgi", machine{root: true}, func(s *site) { s.uwsgi = true }},
		{"proxy-nginx-http2-directive", machine{nginxHTTP2: true}, func(s *site) {
			s.settings.TLS, s.settings.HTTP2 = true, true
			s.cert = &certificate{chain: "/run-1/start/tmp/tls.crt", key: "/run-1/start/tmp/tls.key"}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.machine.programs = map[string]string{"nginx": "/opt/nginx"}
			s := site{
				app: renderedApp(scenarios.WSGI).at("/run-1/start/data"), dir: "/run-1/start", machine: tt.machine,
				cell:   scenarios.Cell{Server: "uwsgi", Proxy: "nginx", Workers: 2, Threads: 2},
				listen: endpoint{"tcp", "127.0.0.1:8001"}, upstreams: []endpoint{{"unix", "/run-1/start/app.sock"}},
				settings: scenarios.Proxy{KeepAlive: 32},
			}
			tt.adapt(&s)
			golden(t, tt.name+".golden", showPlan(nginx.plan(s), nil))
		})
	}
}

func TestProxyWinners(t *testing.T) {
	for _, tt := range []struct {
		name     string
		server   string
		n        int
		settings scenarios.Proxy
	}{
		{"plain", "gunicorn-sync", 1, scenarios.Proxy{KeepAlive: 32, Buffering: true}},
		{"http2-instances", "gunicorn-sync", 3, scenarios.Proxy{TLS: true, HTTP2: true}},
	} {
		for _, px := range fronts {
			t.Run(px.name+"-"+tt.name, func(t *testing.T) {
				cell := scenarios.Cell{Server: tt.server, Proxy: px.name, Workers: 4, Threads: 1}
				if tt.n > 1 {
					cell.Instances = tt.n
				}
				app := renderedApp(scenarios.WSGI)
				app.proxy = tt.settings
				name, content := px.winner(app, cell)
				if strings.Contains(content, "/run-1") || strings.Contains(content, "{data}") {
					t.Errorf("a path of the run is in it:\n%s", content)
				}
				golden(t, "winner-proxy-"+px.name+"-"+tt.name+".golden", showFiles(map[string]string{name: content}))
			})
		}
	}
}

// A production configuration looks for the application where that listens.
func TestProductionUpstreams(t *testing.T) {
	for _, tt := range []struct {
		server  string
		workers int
		n       int
		want    string
	}{
		{"gunicorn-sync", 4, 0, "/run/shop/app.sock"},
		{"gunicorn-sync", 4, 2, "/run/shop/app-1.sock /run/shop/app-2.sock"},
		{"waitress", 2, 0, "/run/shop/app-1.sock /run/shop/app-2.sock"},
		{"mod_wsgi", 2, 0, "127.0.0.1:8000"},
		{"mod_wsgi", 2, 2, "127.0.0.1:8001 127.0.0.1:8002"},
	} {
		cell := scenarios.Cell{Server: tt.server, Proxy: "caddy", Workers: tt.workers, Threads: 1, Instances: tt.n}
		var got []string
		for _, at := range productionSite(renderedApp(scenarios.WSGI), cell).upstreams {
			got = append(got, at.address)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %q", cell, got, tt.want)
		}
	}
}
