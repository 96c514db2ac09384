package reports

import (
	"bytes"
	"fmt"
	"strings"

	"sweetspot/analysis/gate"
)

// mostAnnotations is how many annotations of a level GitHub shows of a step.
const mostAnnotations = 10

// renderGateGitHub writes workflow commands of GitHub Actions: the answer, and
// an annotation for every criterion that was not kept or is not clear.
func renderGateGitHub(r *gate.Result, meta GateMeta) ([]byte, error) {
	m := newGateModel(r, meta)
	name := strings.TrimSpace("sweetspot gate " + m.Scenario)
	by := map[string][]annotation{}
	add := func(level, title, text string) {
		by[level] = append(by[level], annotation{level, title, text})
	}
	add(m.level(m.Verdict), name, m.Headline)
	for _, x := range m.Metrics {
		title := fmt.Sprintf("%s: %s %s", name, x.Key(), x.Verdict)
		switch {
		case x.Role == "fail" && (x.Verdict == gate.Regressed || x.Verdict == gate.Inconclusive):
			add(m.level(x.Verdict), title, criterionText(x))
		case x.Role == "warn" && x.Verdict == gate.Regressed:
			add("warning", title, criterionText(x))
		}
	}
	if m.Early != "" {
		add("warning", name+": ended early", m.Early)
	}
	for _, s := range m.Warnings {
		add("notice", name+": doubt", sentence(s))
	}
	var b bytes.Buffer
	for _, level := range []string{"error", "warning", "notice"} {
		all := by[level]
		if len(all) > mostAnnotations {
			left := len(all) - mostAnnotations + 1
			all = append(all[:mostAnnotations-1:mostAnnotations-1], annotation{level, name, fmt.Sprintf("%s more, in the report.", count(left))})
		}
		for _, a := range all {
			b.WriteString(a.String() + "\n")
		}
	}
	return b.Bytes(), nil
}

// level is how loudly a verdict is annotated.
func (m *gateModel) level(v gate.Verdict) string {
	switch {
	case v == gate.Regressed:
		return "error"
	case v == gate.Inconclusive && m.GateMeta.Inconclusive == "fail":
		return "error"
	case v == gate.Inconclusive && m.GateMeta.Inconclusive != "pass":
		return "warning"
	}
	return "notice"
}

type annotation struct{ level, title, text string }

var (
	commandText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// String writes the workflow command.
func (a annotation) String() string {
	return "::" + a.level + " title=" + commandProperty.Replace(a.title) + "::" + commandText.Replace(a.text)
}

// criterionText says how a criterion stands, in a sentence.
func criterionText(x gate.Metric) string {
	text := standing(x)
	if x.Criterion != "" {
		text += "; the criterion is " + x.Criterion
	}
	if x.MoreRounds > 0 && x.Verdict == gate.Inconclusive {
		text += fmt.Sprintf("; about %s would make it clear", counted(x.MoreRounds, "more round"))
	}
	return sentence(text)
}
