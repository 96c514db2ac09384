package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"sweetspot/analysis/gate"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func gateMeta() GateMeta {
	return GateMeta{
		Scenario: "django-shop", Tool: "1.2.3", Dir: "runs/gate-20260102T030405Z", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		CommandLine: []string{"sweetspot", "gate", "django-shop", "--base", "origin/main"},
		Host:        rundir.Host{Hostname: "ci-1", OS: "Debian 12", Kernel: "6.18", Arch: "x86_64", CPUModel: "AMD EPYC", Cores: 2, MachineCPUs: 2, MemoryBytes: 8_400_000_000},
	}
}

// gateMetric is a metric of ten rounds, whose log ratios scatter by noise around
// that of the effect.
func gateMetric(key, unit, role, criterion string, margin, base, effect, noise float64, v gate.Verdict) gate.Metric {
	name, scope, _ := strings.Cut(key, "/")
	m := gate.Metric{
		Name: name, Scope: scope, Unit: unit, Higher: name == "throughput", Role: role, Criterion: criterion, Margin: margin,
		Base: base, Candidate: base * (1 + effect), Effect: effect, Low: effect - 2.3*noise/math.Sqrt(10), High: effect + 2.3*noise/math.Sqrt(10),
		Visible: 3.6 * noise / math.Sqrt(10), Verdict: v, P: 0.2,
	}
	for i, z := range []float64{0.3, -1.2, 0.8, 1.5, -0.4, -0.9, 1.1, 0.1, -1.4, 0.1} {
		drift := 1 + 0.01*float64(i%3)
		log := math.Log1p(effect) + z*noise
		m.Rounds = append(m.Rounds, gate.Pair{Round: i + 1, Base: base * drift, Candidate: base * drift * math.Exp(log), Log: log})
	}
	return m
}

func sampleGate() *gate.Result {
	return &gate.Result{
		Source: gate.Duet, Verdict: gate.Regressed, Because: "p95 of checkout and CPU time per request are worse by more than noise explains",
		Base:      gate.Build{Name: "base", Dir: "runs/gate-20260102T030405Z/base", Revision: "9f8e7d6c5b4a39281706f5e4d3c2b1a098765432"},
		Candidate: gate.Build{Name: "candidate", Dir: "/src/shop", Revision: "1a2b3c4d5e6f70819a2b3c4d5e6f70819a2b3c4d+changes"},
		Cell:      scenarios.Cell{Server: "gunicorn-gthread", Proxy: "nginx", Workers: 2, Threads: 4},
		Rounds:    10, MostRounds: 20, Confirmed: 6, Spent: 6*time.Minute + 12*time.Second,
		Voids:    []gate.Void{{Round: 4, Why: "foreign CPU 0.31 of a core, more than 0.1"}},
		Warnings: []string{"generator and application share CPUs"},
		Metrics: []gate.Metric{
			gateMetric("throughput", "requests/s", "fail", "throughput drops > 5%", 0.05, 1216, -0.012, 0.02, gate.Pass),
			gateMetric("cpu", "ms/request", "fail", "cpu grows > 5%", 0.05, 1.53, 0.081, 0.01, gate.Regressed),
			gateMetric("p95/checkout", "ms", "fail", "checkout p95 grows > 10%", 0.10, 41.7, 0.31, 0.05, gate.Regressed),
			gateMetric("memory", "MB", "warn", "memory grows > 10%", 0.10, 123, 0.25, 0.01, gate.Regressed),
			gateMetric("startup", "s", "warn", "startup grows > 20%", 0.20, 1.1, 0.01, 0.04, gate.Pass),
			gateMetric("p50", "ms", "inform", "", 0, 12.3, 0.02, 0.03, gate.Informs),
			gateMetric("errors", "%", "inform", "", 0, 0, math.NaN(), math.NaN(), gate.Informs),
		},
	}
}

