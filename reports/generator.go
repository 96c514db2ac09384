package reports

import (
	"fmt"

	"sweetspot/analysis"
)

// generatorSection answers whether the generator was the limit, check by check.
func (m *model) generatorSection() section {
	if len(m.Result.Generator) == 0 {
		return section{}
	}
	s := section{Title: "Was the generator the limit?", Left: 3, Lines: []string{generatorAnswer(m.Result.Generator)}}
	s.Table = [][]string{{"check", "worst of the trials that count", "limit", "trials", "void", "noted"}}
	for _, a := range m.Result.Generator {
		s.Table = append(s.Table, []string{a.Name, worst(a), limit(a), count(a.Trials), count(a.Voided), count(a.Noted)})
	}
	s.Lines = append(s.Lines, calibrationLines(m.Manifest.Calibration)...)
	s.Lines = append(s.Lines, "A trial beyond a limit is void. Full listen queues, and requests that leave late because all in flight are unanswered, are the server's doing: they count against the configuration, in its response times.")
	return s
}

// generatorAnswer sums up the checks in a sentence.
func generatorAnswer(all []analysis.Answer) string {
	voided, noted, missing := 0, 0, 0
	for _, a := range all {
		voided += a.Voided
		if a.Limit != "" {
			noted += a.Noted
		}
		if !a.Recorded {
			missing++
		}
	}
	text := "No trial that counts is beyond a limit that voids"
	if voided > 0 {
		text += ": those that were are void"
	}
	if noted > 0 {
		text += fmt.Sprintf("; %s of other limits", counted(noted, "note"))
	}
	if missing > 0 {
		text += fmt.Sprintf("; not recorded: %d of %s", missing, counted(len(all), "check"))
	}
	return sentence(text)
}

// worst is none when all trials that recorded the check are void.
func worst(a analysis.Answer) string {
	switch {
	case a.Value != "":
		return a.Value
	case a.Recorded:
		return none
	}
	return "not recorded"
}

func limit(a analysis.Answer) string {
	switch {
	case a.Limit != "":
		return a.Limit
	case a.Value != "":
		return "the server's doing"
	}
	return none
}
