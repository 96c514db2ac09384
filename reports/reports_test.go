package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"sweetspot/analysis"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with the file, or rewrites it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("%s, line %d:\n got %q\nwant %q\n(-update rewrites it)", file, i+1, g[i], w[i])
		}
	}
	t.Fatalf("%s: got %d lines, want %d (-update rewrites it)", file, len(g), len(w))
}

func render(t *testing.T, format string, in Input) []byte {
	t.Helper()
	i := slices.IndexFunc(Formats, func(f Format) bool { return f.Name == format })
	if i < 0 {
		t.Fatalf("no format %q", format)
	}
	b, err := Formats[i].Render(in)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"full", "notmet", "inconclusive", "embedded", "single", "empty", "comparison", "beside", "target", "fleet"} {
		for _, format := range []string{"text", "markdown", "csv", "json", "bench", "junit"} {
			if slices.Contains([]string{"bench", "junit"}, format) && !slices.Contains([]string{"full", "notmet", "empty", "fleet"}, name) {
				continue // they have few words of their own
			}
			if format == "json" && !slices.Contains([]string{"full", "empty", "comparison", "beside", "fleet"}, name) {
				continue // its content is checked against the schema and the other formats
			}
			t.Run(name+"/"+format, func(t *testing.T) {
				i := slices.IndexFunc(Formats, func(f Format) bool { return f.Name == format })
				golden(t, filepath.Join("testdata", name, Formats[i].File), render(t, format, samples()[name]))
			})
		}
	}
}

func TestSchemaIsGenerated(t *testing.T) {
	r := jsonschema.Reflector{}
	s := r.Reflect(&document{})
	s.ID, s.Title = "", "sweetspot report"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.schema.json", append(b, '\n'))
}

func TestJSONKeepsSchema(t *testing.T) {
	raw, err := validator.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("report.schema.json", raw); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range samples() {
		doc, err := validator.UnmarshalJSON(bytes.NewReader(render(t, "json", in)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := schema.Validate(map[string]any{"schema": 1}); err == nil {
		t.Error("the schema accepts a report without content")
	}
}

var (
	sustainsText = regexp.MustCompile(`It sustains (?:at least )?([\d.,]+) requests/s \(95 % interval ([\d.,]+–[\d.,]+), (\d+) fresh starts\)`)
	ratioText    = regexp.MustCompile(`It sustains ([\d.]+) × \(([\d.]+–[\d.]+)\) the rate of`)
	headlineText = regexp.MustCompile(`server=[\w-]+/proxy=\w+/workers=\d+/threads=\d+`)
)

// claims extracts what a text claims: the cell, the rate with its interval
// and starts, and every ratio with its interval.
func claims(text string) []string {
	text = strings.Join(strings.Fields(strings.NewReplacer("&lt;", "<", `\_`, "_").Replace(text)), " ")
	found := []string{headlineText.FindString(text)}
	if m := sustainsText.FindStringSubmatch(text); m != nil {
		found = append(found, m[1:]...)
	}
	for _, m := range ratioText.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1]+" "+m[2])
	}
	return found
}

