package reports

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// table is one table of the report as a CSV file of its own: plain numbers with
// the unit in the column's name; a field without a value is empty.
type table struct {
	name string // of its file, without extension
	head []string
	rows func(*model) [][]string
}

// tables are those of every run beside the matrix, which is report.csv.
var tables = []table{
	{"latency", []string{"cell", "class", "offered_per_second", "goodput_per_second", "verdict", "responses",
		"response_p50_ms", "response_p95_ms", "response_p99_ms"}, latencyRows},
	{"percentiles", []string{"cell", "class", "offered_per_second", "responses", "fresh_starts", "percentile", "response_ms",
		"fastest_start_ms", "slowest_start_ms", "note"}, percentileRows},
	{"classes", []string{"cell", "class", "offered_per_second", "responses", "response_p50_ms", "response_p95_ms", "response_p99_ms",
		"alone_per_second", "alone_low_per_second", "alone_high_per_second", "alone_cpu_ms_per_request"}, classRows},
	{"ratios", []string{"what", "cell", "against", "ratio", "ratio_low", "ratio_high", "fresh_starts", "paired"}, ratioRows},
	{"scaling", []string{"cell", "cores", "throughput_per_second", "app_cpu_ms_per_request", "proxy_cpu_ms_per_request"}, scalingRows},
	{"trials", []string{"trial", "cell", "start", "phase", "verdict", "began", "duration_seconds", "offered_per_second", "achieved_per_second",
		"goodput_per_second", "sent", "errors", "response_p50_ms", "response_p95_ms", "response_p99_ms", "app_cpu_seconds", "proxy_cpu_seconds",
		"generator_cpu_seconds", "memory_bytes", "reasons"}, trialRows},
}

// writeTables writes the tables into the folder tables of dir.
func writeTables(files []string, m *model, dir string) ([]string, error) {
	all := tables
	if len(m.Hosts) > 0 {
		all = slices.Concat(tables, fleetTables)
	}
	for _, t := range all {
		b, err := csvBytes(append([][]string{t.head}, t.rows(m)...))
		if err != nil {
			return files, err
		}
		if files, err = put(files, filepath.Join(dir, "tables", t.name+".csv"), b); err != nil {
			return files, err
		}
	}
	return files, nil
}

func latencyRows(m *model) (rows [][]string) {
	for _, c := range m.Result.Cells {
		for _, p := range c.Curve {
			for _, class := range slices.Sorted(maps.Keys(p.Response)) {
				l := p.Response[class]
				q := csvQuantiles(l)
				rows = append(rows, []string{csvSafe(c.Cell.String()), csvSafe(class), csvPositive(p.Offered), csvNumber(p.Goodput), p.Verdict,
					strconv.FormatInt(l.Count, 10), q[0], q[1], q[2]})
			}
		}
	}
	return rows
}

// percentileRows name the percentiles that are claimed, and the maximum, which
// is one observation.
func percentileRows(m *model) (rows [][]string) {
	for _, c := range m.Result.Cells {
		for _, class := range slices.Sorted(maps.Keys(c.Distribution)) {
			d := c.Distribution[class]
			row := func(percentile string, v, low, high time.Duration, note string) {
				rows = append(rows, []string{csvSafe(c.Cell.String()), csvSafe(class), csvPositive(c.LatencyRate), strconv.FormatInt(d.Count, 10),
					strconv.Itoa(d.Starts), percentile, csvNumber(milliseconds(v)), csvPositive(milliseconds(low)), csvPositive(milliseconds(high)), note})
			}
			for _, share := range []float64{0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999} {
				if q, ok := d.At(share); ok && d.Claimed(share) {
					row(csvNumber(percentage(share)), q.Value, q.Low, q.High, "")
				}
			}
			row("maximum", d.Max, 0, 0, "one observation")
		}
	}
	return rows
}

func classRows(m *model) (rows [][]string) {
	for _, c := range m.Result.Cells {
		for _, class := range []string{scenarios.All, scenarios.Static, scenarios.Dynamic} {
			l, alone := c.Latency[class], csvFigure(c.Classes[class])
			if l.Count == 0 && c.Classes[class] == nil {
				continue
			}
			q := csvQuantiles(l)
			rows = append(rows, []string{csvSafe(c.Cell.String()), class, csvPositive(c.LatencyRate), strconv.FormatInt(l.Count, 10), q[0], q[1], q[2],
				alone.value, alone.low, alone.high, csvFigure(c.ClassCPU[class]).value})
		}
	}
	return rows
}

// ratioRows are sustained rates of a cell over those of another: of the
// recommended one over folklore and over its proxy twins, and of what the
// scenario compares over its reference.
func ratioRows(m *model) (rows [][]string) {
	add := func(what string, of, over *analysis.Cell, ratio *analysis.Figure, paired bool) {
		if of == nil || over == nil || same(of, over) {
			return
		}
		f := csvFigure(ratio)
		rows = append(rows, []string{csvSafe(what), csvSafe(of.Cell.String()), csvSafe(over.Cell.String()), f.value, f.low, f.high, f.n, strconv.FormatBool(paired)})
	}
	for _, f := range m.Result.Folklore {
		add(f.Name, m.Result.Winner, f.Cell, f.Ratio, f.Paired)
	}
	for _, t := range m.Result.ProxyTax {
		add(t.Name, m.Result.Winner, t.Cell, t.Ratio, t.Paired)
	}
	if k := m.Result.Contest; k != nil {
		var reference *analysis.Cell
		for _, e := range k.Entries {
			if e.Reference {
				reference = e.Cell
			}
		}
		for _, e := range k.Entries {
			if !e.Reference {
				add(k.Dimension+" "+e.Value, e.Cell, reference, e.Ratio, true)
			}
		}
	}
	return rows
}

func scalingRows(m *model) (rows [][]string) {
	if m.Result.Scaling == nil {
		return nil
	}
	for _, p := range m.Result.Scaling.Points {
		rows = append(rows, []string{csvSafe(p.Cell.String()), csvNumber(p.Cores), csvNumber(p.Rate), csvNumber(1000 * p.App), csvNumber(1000 * p.Proxy)})
	}
	return rows
}

func trialRows(m *model) (rows [][]string) {
	for _, t := range m.Result.Trials {
		all := t.Load.Classes[scenarios.All]
		q := csvQuantiles(all.Response)
		u := t.Usage
		rows = append(rows, []string{
			strconv.Itoa(t.ID), csvSafe(t.Step.Cell.String()), strconv.Itoa(t.Step.Start), csvSafe(t.Step.Phase), t.Verdict.Kind, t.Began.UTC().Format(time.RFC3339),
			csvNumber(t.Step.Duration.Seconds()), csvPositive(t.Step.Rate), csvNumber(t.Load.Achieved), csvNumber(t.Load.Goodput),
			strconv.FormatUint(t.Load.Sent, 10), strconv.FormatUint(all.Errors(), 10), q[0], q[1], q[2],
			csvNumber(u.App.CPUSeconds), csvNumber(u.Proxy.CPUSeconds), csvNumber(u.Generator.CPUSeconds), csvPositive(float64(u.App.PSSBytes + u.Proxy.PSSBytes)),
			csvSafe(strings.Join(slices.Concat(t.Verdict.Reasons, t.Verdict.Notes), "; ")),
		})
	}
	return rows
}
