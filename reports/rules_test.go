package reports

import (
	"html"
	"strings"
	"testing"

	"sweetspot/analysis/lint"
)

// The formats that are read say whether the run keeps the rules of measurement,
// and what is missing; without a verdict they say nothing.
func TestStamp(t *testing.T) {
	in := samples()["full"]
	for _, tt := range []struct {
		name string
		lint *lint.Report
		want []string
	}{
		{"publishable", &lint.Report{Publishable: true, Findings: []lint.Finding{{ID: "errors", Verdict: lint.Holds}}},
			[]string{"Rules of measurement", "Publishable: all 1 rules of measurement that apply hold."}},
		{"not publishable", &lint.Report{Findings: []lint.Finding{{ID: "errors", Asks: "No <b>errors</b>.", Verdict: lint.Fails, Evidence: []string{"7 errors"}, Remedy: "mend them"}}},
			[]string{"Not publishable: 1 of 1 rules of measurement that apply does not hold: errors.", "errors. No <b>errors</b>. Found: 7 errors. Remedy: mend them."}},
		{"not asked", nil, nil},
	} {
		for _, format := range []string{"text", "markdown", "html"} {
			t.Run(tt.name+"/"+format, func(t *testing.T) {
				in.Lint = tt.lint
				text := string(render(t, format, in))
				if format == "html" {
					text = html.UnescapeString(text)
				}
				text = strings.Join(strings.Fields(strings.ReplaceAll(text, `\`, "")), " ")
				for _, want := range tt.want {
					if !strings.Contains(text, want) {
						t.Errorf("lacks %q", want)
					}
				}
				if tt.lint == nil && strings.Contains(text, "ublishable") {
					t.Error("speaks of publishing")
				}
			})
		}
	}
}
