package reports

import (
	"fmt"
	"strings"
	"time"

	"sweetspot/analysis"
)

// renderJUnit writes a test case for the answer and one for every cell. The
// answer fails when no cell meets the objectives, and is skipped when the run is
// inconclusive, as the exit code says. A cell never fails, for a cell that
// sustains nothing is an answer, too: it is skipped, with the reason.
func renderJUnit(in Input) ([]byte, error) {
	m := newModel(in)
	name := m.Manifest.Scenario.Name
	s := junitSuite{
		Name: strings.TrimSpace("sweetspot run " + name), Time: junitSeconds(m.Result.Spent), Timestamp: junitTime(m.Manifest.Began),
		Hostname: m.Manifest.Host.Hostname, Out: strings.Join(runOut(m), "\n"),
	}
	for _, f := range append([]fact{{"Outcome", m.Result.Outcome}, {"Recommended", m.Name}}, m.Repeat...) {
		if f.Value != "" {
			s.Properties = append(s.Properties, junitProperty(f))
		}
	}
	class := strings.TrimSuffix("sweetspot.run."+name, ".")
	s.Cases = append(s.Cases, answerCase(m, class))
	for _, r := range m.Rows {
		s.Cases = append(s.Cases, cellCase(m, r, class))
	}
	return s.counted().encode()
}

// runOut tells what belongs to no cell.
func runOut(m *model) []string {
	lines := append(append([]string{}, m.Alerts...), answers(m)...)
	if m.Why != "" {
		lines = append(lines, strings.TrimSpace(m.Why))
	}
	for _, s := range m.Warnings {
		lines = append(lines, "Doubt: "+sentence(s))
	}
	lines = append(lines, m.listHosts()...)
	return append(lines, fmt.Sprintf("Trials: %d passed, %d failed, %d void.", m.Counts.Passed, m.Counts.Failed, m.Counts.Void))
}

func answerCase(m *model, class string) junitCase {
	c := junitCase{Name: "recommendation", Class: class, Time: junitSeconds(0), Out: strings.Join(append(answers(m), listTails(m)...), "\n")}
	switch m.Result.Outcome {
	case analysis.Recommended:
	case analysis.NotMet:
		c.Failure = &junitFailure{analysis.NotMet, m.Headline, strings.Join(m.Answer, "\n")}
	default:
		c.Skipped = &junitMessage{strings.Join(append([]string{m.Headline}, m.Answer...), " ")}
	}
	return c
}

// listTails tells the percentiles of the chosen cells, a line each.
func listTails(m *model) (lines []string) {
	for _, s := range m.Tail {
		for _, row := range s.Table[1:] {
			lines = append(lines, listed(s.Table[0], row, s.Left))
		}
	}
	return lines
}

// cellCase tells the figures of a cell. Its time is that of the cell's trials.
func cellCase(m *model, r row, class string) junitCase {
	var took time.Duration
	for _, t := range m.Result.Trials {
		if t.Step.Cell == r.Cell.Cell {
			took += t.Cost
		}
	}
	c := junitCase{Name: r.Cell.Cell.String(), Class: class, Time: junitSeconds(took)}
	s := r.Cell.Sustainable()
	if s == nil || r.Why != "" {
		c.Skipped = &junitMessage{r.Note()}
	}
	var lines []string
	if note := r.Note(); note != "" {
		lines = append(lines, note)
	}
	if s != nil {
		lines = append(lines, fmt.Sprintf("sustained: %s requests/s (%s)", r.Rate, support(s)))
	}
	for _, f := range []struct{ name, value, unit string }{
		{"saturation, throughput only", r.Saturation, "requests/s"},
		{"p50", r.P50, "ms"}, {"p95", r.P95, "ms"}, {"p99", r.P99, "ms"},
		{"CPU of application and proxy", r.CPU, "ms per good request"}, {"CPUs a worker", r.WorkerCPU, ""},
		{"memory", r.Memory, ""}, {"memory a process", r.ProcessMemory, ""}, {"processes", r.Processes, ""},
	} {
		if f.value != none {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s: %s %s", f.name, f.value, f.unit)))
		}
	}
	lines = append(lines, fmt.Sprintf("trials: %d passed, %d failed, %d void", r.Passed, r.Failed, r.Void))
	c.Out = strings.Join(lines, "\n")
	return c
}