func TestFormatsAgree(t *testing.T) {
	in := sample()
	var doc struct {
		Winner   string
		Folklore []struct{ Ratio map[string]float64 }
		ProxyTax []struct{ Ratio map[string]float64 } `json:"proxy_tax"`
		Cells    []struct {
			Cell      string
			Sustained *struct {
				Value  float64
				Low    *float64 `json:"low_95"`
				High   *float64 `json:"high_95"`
				Starts int      `json:"fresh_starts"`
			} `json:"sustained_per_second"`
		}
	}
	if err := json.Unmarshal(render(t, "json", in), &doc); err != nil {
		t.Fatal(err)
	}
	want := []string{doc.Winner}
	rates := map[string][]string{}
	for _, c := range doc.Cells {
		if c.Sustained == nil {
			rates[c.Cell] = []string{"", "", ""}
			continue
		}
		rates[c.Cell] = []string{fmt.Sprint(c.Sustained.Value), "", ""}
		if c.Sustained.Low != nil {
			rates[c.Cell] = []string{fmt.Sprint(c.Sustained.Value), fmt.Sprint(*c.Sustained.Low), fmt.Sprint(*c.Sustained.High)}
		}
		if c.Cell == doc.Winner {
			want = append(want, fmt.Sprintf("%.0f", c.Sustained.Value), fmt.Sprintf("%.0f–%.0f", *c.Sustained.Low, *c.Sustained.High), fmt.Sprint(c.Sustained.Starts))
		}
	}
	for _, r := range append(doc.Folklore, doc.ProxyTax...) {
		want = append(want, fmt.Sprintf("%.2f %.2f–%.2f", r.Ratio["value"], r.Ratio["low_95"], r.Ratio["high_95"]))
	}
	if len(want) != 8 {
		t.Fatalf("JSON claims %q, want a cell, a rate, an interval, starts and four ratios", want)
	}
	for _, format := range []string{"text", "markdown", "html"} {
		if got := claims(string(render(t, format, in))); !slices.Equal(got, want) {
			t.Errorf("%s claims %q, want %q as JSON does", format, got, want)
		}
	}
	records, err := csv.NewReader(bytes.NewReader(render(t, "csv", in))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(records), len(doc.Cells)+1; got != want {
		t.Fatalf("CSV has %d records, want %d", got, want)
	}
	for _, r := range records[1:] {
		if got, want := r[5:8], rates[r[0]]; !slices.Equal(got, want) {
			t.Errorf("CSV says %q of %s, want %q", got, r[0], want)
		}
	}
}

func TestAlertsComeFirst(t *testing.T) {
	in := sampleEmbedded()
	first := "Measured on the embedded synthetic stack, not on a Python application"
	if got := string(Text(in, false, 200)); !strings.HasPrefix(got, first) {
		t.Errorf("text begins with %q", got[:80])
	}
	if got := string(render(t, "markdown", in)); !strings.HasPrefix(got, "> **"+first) {
		t.Errorf("Markdown begins with %q", got[:80])
	}
	page := string(render(t, "html", in))
	_, main, _ := strings.Cut(page, "<main>")
	if !strings.HasPrefix(strings.TrimSpace(main), `<p class="alert">`+first) {
		t.Errorf("the page begins with %q", main[:80])
	}
	for _, format := range []string{"text", "markdown", "html", "json"} {
		if got := string(render(t, format, in)); !strings.Contains(got, "interrupted after 3m10s") {
			t.Errorf("%s does not say that the run is partial", format)
		}
	}
}

func TestResultStaysAsItWas(t *testing.T) {
	in := sample()
	in.Result.Outcome = analysis.Inconclusive
	if got := string(Text(in, false, 100)); strings.Contains(got, "recommended\n") || strings.HasPrefix(got, "Run ") {
		t.Error("an inconclusive run recommends its winner")
	}
	if in.Result.Winner == nil {
		t.Error("rendering removed the winner from the caller's result")
	}
}

func TestNothingIsNaN(t *testing.T) {
	bad := regexp.MustCompile(`\bNaN\b|[+-]Inf\b|%!`)
	for name, in := range samples() {
		for _, f := range Formats {
			if at := bad.FindIndex(render(t, f.Name, in)); at != nil {
				t.Errorf("%s of %s has %q", f.File, name, render(t, f.Name, in)[max(0, at[0]-60):at[1]])
			}
		}
	}
}

func TestHostileNamesAreText(t *testing.T) {
	in := sampleHostile()
	if got := string(render(t, "markdown", in)); unescaped.MatchString(fenced.ReplaceAllString(got, "")) {
		t.Error("Markdown has a script")
	}
	if got := string(Text(in, false, 100)); strings.Contains(got, "\x1b") {
		t.Error("the text has a control code of a log")
	}
	if got := csvSafe("=cmd()"); got != "'=cmd()" {
		t.Errorf("csvSafe = %q", got)
	}
	in.WinnerConfigs = map[string]string{"../escape": "x"}
	if _, err := Write(in, t.TempDir()); err == nil || !strings.Contains(err.Error(), "want a plain file name") {
		t.Errorf("Write with a path for a name: %v", err)
	}
}

// unescaped is a tag that Markdown would pass on.
var unescaped = regexp.MustCompile(`(^|[^\\])<[A-Za-z/!?]`)

// fenced is what Markdown shows literally: blocks and code spans.
var fenced = regexp.MustCompile("(?s)(?m:^)(`{3,})[^\n]*\n.*?\n`{3,}\n|`` .*? ``|`[^`\n]+`")

// A line is wider than the terminal only when it is one word, or the log of a
// program.
func TestTextFitsTheTerminal(t *testing.T) {
	for name, in := range samples() {
		for _, width := range []int{40, 60, 80, 100, 160} {
			for _, l := range strings.Split(string(Text(in, false, width)), "\n") {
				word := strings.TrimLeft(l, " -")
				if n := utf8.RuneCountInString(l); n > width && strings.Contains(word, " ") && !strings.HasPrefix(l, "        ") {
					t.Errorf("%s, width %d: a line of %d: %s", name, width, n, l)
				}
			}
		}
	}
	if strings.Contains(string(Text(sample(), false, 80)), "\x1b") {
		t.Error("control codes without color")
	}
	if !strings.Contains(string(Text(sample(), true, 80)), "\x1b[1mRun gunicorn-sync") {
		t.Error("no control codes with color")
	}
}

// Whatever the width, a section's table keeps every figure.
func TestNarrowTerminalsLoseNothing(t *testing.T) {
	for _, width := range []int{40, 60, 80, 120, 200} {
		text := strings.Join(strings.Fields(string(Text(sampleComparison(), false, width))), " ")
		_, text, _ = strings.Cut(text, "Compared: proxy")
		text, _, _ = strings.Cut(text, "What limits it")
		for _, want := range []string{"412", "400–424", "1.35 × (1.28–1.42)", "14,300", "12.1 × (11.5–12.7)", "0.98 × (0.95–1.01)", "1.11 × (1.06–1.16)"} {
			if !strings.Contains(text, want) {
				t.Errorf("width %d: %q is missing in %s", width, want, text)
			}
		}
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run", "report")
	in := sample()
	files, err := Write(in, dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if files[i], err = filepath.Rel(dir, f); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"report.txt", "report.html", "report.md", "report.json", "report.csv", "report.bench", "report.xml", "report.schema.json",
		"tables/latency.csv", "tables/percentiles.csv", "tables/classes.csv", "tables/ratios.csv", "tables/scaling.csv", "tables/trials.csv", "gunicorn.conf.py", "nginx.conf",
		"plots/workers.svg", "plots/latency.svg", "plots/percentiles.svg", "plots/heatmap.svg", "plots/proxy.svg", "plots/scaling.svg", "plots/usage.svg"}
	if !slices.Equal(files, want) {
		t.Errorf("Write wrote %q, want %q", files, want)
	}
	if _, err := Write(samples()["empty"], dir); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "plots", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("a report without data leaves %q of the one before (%v)", left, err)
	}
	if hidden, _ := filepath.Glob(filepath.Join(dir, ".report-*")); len(hidden) > 0 {
		t.Errorf("temporary files are left: %q", hidden)
	}
}

func TestMissingPlotsSayWhy(t *testing.T) {
	in := samples()["empty"]
	want := len(plotTable) - 1 // without a capacity, its plot has no place
	for _, format := range []string{"markdown", "html"} {
		if got := strings.Count(string(render(t, format, in)), "No plot of"); got != want {
			t.Errorf("%s gives %d reasons for missing plots, want %d", format, got, want)
		}
	}
}
