package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"sweetspot/analysis"
	"sweetspot/analysis/compare"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// severalDiffer is what the program hands in, with hashes that tell scenarios
// apart.
func severalDiffer(there, here rundir.Manifest) []rundir.Difference {
	for _, m := range []*rundir.Manifest{&there, &here} {
		m.ScenarioHash, _ = rundir.HashScenario(m.Scenario)
	}
	return append(rundir.DifferingHosts(there.Host, here.Host), rundir.Differing(there, here)...)
}

// sampleRun is the sample of another server that sustains by times as much.
func sampleRun(name, server string, by float64, in Input) compare.Recorded {
	in.Manifest.RunID, in.Manifest.Began = name, sampleTime.Add(time.Duration(len(name))*24*time.Hour)
	in.Manifest.CommandLine = []string{"sweetspot", "run", "django-shop", "--out", "runs/" + name}
	in.Manifest.Scenario.App = scenarios.App{Interface: scenarios.WSGI, Module: "shop.wsgi:application", Dir: "fixture:django"}
	in.Manifest.Scenario.Matrix.Servers = []string{server}
	in.Manifest.Scenario.Traffic.Requests = []scenarios.Request{{Name: "home", Path: "/"}, {Name: "product", Path: "/products/{id}/"}}
	for _, c := range in.Result.Cells {
		c.Cell.Server = strings.Replace(c.Cell.Server, "gunicorn", server, 1)
		for _, f := range []*analysis.Figure{c.Final, c.Explored, c.Saturation} {
			if f != nil {
				f.Value, f.Low, f.High = by*f.Value, by*f.Low, by*f.High
			}
		}
		c.Low, c.High, c.LatencyRate = by*c.Low, by*c.High, by*c.LatencyRate
		for i := range c.Curve {
			c.Curve[i].Offered, c.Curve[i].Goodput = by*c.Curve[i].Offered, by*c.Curve[i].Goodput
		}
		if c.AppCPU != nil {
			c.AppCPU.Value, c.AppCPU.Low, c.AppCPU.High = c.AppCPU.Value/by, c.AppCPU.Low/by, c.AppCPU.High/by
		}
	}
	return compare.Recorded{Run: compare.Run{Dir: "/home/me/runs/" + name, Result: in.Result}, Name: name, Manifest: in.Manifest}
}

// severalSamples are the variants that every format has to cope with.
var severalSamples = sync.OnceValue(func() map[string]SeveralInput {
	of := func(reference int, runs ...compare.Recorded) SeveralInput {
		return SeveralInput{Several: compare.OfSeveral(runs, reference, severalDiffer), Generated: sampleTime, Tool: "v0.2.0"}
	}
	first := func() compare.Recorded { return sampleRun("before", "gunicorn", 1, sample()) }
	after := sampleRun("after", "gunicorn", 1.24, sample())
	after.Manifest.Host.Kernel, after.Manifest.Versions = "6.18.9", map[string]string{"python": "3.12.1", "gunicorn": "23.0.0", "django": "3.2.25", "nginx": "1.22.1"}
	lone := sampleRun("lone", "gunicorn", 0.9, sample())
	lone.Manifest.CPUs = rundir.CPUs{Generator: []int{0}, Proxy: []int{1}, App: []int{2, 3}}
	once := sampleRun("once", "gunicorn", 1.1, sampleSingle())
	once.Result.Winner.Final, once.Result.Winner.Distribution = noInterval(450), nil
	bound := sampleRun("bound", "gunicorn", 1.3, sample())
	bound.Result.Limit.What = analysis.LimitGenerator
	return map[string]SeveralInput{
		"two":      of(0, first(), after),
		"tied":     of(1, first(), sampleRun("again", "gunicorn", 1.01, sample()), sampleRun("slow", "gunicorn", 0.7, sample())),
		"eight":    of(0, eightRuns()...),
		"apart":    of(0, first(), lone),
		"once":     of(0, first(), once),
		"bound":    of(0, first(), bound),
		"nothing":  of(0, sampleRun("a", "gunicorn", 1, sampleNotMet()), sampleRun("b", "gunicorn", 1, sampleInconclusive())),
		"onlyone":  of(0, first(), sampleRun("b", "gunicorn", 1, sampleNotMet())),
		"targets":  of(0, sampleRun("a", "gunicorn", 1, sampleTarget()), sampleRun("b", "gunicorn", 1.2, sampleTarget())),
		"hostile":  of(0, hostileRuns()...),
		"embedded": of(0, first(), sampleRun("synthetic", "embedded", 1, sampleEmbedded())),
	}
})

