package reports

import (
	_ "embed"
	"time"

	"sweetspot/analysis/compare"
)

// severalSchemaVersion grows when a reader of the JSON over several runs would
// break.
const severalSchemaVersion = 1

// SeveralSchema is the JSON Schema of a report over several runs as JSON.
//
//go:embed several.schema.json
var SeveralSchema []byte

// severalDoc is a report over several runs as JSON. Its names carry the units.
type severalDoc struct {
	Schema    int               `json:"schema" jsonschema:"enum=1"`
	Kind      string            `json:"kind" jsonschema:"enum=several runs"`
	Tool      string            `json:"tool"`
	Generated time.Time         `json:"generated"`
	Answer    []string          `json:"answer"`
	Groups    []severalGroupDoc `json:"groups"`
	Shows     []string          `json:"shows"`
}

// severalGroupDoc is runs that compare. The first is the reference's.
type severalGroupDoc struct {
	Number    int              `json:"number"`
	Apart     []severalDiffDoc `json:"why_not_compared_with_the_first"`
	Headline  string           `json:"headline"`
	Reference string           `json:"reference"`
	Lead      severalLeadDoc   `json:"lead"`
	Facts     []severalFactDoc `json:"differences"`
	Runs      []severalRunDoc  `json:"runs"`
	Cells     []severalCellDoc `json:"cells"`
}

type severalDiffDoc struct {
	What  string `json:"what"`
	First string `json:"first_group"`
	Here  string `json:"this_group"`
}

// severalLeadDoc says which runs may sustain the most: the one that does is
// among First with 95 %. Over is, by run, what exceeds it, or has the highest
// estimate where none is shown to.
type severalLeadDoc struct {
	Order []string                   `json:"by_sustained_rate"`
	First []string                   `json:"may_sustain_most"`
	Level quantity                   `json:"interval_level"`
	Over  map[string]severalAheadDoc `json:"exceeded_by"`
}

// severalAheadDoc is a run's rate over another's, with an interval of the level
// of the lead.
type severalAheadDoc struct {
	Run     string   `json:"run"`
	Value   quantity `json:"ratio"`
	Low     quantity `json:"low"`
	High    quantity `json:"high"`
	AtLeast bool     `json:"at_least,omitempty"`
}

type severalFactDoc struct {
	What   string            `json:"what"`
	Values map[string]string `json:"by_run"`
}

type severalRunDoc struct {
	Name        string                `json:"name"`
	Dir         string                `json:"dir"`
	RunID       string                `json:"run_id"`
	Began       time.Time             `json:"began"`
	Tool        string                `json:"tool"`
	CommandLine []string              `json:"command_line"`
	Seed        uint64                `json:"seed"`
	Host        hostDoc               `json:"host"`
	Versions    map[string]string     `json:"versions"`
	CPUSets     cpuSetsDoc            `json:"cpu_sets"`
	Scenario    scenarioDoc           `json:"scenario"`
	Application string                `json:"application"`
	Outcome     string                `json:"outcome"`
	NoAnswer    string                `json:"no_answer,omitempty"`
	Doubts      []string              `json:"doubts"`
	Recommends  string                `json:"recommends,omitempty"`
	Sustained   *figureDoc            `json:"sustained_per_second,omitempty"`
	Confirmed   bool                  `json:"confirmed_by_finals"`
	LatencyRate quantity              `json:"latency_offered_per_second"`
	Response    map[string]latencyDoc `json:"response"`
	AppCPU      *figureDoc            `json:"app_cpu_ms_per_request,omitempty"`
	ProxyCPU    *figureDoc            `json:"proxy_cpu_ms_per_request,omitempty"`
	Memory      int64                 `json:"memory_bytes"`
	Over        *figureDoc            `json:"sustained_over_reference,omitempty"`
	NoRatio     string                `json:"no_ratio,omitempty"`
	OverCPU     *figureDoc            `json:"app_cpu_over_reference,omitempty"`
	OverMemory  quantity              `json:"memory_over_reference"`
}

type severalCellDoc struct {
	Cell string                        `json:"cell"`
	Runs map[string]severalMeasuredDoc `json:"by_run"`
}

type severalMeasuredDoc struct {
	Sustained      *figureDoc `json:"sustained_per_second,omitempty"`
	Saturation     *figureDoc `json:"saturation_per_second,omitempty"`
	Over           *figureDoc `json:"sustained_over_reference,omitempty"`
	OverSaturation *figureDoc `json:"saturation_over_reference,omitempty"`
	Tags           []string   `json:"tags"`
	Reason         string     `json:"reason,omitempty"`
}

// renderSeveralJSON keeps every text as it is, with whatever is no plain
// character in it escaped.
func renderSeveralJSON(in SeveralInput) ([]byte, error) {
	b, err := indented(newSeveralDoc(newSeveralModel(in)))
	return jsonPrintable(b), err
}

