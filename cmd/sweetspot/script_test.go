package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sweetspot/runner/calibrate"
	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
)

// TestMain lets the test binary be everything that the real one is: the
// command, its watchdog and the parts of the embedded stack; and what the hosts
// of a test are made of.
func TestMain(m *testing.M) {
	process.Main()
	stack.Main()
	calibrate.Main()
	worldMain()
	testscript.Main(m, map[string]func(){
		"sweetspot": func() { setClock(); os.Exit(start()) },
		"onhost":    onHost,
		"pinger":    pinger,
	})
}

// still are the scripts that measure nothing, or assert nothing of what they
// measure.
var still = []string{"broken_app", "capacity", "compare", "fleet", "gate", "help", "history", "hub", "init", "place", "publish", "several", "validate"}

// serial runs scripts one after the other, for what measures must not share the
// machine, and then those that are still side by side.
type serial struct{ *testing.T }

func (s serial) Parallel() {
	if slices.Contains(still, path.Base(s.Name())) {
		s.T.Parallel()
	}
}

func (serial) Verbose() bool { return testing.Verbose() }

func (s serial) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(serial{t}) })
}

func TestScripts(t *testing.T) {
	testscript.RunT(serial{t}, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", e.Getenv("PATH")+":/usr/sbin:/usr/bin:/bin")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"simulate": simulateScript},
		Condition: func(name string) (bool, error) {
			if name != "gunicorn" {
				return false, fmt.Errorf("unknown condition %s", name)
			}
			python, tried := sample.FindPython("django", "gunicorn")
			if python == "" && os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1" {
				return false, fmt.Errorf("no Python with Django and gunicorn: %v", tried)
			}
			return python != "", nil
		},
	})
}

// simulateScript is the command "simulate NAME DIR [SEED]" of the scripts: one of
// the simulations, as a run directory. Each seed, 1 by default, is another run.
func simulateScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: simulate NAME DIR [SEED]")
	}
	seed := uint64(1)
	if len(args) == 3 {
		n, err := strconv.ParseUint(args[2], 10, 64)
		ts.Check(err)
		seed = n
	}
	s, ok := simulations[args[0]]
	if !ok {
		ts.Fatalf("no simulation is called %s", args[0])
	}
	ts.Check(s.write(ts.MkAbs(args[1]), seed))
}

// Every exit code of the table is what its error gives.
func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want int
	}{
		{"help", []string{"--help"}, exitGood},
		{"version", []string{"version"}, exitGood},
		{"unknown command", []string{"frobnicate"}, exitBadInput},
		{"unknown flag", []string{"run", "--frobnicate"}, exitBadInput},
		{"unknown scenario", []string{"run", "frobnicate"}, exitBadInput},
		{"unknown format", []string{"report", "x", "--format", "pdf"}, exitBadInput},
		{"live page under a name", []string{"run", "embedded-shop", "--live", "myhost:8089"}, exitBadInput},
		{"no run directory", []string{"report", t.TempDir()}, exitBadInput},
		{"no bundle", []string{"verify", t.TempDir()}, exitBadInput},
		{"nowhere to publish", []string{"publish", t.TempDir()}, exitBadInput},
		{"too many arguments", []string{"validate", "a", "b"}, exitBadInput},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := execute(context.Background(), tt.args, discard{}, discard{}); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
		})
	}
}

// Those of what is checked: not publishable, and edited, are exit code 99.
func TestExitCodesOfABundle(t *testing.T) {
	run, site := t.TempDir(), filepath.Join(t.TempDir(), "site")
	if err := simulations["four"].write(run, 1); err != nil {
		t.Fatal(err)
	}
	gate, err := rundir.Create(filepath.Join(t.TempDir(), "gate"), rundir.Manifest{Gate: &rundir.Gate{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := gate.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		args   []string
		before func() error
		want   int
	}{
		{"not publishable", []string{"lint", run}, nil, exitNotMet},
		{"a gate", []string{"lint", gate.Dir}, nil, exitBadInput},
		{"not published", []string{"publish", run, "--out", site}, nil, exitNotMet},
		{"occupied", []string{"publish", run, "--out", run, "--draft"}, nil, exitBadInput},
		{"published as a draft", []string{"publish", run, "--out", site, "--draft"}, nil, exitGood},
		{"verified", []string{"verify", site}, nil, exitGood},
		{"edited", []string{"verify", site}, func() error { return os.WriteFile(filepath.Join(site, "report.csv"), nil, 0o644) }, exitNotMet},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.before != nil {
				if err := tt.before(); err != nil {
					t.Fatal(err)
				}
			}
			if got := execute(t.Context(), tt.args, discard{}, discard{}); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