// eightRuns are of three groups; one has no answer.
func eightRuns() []compare.Recorded {
	runs := []compare.Recorded{
		sampleRun("shop-gunicorn-20260314T150326Z", "gunicorn", 1, sample()),
		sampleRun("shop-uwsgi-20260315T090000Z", "uwsgi", 1.31, sample()),
		sampleRun("shop-granian-20260316T090000Z", "granian", 1.33, sample()),
		sampleRun("shop-waitress-20260317T090000Z", "waitress", 0.62, sample()),
		sampleRun("shop-hypercorn-20260318T090000Z", "hypercorn", 0.4, sampleNotMet()),
		sampleRun("shop-gunicorn-constant", "gunicorn", 1.2, sample()),
		sampleRun("shop-uwsgi-constant", "uwsgi", 1.5, sample()),
		sampleRun("shop-gunicorn-lax", "gunicorn", 1.4, sample()),
	}
	runs[2].Manifest.Host.Hostname, runs[2].Manifest.Host.CPUModel, runs[2].Manifest.Host.MemoryBytes = "other", "Intel Xeon 8488C", 16_000_000_000
	runs[3].Manifest.Versions = map[string]string{"python": "3.11.2", "waitress": "2.1.2", "django": "3.2.25", "nginx": "1.22.1"}
	for i := range runs[5:7] {
		runs[5+i].Manifest.Scenario.Traffic.Arrivals = scenarios.Constant
	}
	runs[7].Manifest.Scenario.Objectives = runs[7].Manifest.Scenario.Objectives[:1]
	return runs
}

// evilName steers a terminal and is markup in every format.
const evilName = "=cmd|' /C calc'!A0\x1b[2J\x1b]0;t\x07<script>alert(1)</script>`**@all**|[x](http://evil.example)\u202egnp\n# heading\n</style><svg onload=alert(1)>"

// hostileRuns are named and made by somebody who means ill, of figures without
// a number.
func hostileRuns() []compare.Recorded {
	a, b := sampleRun("a", "gunicorn", 1, sampleHostile()), sampleRun("b", "gunicorn", 1, sampleHostile())
	for i, r := range []*compare.Recorded{&a, &b} {
		r.Name, r.Dir = evilName+fmt.Sprint(i), "/runs/"+evilName
		r.Manifest.Tool, r.Manifest.RunID, r.Manifest.ScenarioHash, r.Manifest.CommandLine = evilName, evilName, evilName, []string{evilName}
		r.Manifest.Host.Hostname, r.Manifest.Host.OS, r.Manifest.Host.Kernel = evilName, evilName+fmt.Sprint(i), evilName+fmt.Sprint(i)
		r.Manifest.Scenario.App.Module = evilName + fmt.Sprint(i)
		r.Manifest.Versions = map[string]string{evilName: evilName + fmt.Sprint(i)}
		r.Manifest.Scenario.Traffic.Requests[0].Name = evilName
		r.Result.Winner.Cell.Server = evilName
		r.Result.Cells[5].Struck = evilName
	}
	c := sampleRun("c", "gunicorn", 1, sampleNotMet())
	c.Name, c.Result.Because = evilName, evilName
	c.Manifest.Scenario.Traffic.Arrivals = evilName
	return []compare.Recorded{a, b, c}
}

