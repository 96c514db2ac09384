package reports

import (
	"bytes"
	"encoding/csv"
	"regexp"
	"strconv"
	"strings"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// csvColumns are one row a cell, plain numbers with the unit in the name; a
// field without a value is empty.
var csvColumns = []csvColumn[row]{
	{"cell", func(r row) string { return csvSafe(r.Cell.Cell.String()) }},
	{"server", func(r row) string { return csvSafe(r.Server) }},
	{"proxy", func(r row) string { return csvSafe(r.Proxy) }},
	{"workers", func(r row) string { return strconv.Itoa(r.Workers) }},
	{"threads", func(r row) string { return strconv.Itoa(r.Threads) }},
	{"sustained_per_second", func(r row) string { return csvFigure(r.Cell.Sustainable()).value }},
	{"sustained_low_per_second", func(r row) string { return csvFigure(r.Cell.Sustainable()).low }},
	{"sustained_high_per_second", func(r row) string { return csvFigure(r.Cell.Sustainable()).high }},
	{"fresh_starts", func(r row) string { return csvFigure(r.Cell.Sustainable()).n }},
	{"confirmed_by_finals", func(r row) string { return strconv.FormatBool(r.Cell.Final != nil) }},
	{"passed_at_per_second", func(r row) string { return csvPositive(r.Cell.Low) }},
	{"failed_at_per_second", func(r row) string { return csvPositive(r.Cell.High) }},
	{"saturation_per_second", func(r row) string { return csvFigure(r.Cell.Saturation).value }},
	{"response_p50_ms", func(r row) string { return csvQuantile(r, 0) }},
	{"response_p95_ms", func(r row) string { return csvQuantile(r, 1) }},
	{"response_p99_ms", func(r row) string { return csvQuantile(r, 2) }},
	{"app_cpu_ms_per_request", func(r row) string { return csvFigure(r.Cell.AppCPU).value }},
	{"proxy_cpu_ms_per_request", func(r row) string { return csvFigure(r.Cell.ProxyCPU).value }},
	{"app_utilisation", func(r row) string { return csvPositive(r.Cell.Utilisation) }},
	{"memory_bytes", func(r row) string { return csvPositive(float64(r.Cell.Memory)) }},
	{"processes", func(r row) string { return csvPositive(float64(r.Cell.Processes)) }},
	{"trials_passed", func(r row) string { return strconv.Itoa(r.Passed) }},
	{"trials_failed", func(r row) string { return strconv.Itoa(r.Failed) }},
	{"trials_void", func(r row) string { return strconv.Itoa(r.Void) }},
	{"instances", func(r row) string { return strconv.Itoa(r.Cell.Cell.Servers()) }},
	{"interface", func(r row) string { return csvSafe(r.Cell.Interface) }},
	{"tags", func(r row) string { return csvSafe(strings.Join(r.Tags, "; ")) }},
	{"reason", func(r row) string { return csvSafe(r.Why) }},
	{"worker_cpus", func(r row) string { return csvFigure(r.Cell.WorkerCPU).value }},
	{"worker_cpus_low", func(r row) string { return csvFigure(r.Cell.WorkerCPU).low }},
	{"worker_cpus_high", func(r row) string { return csvFigure(r.Cell.WorkerCPU).high }},
	{"process_memory_bytes", func(r row) string { return csvPositive(float64(r.Cell.ProcessMemory)) }},
}

func renderCSV(in Input) ([]byte, error) { return csvOf(csvColumns, newModel(in).Rows) }

// csvColumn is a column of a table whose rows are of a T each.
type csvColumn[T any] struct {
	name string
	of   func(T) string
}

// csvOf writes a row for each of all, below the names of the columns.
func csvOf[T any](columns []csvColumn[T], all []T) ([]byte, error) {
	rows := make([][]string, 1+len(all))
	for _, c := range columns {
		rows[0] = append(rows[0], c.name)
		for i, one := range all {
			rows[1+i] = append(rows[1+i], c.of(one))
		}
	}
	return csvBytes(rows)
}

func csvBytes(rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	err := csv.NewWriter(&b).WriteAll(rows)
	return b.Bytes(), err
}

type csvEstimate struct{ value, low, high, n string }

func csvFigure(f *analysis.Figure) (e csvEstimate) {
	if f == nil {
		return e
	}
	e.value, e.n = csvNumber(f.Value), strconv.Itoa(f.N)
	if hasInterval(f) {
		e.low, e.high = csvNumber(f.Low), csvNumber(f.High)
	}
	return e
}

func csvQuantile(r row, i int) string { return csvQuantiles(r.Cell.Latency[scenarios.All])[i] }

// csvQuantiles are p50, p95 and p99 in ms; one that is not claimable is empty.
func csvQuantiles(l rundir.Latency) (texts [3]string) {
	for i, q := range quantiles {
		if claimable(l.Count, q.q) {
			texts[i] = csvNumber(milliseconds(q.of(l)))
		}
	}
	return texts
}

func csvPositive(v float64) string {
	if v <= 0 {
		return ""
	}
	return csvNumber(v)
}

func csvNumber(v float64) string {
	if !finite(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// csvFormula is where a spreadsheet begins to read a formula: at the start of a
// field, and behind what some take for the end of one.
var csvFormula = regexp.MustCompile(`(^|;)\s*[=+\-@＝＋－＠]`)

// csvSafe keeps a spreadsheet from reading a text as a formula, and the text on
// one line.
func csvSafe(s string) string {
	return csvFormula.ReplaceAllStringFunc(clean(s), func(at string) string {
		if rest, ok := strings.CutPrefix(at, ";"); ok {
			return ";'" + rest
		}
		return "'" + at
	})
}