func sampleGates() map[string]*gate.Result {
	pass := sampleGate()
	pass.Verdict, pass.Confirmed, pass.Because, pass.Voids, pass.Warnings = gate.Pass, 0, "every deciding metric is non-inferior", nil, nil
	pass.Metrics = []gate.Metric{
		gateMetric("throughput", "requests/s", "fail", "throughput drops > 5%", 0.05, 1216, 0.004, 0.02, gate.Pass),
		gateMetric("p95", "ms", "fail", "p95 grows > 10%", 0.10, 41.7, 0.012, 0.04, gate.Pass),
	}
	improved := sampleGate()
	improved.Verdict, improved.Confirmed, improved.Because = gate.Improved, 0, ""
	improved.Metrics = []gate.Metric{
		gateMetric("throughput", "requests/s", "fail", "throughput drops > 5%", 0.05, 1216, 0.11, 0.02, gate.Improved),
		gateMetric("p95", "ms", "fail", "p95 grows > 10%", 0.10, 41.7, 0.012, 0.04, gate.Pass),
	}
	open := sampleGate()
	open.Verdict, open.Confirmed, open.MoreRounds, open.Rounds, open.Interrupted = gate.Inconclusive, 0, 12, 10, "the budget of 6m0s is spent"
	open.Because = ""
	open.Metrics = []gate.Metric{
		gateMetric("throughput", "requests/s", "fail", "throughput drops > 5%", 0.05, 1216, -0.022, 0.06, gate.Inconclusive),
		gateMetric("p95", "ms", "fail", "p95 grows > 10%", 0.10, 41.7, 0.012, 0.04, gate.Pass),
	}
	open.Metrics[0].MoreRounds = 12
	self := sampleGate()
	self.Source, self.Verdict, self.Confirmed, self.Because = gate.Self, gate.Pass, 0, ""
	self.Candidate = self.Base
	self.Metrics = slices.Clone(pass.Metrics)
	stored := sampleGate()
	stored.Source, stored.Base.Dir = gate.Baseline, ""
	stored.Warnings = []string{"a duet of both builds is sharper than a stored baseline"}
	empty := &gate.Result{Source: gate.Duet, Verdict: gate.Inconclusive, Interrupted: "interrupted after 3s"}
	return map[string]*gate.Result{"regressed": sampleGate(), "pass": pass, "improved": improved, "inconclusive": open, "self": self, "baseline": stored, "empty": empty}
}

func renderGate(t *testing.T, format string, r *gate.Result, meta GateMeta) string {
	t.Helper()
	var b bytes.Buffer
	if err := RenderGate(&b, format, r, meta); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGateGolden(t *testing.T) {
	for name, r := range sampleGates() {
		for _, f := range GateFormats {
			if name != "regressed" && !slices.Contains([]string{"text", "junit", "github"}, f.Name) {
				continue // the other formats have no words of their own
			}
			file := f.File
			if file == "" {
				file = "gate." + f.Name
			}
			t.Run(name+"/"+f.Name, func(t *testing.T) {
				golden(t, filepath.Join("testdata", "gate", name, file), []byte(renderGate(t, f.Name, r, gateMeta())))
			})
		}
	}
}

func TestGateHeadline(t *testing.T) {
	for name, want := range map[string]string{
		"regressed":    `^Regressed: p95 of checkout grew by 31\.0 % \(95 % interval \+27\.4 to \+34\.6 %\) from the base 9f8e7d6c5b4a to the candidate 1a2b3c4d5e6f\+changes; the margin is \+10 %\. An independent block of 6 rounds confirms it\. Regressed as well: CPU time per request \(\+8\.1 %\)\.$`,
		"pass":         `^Pass: the candidate 1a2b3c4d5e6f\+changes is shown to be no worse than the base 9f8e7d6c5b4a within every margin; closest to its margin is p95 at \+1\.2 % \(95 % interval −1\.7 to \+4\.1 %\), with a margin of \+10 %\.$`,
		"improved":     `^Improved: throughput grew by 11\.0 % \(95 % interval .*\) from the base .* to the candidate .*; no deciding metric is worse than its margin accepts\.$`,
		"inconclusive": `^Inconclusive: it is not shown whether the candidate .* is worse than the base .*\. Not clear is throughput at −2\.2 % \(95 % interval .*\), with a margin of −5 %\. About 12 more rounds, some 7 min of machine time, would do\.$`,
		"self":         `^A/A: the build 9f8e7d6c5b4a against itself, 10 rounds, no false alarm; the smallest changes .* show here: −2\.3 % of throughput and \+4\.6 % of p95\.$`,
		"baseline":     `^Regressed: .* from the stored baseline 9f8e7d6c5b4a to the candidate`,
		"empty":        `^Inconclusive: it is not shown whether the candidate is worse than the base\. How many more rounds would do is not known\.$`,
	} {
		if got := newGateModel(sampleGates()[name], gateMeta()).Headline; !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q does not match %q", name, got, want)
		}
	}
	for name, r := range sampleGates() {
		if said := strings.Contains(renderGate(t, "text", r, gateMeta()), "no worse than"); said != (name == "pass") {
			t.Errorf("%s: says that it is shown to be no worse: %v", name, said)
		}
	}
	if got := newGateModel(&gate.Result{}, GateMeta{}).Headline; !strings.HasPrefix(got, "No verdict:") {
		t.Errorf("without criteria: %q", got)
	}
}