func renderSeveral(t *testing.T, name string, in SeveralInput) []byte {
	t.Helper()
	i := slices.IndexFunc(SeveralFormats, func(f SeveralFormat) bool { return f.File == name })
	if i < 0 {
		t.Fatalf("no file %q", name)
	}
	b, err := SeveralFormats[i].Render(in)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSeveralGolden(t *testing.T) {
	all := severalSamples()
	for name, files := range map[string][]string{
		"two":   {"runs.txt", "runs.md", "runs.csv"},
		"eight": {"runs.txt", "runs.md", "runs.csv", "runs.json", "cells.csv", "facts.csv"},
		"tied":  {"runs.txt"}, "apart": {"runs.txt"}, "once": {"runs.txt"}, "bound": {"runs.txt"}, "nothing": {"runs.txt"}, "onlyone": {"runs.txt"}, "targets": {"runs.txt"},
	} {
		for _, file := range files {
			t.Run(name+"/"+file, func(t *testing.T) {
				golden(t, filepath.Join("testdata", "several-"+name, file), renderSeveral(t, file, all[name]))
			})
		}
	}
}

func TestSeveralSchema(t *testing.T) {
	r := jsonschema.Reflector{}
	s := r.Reflect(&severalDoc{})
	s.ID, s.Title = "", "sweetspot report over several runs"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "several.schema.json", append(b, '\n'))
	raw, err := validator.UnmarshalJSON(bytes.NewReader(append(b, '\n')))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("several.schema.json", raw); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("several.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range severalSamples() {
		doc, err := validator.UnmarshalJSON(bytes.NewReader(renderSeveral(t, "runs.json", in)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The first line answers, whatever there is to say.
func TestSeveralHeadlines(t *testing.T) {
	want := map[string]string{
		"two":     "after sustains most, 511 requests/s: 1.24 × (1.19–1.29) the rate of before.",
		"tied":    "again and before are tied: the first sustains 1.01 × (0.96–1.06) the rate of the second, no difference shown.",
		"apart":   "No other run compares with before, which sustains 412 requests/s (95 % interval 398–426, 5 fresh starts).",
		"once":    "once and before are not told apart: a rate of one fresh start has no interval.",
		"bound":   "bound sustains most, ≥ 536 requests/s: ≥ 1.30 × (1.25–1.35) the rate of before.",
		"nothing": "None of 2 runs that compare recommends a configuration.",
		"onlyone": "Only before of 2 runs that compare recommends a configuration: it sustains 412 requests/s (95 % interval 398–426, 5 fresh starts).",
	}
	all := severalSamples()
	for name, line := range want {
		if got := newSeveralModel(all[name]).Headline.plainText(); got != line {
			t.Errorf("%s: %q, want %q", name, got, line)
		}
		if text := string(SeveralText(all[name], false, 200)); !strings.HasPrefix(text, line+"\n") {
			t.Errorf("%s: the text begins with %q", name, text[:min(len(text), 120)])
		}
	}
}

// What each format says of a run is what JSON says of it.
func TestSeveralFormatsAgree(t *testing.T) {
	in := severalSamples()["eight"]
	var doc severalDoc
	if err := json.Unmarshal(renderSeveral(t, "runs.json", in), &doc); err != nil {
		t.Fatal(err)
	}
	page := xmlText(t, pageScript.ReplaceAll(renderSeveral(t, "runs.html", in), nil))
	texts := map[string]string{
		"text":     strings.Join(strings.Fields(string(SeveralText(in, false, 1000))), " "),
		"markdown": strings.NewReplacer("`", "", "| ", "", `\_`, "_").Replace(string(SeveralMarkdown(in))),
		"html":     page,
	}
	records, err := csv.NewReader(bytes.NewReader(renderSeveral(t, "runs.csv", in))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range records[0] {
		at[name] = i
	}
	seen := 0
	for _, g := range doc.Groups {
		for _, r := range g.Runs {
			seen++
			record := records[seen]
			if record[at["run"]] != r.Name || record[at["recommended_cell"]] != r.Recommends || (record[at["no_answer"]] == "") != (r.NoAnswer == "") {
				t.Errorf("CSV says %q of %s", record, r.Name)
			}
			want := []string{r.Name, r.NoAnswer}
			if r.Sustained != nil {
				f := analysis.Figure{Value: float64(r.Sustained.Value), Low: float64(r.Sustained.Low), High: float64(r.Sustained.High), N: r.Sustained.Starts}
				want = []string{fmt.Sprintf("%s %s %s", number(f.Value), interval(&f), count(f.N))}
				if record[at["sustained_per_second"]] != csvNumber(f.Value) || record[at["sustained_low_per_second"]] != csvNumber(f.Low) {
					t.Errorf("CSV says %q of %s, JSON %+v", record, r.Name, f)
				}
			}
			if r.Over != nil {
				f := analysis.Figure{Value: float64(r.Over.Value), Low: float64(r.Over.Low), High: float64(r.Over.High), N: r.Over.Starts}
				want = append(want, r.Name+" "+tabled(&f))
				if record[at["sustained_over_reference"]] != csvNumber(f.Value) {
					t.Errorf("CSV says %q of %s, JSON %+v", record, r.Name, f)
				}
			}
			for format, text := range texts {
				for _, w := range want {
					if !strings.Contains(text, w) {
						t.Errorf("%s does not say %q of %s", format, w, r.Name)
					}
				}
			}
		}
	}
	if seen != 8 || len(records) != 9 {
		t.Errorf("JSON has %d runs, CSV %d, want 8", seen, len(records)-1)
	}
}

// xmlText is the text of a page, with one blank between its elements.
func xmlText(t *testing.T, page []byte) string {
	t.Helper()
	var words []string
	d := xml.NewDecoder(bytes.NewReader(page))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(words, " ")
		}
		if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
		if text, ok := token.(xml.CharData); ok {
			words = append(words, strings.Fields(string(text))...)
		}
	}
}

// No run is dropped from any format, and what is not compared has its reason.
func TestSeveralNamesEveryRun(t *testing.T) {
	in := severalSamples()["eight"]
	var runs []compare.Recorded
	for _, g := range in.Several.Groups {
		runs = append(runs, g.Runs...)
	}
	if len(runs) != 8 {
		t.Fatalf("%d runs, want 8", len(runs))
	}
	for _, file := range []string{"runs.txt", "runs.md", "runs.html", "runs.json", "runs.csv", "cells.csv"} {
		got := string(renderSeveral(t, file, in))
		for _, r := range runs {
			if !strings.Contains(got, r.Name) {
				t.Errorf("%s does not name %s", file, r.Name)
			}
		}
	}
	text := strings.Join(strings.Fields(string(SeveralText(in, false, 200))), " ")
	for _, want := range []string{
		"Under other traffic, and so not compared with that: shop-gunicorn-constant and shop-uwsgi-constant.",
		"Under other objectives, and so not compared with that: shop-gunicorn-lax.",
		"scenario, traffic.arrivals: poisson in the first group, constant here",
		"shop-hypercorn-20260318T090000Z: not met: p99 exceeds 250 ms at a tenth of the load in every configuration",
		"CPU model", "Intel Xeon 8488C", "version of waitress", "scenario, matrix.servers",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text does not say %q", want)
		}
	}
}

// A run that a plot cannot show is named.
func TestSeveralPlotsNameWhatTheyLeaveOut(t *testing.T) {
	for _, line := range newSeveralModel(severalSamples()["once"]).Groups[0].latency().Lines {
		if line.plainText() == "Not drawn by percentile, for no trial passed near the rate that it sustains: once" {
			return
		}
	}
	t.Error("nothing says that a run has no percentiles")
}

func TestSeveralPageIsSelfContained(t *testing.T) {
	for name, in := range severalSamples() {
		t.Run(name, func(t *testing.T) {
			page := renderSeveral(t, "runs.html", in)
			if len(page) > 2_000_000 {
				t.Errorf("the page has %d bytes, want less than 2 MB", len(page))
			}
			if n := len(pageScript.FindAll(page, -1)); n != 1 || bytes.Count(page, []byte("<script")) != 1 {
				t.Errorf("the page has %d scripts, want its own alone", n)
			}
			checkElements(t, pageScript.ReplaceAll(page, nil))
		})
	}
}

func TestSeveralHostile(t *testing.T) {
	in := severalSamples()["hostile"]
	unsafe := regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f\x{202e}]`)
	for _, f := range SeveralFormats {
		b := renderSeveral(t, f.File, in)
		if strings.HasSuffix(f.File, ".csv") {
			checkHostileCSV(t, f.File, b)
		} else if at := unsafe.FindIndex(b); at != nil {
			t.Errorf("%s has %q", f.File, b[max(0, at[0]-40):at[1]])
		}
		if bad := regexp.MustCompile(`\bNaN\b|[+-]Inf\b|%!`).FindIndex(b); bad != nil {
			t.Errorf("%s has %q", f.File, b[max(0, bad[0]-60):bad[1]])
		}
	}
	for _, l := range strings.Split(string(renderSeveral(t, "runs.md", in)), "\n") {
		outside := ""
		for i, part := range strings.Split(l, "`") {
			if i%2 == 0 {
				outside += part
			}
		}
		image := strings.HasPrefix(l, "![")
		if strings.Count(l, "`")%2 != 0 || strings.ContainsAny(outside, "@<") || strings.HasPrefix(l, "# ") || strings.Contains(outside, "](") && !image || strings.Contains(outside, "evil") {
			t.Errorf("markup in %q", l)
		}
	}
	page := string(pageScript.ReplaceAll(renderSeveral(t, "runs.html", in), nil))
	if strings.Contains(page, "<script") || strings.Contains(page, "onload=alert(1)>") || strings.Count(page, "</style>") != 1 {
		t.Error("the page has a script of a name")
	}
	if !json.Valid(renderSeveral(t, "runs.json", in)) {
		t.Error("the JSON is not valid")
	}
}

