package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sweetspot/analysis/gate"
	"sweetspot/cmd/internal/benchmark/ledgertest"
)

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"gates", `unexpected argument "gates"`},
		{"--parts unreal", `no part "unreal"`},
		{"--gates 0", "--gates 0"},
		{"--share 2", "--share 2"},
	} {
		if _, err := parseOptions(strings.Fields(tt.args), io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %s", tt.args, err, tt.want)
		}
	}
}

func TestTheLedgerGoesOn(t *testing.T) {
	dir := t.TempDir()
	one := outcome{Case: worlds[0].String(), Seed: 3, Verdict: gate.Pass, Rounds: 6}
	for i := range 2 {
		l := ledgertest.Open[outcome](t, dir, "gates.jsonl", false)
		if l.Holds(one.Key()) != (i == 1) {
			t.Errorf("opened %d times it holds the outcome: %v", i+1, l.Holds(one.Key()))
		}
		if i == 0 {
			if err := l.Add(one); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	all := []outcome{
		{Case: worlds[0].String(), Verdict: gate.Pass}, {Case: worlds[0].String(), Verdict: gate.Regressed},
		{Case: worlds[9].String(), Verdict: gate.Regressed},
		{Case: traps[1].String(), Verdict: gate.Regressed, Named: true},
	}
	if err := report(&out, all); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) < 4 || !strings.HasSuffix(lines[1], "no") || !strings.HasSuffix(lines[2], "yes") || !strings.HasSuffix(lines[3], "yes") {
		t.Errorf("got\n%s", out.String())
	}
	if got := strings.Count(out.String(), "too few gates to say"); got != 7 {
		t.Errorf("%d promises are not judged by one gate each, want 7\n%s", got, out.String())
	}
}

func TestPromises(t *testing.T) {
	cases := map[string]tally{}
	for _, w := range worlds {
		caught := 1000
		if w.least == 0 {
			caught = 9
		}
		cases[w.String()] = tally{n: 1000, longest: 540, verdicts: map[gate.Verdict]int{gate.Regressed: caught}}
	}
	cases[traps[0].String()] = tally{n: 60, verdicts: map[gate.Verdict]int{gate.Regressed: 2}}
	cases[traps[1].String()] = tally{n: 20, named: 19, verdicts: map[gate.Verdict]int{gate.Regressed: 19}}
	var answers []string
	for _, p := range promises() {
		_, holds, ok := p.measured(cases)
		answers = append(answers, fmt.Sprint(holds, ok))
	}
	if got, want := strings.Join(answers[:5], ", "), "true true, true true, true true, false true, true true"; got != want {
		t.Errorf("holds and told are %s, want %s", got, want)
	}
}

func TestChangePoints(t *testing.T) {
	var out bytes.Buffer
	if err := changePoints(t.Context(), &out, 1); err != nil || strings.Count(out.String(), "\n") != len(drifts)+4 {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// A trap is put into the entry point, and the extra CPU time is the share of all
// requests' that was asked for.
func TestTrap(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "slowed")
	if err := traps[1].slowed(dir, 3.6); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "shop", "wsgi.py"))
	if err != nil || !strings.Contains(string(b), "0.002 + 0 *") {
		t.Errorf("the entry point is, with %v:\n%s", err, b)
	}
	if err := traps[1].slowed(dir, math.NaN()); err == nil {
		t.Error("no error without the CPU time of a request")
	}
}
