package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sweetspot/runner/attack"
	"sweetspot/runner/process"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// pairsScenario is the least that a fixture has to be told; the rest of the
// text depends on the fixture.
const pairsScenario = `
name: pairs
app:
  interface: %[1]s
  module: shop.%[1]s:application
  dir: fixture:%[2]s
  env: { DJANGO_SETTINGS_MODULE: shop.settings, SHOP_DATA: "{data}", SHOP_ROOT: "{run}" }
  prepare: [%[3]s]
  ready: /health/
  wait: /api/io/?ms=100
  static:
    - { url: /static/, dir: "{run}/static" }
    - { url: /media/, dir: "{run}/media" }
matrix:
  servers: [%[4]s]
  proxies: [direct, nginx, apache, caddy, haproxy]
  workers: [1, 2]
  threads: [1, 2]
traffic:
  requests:
    - { name: home, path: /, expect: { contains: "<title>" } }
    - { name: product, path: "/api/products/{id}/", params: { id: 1..50 } }
    - { name: io, path: /api/io/ }
    - { name: basket, method: POST, path: /basket/, headers: { Content-Type: application/x-www-form-urlencoded }, body: product=3 }
    - { name: file, class: static, path: /static/shop/1k.bin }
    - { name: picture, class: static, path: "/media/products/{n}.jpg", params: { n: 1..20 } }
`

const (
	djangoPrepare = `"{python} manage.py migrate --no-input", "{python} manage.py seed", "{python} manage.py collectstatic --no-input"`
	plainPrepare  = `"{python} -m shopcore"`
	wsgiServers   = "gunicorn-sync, gunicorn-gthread, gunicorn-gevent, uwsgi, mod_wsgi, waitress"
	asgiServers   = "gunicorn-uvicorn, uvicorn, daphne, hypercorn"
)

// Every application on every server that can run it, directly and behind every
// proxy: it starts, is what it should be, answers a second of verified
// traffic, and leaves nothing behind.
func TestEveryPair(t *testing.T) {
	// A handful at once: what is asked is whether they work, not how fast.
	slots := make(chan struct{}, 4)
	for _, tt := range []struct{ fixture, iface, prepare, servers string }{
		{"django", scenarios.WSGI, djangoPrepare, wsgiServers + ", django-runserver"},
		{"flask", scenarios.WSGI, plainPrepare, wsgiServers},
		{"wsgi", scenarios.WSGI, plainPrepare, wsgiServers},
		{"django", scenarios.ASGI, djangoPrepare, asgiServers},
		{"fastapi", scenarios.ASGI, plainPrepare, asgiServers},
		{"asgi", scenarios.ASGI, plainPrepare, asgiServers},
	} {
		t.Run(tt.fixture+"-"+tt.iface, func(t *testing.T) {
			t.Parallel()
			s, app := pairsApp(t, fmt.Sprintf(pairsScenario, tt.iface, tt.fixture, tt.prepare, tt.servers))
			for _, cell := range largest(s.Cells(2, stack.Catalogue())) {
				t.Run(cell.Server+"-"+cell.Proxy, func(t *testing.T) {
					t.Parallel()
					slots <- struct{}{}
					defer func() { <-slots }()
					tryPair(t, s, app, cell)
				})
			}
		})
	}
}

// pairsApp prepares a fixture in a folder that every user can reach: Apache's
// processes run as another.
func pairsApp(t *testing.T, text string) (*scenarios.Scenario, *stack.App) {
	t.Helper()
	s, err := scenarios.Parse("pairs.yaml", []byte(text), t.TempDir(), nil, stack.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "sweetspot-pairs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	app, err := stack.Prepare(t.Context(), s, dir, t.Output())
	switch {
	case err == nil:
	case os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return s, app
}

// largest returns for every server and proxy the applicable cell with the most
// slots.
func largest(cells []scenarios.Planned) (out []scenarios.Cell) {
	best := map[[2]string]scenarios.Cell{}
	var order [][2]string
	for _, p := range cells {
		key := [2]string{p.Cell.Server, p.Cell.Proxy}
		if p.NotApplicable != "" || len(p.Folklore) > 0 && p.Cell.Workers > 2 {
			continue
		}
		if _, ok := best[key]; !ok {
			order = append(order, key)
		}
		if p.Cell.Slots() > best[key].Slots() {
			best[key] = p.Cell
		}
	}
	for _, key := range order {
		out = append(out, best[key])
	}
	return out
}

// tryPair starts a cell, looks at it, attacks it for a second and stops it.
func tryPair(t *testing.T, s *scenarios.Scenario, app *stack.App, cell scenarios.Cell) {
	dir, err := os.MkdirTemp(app.RunDir, "pair-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	runID := "pair" + filepath.Base(dir)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	live, err := stack.Start(ctx, stack.Config{App: app, Cell: cell, Proxy: s.Proxy, Dir: dir, RunID: runID, TrialID: runID})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := live.Stop(); err != nil {
			t.Error(err)
		}
		if left, err := process.Marked(runID); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}()
	e, err := live.Effective()
	if err != nil || e.Workers != cell.Processes() {
		t.Errorf("%d workers live (%v), want %d", e.Workers, err, cell.Processes())
	}
	if peak, err := live.Peak(ctx); err != nil || peak == nil || peak.Want > 0 && peak.Seen != peak.Want {
		t.Errorf("peak %+v, %v", peak, err)
	}
	f, err := newFiles(app, s.Traffic)
	if err != nil {
		t.Fatal(err)
	}
	attackPair(t, ctx, s, live, f)
	if err := live.Err(); err != nil {
		t.Errorf("died: %v", err)
	}
}

// attackPair sends a second of traffic, of which every answer is verified.
func attackPair(t *testing.T, ctx context.Context, s *scenarios.Scenario, live *stack.Stack, f files) {
	t.Helper()
	mix, err := scenarios.NewMix(s.Traffic, 1)
	if err != nil {
		t.Fatal(err)
	}
	res, err := attack.Run(ctx, attack.Spec{
		Network: live.Network, Address: live.Address, Host: live.Host, TLS: live.TLS,
		Requests: s.Traffic.Requests, Mix: mix, Files: f.expect, Arrivals: scenarios.Constant, Rate: 60,
		Duration: time.Second, Timeout: 20 * time.Second, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	all := res.Load.Classes[scenarios.All]
	if all.Sent < 50 || all.Errors() > 0 {
		for name, r := range res.Load.Requests {
			t.Logf("%s: %d of %d good, statuses %v, faults %v", name, r.Good, r.Sent, r.Statuses, r.Faults)
		}
		t.Errorf("%d of %d answers were good, want all of 50 or more", all.Good, all.Sent)
	}
}