func newSeveralDoc(m *severalModel) severalDoc {
	d := severalDoc{Schema: severalSchemaVersion, Kind: "several runs", Tool: m.Tool, Generated: m.Generated.UTC(), Answer: []string{m.Headline.plainText()}, Groups: []severalGroupDoc{}, Shows: plainTexts(m.shows().Lines)}
	d.Answer = append(d.Answer, plainTexts(m.Answer)...)
	for _, g := range m.Groups {
		d.Groups = append(d.Groups, newSeveralGroupDoc(g))
	}
	return d
}

func plainTexts(all []phrase) []string {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = p.plainText()
	}
	return texts
}

func newSeveralGroupDoc(g *severalGroup) severalGroupDoc {
	d := severalGroupDoc{
		Number: g.Number, Apart: []severalDiffDoc{}, Headline: g.Headline.plainText(), Reference: g.Runs[g.Reference].Name,
		Lead:  severalLeadDoc{Order: g.runNames(g.Lead.Order), First: g.runNames(g.Lead.First), Level: quantity(g.Lead.Level), Over: map[string]severalAheadDoc{}},
		Facts: []severalFactDoc{}, Runs: []severalRunDoc{}, Cells: []severalCellDoc{},
	}
	for _, a := range g.Apart {
		d.Apart = append(d.Apart, severalDiffDoc{a.What, a.There, a.Here})
	}
	for i, a := range g.Lead.Over {
		if f := a.Ratio; f != nil {
			d.Lead.Over[g.Runs[i].Name] = severalAheadDoc{g.Runs[a.Of].Name, quantity(f.Value), quantity(f.Low), quantity(f.High), f.AtLeast}
		}
	}
	for _, f := range g.facts() {
		values := map[string]string{}
		for i, v := range f.Values {
			values[g.Runs[i].Name] = v
		}
		d.Facts = append(d.Facts, severalFactDoc{f.What, values})
	}
	for i := range g.Runs {
		d.Runs = append(d.Runs, newSeveralRunDoc(g, i))
	}
	for _, r := range g.Rows {
		d.Cells = append(d.Cells, newSeveralCellDoc(g, r))
	}
	return d
}

func (g *severalGroup) runNames(which []int) []string {
	names := []string{}
	for _, i := range which {
		names = append(names, g.Runs[i].Name)
	}
	return names
}

func newSeveralRunDoc(g *severalGroup, i int) severalRunDoc {
	r := g.Runs[i]
	mf, row := r.Manifest, severalRow{g, i}
	d := severalRunDoc{
		Name: r.Name, Dir: r.Dir, RunID: mf.RunID, Began: mf.Began.UTC(), Tool: mf.Tool, CommandLine: list(mf.CommandLine), Seed: mf.Seed,
		Host: newHostDoc(mf.Host), Versions: texts(mf.Versions), CPUSets: newCPUSetsDoc(mf.CPUs),
		Scenario: newScenarioDoc(mf), Application: application(mf), Outcome: r.Result.Outcome, NoAnswer: row.because(),
		Doubts: append(list(g.Models[i].Alerts), g.Models[i].Warnings...), Recommends: row.cell(), LatencyRate: known(0), OverMemory: known(0), Response: map[string]latencyDoc{},
		Over: newFigureDoc(row.over()), OverCPU: newFigureDoc(row.overCPU()),
	}
	if o := g.Over[i]; o != nil {
		d.NoRatio = o.Bound
		if g.answered(i) && g.answered(g.Reference) {
			d.OverMemory = known(g.memory(i))
		}
	}
	if g.answered(i) {
		w := r.Result.Winner
		d.Sustained, d.Confirmed, d.LatencyRate, d.Response = newFigureDoc(r.Sustained()), w.Final != nil, known(w.LatencyRate), latencyDocs(w.Latency)
		d.AppCPU, d.ProxyCPU, d.Memory = newFigureDoc(w.AppCPU), newFigureDoc(w.ProxyCPU), w.Memory
	}
	return d
}

func newSeveralCellDoc(g *severalGroup, r compare.Row) severalCellDoc {
	d := severalCellDoc{r.Name, map[string]severalMeasuredDoc{}}
	for i, c := range r.Cells {
		if c == nil {
			continue
		}
		tags, why := g.Models[i].tags(c)
		one := severalMeasuredDoc{Sustained: newFigureDoc(c.Sustainable()), Saturation: newFigureDoc(c.Saturation), Tags: list(tags), Reason: why}
		if o := r.Over[i]; o != nil {
			one.Over, one.OverSaturation = newFigureDoc(o.Sustained), newFigureDoc(o.Saturation)
		}
		d.Runs[g.Runs[i].Name] = one
	}
	return d
}