func TestGateSigned(t *testing.T) {
	for _, tt := range []struct {
		v    float64
		want string
	}{{0.1234, "+12.3 %"}, {-0.1234, "−12.3 %"}, {0, "0.0 %"}, {-0.0001, "0.0 %"}, {12.345, "+1,234 %"}, {-0.0005, "−0.1 %"}, {math.NaN(), none}, {math.Inf(1), none}} {
		if got := signed(tt.v); got != tt.want {
			t.Errorf("signed(%v) = %q, want %q", tt.v, got, tt.want)
		}
	}
}

func TestGateTextFitsTheTerminal(t *testing.T) {
	for name, r := range sampleGates() {
		for _, width := range []int{40, 60, 80, 100, 160} {
			for _, l := range strings.Split(string(GateText(r, gateMeta(), false, width)), "\n") {
				if word := strings.TrimLeft(l, " -"); len([]rune(l)) > width && strings.Contains(word, " ") {
					t.Errorf("%s, width %d: a line of %d: %s", name, width, len([]rune(l)), l)
				}
			}
		}
		if strings.Contains(string(GateText(r, gateMeta(), false, 80)), "\x1b") {
			t.Errorf("%s: control codes without color", name)
		}
	}
	if got := string(GateText(sampleGate(), gateMeta(), true, 80)); !strings.HasPrefix(got, "\x1b[31mRegressed:\x1b[0m") {
		t.Errorf("with color it begins with %q", got[:30])
	}
}

func TestGateCommentIsCutAtRows(t *testing.T) {
	r := sampleGate()
	for i := range 3000 {
		r.Metrics = append(r.Metrics, gateMetric(fmt.Sprintf("p95/request-%04d", i), "ms", "inform", "", 0, 10, 0.01, 0.02, gate.Informs))
	}
	for i := range 500 {
		r.Voids = append(r.Voids, gate.Void{Round: i + 5, Why: "steal"})
	}
	got := renderGate(t, "comment", r, gateMeta())
	if len(got) > 64<<10 || len(got) < 60<<10 {
		t.Errorf("the comment has %d bytes, want nearly 64 KiB", len(got))
	}
	if first, _, _ := strings.Cut(got, "\n"); first != "<!-- sweetspot gate: django-shop -->" {
		t.Errorf("it begins with %q", first)
	}
	kept := strings.Count(got, "| p95/request-")
	if want := fmt.Sprintf("*Left out here for its length: %s, 501 void rounds and 1 doubt.", counted(3002-kept-2, "metric")); !strings.Contains(got, want) {
		t.Errorf("it keeps %d rows and does not say %q", kept, want)
	}
	if strings.Count(got, "<details>") != 2 || strings.Count(got, "</details>") != 2 {
		t.Error("a block is not closed")
	}
	for _, l := range strings.Split(got, "\n") {
		if strings.HasPrefix(l, "|") && !strings.HasSuffix(l, "|") {
			t.Errorf("a row is cut: %q", l)
		}
	}
	if whole := renderGate(t, "markdown", r, gateMeta()); strings.Count(whole, "| p95/request-") != 3000 || strings.Contains(whole, "Left out") {
		t.Error("the step summary leaves rows out")
	}
	long := sampleGate()
	for _, s := range []*string{&long.Because, &long.Base.Revision, &long.Candidate.Dir, &long.Metrics[2].Scope, &long.Metrics[2].Criterion, &long.Voids[0].Why} {
		*s = strings.Repeat("@x<b>☃", 20000)
	}
	meta := gateMeta()
	meta.CommandLine, meta.Scenario, meta.Dir = []string{long.Because}, long.Because, long.Because
	if got := renderGate(t, "comment", long, meta); len(got) > 64<<10 {
		t.Errorf("with long texts the comment has %d bytes", len(got))
	}
}