// checkHostileCSV reads a CSV as a spreadsheet does.
func checkHostileCSV(t *testing.T, file string, b []byte) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for _, r := range records {
		for _, field := range r {
			if field != "" && strings.ContainsRune("=+@\t\r", rune(field[0])) {
				t.Errorf("%s: a spreadsheet reads %q as a formula", file, field)
			}
		}
	}
}

func TestSeveralPlots(t *testing.T) {
	for name, in := range severalSamples() {
		names := map[string]bool{}
		for _, f := range newSeveralModel(in).figures() {
			if names[f.name] {
				t.Errorf("%s: two plots are called %s", name, f.name)
			}
			names[f.name] = true
			if f.missing != "" {
				continue
			}
			t.Run(name+"/"+f.name, func(t *testing.T) {
				checkFigure(t, f)
			})
		}
	}
}

func TestSeveralTextFitsTheTerminal(t *testing.T) {
	for name, in := range severalSamples() {
		for _, width := range []int{40, 80, 120} {
			for _, l := range strings.Split(string(SeveralText(in, false, width)), "\n") {
				word := strings.TrimLeft(l, " -")
				if n := utf8.RuneCountInString(l); n > width && strings.Contains(word, " ") {
					t.Errorf("%s, width %d: a line of %d: %s", name, width, n, l)
				}
			}
		}
	}
}

