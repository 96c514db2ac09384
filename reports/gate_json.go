package reports

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"time"
	"unicode/utf16"

	"sweetspot/analysis/gate"
)

// gateSchemaVersion grows when a reader of the gate's JSON would break.
const gateSchemaVersion = 1

// GateSchema is the JSON Schema of a gate's result as JSON.
//
//go:embed gate.schema.json
var GateSchema []byte

// gateDoc is a gate's result as JSON. Its names carry the units; relative
// changes are ratios, 0.05 being 5 % more.
type gateDoc struct {
	Schema      int             `json:"schema" jsonschema:"enum=1"`
	Tool        string          `json:"tool"`
	Scenario    string          `json:"scenario"`
	Began       time.Time       `json:"began"`
	CommandLine []string        `json:"command_line"`
	Host        hostDoc         `json:"host"`
	Source      string          `json:"source" jsonschema:"enum=duet,enum=aa,enum=baseline"`
	Verdict     string          `json:"verdict" jsonschema:"enum=pass,enum=regressed,enum=improved,enum=inconclusive,enum="`
	Headline    string          `json:"headline"`
	Because     string          `json:"because"`
	Base        gateBuildDoc    `json:"base"`
	Candidate   gateBuildDoc    `json:"candidate"`
	Cell        string          `json:"cell"`
	Metrics     []gateMetricDoc `json:"metrics"`
	Rounds      int             `json:"rounds"`
	MostRounds  int             `json:"most_rounds"`
	Voids       []gateVoidDoc   `json:"void_rounds"`
	Confirmed   int             `json:"confirming_rounds"`
	MoreRounds  int             `json:"more_rounds,omitempty"`
	SpentS      quantity        `json:"spent_seconds"`
	Interrupted string          `json:"interrupted,omitempty"`
	Warnings    []string        `json:"warnings"`
}

type gateBuildDoc struct {
	Name     string `json:"name"`
	Dir      string `json:"dir"`
	Revision string `json:"revision,omitempty"`
}

type gateMetricDoc struct {
	Key        string         `json:"key"`
	Name       string         `json:"name"`
	Scope      string         `json:"scope,omitempty"`
	Unit       string         `json:"unit"`
	Higher     bool           `json:"higher_is_better"`
	Role       string         `json:"role" jsonschema:"enum=fail,enum=warn,enum=inform"`
	Criterion  string         `json:"criterion,omitempty"`
	Margin     quantity       `json:"margin"`
	Base       quantity       `json:"base"`
	Candidate  quantity       `json:"candidate"`
	Effect     quantity       `json:"effect"`
	Low        quantity       `json:"effect_low_95"`
	High       quantity       `json:"effect_high_95"`
	Visible    quantity       `json:"smallest_visible"`
	Verdict    string         `json:"verdict" jsonschema:"enum=pass,enum=regressed,enum=improved,enum=inconclusive,enum="`
	P          quantity       `json:"p_one_sided"`
	MoreRounds int            `json:"more_rounds,omitempty"`
	Rounds     []gateRoundDoc `json:"rounds"`
}

type gateRoundDoc struct {
	Round     int      `json:"round"`
	Base      quantity `json:"base"`
	Candidate quantity `json:"candidate"`
	Log       quantity `json:"log_ratio"`
}

type gateVoidDoc struct {
	Round int    `json:"round"`
	Why   string `json:"why"`
}

// renderGateJSON keeps every text as it is, with whatever is no plain character
// in it escaped.
func renderGateJSON(r *gate.Result, meta GateMeta) ([]byte, error) {
	b, err := indented(newGateDoc(r, meta))
	return jsonPrintable(b), err
}

func newGateDoc(r *gate.Result, meta GateMeta) gateDoc {
	d := gateDoc{
		Schema: gateSchemaVersion, Tool: meta.Tool, Scenario: meta.Scenario, Began: meta.Time.UTC(), CommandLine: list(meta.CommandLine), Host: newHostDoc(meta.Host),
		Source: r.Source, Verdict: string(r.Verdict), Headline: newGateModel(r, meta).Headline, Because: r.Because,
		Base: gateBuildDoc(r.Base), Candidate: gateBuildDoc(r.Candidate), Cell: r.Cell.String(),
		Metrics: []gateMetricDoc{}, Rounds: r.Rounds, MostRounds: r.MostRounds, Voids: []gateVoidDoc{}, Confirmed: r.Confirmed,
		MoreRounds: r.MoreRounds, SpentS: quantity(r.Spent.Seconds()), Interrupted: r.Interrupted, Warnings: list(r.Warnings),
	}
	for _, x := range r.Metrics {
		md := gateMetricDoc{
			Key: x.Key(), Name: x.Name, Scope: x.Scope, Unit: x.Unit, Higher: x.Higher, Role: x.Role, Criterion: x.Criterion, Margin: quantity(x.Margin),
			Base: quantity(x.Base), Candidate: quantity(x.Candidate), Effect: quantity(x.Effect), Low: quantity(x.Low), High: quantity(x.High),
			Visible: quantity(x.Visible), Verdict: string(x.Verdict), P: quantity(x.P), MoreRounds: x.MoreRounds, Rounds: []gateRoundDoc{},
		}
		for _, p := range x.Rounds {
			md.Rounds = append(md.Rounds, gateRoundDoc{p.Round, quantity(p.Base), quantity(p.Candidate), quantity(p.Log)})
		}
		d.Metrics = append(d.Metrics, md)
	}
	for _, v := range r.Voids {
		d.Voids = append(d.Voids, gateVoidDoc(v))
	}
	return d
}

// jsonPrintable escapes what steers a terminal or a CI runner's log; only texts
// of a document have such.
func jsonPrintable(b []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(b) {
		switch {
		case r == '\n' || strconv.IsPrint(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return logCommand.ReplaceAll(out.Bytes(), []byte(`##$1\u005b`))
}
