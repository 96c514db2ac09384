package reports

import (
	"fmt"
	"strings"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// answer says what to run, what it sustains and against what, or why there is
// nothing to recommend.
func (m *model) answer() {
	w := m.Result.Winner
	if m.Result.Outcome != analysis.Recommended || w == nil {
		m.Result.Winner = nil
		m.noAnswer()
		return
	}
	if m.Result.Target != "" {
		m.Headline = m.sustains("the target", w)
	} else {
		m.Name, m.Headline = w.Cell.String(), advice(w.Cell)
		m.Answer = append(m.Answer, m.sustains("it", w))
	}
	if text := m.headroom(); text != "" {
		m.Answer = append(m.Answer, text)
	}
	if m.Result.Regret > 0 {
		m.Answer = append(m.Answer, assurance(m.Result))
	}
	for _, f := range m.Result.Folklore {
		if f.Cell == nil || m.Manifest.Scenario.Search.Compare == scenarios.CompareFolklore {
			continue // the verdict says it
		}
		c := comparison{f.Name, m.compare(f, fmt.Sprintf("%s (%s)", f.Name, cellPhrase(f.Cell.Cell)))}
		m.Folklore = append(m.Folklore, c)
		m.Answer = append(m.Answer, c.Text)
	}
	m.Answer = append(m.Answer, m.ties(w)...)
}

// advice says what to run.
func advice(c scenarios.Cell) string {
	size := fmt.Sprintf("with %s of %s", counted(c.Workers, "worker"), counted(c.Threads, "thread"))
	if c.Instances > 1 {
		return fmt.Sprintf("Run %d instances of %s, each %s.", c.Instances, stackPhrase(c), size)
	}
	return fmt.Sprintf("Run %s %s.", stackPhrase(c), size)
}

// sustains states the winner's rate and what backs it; who names the winner.
func (m *model) sustains(who string, w *analysis.Cell) string {
	f := w.Sustainable()
	if f == nil {
		return sentence("Its sustainable rate was not measured; it is recommended because " + m.Result.Because)
	}
	bound := ""
	if m.Result.Limit.What == "generator" {
		bound = "at least "
	}
	text := fmt.Sprintf("%s sustains %s%s requests/s (%s)", upperFirst(who), bound, value(f), support(f))
	if within := objectivesText(m.Manifest.Scenario.Objectives); within != "" {
		text += " within " + within
	}
	switch {
	case w.Final == nil:
		text += "; found while searching, not confirmed on final fresh starts"
	case bound != "":
		text += "; the load generator was the limit"
	}
	return sentence(text)
}

// assurance states how sure the search is of its recommendation.
func assurance(r *analysis.Result) string {
	return fmt.Sprintf("The search is %s sure that no other configuration sustains %s more.", sureness(r.Confidence), percent(r.Regret))
}

// sureness is a probability, which is never told as certain.
func sureness(p float64) string {
	if p > 0.99 {
		return "more than 99 %"
	}
	return percent(p)
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// ties names the configurations that are as good, and the runner-up when
// there are none.
func (m *model) ties(w *analysis.Cell) (texts []string) {
	if len(m.Result.Ties) > 0 {
		names := make([]string, len(m.Result.Ties))
		for i, t := range m.Result.Ties {
			names[i] = fmt.Sprintf("%s at %s requests/s and %s", cellPhrase(t.Cell), value(t.Sustainable()), size(float64(t.Memory)))
		}
		return []string{sentence(fmt.Sprintf("As good within the noise, and dearer than its %s in %s: %s",
			size(float64(w.Memory)), processes(w.Processes), strings.Join(names, "; ")))}
	}
	if r := m.Result.RunnerUp; r != nil && r.Sustainable() != nil {
		return []string{sentence(fmt.Sprintf("Runner-up: %s at %s requests/s", cellPhrase(r.Cell), withInterval(r.Sustainable())))}
	}
	return nil
}

// noAnswer says why nothing is recommended and what came closest.
func (m *model) noAnswer() {
	switch m.Result.Outcome {
	case analysis.NotMet:
		m.Headline = "No configuration meets the objectives: " + objectivesText(m.Manifest.Scenario.Objectives) + "."
	default:
		m.Headline = "Inconclusive: no configuration can be recommended."
	}
	if m.Result.Because != "" {
		m.Answer = append(m.Answer, sentence(upperFirst(m.Result.Because)))
	}
	var best *analysis.Cell
	for _, c := range m.Result.Cells {
		if s := c.Sustainable(); s != nil && finite(s.Value) && (best == nil || s.Value > best.Sustainable().Value) {
			best = c
		}
	}
	if best != nil {
		m.Answer = append(m.Answer, sentence(fmt.Sprintf("Highest rate seen so far: %s requests/s (%s) with %s; this is no recommendation",
			value(best.Sustainable()), support(best.Sustainable()), cellPhrase(best.Cell))))
	}
}

// compare states the winner's rate as a multiple of the other cell's, which
// name names.
func (m *model) compare(c analysis.Comparison, name string) string {
	switch {
	case same(c.Cell, m.Result.Winner):
		return fmt.Sprintf("It is itself %s.", name)
	case c.Ratio == nil && outOfRun(c.Cell) != "":
		return sentence(fmt.Sprintf("No ratio to %s: %s", name, outOfRun(c.Cell)))
	case c.Ratio == nil:
		return fmt.Sprintf("No ratio to %s: no sustainable rate was found for it.", name)
	}
	text := fmt.Sprintf("It sustains %s the rate of %s", ratio(c.Ratio), name)
	if hasInterval(c.Ratio) && c.Ratio.Low <= 1 && c.Ratio.High >= 1 {
		text += ": no difference shown"
	}
	return sentence(text)
}

// outOfRun says why a cell sustains nothing; empty when it does, or when
// nobody knows.
func outOfRun(c *analysis.Cell) string {
	switch {
	case c.NotApplicable != "":
		return "it is not applicable, " + c.NotApplicable
	case c.Mismatch != "":
		return "it did not run as what it is, " + c.Mismatch
	case c.Infeasible != "":
		return "it sustains no load within the objectives, " + c.Infeasible
	case c.Sustainable() == nil && c.Struck != "":
		return "it is struck out, " + c.Struck
	case c.Sustainable() == nil && c.Failure != "":
		return "it failed, " + firstLine(c.Failure)
	case c.Sustainable() == nil && c.Dropped != "":
		return "it was " + c.Dropped
	}
	return ""
}

// bounds tells which latency objectives apply to a class.
func bounds(all scenarios.Objectives, class string) (found scenarios.Objectives) {
	for _, o := range all {
		same := o.Class == class || o.Class == "" && class == scenarios.All
		if same && o.Metric != scenarios.Errors && o.Limit > 0 {
			found = append(found, o)
		}
	}
	return found
}
