package reports

import (
	"fmt"
	"time"
)

// lintSection is the stamp of the run against the rules of measurement, with
// what is missing: of each rule the first finding. sweetspot lint tells all.
func (m *model) lintSection() section {
	if m.Lint == nil {
		return section{}
	}
	s := section{Title: "Rules of measurement", Lines: []string{m.Lint.Stamp()}}
	for _, f := range m.Lint.Missing() {
		found := f.Evidence[0]
		if more := len(f.Evidence) - 1; more > 0 {
			found += fmt.Sprintf(", and %d more", more)
		}
		s.Lines = append(s.Lines, fmt.Sprintf("%s. %s Found: %s. Remedy: %s.", f.ID, f.Asks, found, f.Remedy))
	}
	return s
}

// Summary is what the first lines of every report say.
type Summary struct {
	Title    string
	Alerts   []string // what the reader must know before anything else
	Verdict  string   // the answer to what the scenario asks beside what to run; empty for most
	Headline string
	Answer   []string
	Repeat   string // command line
}

// Summarise returns what the first lines of every report on the input say.
func Summarise(in Input) Summary {
	m := newModel(in)
	return Summary{m.Title, m.Alerts, m.Verdict, m.Headline, m.Answer, shellLine(in.Manifest.CommandLine)}
}

// Stamp writes a time as all reports do; the zero time is empty.
func Stamp(t time.Time) string { return stamp(t) }

// Size writes bytes as all reports do: "147 MB".
func Size(bytes int64) string { return size(float64(bytes)) }