func TestWriteSeveral(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	all := severalSamples()
	files, err := WriteSeveral(all["eight"], dir, true)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if files[i], err = filepath.Rel(dir, f); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"runs.html", "runs.md", "runs.txt", "runs.json", "runs.csv", "cells.csv", "facts.csv", "plots/sustained.svg", "plots/latency-3.svg", "plots/latency-2.svg", "plots/percentiles.svg", "plots/latency.png"} {
		if !slices.Contains(files, want) {
			t.Errorf("%s was not written: %q", want, files)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "runs.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range regexp.MustCompile(`\]\((plots/[^)]+)\)`).FindAllStringSubmatch(string(page), -1) {
		if !slices.Contains(files, link[1]) {
			t.Errorf("Markdown links %s, which was not written", link[1])
		}
	}
	if strings.Contains(string(SeveralMarkdown(all["eight"])), "plots/") {
		t.Error("Markdown for the screen links plots")
	}
	if _, err := WriteSeveral(all["nothing"], dir, false); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "plots", "*.svg")); len(left) > 0 {
		t.Errorf("plots of an earlier report are left: %q", left)
	}
}

// Ratios that say nothing are told as such.
func TestShown(t *testing.T) {
	figure := func(low, v, high float64, n int) *analysis.Figure {
		return &analysis.Figure{Value: v, Low: low, High: high, N: n}
	}
	bound := figure(0.7, 0.8, 0.9, 5)
	bound.AtLeast = true
	for _, tt := range []struct {
		name string
		f    *analysis.Figure
		want string
	}{
		{"none", nil, none}, {"more", figure(1.1, 1.2, 1.3, 5), "more"}, {"less", figure(0.7, 0.8, 0.9, 5), "less"},
		{"no difference", figure(0.9, 1, 1.1, 5), "no difference"}, {"of one start", figure(math.NaN(), 2, math.NaN(), 1), "cannot tell"},
		{"at least less", bound, "cannot tell"},
	} {
		if got := shown(tt.f); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
