package reports

import (
	"path/filepath"
	"slices"

	"sweetspot/analysis"
	"sweetspot/analysis/compare"
)

// RunsText tells a comparison of runs for a terminal.
func RunsText(r *compare.Runs, color bool, width int) []byte {
	return runsComparing(r).text(color, width)
}

// RunsMarkdown tells it in Markdown.
func RunsMarkdown(r *compare.Runs) []byte { return runsComparing(r).markdown() }

func runsComparing(r *compare.Runs) comparing {
	c := comparing{Headline: winnersHeadline(r)}
	if len(r.Differences) > 0 {
		p := comparingPart{Title: "The runs differ, so that not all that follows is of the build (there: base, here: candidate)"}
		for _, d := range r.Differences {
			p.Lines = append(p.Lines, phrase{quoted(d)})
		}
		c.First = append(c.First, p)
	}
	p := comparingPart{Title: "What each recommends"}
	for i, run := range []compare.Run{r.Base, r.Candidate} {
		p.Lines = append(p.Lines, recommends([]string{"base", "candidate"}[i], run))
	}
	c.Parts = append(c.Parts, p)
	if len(r.Cells) > 0 {
		c.Parts = append(c.Parts, comparingPart{Title: "The same configurations, candidate ÷ base", Table: cellPairs(r), Left: 1})
	}
	if len(r.Only) > 0 {
		p := comparingPart{Title: "Measured on one side only"}
		for _, l := range r.Only {
			side := "candidate: "
			if l.Base {
				side = "base: "
			}
			p.Lines = append(p.Lines, phrase{side, quoted(l.Cell)})
		}
		c.Parts = append(c.Parts, p)
	}
	c.Parts = append(c.Parts, comparingPart{Title: "What this can show, and what not", Lines: []phrase{
		{"Intervals are of 95 % over fresh starts, from the figures of both runs. " + runsApart},
		{"Of the intervals of builds that are alike one in twenty does not hold 1, by chance."},
		{"Alternating both builds in one run is sharper: sweetspot gate does that."},
	}})
	return c
}

// runsApart is what ratios of runs cannot leave out.
const runsApart = "A run took its starts in one go: what the machine did between the runs is in the ratios."

func winnersHeadline(r *compare.Runs) phrase {
	if r.Winners == nil {
		return phrase{"One of the runs recommends nothing: there is no ratio of what they sustain."}
	}
	text := "The recommended configuration of the candidate sustains " + ratio(r.Winners) + " the rate of the base's"
	switch {
	case !hasInterval(r.Winners):
		text += ": too few fresh starts to tell."
	case r.Winners.Low > 1 || r.Winners.High < 1:
		text += "."
	default:
		text += ": no difference shown."
	}
	return phrase{text}
}

func recommends(side string, run compare.Run) phrase {
	w := run.Result.Winner
	if w == nil {
		return phrase{side + ", ", quoted(filepath.Base(run.Dir)), ": nothing. ", quoted(run.Result.Because)}
	}
	f := w.Sustainable()
	text := "no rate was measured"
	if f != nil {
		text = value(f) + " requests/s, " + support(f)
	}
	return phrase{side + ", ", quoted(filepath.Base(run.Dir)), ": ", quoted(w.Cell.String()), ", " + text}
}

func cellPairs(r *compare.Runs) [][]phrase {
	rows := [][]phrase{words("configuration", "base req/s", "candidate req/s", "sustained", "saturation", "CPU/request")}
	for _, c := range r.Cells {
		rows = append(rows, append([]phrase{{quoted(cellShort(c.Base.Cell))}}, words(
			value(c.Base.Sustainable()), value(c.Candidate.Sustainable()), tabled(c.Sustained), tabled(c.Saturation), tabled(c.CPU))...))
	}
	return filled(rows)
}

// filled drops the columns that hold nothing.
func filled(rows [][]phrase) [][]phrase {
	out := make([][]phrase, len(rows))
	for i := range rows[0] {
		if slices.ContainsFunc(rows[1:], func(r []phrase) bool { return r[i].plainText() != none }) {
			for n, r := range rows {
				out[n] = append(out[n], r[i])
			}
		}
	}
	return out
}

// tabled writes a ratio in a table: "1.02 (0.97–1.07)".
func tabled(f *analysis.Figure) string {
	switch {
	case f == nil:
		return none
	case hasInterval(f):
		return value(f) + " (" + interval(f) + ")"
	}
	return value(f)
}

type pairDoc struct {
	Cell       string     `json:"cell"`
	Base       *figureDoc `json:"base_per_second"`
	Candidate  *figureDoc `json:"candidate_per_second"`
	Sustained  *ratioDoc  `json:"sustained_candidate_over_base,omitempty"`
	Saturation *ratioDoc  `json:"saturation_candidate_over_base,omitempty"`
	CPU        *ratioDoc  `json:"cpu_per_request_candidate_over_base,omitempty"`
}

// RunsJSON tells a comparison of runs as JSON.
func RunsJSON(r *compare.Runs) ([]byte, error) {
	d := compareDoc{Schema: jsonSchemaVersion, Kind: "runs", BaseRun: r.Base.Dir, NewRun: r.Candidate.Dir, Differ: r.Differences, Winners: someRatioDoc(r.Winners)}
	if w := r.Base.Result.Winner; w != nil {
		d.BaseWins = w.Cell.String()
	}
	if w := r.Candidate.Result.Winner; w != nil {
		d.NewWins = w.Cell.String()
	}
	for _, c := range r.Cells {
		d.Cells = append(d.Cells, pairDoc{
			c.Base.Cell.String(), newFigureDoc(c.Base.Sustainable()), newFigureDoc(c.Candidate.Sustainable()),
			someRatioDoc(c.Sustained), someRatioDoc(c.Saturation), someRatioDoc(c.CPU),
		})
	}
	for _, l := range r.Only {
		if l.Base {
			d.OnlyOfBase = append(d.OnlyOfBase, l.Cell)
		} else {
			d.OnlyOfNew = append(d.OnlyOfNew, l.Cell)
		}
	}
	return indented(d)
}
