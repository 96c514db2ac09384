package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sweetspot/analysis"
)

// told is what the JSON report says of the cells, by which the other formats
// are judged.
type told struct {
	Winner string
	Tails  []struct {
		Cell   string
		Points []struct {
			Percentile, Ms float64
			Fastest        *float64 `json:"fastest_start_ms"`
			Slowest        *float64 `json:"slowest_start_ms"`
			Claimed        bool
		}
		Max float64 `json:"max_ms"`
	} `json:"percentiles"`
	Cells []toldCell
}

type toldCell struct {
	Cell, Server, Proxy string
	Sustained           *toldFigure `json:"sustained_per_second"`
	Saturation          *toldFigure `json:"saturation_per_second"`
	AppCPU              *toldFigure `json:"app_cpu_ms_per_request"`
	ProxyCPU            *toldFigure `json:"proxy_cpu_ms_per_request"`
	WorkerCPU           *toldFigure `json:"cpus_per_worker"`
	Memory              float64     `json:"memory_bytes"`
	ProcessMemory       float64     `json:"app_memory_bytes_per_process"`
	Response            map[string]struct {
		P50, P95, P99 *float64
		Claimed       []string
	}
}

type toldFigure struct {
	Value     float64
	Low, High *float64
	Starts    int
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *toldFigure) UnmarshalJSON(b []byte) error {
	var doc struct {
		Value  float64  `json:"value"`
		Low    *float64 `json:"low_95"`
		High   *float64 `json:"high_95"`
		Starts int      `json:"fresh_starts"`
	}
	err := json.Unmarshal(b, &doc)
	f.Value, f.Low, f.High, f.Starts = doc.Value, doc.Low, doc.High, doc.Starts
	return err
}

// figure is what the report was made from.
func (f *toldFigure) figure() *analysis.Figure {
	if f == nil {
		return nil
	}
	if f.Low == nil {
		return noInterval(f.Value)
	}
	return &analysis.Figure{Value: f.Value, Low: *f.Low, High: *f.High, N: f.Starts}
}

// shown are the figures of a cell as people read them.
func (c toldCell) shown() (texts []string) {
	texts = []string{value(c.Sustained.figure()), interval(c.Sustained.figure()), value(c.Saturation.figure()), size(c.Memory)}
	total := 0.0
	for _, f := range []*toldFigure{c.AppCPU, c.ProxyCPU} {
		if f != nil {
			total += f.Value
		}
	}
	if total > 0 {
		texts = append(texts, number(total))
	}
	for _, q := range c.quantiles() {
		if q > 0 {
			texts = append(texts, number(q))
		}
	}
	return texts
}

// quantiles are p50, p95 and p99 in ms; one that is not claimed is 0.
func (c toldCell) quantiles() (out [3]float64) {
	r := c.Response["all"]
	for i, q := range []struct {
		name string
		v    *float64
	}{{"p50", r.P50}, {"p95", r.P95}, {"p99", r.P99}} {
		if slices.Contains(r.Claimed, q.name) {
			out[i] = *q.v
		}
	}
	return out
}

func tell(t *testing.T, in Input) told {
	t.Helper()
	text := string(render(t, "json", in))
	text = regexp.MustCompile(`"(p50|p95|p99)_ms"`).ReplaceAllString(text, `"$1"`)
	var doc told
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Cells) == 0 || len(doc.Tails) == 0 {
		t.Fatal("the JSON report has no cells or no percentiles")
	}
	return doc
}

// Every cell has the same figures in every format.
func TestEveryFormatStatesTheCells(t *testing.T) {
	for _, name := range []string{"full", "comparison", "beside", "wide"} {
		in := samples()[name]
		doc := tell(t, in)
		rows := map[string][]string{
			"text":     strings.Split(string(Text(in, false, 400)), "\n"),
			"markdown": strings.Split(string(render(t, "markdown", in)), "\n"),
			"html":     regexp.MustCompile(`(?s)<tr.*?</tr>`).FindAllString(string(render(t, "html", in)), -1),
		}
		bench, junit := benchLines(t, in), junitCases(t, in)
		table := csvRows(t, render(t, "csv", in))
		for i, c := range doc.Cells {
			m := newModel(in).Rows[i]
			size := map[string]string{"text": sizeShort(m.Cell.Cell), "markdown": fmt.Sprintf("| %s | %d |", m.EachWorkers(), m.Threads), "html": ">" + m.EachWorkers() + "<"}
			for format, all := range rows {
				if !statesRow(all, append(c.shown(), c.Server, c.Proxy), size[format]) {
					t.Errorf("%s of %s has no row of %s with %q", format, name, c.Cell, c.shown())
				}
			}
			bench.check(t, c)
			junit.check(t, c)
			table.check(t, c)
		}
	}
}

