package scenarios

import (
	"reflect"
	"testing"
	"time"
)

// everything gives each field that a default would fill in otherwise.
const everything = `name: everything
description: all that can be said
app:
  interface: wsgi
  module: shop.wsgi:application
  asgi: shop.asgi:application
  dir: fixture:django
  env: {A: b}
  prepare: ["{python} manage.py migrate"]
  ready: /health/
  wait: /api/io/?ms=50
  deadline: 20s
  static: [{url: /static/, dir: "{run}/static"}]
services: [postgresql, redis]
proxy:
  upstream: unix
  keepalive: 8
  buffering: true
  tls: true
  http2: true
matrix:
  servers: [gunicorn-sync, uvicorn]
  proxies: [direct, nginx]
  workers: [1, 2]
  threads: 1
  instances: [1, 5]
  missing: skip
  exclude: [proxy=direct/instances=5]
traffic:
  arrivals: ramp
  shape: {from: 1, to: 3}
  timeout: 3s
  requests_per_connection: 100
  page_cache: cold
  transport: standard
  slow: {clients: 12, kind: read, path: /static/large.bin, every: 500ms}
  websockets: {connections: 200, path: /ws/echo/, every: 2s}
  requests:
    - {name: home, path: /}
    - {name: logo, class: static, path: /static/logo.png, expect: {length: 3}}
objectives: [p99 < 250ms]
limits: {cpu: 1.5, memory: 1GiB, connections: 100, reserve: 5, headroom: 25%}
search: {strategy: grid, regret: 1%, cores: [0.5, 1, 2], compare: interface, hot: true, budget: 10m, replicates: 2, finals: 4, trial: 5s, burst: 1s, warmup: 2s, seed: 7}
gate: {fail: ["home p95 grows > 20%"], warn: [startup grows > 50%], load: 60%, rounds: 12, bursts: 4, burst: 3s, settle: 500ms, budget: 5m, cell: server=uvicorn/proxy=nginx/workers=2/threads=1}
cpus: {generator: "0", proxy: "1", app: "2-3"}
`

// targeted measures a server that already runs.
const targeted = `name: targeted
target: https://localhost
matrix: {workers: 4, threads: 2}
traffic:
  slow: {clients: 3, kind: headers}
  requests:
    - {name: home, path: /}
`

// parseText parses a scenario that must be good.
func parseText(t *testing.T, text string, sets ...string) *Scenario {
	t.Helper()
	var overrides []Override
	for _, set := range sets {
		o, err := ParseOverride(set)
		if err != nil {
			t.Fatal(err)
		}
		overrides = append(overrides, o)
	}
	s, err := Parse("test.yaml", []byte(text), t.TempDir(), overrides, testCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readText returns the text of a built-in scenario.
func readText(t *testing.T, name string) string {
	t.Helper()
	src, err := readBuiltIn(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

func TestDefaults(t *testing.T) {
	s := parseText(t, minimal, "traffic.slow={clients: 1, kind: body}", "traffic.websockets={connections: 1, path: /ws/}")
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"proxy", s.Proxy, Proxy{Upstream: AutoUpstream, KeepAlive: 32, Buffering: true}},
		{"instances", s.Matrix.Instances, Counts{"1"}},
		{"missing", s.Matrix.Missing, FailMissing},
		{"page cache", s.Traffic.PageCache, WarmCache},
		{"transport", s.Traffic.Transport, LeanTransport},
		{"shape", s.Traffic.Shape, (*Shape)(nil)},
		{"shape of a ramp", parseText(t, minimal, "traffic.arrivals=ramp").Traffic.Shape, &Shape{To: 2}},
		{"shape of a ramp down", parseText(t, minimal, "traffic.arrivals=ramp", "traffic.shape={from: 2, to: 0}").Traffic.Shape, &Shape{From: 2}},
		{"shape of a sine", parseText(t, minimal, "traffic.arrivals=sine").Traffic.Shape, &Shape{Amplitude: 0.5}},
		{"requests per connection", s.Traffic.PerConnection, 0},
		{"slow clients", *s.Traffic.Slow, Slow{Clients: 1, Kind: SlowBody, Path: "/", Every: Duration(time.Second)}},
		{"WebSockets", *s.Traffic.WebSockets, WebSockets{Connections: 1, Path: "/ws/", Every: Duration(5 * time.Second)}},
		{"comparison", s.Search.Compare, ""},
		{"hot", s.Search.Hot, false},
		{"strategy", s.Search.Strategy, Adaptive},
		{"strategy of a comparison", parseText(t, minimal, "search.compare=folklore").Search.Strategy, Grid},
		{"regret", s.Search.Regret, Share(0.02)},
		{"limits", s.Limits, Limits{Reserve: 3, Headroom: 0.3}},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.name, tt.got, tt.want)
		}
	}
}

