package scenarios

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Duration
		form string // as printed
		err  string
	}{
		{"250ms", Duration(250 * time.Millisecond), "250ms", ""},
		{"5m", Duration(5 * time.Minute), "5m", ""},
		{"90s", Duration(90 * time.Second), "1m30s", ""},
		{"60m", Duration(time.Hour), "1h", ""},
		{"1h5s", Duration(time.Hour + 5*time.Second), "1h0m5s", ""},
		{"0", 0, "", `"0" has no unit: write 0ms, 0s or 0m`},
		{"0s", 0, "0s", ""},
		{"10m0s", Duration(10 * time.Minute), "10m", ""},
		{"1.5h", Duration(90 * time.Minute), "1h30m", ""},
		{"-2s", Duration(-2 * time.Second), "-2s", ""},
		{"5", 0, "", `"5" has no unit: write 5ms, 5s or 5m`},
		{"5 s", 0, "", `"5 s" is not a duration: write a number and a unit: 250ms, 90s, 5m or 1h30m`},
		{"", 0, "", `"" is not a duration: write a number and a unit: 250ms, 90s, 5m or 1h30m`},
	} {
		got, err := ParseDuration(tt.text)
		if message(err) != tt.err || got != tt.want {
			t.Errorf("ParseDuration(%q) = %v, %q; want %v, %q", tt.text, got, message(err), tt.want, tt.err)
		}
		if err == nil && got.String() != tt.form {
			t.Errorf("%q prints as %q, want %q", tt.text, got, tt.form)
		}
	}
}

func TestBytes(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Bytes
		form string
		err  string
	}{
		{"512MB", 512e6, "512MB", ""},
		{"512MiB", 512 << 20, "512MiB", ""},
		{"1.5GiB", 3 << 29, "1536MiB", ""},
		{"2 GB", 2e9, "2GB", ""},
		{"10KB", 10e3, "10kB", ""},
		{"1001B", 1001, "1001B", ""},
		{"0B", 0, "0B", ""},
		{"512", 0, "", `"512" has no unit: write 512MB or 512MiB`},
		{"512mb", 0, "", `"512mb" has an unknown unit: did you mean MB?`},
		{"9000000TB", 9e18, "9000000TB", ""},
		{"99999999TB", 0, "", `"99999999TB" is too large: write a size below 8 million TB`},
		{"lots", 0, "", `"lots" is not a size: write a number and a unit: 512MB or 2GiB`},
	} {
		got, err := ParseBytes(tt.text)
		if message(err) != tt.err || got != tt.want {
			t.Errorf("ParseBytes(%q) = %d, %q; want %d, %q", tt.text, got, message(err), tt.want, tt.err)
		}
		if err == nil && got.String() != tt.form {
			t.Errorf("%q prints as %q, want %q", tt.text, got, tt.form)
		}
	}
}

func TestParseShare(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Share
		form string
		err  string
	}{
		{"30%", 0.3, "30%", ""},
		{"0.3", 0.3, "30%", ""},
		{"2.5 %", 0.025, "2.5%", ""},
		{"-1%", -0.01, "-1%", ""},
		{"half", 0, "", `"half" is not a share: write it as 30% or 0.3`},
	} {
		got, err := ParseShare(tt.text)
		if message(err) != tt.err || got != tt.want {
			t.Errorf("ParseShare(%q) = %g, %q; want %g, %q", tt.text, float64(got), message(err), float64(tt.want), tt.err)
		}
		if err == nil && got.String() != tt.form {
			t.Errorf("%q prints as %q, want %q", tt.text, got, tt.form)
		}
	}
}

func TestCountsExpand(t *testing.T) {
	for _, tt := range []struct {
		counts Counts
		cores  int
		want   []int
		err    string
	}{
		{Counts{"4", "1", "4"}, 2, []int{1, 4}, ""},
		{Counts{"1..8/3"}, 2, []int{1, 4, 7}, ""},
		{Counts{"1..3", "2..4"}, 2, []int{1, 2, 3, 4}, ""},
		{Counts{"cores", "2*cores+1", "1"}, 4, []int{1, 4, 9}, ""},
		{Counts{"1..2 * cores"}, 2, []int{1, 2, 3, 4}, ""},
		{Counts{"cores-1"}, 1, []int{1}, ""},
		{Counts{"8*cores"}, 400, []int{1024}, ""},
		{nil, 4, nil, ""},
		{Counts{"4..cores"}, 2, nil, `"4..cores" is an empty range on 2 cores: 4..2: write the smaller end first`},
		{Counts{"0"}, 2, nil, `"0" is too few: write at least 1`},
		{Counts{"1025"}, 2, nil, `"1025" is too many: write at most 1024`},
		{Counts{"99999999999999999999"}, 2, nil, `"99999999999999999999" is too many: write at most 1024`},
		{Counts{"010"}, 2, nil, `"010" begins with a zero, which some readers take for an octal number: write 10`},
		{Counts{"+4"}, 2, nil, `"+4" is not a count: write a number, a range such as 1..8 or 1..8/2, cores, or 2*cores+1`},
		{Counts{"core"}, 2, nil, `"core" is not a count: write a number, a range such as 1..8 or 1..8/2, cores, or 2*cores+1`},
		{Counts{"1..4/0"}, 2, nil, `"1..4/0" is too few: write at least 1`},
	} {
		got, err := tt.counts.Expand(tt.cores)
		if message(err) != tt.err || !slices.Equal(got, tt.want) {
			t.Errorf("%q on %d cores = %v, %q; want %v, %q", tt.counts, tt.cores, got, message(err), tt.want, tt.err)
		}
	}
}

