package compare

import (
	"sweetspot/analysis"
)

// Run is one run of ours, judged.
type Run struct {
	Dir    string
	Result *analysis.Result
}

// Runs is two of them.
type Runs struct {
	Base, Candidate Run
	Differences     []string         // of machine, scenario and versions: there is the base, here the candidate
	Winners         *analysis.Figure // sustainable rate of the candidate's recommended cell over that of the base's; nil when either recommends none
	Cells           []Cell           // that both measured
	Only            []Lone           // that one side measured only
}

// Cell is one configuration in both.
type Cell struct {
	Base, Candidate *analysis.Cell
	Sustained       *analysis.Figure // candidate over base; nil when either has none
	Saturation      *analysis.Figure
	CPU             *analysis.Figure // application's time per good request
}

// Lone is a configuration in one of them.
type Lone struct {
	Cell string
	Base bool // it is the base's
}

// OfRuns compares two runs. What package sample and package rundir find to
// differ is handed in.
func OfRuns(base, candidate Run, differences []string) *Runs {
	r := &Runs{Base: base, Candidate: candidate, Differences: differences}
	if a, b := base.Result.Winner, candidate.Result.Winner; a != nil && b != nil {
		r.Winners = analysis.RatioOfFigures(b.Sustainable(), a.Sustainable())
	}
	there := measured(base.Result)
	here := measured(candidate.Result)
	for _, c := range base.Result.Cells {
		name := c.Cell.String()
		b, both := here[name]
		switch {
		case there[name] == nil:
		case both:
			r.Cells = append(r.Cells, Cell{
				Base: c, Candidate: b,
				Sustained:  analysis.RatioOfFigures(b.Sustainable(), c.Sustainable()),
				Saturation: analysis.RatioOfFigures(b.Saturation, c.Saturation),
				CPU:        analysis.RatioOfFigures(b.AppCPU, c.AppCPU),
			})
		default:
			r.Only = append(r.Only, Lone{name, true})
		}
	}
	for _, c := range candidate.Result.Cells {
		if name := c.Cell.String(); here[name] != nil && there[name] == nil {
			r.Only = append(r.Only, Lone{name, false})
		}
	}
	return r
}

// measured returns the cells of which there is a rate.
func measured(res *analysis.Result) map[string]*analysis.Cell {
	out := map[string]*analysis.Cell{}
	for _, c := range res.Cells {
		if c.Sustainable() != nil || c.Saturation != nil {
			out[c.Cell.String()] = c
		}
	}
	return out
}