// TestGivenZeros holds against the defaults.
func TestGivenZeros(t *testing.T) {
	s := parseText(t, minimal, "proxy.keepalive=0", "proxy.buffering=false")
	if want := (Proxy{Upstream: AutoUpstream}); s.Proxy != want {
		t.Errorf("got %+v, want %+v", s.Proxy, want)
	}
}

// TestEveryFieldIsRead finds a field that everything does not set, so that
// what is tested with it is tested for all of them.
func TestEveryFieldIsRead(t *testing.T) {
	s := parseText(t, everything)
	// These are for other applications, or need a folder of the machine.
	others := map[string]bool{"Scenario.Target": true, "App.Python": true, "App.Venv": true, "App.Routes": true,
		"Shape.Steps": true, "Shape.Amplitude": true, "Shape.Period": true, "Shape.File": true}
	for _, part := range []any{*s, s.App, s.Proxy, s.Matrix, s.Traffic, *s.Traffic.Shape, *s.Traffic.Slow, *s.Traffic.WebSockets, s.Limits, s.Search, s.Gate, s.CPUs} {
		v := reflect.ValueOf(part)
		for i := range v.NumField() {
			name := v.Type().Name() + "." + v.Type().Field(i).Name
			if v.Field(i).IsZero() != others[name] {
				t.Errorf("%s is %v", name, v.Field(i))
			}
		}
	}
}

func TestOverrideReachesNestedFields(t *testing.T) {
	s := parseText(t, everything, "traffic.slow.clients=5", "traffic.websockets.every=1m", "proxy.tls=false", "proxy.http2=false",
		"search.hot=false", "matrix.instances=cores", "matrix.exclude=[]", "services[1]=mariadb", "services[0]=redis", "search.compare=folklore")
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"slow clients", *s.Traffic.Slow, Slow{Clients: 5, Kind: SlowRead, Path: "/static/large.bin", Every: Duration(500 * time.Millisecond)}},
		{"WebSockets", *s.Traffic.WebSockets, WebSockets{Connections: 200, Path: "/ws/echo/", Every: Duration(time.Minute)}},
		{"proxy", s.Proxy, Proxy{Upstream: UnixUpstream, KeepAlive: 8, Buffering: true}},
		{"hot", s.Search.Hot, false},
		{"instances", s.Matrix.Instances, Counts{"cores"}},
		{"services", s.Services, []string{"redis", "mariadb"}},
		{"comparison", s.Search.Compare, CompareFolklore},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.name, tt.got, tt.want)
		}
	}
}

func TestOverrideMakesSections(t *testing.T) {
	s := parseText(t, minimal, "traffic.slow.clients=5", "traffic.slow.kind=headers", "proxy.upstream=tcp")
	if want := (Slow{Clients: 5, Kind: SlowHeaders, Path: "/", Every: Duration(time.Second)}); *s.Traffic.Slow != want {
		t.Errorf("slow is %+v, want %+v", *s.Traffic.Slow, want)
	}
	if s.Proxy.Upstream != TCPUpstream || s.Proxy.KeepAlive != 32 {
		t.Errorf("proxy is %+v, want upstream tcp and the defaults", s.Proxy)
	}
}