// A strict reader of JUnit XML.
type suites struct {
	XMLName xml.Name `xml:"testsuites"`
	Suite   struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
			} `xml:"failure"`
			Skipped *struct {
				Message string `xml:"message,attr"`
			} `xml:"skipped"`
			Out string `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func TestGateJUnit(t *testing.T) {
	for _, tt := range []struct {
		name, inconclusive       string
		tests, failures, skipped int
	}{
		{"regressed", "", 5, 2, 0},
		{"pass", "", 2, 0, 0},
		{"improved", "", 2, 0, 0},
		{"inconclusive", "", 2, 0, 1},
		{"inconclusive", "3", 2, 0, 1},
		{"inconclusive", "fail", 2, 1, 0},
		{"inconclusive", "pass", 2, 0, 0},
		{"empty", "", 1, 0, 1},
		{"empty", "fail", 1, 1, 0},
	} {
		meta := gateMeta()
		meta.Inconclusive = tt.inconclusive
		var got suites
		if err := xml.Unmarshal([]byte(renderGate(t, "junit", sampleGates()[tt.name], meta)), &got); err != nil {
			t.Fatal(err)
		}
		failures, skipped := 0, 0
		for _, c := range got.Suite.Cases {
			if c.Failure != nil {
				failures++
			}
			if c.Skipped != nil {
				skipped++
			}
			if strings.HasPrefix(c.Name, "memory") && (c.Failure != nil || !strings.Contains(c.Out, "only warns: regressed")) {
				t.Errorf("%s: the criterion that warns is %+v", tt.name, c)
			}
		}
		s := got.Suite
		for what, n := range map[string][3]int{"tests": {s.Tests, len(s.Cases), tt.tests}, "failures": {s.Failures, failures, tt.failures}, "skipped": {s.Skipped, skipped, tt.skipped}} {
			if n[0] != n[2] || n[1] != n[2] {
				t.Errorf("%s with --inconclusive %q: %s: says %d, has %d, want %d", tt.name, tt.inconclusive, what, n[0], n[1], n[2])
			}
		}
	}
}

func TestGateJUnitKeepsSchema(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("no xmllint on this machine: install libxml2-utils")
	}
	dir := t.TempDir()
	args := []string{"--noout", "--nonet", "--schema", "testdata/junit.xsd"}
	add := func(name, content string) string {
		file := filepath.Join(dir, name+".xml")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for name, r := range sampleGates() {
		args = append(args, add(name, renderGate(t, "junit", r, gateMeta())))
	}
	meta := gateMeta()
	meta.Inconclusive = "fail"
	hostile, hostileMeta := hostileGate()
	args = append(args, add("failing", renderGate(t, "junit", sampleGates()["inconclusive"], meta)), add("hostile", renderGate(t, "junit", hostile, hostileMeta)))
	if out, err := exec.CommandContext(t.Context(), xmllint, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	bad := add("bad", strings.Replace(renderGate(t, "junit", sampleGate(), gateMeta()), "<failure", "<failed/><failure", 1))
	if err := exec.CommandContext(t.Context(), xmllint, "--noout", "--nonet", "--schema", "testdata/junit.xsd", bad).Run(); err == nil {
		t.Error("the schema accepts an element that JUnit XML has not")
	}
}

func TestGateSchemaIsGenerated(t *testing.T) {
	r := jsonschema.Reflector{}
	s := r.Reflect(&gateDoc{})
	s.ID, s.Title = "", "sweetspot gate"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "gate.schema.json", append(b, '\n'))
}

func TestGateJSONKeepsSchema(t *testing.T) {
	raw, err := validator.UnmarshalJSON(bytes.NewReader(GateSchema))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("gate.schema.json", raw); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("gate.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	all := sampleGates()
	all["hostile"], _ = hostileGate()
	for name, r := range all {
		doc, err := validator.UnmarshalJSON(strings.NewReader(renderGate(t, "json", r, gateMeta())))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := schema.Validate(map[string]any{"schema": 1}); err == nil {
		t.Error("the schema accepts a gate without content")
	}
}

func TestGateNothingIsNaN(t *testing.T) {
	bad := regexp.MustCompile(`\bNaN\b|[+-]Inf\b|%!`)
	for name, r := range sampleGates() {
		for _, f := range GateFormats {
			if at := bad.FindString(renderGate(t, f.Name, r, gateMeta())); at != "" {
				t.Errorf("%s of %s has %q", f.Name, name, at)
			}
		}
	}
}

const evil = "a\x1b[31m\u009b2J\r\n::error::x\n::set-output name=y::z ##[add-mask]q ##vso[task.x] <script>alert(1)</script> <!-- --> | `` ``` @team #1 www.evil.test http://evil.test/a\u202e,b:c%0A ]]> \xff&amp;"

