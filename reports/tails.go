package reports

import (
	"fmt"
	"math"
	"slices"

	"sweetspot/analysis"
)

// tail is the response times of a chosen cell at its sustained rate, from the
// fastest to the slowest.
type tail struct {
	analysis.Distribution
	Name  string // why it is here: "recommended", "tied", …
	Cell  *analysis.Cell
	Class string // the traffic class of the response times
	Rate  string // offered, requests/s
}

// label names a tail in the plot.
func (t tail) label() string { return t.Name + ": " + cellShort(t.Cell.Cell) }

// label names a chosen cell in tables.
func (m *model) label(c *analysis.Cell) string {
	if same(c, m.Result.Winner) && m.Result.Target == "" {
		return cellShort(c.Cell) + " (recommended)"
	}
	return cellShort(c.Cell)
}

// tails are of the first chosen cells that passed a trial near their sustained
// rate.
func (m *model) tails() {
	class := curveClass(m.Manifest.Scenario.Objectives)
	for _, k := range m.chosen() {
		if d := k.cell.Distribution[class]; d.Count > 0 && len(m.Tails) < mostDrawn {
			m.Tails = append(m.Tails, tail{d, k.name, k.cell, class, number(k.cell.LatencyRate)})
		}
	}
}

// tailQuantiles are the percentiles that the tables of tails have.
var tailQuantiles = []struct {
	name  string
	share float64
}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}}

// quantile writes a percentile in ms and, in brackets, that of the fastest and
// of the slowest start; one that is not claimable is none.
func (t tail) quantile(share float64) string {
	q, ok := t.At(share)
	if !ok || !t.Claimed(share) {
		return none
	}
	v := milliseconds(q.Value)
	if q.High == 0 {
		return number(v)
	}
	return fmt.Sprintf("%s (%s–%s)", number(v), numberLike(milliseconds(q.Low), v), numberLike(milliseconds(q.High), v))
}

// percentage is a share as a percentile, without the noise of its last bits.
func percentage(share float64) float64 { return math.Round(share*1e8) / 1e6 }

// tailSection tells the percentiles of the chosen cells, and the slowest
// response.
func (m *model) tailSection() section {
	if len(m.Tails) == 0 {
		return section{}
	}
	s := section{Title: "Response time by percentile", Left: 1, Lines: []string{
		fmt.Sprintf("Of %s requests in the trials that passed near the sustained rate, from their merged histograms; in brackets the fastest and the slowest of the fresh starts. %s stands for a percentile with fewer than 100 responses beyond it, which is not claimed.", m.Tails[0].Class, none),
		"A maximum is one observation: another run has another.",
	}}
	if w := m.Result.Winner; w != nil && !slices.ContainsFunc(m.Tails, func(t tail) bool { return same(t.Cell, w) }) {
		s.Lines = append(s.Lines, sentence("Of "+cellPhrase(w.Cell)+" none is told: no trial near its sustained rate passed"))
	}
	head := []string{"configuration", "at requests/s", "responses", "starts"}
	for _, q := range tailQuantiles {
		head = append(head, q.name+" ms")
	}
	s.Table = [][]string{append(head, "maximum ms (one observation)")}
	for _, t := range m.Tails {
		row := []string{m.label(t.Cell), t.Rate, count(int(t.Count)), count(t.Starts)}
		for _, q := range tailQuantiles {
			row = append(row, t.quantile(q.share))
		}
		s.Table = append(s.Table, append(row, number(milliseconds(t.Max))))
	}
	return s
}

const workerTitle = "CPU and memory by worker"

// workerSection tells what one worker of the chosen cells takes.
func (m *model) workerSection() section {
	s := section{Title: workerTitle, Left: 1}
	rows := [][]string{{"configuration", "workers", "CPUs a worker", "95 %", "memory a process", "memory in all", "processes"}}
	for _, k := range m.chosen() {
		c := k.cell
		if c.WorkerCPU == nil && c.ProcessMemory == 0 || m.Result.Winner == nil && len(rows) > mostDrawn {
			continue
		}
		in := none
		if c.Processes > 0 {
			in = count(c.Processes)
		}
		rows = append(rows, []string{m.label(c), count(c.Cell.Processes()), value(c.WorkerCPU), interval(c.WorkerCPU),
			size(float64(c.ProcessMemory)), size(float64(c.Memory)), in})
	}
	if len(rows) > 1 {
		s.Table = rows
		s.Lines = []string{"CPUs that a worker keeps busy at the sustained rate: the application's CPU time over its workers. Memory (PSS) of a process is the application's over its processes, the workers' parent among them; in all is that of application and proxy, whose processes are counted. Both are the largest seen."}
	}
	return s
}
