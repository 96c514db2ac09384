package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// servicesScenario is the Django shop on a database server, with its sessions
// in Redis.
const servicesScenario = `
name: services
app:
  interface: wsgi
  module: shop.wsgi:application
  dir: fixture:django
  env: { DJANGO_SETTINGS_MODULE: shop.settings, SHOP_DATA: "{data}", SHOP_ROOT: "{run}" }
  prepare: [%[2]s]
  ready: /health/
  static: [{ url: /static/, dir: "{run}/static" }]
services: [%[1]s, redis]
matrix: { servers: [gunicorn-sync], proxies: [nginx], workers: 2 }
traffic:
  requests:
    - { name: product, path: "/api/products/{id}/", params: { id: 1..50 } }
    - { name: order, method: POST, path: /checkout/, expect: { contains: '"order"' } }
    - { name: basket, method: POST, path: /basket/, headers: { Content-Type: application/x-www-form-urlencoded }, body: product=3 }
`

// A run on database servers of its own: what prepare filled is there in every
// start, the connections are counted against the limits, and all of it ends.
func TestServices(t *testing.T) {
	for _, database := range []string{"postgresql", "mariadb"} {
		t.Run(database, func(t *testing.T) {
			s, run, app := servicesRun(t, fmt.Sprintf(servicesScenario, database, djangoPrepare))
			cell := s.Cells(2, stack.Catalogue())[0].Cell
			one := rundir.Step{Cell: cell, Start: 0, Phase: rundir.Final, Rate: 40, Duration: 2 * time.Second}
			other := one
			other.Start = 1
			if err := Run(t.Context(), Config{Run: run, App: app, Strategy: plan(one, other)}); err != nil {
				t.Fatal(err)
			}
			for _, trial := range run.Trials() {
				all := trial.Load.Classes[scenarios.All]
				if trial.Failure != "" || trial.Broken != "" || all.Errors() > 0 || all.Good < 40 {
					t.Errorf("trial %d: %d of %d good, faults %v; %s%s", trial.ID, all.Good, all.Sent, all.Faults, trial.Failure, trial.Broken)
				}
				use := trial.Usage.Databases[database]
				// Each worker keeps its connection.
				if use.Connections < 1 || use.Connections > 2 || use.Limit < 100 {
					t.Errorf("%s: %+v, want a connection a worker, of 100 or more", database, use)
				}
				if trial.Usage.Services.CPUSeconds <= 0 || trial.Usage.Services.Processes < 2 {
					t.Errorf("services used %+v, want some CPU in two processes or more", trial.Usage.Services)
				}
			}
			if left, err := process.Marked(run.Manifest.RunID); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// servicesRun prepares a run whose services fill its data.
func servicesRun(t *testing.T, text string) (*scenarios.Scenario, *rundir.Run, *stack.App) {
	t.Helper()
	s, err := scenarios.Parse("services.yaml", []byte(text), t.TempDir(), nil, stack.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	run, err := rundir.Create(t.TempDir(), rundir.Manifest{RunID: "services" + filepath.Base(t.TempDir()), Scenario: *s, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Close() })
	app, err := stack.Prepare(t.Context(), s, run.Dir, t.Output())
	switch {
	case err == nil:
	case os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return s, run, app
}