func TestParseCPUs(t *testing.T) {
	for _, tt := range []struct {
		list string
		want []int
		err  string
	}{
		{"", nil, ""},
		{"0", []int{0}, ""},
		{"5,0-2, 1", []int{0, 1, 2, 5}, ""},
		{"0-", nil, `"0-" is not a CPU list: write numbers and ranges, as "0-2,5"`},
		{"1,,2", nil, `"1,,2" is not a CPU list: write numbers and ranges, as "0-2,5"`},
		{"01", nil, `"01" is not a CPU list: write numbers and ranges, as "0-2,5"`},
		{"3-1", nil, `"3-1" holds an empty range: write the smaller number first`},
		{"0-9000", nil, `"0-9000" holds a CPU that no machine has: write numbers up to 8191`},
	} {
		got, err := ParseCPUs(tt.list)
		if message(err) != tt.err || !slices.Equal(got, tt.want) {
			t.Errorf("ParseCPUs(%q) = %v, %q; want %v, %q", tt.list, got, message(err), tt.want, tt.err)
		}
	}
}

func TestObjective(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Objective
		form string
		q    float64
	}{
		{"p99 < 250ms", Objective{All, "p99", 250 * time.Millisecond, 0}, "p99 < 250ms", 0.99},
		{"static p95<50ms", Objective{Static, "p95", 50 * time.Millisecond, 0}, "static p95 < 50ms", 0.95},
		{"errors < 0.1%", Objective{All, Errors, 0, 0.001}, "errors < 0.1%", 0},
		{"dynamic errors < 0.07%", Objective{Dynamic, Errors, 0, 0.0007}, "dynamic errors < 0.07%", 0},
		{"mean < 20ms", Objective{All, Mean, 20 * time.Millisecond, 0}, "mean < 20ms", 0},
		{"all max < 1s", Objective{All, Max, time.Second, 0}, "max < 1s", 0},
		{"p99.9 < 1s", Objective{All, "p99.9", time.Second, 0}, "p99.9 < 1s", 0.999},
		{"p50 < 60s", Objective{All, "p50", time.Minute, 0}, "p50 < 1m", 0.5},
	} {
		got, err := ParseObjective(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("ParseObjective(%q) = %+v, %v; want %+v", tt.text, got, err, tt.want)
			continue
		}
		if got.String() != tt.form {
			t.Errorf("%q prints as %q, want %q", tt.text, got, tt.form)
		}
		q, ok := got.Quantile()
		if q != tt.q || ok != (tt.q > 0) {
			t.Errorf("%q has quantile %v, %v; want %v", tt.text, q, ok, tt.q)
		}
		if again, err := ParseObjective(got.String()); err != nil || again != got {
			t.Errorf("%q read back is %+v, %v", got, again, err)
		}
	}
}

func TestDefaultObjectives(t *testing.T) {
	for _, tt := range []struct {
		given Objectives
		want  string
	}{
		{nil, `["p99 < 500ms","errors < 0.1%"]`},
		{Objectives{{Static, "p95", time.Second, 0}}, `["static p95 < 1s","errors < 0.1%"]`},
		{Objectives{{Dynamic, Errors, 0, 0.01}}, `["dynamic errors < 1%"]`},
	} {
		got, err := jsonText(defaultObjectives(tt.given, tt.given != nil))
		if err != nil || got != tt.want {
			t.Errorf("defaults for %v = %s, %v; want %s", tt.given, got, err, tt.want)
		}
	}
}

