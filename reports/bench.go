package reports

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// runUnits are the units of a run's benchmark lines, with what is better of
// each; benchstat knows ns, and B for bytes. of is NaN or 0 when not known.
var runUnits = []struct {
	unit, better string
	of           func(*analysis.Cell) float64
}{
	{"saturation-req/s", "higher", func(c *analysis.Cell) float64 { return estimate(c.Saturation) }},
	{"p50-ns", "lower", func(c *analysis.Cell) float64 { return benchQuantile(c, 0) }},
	{"p95-ns", "lower", func(c *analysis.Cell) float64 { return benchQuantile(c, 1) }},
	{"p99-ns", "lower", func(c *analysis.Cell) float64 { return benchQuantile(c, 2) }},
	{"cpu-ns/req", "lower", func(c *analysis.Cell) float64 { return cpu(c) * 1e6 }},
	{"worker-cpus", "lower", func(c *analysis.Cell) float64 { return estimate(c.WorkerCPU) }},
	{"memory-B", "lower", func(c *analysis.Cell) float64 { return float64(c.Memory) }},
	{"process-memory-B", "lower", func(c *analysis.Cell) float64 { return float64(c.ProcessMemory) }},
}

// benchQuantile is p50, p95 or p99 in ns; 0 when it is not claimable.
func benchQuantile(c *analysis.Cell, i int) float64 {
	if l := c.Latency[scenarios.All]; claimable(l.Count, quantiles[i].q) {
		return float64(quantiles[i].of(l))
	}
	return 0
}

// renderBench writes the cells in the Go benchmark format
// (https://go.dev/design/14313-benchmark-format), a line a fresh start with the
// rate that it sustained, as
//
//	BenchmarkSustained/server=gunicorn-sync/proxy=nginx/workers=4/threads=1 1 412 req/s
//
// The first of them also has what is told of all starts together. benchstat sets
// the files of several runs against each other. Values that are not known are
// left out; of a cell that sustains nothing a comment says why.
func renderBench(in Input) ([]byte, error) {
	m := newModel(in)
	var b bytes.Buffer
	benchHead(&b, "sweetspot/report", m.Manifest.Host, []fact{{"scenario", m.Manifest.Scenario.Name}, {"recommended", m.Name}})
	for _, h := range m.listHosts() {
		fmt.Fprintf(&b, "# %s\n", clean(h))
	}
	b.WriteString("Unit req/s better=higher\n")
	for _, u := range runUnits {
		fmt.Fprintf(&b, "Unit %s better=%s\n", u.unit, u.better)
	}
	for _, r := range m.Rows {
		benchRow(&b, r)
	}
	return b.Bytes(), nil
}

func benchRow(b *bytes.Buffer, r row) {
	said := []string{"sustained: none"}
	if s := r.Cell.Sustainable(); s != nil {
		said = []string{fmt.Sprintf("sustained: %s requests/s, %s", value(s), support(s))}
	}
	if note := r.Note(); note != "" {
		said = append(said, note)
	}
	fmt.Fprintf(b, "\n# %s\n", clean(strings.Join(said, "; ")))
	rates := r.Cell.Rates
	if s := r.Cell.Sustainable(); len(rates) == 0 && s != nil && finite(s.Value) {
		rates = []float64{s.Value}
	}
	rest := ""
	for _, u := range runUnits {
		if v := u.of(r.Cell); v > 0 && finite(v) {
			rest += " " + benchNumber(v) + " " + u.unit
		}
	}
	for _, v := range rates {
		if !finite(v) {
			continue
		}
		fmt.Fprintf(b, "%s 1 %s req/s%s\n", benchCell(r.Cell.Cell), benchNumber(v), rest)
		rest = ""
	}
	if rest != "" {
		fmt.Fprintf(b, "%s 1%s\n", benchCell(r.Cell.Cell), rest)
	}
}

func benchNumber(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }

// benchCell is a cell's name as that of a benchmark.
func benchCell(c scenarios.Cell) string {
	name := "BenchmarkSustained"
	for _, part := range strings.Split(c.String(), "/") {
		key, value, _ := strings.Cut(part, "=")
		name += "/" + benchWord(key) + "=" + benchWord(value)
	}
	return name
}
