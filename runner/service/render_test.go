package service

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run with -update", err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and read the diff:\n%s", path, got)
	}
}

// renderedPlace is in folders that no machine has.
func renderedPlace(d driver, root bool) place {
	p := place{dir: "/run-1/start", data: "/run-1/data/" + d.name, run: "/tmp/sweetspot-1/run", root: root, bin: map[string]string{}}
	p.socket = filepath.Join(p.run, d.socket)
	for _, name := range append([]string{"setpriv"}, d.programs...) {
		p.bin[name] = "/bin-of/" + name
	}
	return p
}

func showArgv(argv []string) string {
	quoted := slices.Clone(argv)
	for i, arg := range quoted {
		if arg == "" || strings.ContainsAny(arg, " ;") {
			quoted[i] = strconv.Quote(arg)
		}
	}
	return strings.Join(quoted, " ") + "\n"
}

// show is all that is run and written for a service, in order.
func show(d driver, p place) string {
	var b strings.Builder
	if d.initialise != nil {
		fmt.Fprintf(&b, "== initialise ==\n%s\n", showArgv(d.asUser(p, d.initialise(p))))
	}
	fmt.Fprintf(&b, "== serve, ended by signal %d ==\n%s\n", int(d.shutdown), showArgv(d.asUser(p, d.serve(p))))
	ask := d.probe(p)
	fmt.Fprintf(&b, "== probe ==\n%s", showArgv(ask.argv))
	for _, name := range slices.Sorted(maps.Keys(ask.files)) {
		fmt.Fprintf(&b, "-- %s --\n%s", name, ask.files[name])
	}
	fmt.Fprintf(&b, "\n== environment of all ==\n%s\n", strings.Join(environment(p.run), "\n"))
	fmt.Fprintf(&b, "\n== environment of the application ==\n")
	env := d.env(p)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(&b, "%s=%s\n", name, env[name])
	}
	return b.String()
}

// Every service, as root starts it and as anybody else does.
func TestPlans(t *testing.T) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			golden(t, d.name+"-root.golden", show(d, renderedPlace(d, true)))
			golden(t, d.name+".golden", show(d, renderedPlace(d, false)))
		})
	}
}
