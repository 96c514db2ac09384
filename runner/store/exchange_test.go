package store

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sweetspot/runner/rundir"
)

func TestCSV(t *testing.T) {
	s := summary("one", 0)
	s.Branch, s.Tool = "=cmd()", "v\x1b1"
	var b bytes.Buffer
	if err := writeCSV(&b, []Summary{s}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"id,kind,time,tool,scenario,scenario_sha256,revision,branch,committed,cell,host,host_fingerprint,metric,unit,higher_is_better,start,value",
		"one,gate,2026-01-02T03:04:05Z,v�1,shop,abc,f00,'=cmd(),2026-01-02T02:04:05Z,server=gunicorn-gthread/proxy=nginx/workers=4/threads=2,a," +
			Fingerprint(s.Host) + `,"p95/a;b'""",ms,false,1,12`,
	}
	if got := strings.Split(b.String(), "\n"); !slices.Equal(got[:2], want) || len(got) != 6 {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// An import is all or nothing.
func TestImportRefuses(t *testing.T) {
	var good bytes.Buffer
	if err := writeLines(&good, []Summary{summary("good", 0)}); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, filepath.Join(t.TempDir(), "x.db"))
	for _, tt := range []struct {
		name   string
		change func(string) string
		want   string
	}{
		{"no JSON", func(string) string { return "hello\n" }, "line 2: invalid character"},
		{"another schema", func(l string) string { return strings.Replace(l, `"schema":1`, `"schema":2`, 1) }, "line 2: schema 2, and this program reads 1"},
		{"no ID", func(l string) string { return strings.Replace(l, `"good"`, `""`, 1) }, "without an ID"},
		{"another kind", func(l string) string { return strings.Replace(l, `"gate"`, `"fence"`, 1) }, `kind "fence": want run or gate`},
		{"no values", func(l string) string { return strings.Replace(l, `[12]`, `[]`, 1) }, "0 values"},
		{"no metrics", func(l string) string { return l[:strings.Index(l, `"metrics"`)] + `"metrics":{}}` + "\n" }, "no metrics"},
		{"NUL", func(l string) string { return strings.Replace(l, `"main"`, `"ma\u0000in"`, 1) }, "holds a control character"},
		{"a host that steers the terminal", func(l string) string { return strings.Replace(l, `"EPYC"`, `"\u001b[31m"`, 1) }, "holds a control character"},
		{"long", func(l string) string { return strings.Replace(l, `"main"`, `"`+strings.Repeat("x", 2000)+`"`, 1) }, "longer than 1000 bytes"},
	} {
		text := good.String() + tt.change(good.String())
		if _, _, err := s.Import(t.Context(), strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
	if got, err := s.List(t.Context(), Filter{}); len(got) != 0 || err != nil {
		t.Errorf("%d summaries, %v, want none", len(got), err)
	}
	nan := summary("nan", 0)
	nan.Metrics["p95"] = Metric{"ms", false, []float64{math.NaN()}}
	if err := s.Add(t.Context(), nan); err == nil || !strings.Contains(err.Error(), "NaN is no value") {
		t.Errorf("NaN: %v", err)
	}
}

func TestBaseline(t *testing.T) {
	file := filepath.Join(t.TempDir(), "baseline.json")
	want := []Summary{summary("one", 0), summary("two", 1000)}
	if err := WriteBaseline(file, want); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadBaseline(file); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, %v, want\n%+v", got, err, want)
	}
	other := summary("other", 0)
	other.Scenario = "blog"
	if err := WriteBaseline(file, append(want, other)); err == nil || !strings.Contains(err.Error(), "one and other differ in the scenario: shop and blog") {
		t.Errorf("two scenarios: %v", err)
	}
	if left, err := ReadBaseline(file); err != nil || len(left) != 2 {
		t.Errorf("what was there: %d summaries, %v", len(left), err)
	}
	for _, tt := range []struct{ text, want string }{
		{"{", "unexpected end of JSON"},
		{"{}", "is no baseline: write one with sweetspot history export --format baseline"},
		{`{"sweetspot_baseline": 2}`, "has schema 2, and this program reads 1"},
		{`{"sweetspot_baseline": 1}`, "no summary is in it"},
	} {
		if err := os.WriteFile(file, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadBaseline(file); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.text, err, tt.want)
		}
	}
	if _, err := ReadBaseline(file + ".missing"); err == nil {
		t.Error("no file: no error")
	}
}

func TestHosts(t *testing.T) {
	base := rundir.Host{
		Hostname: "a", OS: "Ubuntu 24.04.1 LTS", Kernel: "6.8.0-1021-azure", Arch: "amd64", CPUModel: "EPYC", Cores: 4, MachineCPUs: 4,
		MemoryBytes: 16 << 30, FileLimit: 65536, PortLow: 32768, PortHigh: 60999, Somaxconn: 4096, Virtualised: "virtual machine QEMU",
	}
	for _, tt := range []struct {
		name   string
		change func(*rundir.Host)
		want   []string
	}{
		{"nothing", func(*rundir.Host) {}, nil},
		{"what a new machine of a kind changes", func(h *rundir.Host) {
			h.Hostname, h.OS, h.Kernel, h.FileLimit, h.PortLow, h.CPUSet = "b", "Ubuntu 24.04.3 LTS", "6.8.0-1030-azure", 1024, 1024, "4-7"
			h.MemoryBytes -= 10 << 20
		}, nil},
		{"kernel", func(h *rundir.Host) { h.Kernel = "6.11.0-1" }, []string{"kernel: 6.8 there, 6.11 here"}},
		{"processor and cores", func(h *rundir.Host) { h.CPUModel, h.Cores = "Xeon", 2 }, []string{"CPU model: EPYC there, Xeon here", "cores: 4 there, 2 here"}},
		{"quota", func(h *rundir.Host) { h.CPUQuota = 1.5 }, []string{"CPU quota: none there, 1.5 here"}},
		{"memory", func(h *rundir.Host) { h.MemoryBytes = 8 << 30 }, []string{"memory: 17180 MB there, 8590 MB here"}},
		{"bare metal", func(h *rundir.Host) { h.Virtualised = "" }, []string{"virtualisation: virtual machine QEMU there, none here"}},
		{"a limit of memory", func(h *rundir.Host) { h.MemoryLimit = 100 << 20 }, []string{"memory limit: none there, 105 MB here"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here := base
			tt.change(&here)
			stored := []Summary{{Host: base}, {Host: base}}
			if got := HostMismatch(stored, here); !slices.Equal(got, tt.want) {
				t.Errorf("differences\n%q, want\n%q", got, tt.want)
			}
			if same := Fingerprint(base) == Fingerprint(here); same != (len(tt.want) == 0) {
				t.Errorf("fingerprints equal: %v", same)
			}
		})
	}
}

func TestMigrationsAreNumbered(t *testing.T) {
	all, err := steps()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d migrations, %v", len(all), err)
	}
	if got := len(statements(all[0])); got != 3 {
		t.Errorf("%d statements in the first, want 3", got)
	}
}
