package reports

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// csvColumns are one row a cell, plain numbers with the unit in the name; a
// field without a value is empty.
var csvColumns = []struct {
	name string
	of   func(row) string
}{
	{"cell", func(r row) string { return r.Cell.Cell.String() }},
	{"server", func(r row) string { return r.Server }},
	{"proxy", func(r row) string { return r.Proxy }},
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
	{"interface", func(r row) string { return r.Cell.Interface }},
	{"tags", func(r row) string { return csvSafe(strings.Join(r.Tags, "; ")) }},
	{"reason", func(r row) string { return csvSafe(r.Why) }},
}

func renderCSV(in Input) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	record := make([]string, len(csvColumns))
	for i, c := range csvColumns {
		record[i] = c.name
	}
	if err := w.Write(record); err != nil {
		return nil, err
	}
	for _, r := range newModel(in).Rows {
		for i, c := range csvColumns {
			record[i] = c.of(r)
		}
		if err := w.Write(record); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
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

func csvQuantile(r row, i int) string {
	l := r.Cell.Latency[scenarios.All]
	if !claimable(l.Count, quantiles[i].q) {
		return ""
	}
	return csvNumber(milliseconds(quantiles[i].of(l)))
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

// csvSafe keeps a spreadsheet from reading free text as a formula.
func csvSafe(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