// TestScenarioSurvivesJSON is what the manifest of a run relies on.
func TestScenarioSurvivesJSON(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		sets       []string
	}{
		{"defaults", minimal, nil},
		{"built in", readText(t, "django-shop"), []string{"limits.memory=512MiB", "search.warmup=2s", "cpus.app=1"}},
		{"everything", everything, nil},
		{"none kept and not held back", everything, []string{"proxy.keepalive=0", "proxy.buffering=false"}},
		{"ramp to nothing", everything, []string{"traffic.shape={from: 2, to: 0}"}},
		{"step", minimal, []string{"traffic.arrivals=step", "traffic.shape.steps=[0.5, 0, 1e2]"}},
		{"sine", minimal, []string{"traffic.arrivals=sine", "traffic.shape.period=1m"}},
		{"replay", minimal, []string{"traffic.arrivals=replay", "traffic.shape.file=" + recorded(t, "1.5\n2.5\n")}},
		{"target", targeted, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := parseText(t, tt.text, tt.sets...)
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			back := new(Scenario)
			if err := json.Unmarshal(text, back); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(s, back) {
				t.Errorf("read back:\n%+v\nwas:\n%+v", back, s)
			}
			again, err := json.Marshal(back)
			if err != nil || string(text) != string(again) {
				t.Errorf("written again, %v:\n%s\nwas:\n%s", err, again, text)
			}
			if err := back.Validate(".", testCatalogue); err != nil {
				t.Errorf("the scenario read back is not valid: %v", err)
			}
		})
	}
}

func TestParseCommand(t *testing.T) {
	got, err := ParseCommand("  {python}  manage.py migrate --no-input ")
	if want := []string{"{python}", "manage.py", "migrate", "--no-input"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestParseCell(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cell  Cell
		slots int
	}{
		{"server=gunicorn-gthread/proxy=nginx/workers=4/threads=2", Cell{Server: "gunicorn-gthread", Proxy: "nginx", Workers: 4, Threads: 2}, 8},
		{"server=waitress/proxy=nginx/workers=1/threads=4/instances=5", Cell{Server: "waitress", Proxy: "nginx", Workers: 1, Threads: 4, Instances: 5}, 20},
		{"server=target/proxy=direct/workers=1/threads=1", Cell{Server: TargetServer, Proxy: Direct, Workers: 1, Threads: 1}, 1},
	} {
		if got := tt.cell.String(); got != tt.name {
			t.Errorf("String() = %q, want %q", got, tt.name)
		}
		if got, err := ParseCell(tt.name); err != nil || got != tt.cell {
			t.Errorf("ParseCell(%q) = %v, %v", tt.name, got, err)
		}
		if got := tt.cell.Slots(); got != tt.slots {
			t.Errorf("%s has %d slots, want %d", tt.name, got, tt.slots)
		}
	}
}

func TestParseCellRefuses(t *testing.T) {
	const four = "server=a/proxy=b/workers=1/threads=1"
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", `cell "": want server=…/proxy=…/workers=…/threads=…`},
		{"too few parts", "server=a/proxy=b/workers=1", `cell "server=a/proxy=b/workers=1": want server=…/proxy=…/workers=…/threads=…`},
		{"too many parts", four + "/instances=2/x=1", `cell "` + four + `/instances=2/x=1": want server=…/proxy=…/workers=…/threads=…`},
		{"no number", "server=a/proxy=b/workers=x/threads=1", `cell "server=a/proxy=b/workers=x/threads=1": workers: strconv.Atoi: parsing "x": invalid syntax`},
		{"other order", "proxy=a/server=b/workers=1/threads=1", `cell "proxy=a/server=b/workers=1/threads=1": part 1 is "proxy=a", want server=…`},
		{"other fifth part", four + "/cores=2", `cell "` + four + `/cores=2": part 5 is "cores=2", want instances=…`},
		{"one instance", four + "/instances=1", `cell "` + four + `/instances=1": its only name is ` + four},
		{"no instance", four + "/instances=0", `cell "` + four + `/instances=0": its only name is ` + four},
		{"fewer than none", four + "/instances=-2", `cell "` + four + `/instances=-2": its only name is ` + four},
		{"leading zero", "server=a/proxy=b/workers=01/threads=1", `cell "server=a/proxy=b/workers=01/threads=1": its only name is ` + four},
	} {
		if got, err := ParseCell(tt.text); message(err) != tt.want {
			t.Errorf("%s: got %v, %q; want %q", tt.name, got, message(err), tt.want)
		}
	}
}

func TestFaultPointsAtItsColumn(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    Fault
		want string
	}{
		{"after wide letters", Fault{File: "a", Line: 2, Column: 7, Path: "p", Message: "m", Excerpt: "  ééé x: 1\r"}, "a:2:7: p: m\n    ééé x: 1\n        ^"},
		{"beyond the line", Fault{File: "a", Line: 2, Column: 5, Message: "m", Excerpt: "ab"}, "a:2:5: m\n    ab\n        ^"},
		{"blank line", Fault{File: "a", Line: 2, Column: 1, Message: "m", Excerpt: "  "}, "a:2:1: m"},
		{"no line", Fault{File: "--set a=b", Path: "a", Message: "m", Hint: "h"}, "--set a=b: a: m\n  h"},
	} {
		if got := tt.f.String(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// jsonText is v in JSON, with "<" as it is.
func jsonText(v any) (string, error) {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSpace(out.String()), err
}