// hostileGate has hostile text wherever somebody's text may be.
func hostileGate() (*gate.Result, GateMeta) {
	r, meta := sampleGate(), gateMeta()
	for _, s := range []*string{&r.Because, &r.Interrupted, &r.Base.Dir, &r.Candidate.Revision, &r.Voids[0].Why, &r.Warnings[0], &r.Cell.Server, &meta.Scenario, &meta.Dir, &meta.Tool, &meta.Host.CPUModel, &meta.CommandLine[2]} {
		*s = evil
	}
	for i := range r.Metrics {
		r.Metrics[i].Scope = fmt.Sprint(i, evil)
		r.Metrics[i].Criterion = evil
	}
	return r, meta
}

func TestGateHostileTexts(t *testing.T) {
	r, meta := hostileGate()
	all := map[string]string{"narrow": string(GateText(r, meta, false, 40))}
	for _, f := range GateFormats {
		all[f.Name] = renderGate(t, f.Name, r, meta)
	}
	command := regexp.MustCompile(`(?m)^\s*::|##[A-Za-z]*\[`)
	for name, got := range all {
		for _, c := range got {
			if c != '\n' && c != ' ' && !unicode.IsPrint(c) {
				t.Errorf("%s has the control character %U", name, c)
				break
			}
		}
		if at := command.FindString(got); at != "" && name != "github" {
			t.Errorf("%s has a command to a CI runner: %q", name, at)
		}
	}
	for _, l := range strings.Split(strings.TrimSpace(all["github"]), "\n") {
		if !regexp.MustCompile(`^::(error|warning|notice) title=[^:,\r]*::`).MatchString(l) || regexp.MustCompile(`##[A-Za-z]*\[`).MatchString(l) {
			t.Errorf("an annotation is broken: %s", l)
		}
	}
	for _, name := range []string{"markdown", "comment"} {
		got := strings.TrimPrefix(all[name], GateMarker(meta.Scenario))
		for _, ours := range []string{"<details>", "</details>", "<summary>", "</summary>"} {
			got = strings.ReplaceAll(got, ours, "")
		}
		got = regexp.MustCompile("(?m)^- [A-Z][a-z]+: `.*$").ReplaceAllString(got, "") // code
		for _, bad := range []string{`(^|[^\\])<[A-Za-z/!?]`, `@team`, `#1\b`, `(^|[^\\])` + "`", `http://[a-z]`, `www\.[a-z]`} {
			if at := regexp.MustCompile(bad).FindString(got); at != "" {
				t.Errorf("%s has %q", name, at)
			}
		}
		for _, l := range strings.Split(got, "\n") {
			if l != "" && !regexp.MustCompile(`^(\||- |#{3,4} sweetspot gate|#### |\*\*Regressed:|It ended early: |Why: |10 of |What informs, |How to repeat it$)`).MatchString(l) {
				t.Errorf("%s has a line that is not its own: %q", name, l)
			}
		}
		for _, l := range regexp.MustCompile("(?m)^- [A-Z][a-z]+: (`+)(.*)$").FindAllStringSubmatch(all[name], -1) {
			if body, ok := strings.CutSuffix(l[2], l[1]); !ok || strings.Contains(body, l[1]) {
				t.Errorf("%s: text leaves its code: %q", name, l[0])
			}
		}
	}
	if marker := GateMarker(meta.Scenario); strings.Count(marker, "--") != 2 || strings.Count(marker, ">") != 1 || strings.Contains(marker, "\n") {
		t.Errorf("the marker is %q", marker)
	}
	if err := xml.Unmarshal([]byte(all["junit"]), &suites{}); err != nil {
		t.Errorf("junit: %v", err)
	}
	var doc gateDoc
	if err := json.Unmarshal([]byte(all["json"]), &struct{ Because *string }{&doc.Because}); err != nil || doc.Because != strings.ToValidUTF8(evil, "\ufffd") {
		t.Errorf("json: %v, because %q", err, doc.Because)
	}
}