// statesRow tells whether one of the rows has all the words.
func statesRow(rows, words []string, size string) bool {
	tags := regexp.MustCompile(`<[^>]*>|~~|\||\*\*`)
	return slices.ContainsFunc(rows, func(r string) bool {
		if !strings.Contains(r, size) {
			return false
		}
		plain := " " + strings.Join(strings.Fields(strings.ReplaceAll(tags.ReplaceAllString(r, " "), `\`, "")), " ") + " "
		for _, w := range words {
			if !strings.Contains(plain, " "+w+" ") {
				return false
			}
		}
		return true
	})
}

// benchmarks are the values of a cell's lines in the Go benchmark format, by
// name and unit.
type benchmarks map[string]map[string][]float64

func benchLines(t *testing.T, in Input) benchmarks {
	t.Helper()
	all := benchmarks{}
	for _, l := range strings.Split(string(render(t, "bench", in)), "\n") {
		words := strings.Fields(l)
		if len(words) < 4 || !strings.HasPrefix(words[0], "BenchmarkSustained/") {
			continue
		}
		name := strings.TrimPrefix(words[0], "BenchmarkSustained/")
		if all[name] == nil {
			all[name] = map[string][]float64{}
		}
		for i := 2; i+1 < len(words); i += 2 {
			v, err := strconv.ParseFloat(words[i], 64)
			if err != nil {
				t.Fatal(err)
			}
			all[name][words[i+1]] = append(all[name][words[i+1]], v)
		}
	}
	return all
}

func (b benchmarks) check(t *testing.T, c toldCell) {
	t.Helper()
	want := map[string]float64{"memory-B": c.Memory, "process-memory-B": c.ProcessMemory}
	for unit, f := range map[string]*toldFigure{"req/s": c.Sustained, "saturation-req/s": c.Saturation, "worker-cpus": c.WorkerCPU} {
		if f != nil {
			want[unit] = f.Value
		}
	}
	for i, q := range c.quantiles() {
		want[quantiles[i].name+"-ns"] = q * 1e6
	}
	for unit, v := range want {
		sum := 0.0
		for _, x := range b[c.Cell][unit] {
			sum += x / float64(len(b[c.Cell][unit]))
		}
		if math.Abs(sum-v) > 1e-6*v {
			t.Errorf("the benchmark of %s says %v %s, JSON %v", c.Cell, sum, unit, v)
		}
	}
}

// junitOuts are the outputs of the cases, by name.
type junitOuts map[string]string

func junitCases(t *testing.T, in Input) junitOuts {
	t.Helper()
	var s suites
	if err := xml.Unmarshal(render(t, "junit", in), &s); err != nil {
		t.Fatal(err)
	}
	out := junitOuts{}
	for _, c := range s.Suite.Cases {
		out[c.Name] = c.Out
	}
	return out
}

func (j junitOuts) check(t *testing.T, c toldCell) {
	t.Helper()
	want := []string{}
	if f := c.Sustained.figure(); f != nil {
		want = append(want, fmt.Sprintf("sustained: %s requests/s (%s)", value(f), support(f)))
	}
	if f := c.Saturation.figure(); f != nil {
		want = append(want, "saturation, throughput only: "+value(f)+" requests/s")
	}
	for i, q := range c.quantiles() {
		if q > 0 {
			want = append(want, quantiles[i].name+": "+number(q)+" ms")
		}
	}
	for what, bytes := range map[string]float64{"memory": c.Memory, "memory a process": c.ProcessMemory} {
		if bytes > 0 {
			want = append(want, what+": "+size(bytes))
		}
	}
	lines := strings.Split(j[c.Cell], "\n")
	for _, w := range want {
		if !slices.Contains(lines, w) {
			t.Errorf("the case of %s says %q, not %q as JSON does", c.Cell, lines, w)
		}
	}
}

// csvTable is a CSV file by column, of rows by the first.
type csvTable map[string]map[string]string

func csvRows(t *testing.T, content []byte) csvTable {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := csvTable{}
	for _, r := range rows[1:] {
		all[r[0]] = map[string]string{}
		for i, head := range rows[0] {
			all[r[0]][head] = r[i]
		}
	}
	return all
}

func (v csvTable) check(t *testing.T, c toldCell) {
	t.Helper()
	want := map[string]float64{"memory_bytes": c.Memory, "process_memory_bytes": c.ProcessMemory}
	for column, f := range map[string]*toldFigure{"sustained": c.Sustained, "worker_cpus": c.WorkerCPU} {
		unit := map[string]string{"sustained": "_per_second"}[column]
		if f == nil {
			continue
		}
		want[column+unit] = f.Value
		if f.Low != nil {
			want[column+"_low"+unit], want[column+"_high"+unit] = *f.Low, *f.High
		}
	}
	for i, q := range c.quantiles() {
		want["response_"+quantiles[i].name+"_ms"] = q
	}
	for column, w := range want {
		if got := v[c.Cell][column]; got != csvPositive(w) {
			t.Errorf("CSV says %q of the %s of %s, JSON %v", got, column, c.Cell, w)
		}
	}
}

// The percentiles of the chosen cells, and their maxima, are the same in every
// format, and none is told that JSON does not claim.
func TestEveryFormatStatesThePercentiles(t *testing.T) {
	in := sample()
	doc := tell(t, in)
	texts := map[string]string{}
	for _, format := range []string{"text", "markdown", "html", "junit"} {
		texts[format] = strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(render(t, format, in)), " ")), " ")
	}
	texts["text"] = strings.Join(strings.Fields(string(Text(in, false, 400))), " ")
	m := newModel(in)
	for i, tl := range doc.Tails {
		cells := []string{m.label(m.Tails[i].Cell)}
		for _, p := range tl.Points {
			if !slices.Contains([]float64{50, 90, 99, 99.9}, p.Percentile) {
				continue
			}
			switch {
			case !p.Claimed:
				cells = append(cells, none)
			case p.Fastest == nil:
				cells = append(cells, number(p.Ms))
			default:
				cells = append(cells, fmt.Sprintf("%s (%s–%s)", number(p.Ms), numberLike(*p.Fastest, p.Ms), numberLike(*p.Slowest, p.Ms)))
			}
		}
		cells = append(cells, number(tl.Max))
		if len(cells) != 6 {
			t.Fatalf("JSON tells %q of %s, want four percentiles and the maximum", cells, tl.Cell)
		}
		for format, text := range texts {
			if _, text, _ = strings.Cut(text, cells[0]); format == "markdown" {
				text = strings.ReplaceAll(text, " | ", " ")
			}
			for _, want := range cells[1:] {
				if want != none && !strings.Contains(text, want) {
					t.Errorf("%s does not say %q of %s", format, want, tl.Cell)
				}
			}
		}
	}
	for format, text := range texts {
		if !strings.Contains(text, "maximum ms (one observation)") {
			t.Errorf("%s does not say that a maximum is one observation", format)
		}
	}
}

// What a worker takes is the same wherever it is told.
func TestEveryFormatStatesTheWorkers(t *testing.T) {
	in := sample()
	for _, c := range tell(t, in).Cells {
		if c.Cell != newModel(in).Name {
			continue
		}
		f := c.WorkerCPU.figure()
		for _, format := range []string{"text", "markdown", "html"} {
			text := string(render(t, format, in))
			_, text, _ = strings.Cut(text, "CPU and memory by worker")
			for _, want := range []string{value(f), interval(f), size(c.ProcessMemory), size(c.Memory)} {
				if !strings.Contains(text, want) {
					t.Errorf("%s does not say %q of the recommended cell's workers", format, want)
				}
			}
		}
	}
}

// JUnit XML of every run keeps the schema that readers of it share.
func TestRunJUnitKeepsSchema(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("no xmllint on this machine: install libxml2-utils")
	}
	all := samples()
	all["poisoned"] = poisoned("]]></system-out>&\x00\n<failure/>")
	args := []string{"--noout", "--nonet", "--schema", "testdata/junit.xsd"}
	for name, in := range all {
		file := filepath.Join(t.TempDir(), name+".xml")
		if err := os.WriteFile(file, render(t, "junit", in), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if out, err := exec.CommandContext(t.Context(), xmllint, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The answer's case goes with the exit code, and no cell's case ever fails.
func TestRunJUnit(t *testing.T) {
	for name, want := range map[string][2]int{"full": {0, 3}, "notmet": {1, 15}, "inconclusive": {0, 3}, "empty": {0, 1}, "single": {0, 0}} {
		var s suites
		if err := xml.Unmarshal(render(t, "junit", samples()[name]), &s); err != nil {
			t.Fatal(err)
		}
		got := [2]int{s.Suite.Failures, s.Suite.Skipped}
		if got != want || s.Suite.Tests != len(s.Suite.Cases) {
			t.Errorf("%s has %d failures and %d skipped of %d cases, want %v", name, got[0], got[1], s.Suite.Tests, want)
		}
		if (s.Suite.Cases[0].Failure != nil) != (name == "notmet") {
			t.Errorf("%s: the answer's failure is %+v", name, s.Suite.Cases[0].Failure)
		}
	}
}

// The real benchstat reads what a run writes, a row a cell.
func TestBenchstatReadsRuns(t *testing.T) {
	in := sample()
	file := filepath.Join(t.TempDir(), "report.bench")
	if err := os.WriteFile(file, render(t, "bench", in), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "go", "tool", "benchstat", "-format", "csv", "-filter", ".unit:req/s", file)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, l := range strings.Split(string(out), "\n") {
		if strings.HasPrefix(l, "Sustained/server=") {
			rows++
		}
		if strings.HasPrefix(l, "Sustained/server=gunicorn-sync/proxy=nginx/workers=4/threads=1,") && !strings.Contains(l, ",411,") {
			t.Errorf("benchstat says %q of the recommended cell, whose median is 411", l)
		}
	}
	want := 0
	for _, c := range in.Result.Cells {
		if c.Sustainable() != nil {
			want++
		}
	}
	if rows != want {
		t.Errorf("benchstat has %d rows, want %d:\n%s", rows, want, out)
	}
}
