package reports

import (
	"strconv"
	"strings"

	"sweetspot/analysis"
)

// severalRow is one run for the CSV: plain numbers with the unit in the name; a
// field without a value is empty.
type severalRow struct {
	*severalGroup
	Run int
}

// winner is the recommended cell; an empty one without an answer.
func (r severalRow) winner() *analysis.Cell {
	if r.answered(r.Run) {
		return r.Runs[r.Run].Result.Winner
	}
	return &analysis.Cell{}
}

func (r severalRow) cell() string {
	if r.answered(r.Run) {
		return r.winner().Cell.String()
	}
	return ""
}

func (r severalRow) because() string {
	if r.answered(r.Run) {
		return ""
	}
	return why(r.Runs[r.Run].Result)
}

// over is the ratio to the reference.
func (r severalRow) over() *analysis.Figure {
	if o := r.Over[r.Run]; o != nil {
		return o.Winners
	}
	return nil
}

func (r severalRow) overCPU() *analysis.Figure {
	if o := r.Over[r.Run]; o != nil {
		return o.CPU
	}
	return nil
}

func (r severalRow) quantile(i int) string {
	return csvQuantile(row{Cell: r.winner()}, i)
}

// place is leading, tied or behind; empty without an answer.
func (r severalRow) place() string {
	_, single := r.single()
	switch {
	case !r.answered(r.Run) || len(r.Lead.Order) < 2:
		return ""
	case !r.mayLead(r.Run):
		return "behind"
	case single:
		return "leading"
	}
	return "tied"
}

var severalColumns = []csvColumn[severalRow]{
	{"group", func(r severalRow) string { return strconv.Itoa(r.Number) }},
	{"run", func(r severalRow) string { return csvSafe(r.Runs[r.Run].Name) }},
	{"run_id", func(r severalRow) string { return csvSafe(r.Runs[r.Run].Manifest.RunID) }},
	{"began", func(r severalRow) string { return r.Runs[r.Run].Manifest.Began.UTC().Format("2006-01-02T15:04:05Z") }},
	{"host", func(r severalRow) string { return csvSafe(r.Runs[r.Run].Manifest.Host.Hostname) }},
	{"scenario", func(r severalRow) string { return csvSafe(r.Runs[r.Run].Manifest.Scenario.Name) }},
	{"application", func(r severalRow) string { return csvSafe(application(r.Runs[r.Run].Manifest)) }},
	{"reference", func(r severalRow) string { return strconv.FormatBool(r.Run == r.Reference) }},
	{"recommended_cell", func(r severalRow) string { return csvSafe(r.cell()) }},
	{"place", severalRow.place},
	{"sustained_per_second", func(r severalRow) string { return csvFigure(r.Runs[r.Run].Sustained()).value }},
	{"sustained_low_per_second", func(r severalRow) string { return csvFigure(r.Runs[r.Run].Sustained()).low }},
	{"sustained_high_per_second", func(r severalRow) string { return csvFigure(r.Runs[r.Run].Sustained()).high }},
	{"fresh_starts", func(r severalRow) string { return csvFigure(r.Runs[r.Run].Sustained()).n }},
	{"confirmed_by_finals", func(r severalRow) string { return strconv.FormatBool(r.winner().Final != nil) }},
	{"response_p50_ms", func(r severalRow) string { return r.quantile(0) }},
	{"response_p95_ms", func(r severalRow) string { return r.quantile(1) }},
	{"response_p99_ms", func(r severalRow) string { return r.quantile(2) }},
	{"app_cpu_ms_per_request", func(r severalRow) string { return csvFigure(r.winner().AppCPU).value }},
	{"proxy_cpu_ms_per_request", func(r severalRow) string { return csvFigure(r.winner().ProxyCPU).value }},
	{"memory_bytes", func(r severalRow) string { return csvPositive(float64(r.winner().Memory)) }},
	{"sustained_over_reference", func(r severalRow) string { return csvFigure(r.over()).value }},
	{"sustained_over_reference_low", func(r severalRow) string { return csvFigure(r.over()).low }},
	{"sustained_over_reference_high", func(r severalRow) string { return csvFigure(r.over()).high }},
	{"app_cpu_over_reference", func(r severalRow) string { return csvFigure(r.overCPU()).value }},
	{"app_cpu_over_reference_low", func(r severalRow) string { return csvFigure(r.overCPU()).low }},
	{"app_cpu_over_reference_high", func(r severalRow) string { return csvFigure(r.overCPU()).high }},
	{"no_answer", func(r severalRow) string { return csvSafe(r.because()) }},
}

// renderSeveralCSV is a row a run.
func renderSeveralCSV(in SeveralInput) ([]byte, error) {
	var rows []severalRow
	for _, g := range newSeveralModel(in).Groups {
		for i := range g.Runs {
			rows = append(rows, severalRow{g, i})
		}
	}
	return csvOf(severalColumns, rows)
}

// renderSeveralCells is a row a run and configuration.
func renderSeveralCells(in SeveralInput) ([]byte, error) {
	records := [][]string{{"group", "run", "cell", "sustained_per_second", "sustained_low_per_second", "sustained_high_per_second", "fresh_starts", "saturation_per_second",
		"sustained_over_reference", "sustained_over_reference_low", "sustained_over_reference_high",
		"saturation_over_reference", "saturation_over_reference_low", "saturation_over_reference_high", "tags", "reason"}}
	for _, g := range newSeveralModel(in).Groups {
		for _, r := range g.Rows {
			for i, c := range r.Cells {
				if c == nil {
					continue
				}
				var sustained, saturation *analysis.Figure
				if o := r.Over[i]; o != nil {
					sustained, saturation = o.Sustained, o.Saturation
				}
				f, a, b := csvFigure(c.Sustainable()), csvFigure(sustained), csvFigure(saturation)
				tags, why := g.Models[i].tags(c)
				records = append(records, []string{strconv.Itoa(g.Number), csvSafe(g.Runs[i].Name), csvSafe(r.Name), f.value, f.low, f.high, f.n, csvFigure(c.Saturation).value,
					a.value, a.low, a.high, b.value, b.low, b.high, csvSafe(strings.Join(tags, "; ")), csvSafe(why)})
			}
		}
	}
	return csvBytes(records)
}

// renderSeveralFacts is a row a fact and run: what differs within a group, and
// what keeps the group from comparing with the first.
func renderSeveralFacts(in SeveralInput) ([]byte, error) {
	records := [][]string{{"group", "fact", "run", "value", "forbids_to_compare"}}
	m := newSeveralModel(in)
	for _, g := range m.Groups {
		number := strconv.Itoa(g.Number)
		for _, f := range g.facts() {
			for i, v := range f.Values {
				records = append(records, []string{number, csvSafe(f.What), csvSafe(g.Runs[i].Name), csvSafe(v), "false"})
			}
		}
		for _, d := range g.Apart {
			base := m.Groups[0]
			records = append(records, []string{"1", csvSafe(d.What), csvSafe(base.Runs[base.Reference].Name), csvSafe(d.There), "true"},
				[]string{number, csvSafe(d.What), csvSafe(g.Runs[0].Name), csvSafe(d.Here), "true"})
		}
	}
	return csvBytes(records)
}