// benchstat is what the real benchstat says of a file in the Go benchmark
// format: the change by benchmark and unit, "~" where it shows none.
func benchstat(t *testing.T, content string) map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gate.bench")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "go", "tool", "benchstat", "-format", "csv", "-col", "/build", file)
	var out, doubts bytes.Buffer
	c.Stdout, c.Stderr = &out, &doubts
	if err := c.Run(); err != nil {
		t.Fatalf("benchstat: %v\n%s", err, &doubts)
	}
	for _, l := range strings.Split(strings.TrimSpace(doubts.String()), "\n") {
		if l != "" && !strings.Contains(l, "to compute geomean") { // of an error rate of 0
			t.Errorf("benchstat: %s", l)
		}
	}
	changes, unit := map[string]string{}, ""
	for _, l := range strings.Split(out.String(), "\n") {
		switch f := strings.Split(l, ","); {
		case len(f) > 5 && f[5] == "vs base":
			unit = f[1]
		case len(f) > 5 && strings.HasPrefix(f[0], "Gate/"):
			changes[f[0]+" "+unit] = f[5]
		}
	}
	return changes
}

func TestBenchstatAgrees(t *testing.T) {
	units := map[string]string{"throughput": "req/s", "cpu": "cpu-sec/req", "p50": "p50-sec", "p95": "p95-sec", "memory": "memory-B", "startup": "startup-sec"}
	significant := 0
	for _, name := range []string{"regressed", "improved"} {
		r := sampleGates()[name]
		changes := benchstat(t, renderGate(t, "bench", r, gateMeta()))
		for _, m := range r.Metrics {
			if m.Name == "errors" {
				continue // has no effect
			}
			request := "all"
			if m.Scope != "" {
				request = m.Scope
			}
			change, ok := changes["Gate/request="+request+" "+units[m.Name]]
			if !ok {
				t.Errorf("%s: benchstat has no %s in %q", name, m.Key(), changes)
				continue
			}
			shown := m.Verdict == gate.Regressed || m.Verdict == gate.Improved
			if shown {
				significant++
			}
			if change == "~" && !shown {
				continue
			}
			if sign := map[bool]string{true: "+", false: "-"}[m.Effect > 0]; !strings.HasPrefix(change, sign) {
				t.Errorf("%s: benchstat says %s of %s, the gate %s (%s)", name, change, m.Key(), signed(m.Effect), m.Verdict)
			}
		}
	}
	if significant < 4 {
		t.Errorf("only %d significant metrics were compared", significant)
	}
}

func TestBenchstatReadsHostileNames(t *testing.T) {
	r, meta := hostileGate()
	r.Metrics[0].Scope, r.Metrics[1].Scope = "", "all"
	changes := benchstat(t, renderGate(t, "bench", r, meta))
	if _, ok := changes["Gate/request=%61ll cpu-sec/req"]; len(changes) != 6 || !ok {
		t.Errorf("benchstat has %d rows, want one of each of six metrics: %q", len(changes), changes)
	}
}

func TestGateBenchSaysWhatIsBetter(t *testing.T) {
	got := renderGate(t, "bench", sampleGate(), gateMeta())
	for _, want := range []string{"Unit req/s better=higher\n", "Unit p95-ns better=lower\n", "Unit cpu-ns/req better=lower\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

func TestWriteGate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := WriteGate(dir, sampleGate(), gateMeta()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if want := []string{"gate-comment.md", "gate.bench", "gate.json", "gate.md", "gate.txt", "gate.xml"}; !slices.Equal(got, want) {
		t.Errorf("WriteGate wrote %q, want %q", got, want)
	}
	if err := RenderGate(&bytes.Buffer{}, "pdf", sampleGate(), gateMeta()); err == nil || !strings.Contains(err.Error(), "choose one of text, markdown") {
		t.Errorf("an unknown format: %v", err)
	}
}
