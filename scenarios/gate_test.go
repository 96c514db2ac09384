package scenarios

import (
	"reflect"
	"testing"
	"time"
)

func TestCriteria(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Criterion
		as   string // as it is printed; empty: the same
	}{
		{"throughput drops > 5%", Criterion{Metric: Throughput, By: 0.05}, ""},
		{"p95 grows > 10%", Criterion{Metric: "p95", By: 0.1}, ""},
		{"errors grows > 0.1%", Criterion{Metric: Errors, By: 0.001}, ""},
		{"static p50 grows > 12.5%", Criterion{Scope: Static, Metric: "p50", By: 0.125}, ""},
		{"add to basket p95 grows > 10%", Criterion{Scope: "add to basket", Metric: "p95", By: 0.1}, ""},
		{"p95 p95 grows>10 %", Criterion{Scope: "p95", Metric: "p95", By: 0.1}, "p95 p95 grows > 10%"},
		{"all p95 grows > 10%", Criterion{Metric: "p95", By: 0.1}, "p95 grows > 10%"},
		{"memory grows > 250%", Criterion{Metric: Memory, By: 2.5}, ""},
	} {
		got, err := ParseCriterion(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("ParseCriterion(%q) = %+v, %v; want %+v", tt.text, got, err, tt.want)
		}
		if tt.as == "" {
			tt.as = tt.text
		}
		if got.String() != tt.as {
			t.Errorf("%q is printed as %q, want %q", tt.text, got, tt.as)
		}
	}
}

func TestGateDefaults(t *testing.T) {
	got := parseText(t, minimal).Gate
	want := Gate{
		Fail: []Criterion{{Metric: Throughput, By: 0.05}, {Metric: CPU, By: 0.05}, {Metric: Errors, By: 0.001}},
		Warn: []Criterion{{Metric: "p50", By: 0.1}, {Metric: "p95", By: 0.1}},
		Load: 0.7, Rounds: 20, Bursts: 6, Burst: Duration(time.Second), OpenBursts: 2, OpenBurst: Duration(2500 * time.Millisecond), Settle: Duration(250 * time.Millisecond), Budget: Duration(10 * time.Minute),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if g := parseText(t, minimal, "gate.fail=[memory grows > 5%]").Gate; len(g.Fail) != 1 || len(g.Warn) != 0 {
		t.Errorf("with criteria of its own it has %v and %v, want one and none", g.Fail, g.Warn)
	}
}

func TestGateCell(t *testing.T) {
	for _, tt := range []struct {
		name string
		sets []string
		want string
	}{
		{"the only one", nil, "server=gunicorn-sync/proxy=direct/workers=2/threads=1"},
		{"named", []string{"gate.cell=server=gunicorn-sync/proxy=nginx/workers=3/threads=1"}, "server=gunicorn-sync/proxy=nginx/workers=3/threads=1"},
		{"nearest to twice the cores", []string{"matrix.workers=[1,3,16]", "matrix.proxies=[nginx,direct]"}, "server=gunicorn-sync/proxy=nginx/workers=3/threads=1"},
		{"first that applies", []string{"matrix.workers=[4]", "matrix.threads=[2,8]", "matrix.servers=[gunicorn-sync,gunicorn-gthread]"}, "server=gunicorn-gthread/proxy=direct/workers=4/threads=2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseText(t, minimal, tt.sets...).GateCell(2, testCatalogue)
			if !ok || got.String() != tt.want {
				t.Errorf("got %v, %v; want %s", got, ok, tt.want)
			}
		})
	}
	if got, ok := parseText(t, minimal).GateCell(2, Catalogue{Applies: func(*Scenario, Cell) string { return "no" }}); ok {
		t.Errorf("got %v though none applies", got)
	}
}
