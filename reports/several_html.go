package reports

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
)

//go:embed several.html.tmpl
var severalSource string

// severalTemplate has the parts and the style of the report of one run.
var severalTemplate = template.Must(template.Must(htmlTemplate.Clone()).New("several").Parse(severalSource))

// severalStyle is what the tables of several runs add to the style.
const severalStyle = `
.data th[scope=row] { white-space: normal; overflow-wrap: anywhere; min-width: min(13rem, 40vw); max-width: 20rem; }
.data thead th { overflow-wrap: break-word; max-width: 14rem; }
.long td { white-space: normal; overflow-wrap: anywhere; min-width: 7rem; max-width: 18rem; text-align: left; }
.long thead th { text-align: left; }
.bars .who { overflow-wrap: anywhere; }
.bars .line { display: block; font-size: .85rem; font-weight: 400; }
`

// severalPage is what the page shows: texts without markup.
type severalPage struct {
	Title, Headline string
	Policy          string
	Style, Script   template.HTML
	Leads           bool // a run is shown to sustain the most
	Bars            []rival
	Answer          []string
	Parts           []severalPart
	Stamp, Tool     string
}

type severalPart struct {
	ID    string
	Title string
	Name  string // of its table, another for each
	Sub   bool
	Long  bool // its table holds texts, not numbers
	Head  []severalCell
	Rows  []severalLine
	Lines []string
	Fold  bool
	Plots []*htmlFigure
}

type severalLine struct {
	Cells  []severalCell
	Marked bool
}

type severalCell struct {
	Text string
	Left bool
}

// renderSeveralHTML writes one self-contained page: no request leaves it, its
// only script is that of the report of one run, and without that it says the
// same.
func renderSeveralHTML(in SeveralInput) ([]byte, error) {
	m := newSeveralModel(in)
	_, leads := m.Groups[0].single()
	page := severalPage{
		Title: m.Title, Headline: m.Headline.plainText(), Policy: pagePolicy(), Style: styleElement(severalStyle), Script: scriptElement(),
		Leads: leads, Bars: m.Groups[0].bars(), Answer: plainTexts(m.Answer), Stamp: stamp(m.Generated), Tool: printable(m.Tool),
	}
	group := ""
	for i, p := range m.Parts {
		if !p.Sub {
			group = ""
		}
		part, err := newSeveralPart(p)
		if err != nil {
			return nil, err
		}
		part.ID, part.Name = fmt.Sprintf("part-%d", i+1), p.Title+group
		page.Parts = append(page.Parts, part)
		if !p.Sub {
			group = ", " + p.Title
		}
	}
	var b bytes.Buffer
	err := severalTemplate.Execute(&b, page)
	return b.Bytes(), err
}

func newSeveralPart(p comparingPart) (severalPart, error) {
	out := severalPart{Title: p.Title, Sub: p.Sub, Long: p.Long, Lines: plainTexts(p.Lines), Fold: p.Folded}
	for n, r := range p.Table {
		cells := make([]severalCell, len(r))
		for i, c := range r {
			cells[i] = severalCell{c.plainText(), i < p.Left}
		}
		if n == 0 {
			out.Head = cells
		} else {
			out.Rows = append(out.Rows, severalLine{cells, slices.Contains(p.Marked, n)})
		}
	}
	for _, f := range p.Figures {
		h, err := f.inPage(nil)
		if err != nil {
			return out, err
		}
		out.Plots = append(out.Plots, h)
	}
	return out, nil
}

// bars are what the runs of a group sustain; none when there is nothing to
// compare.
func (g *severalGroup) bars() (all []rival) {
	if len(g.Lead.Order) < 2 {
		return nil
	}
	for i := range g.Runs {
		if !g.answered(i) {
			continue
		}
		r := newRival(g.label(i), g.configuration(i), g.Runs[i].Sustained())
		r.Winner = g.mayLead(i)
		all = append(all, r)
	}
	return scaledRivals(all)
}
