package reports

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"sweetspot/analysis"
)

// Capacity is a capacity plan and what is to be told with it.
type Capacity struct {
	Plan   *analysis.Plan
	Growth *analysis.Growth // of the daily peaks; nil: they are not known
	Full   analysis.Full    // of the planned machines; only with Growth
}

// planMetrics are the statistics of the expected latency, in the order in
// which they are told.
var planMetrics = []string{"p50", "p95", "p99"}

// CapacityText tells a plan in sentences, a paragraph each.
func CapacityText(c Capacity) []byte {
	var b strings.Builder
	for _, s := range c.sentences() {
		b.WriteString(s + "\n")
	}
	return []byte(b.String())
}

func (c Capacity) sentences() []string {
	p := c.Plan
	machines := counted(p.Machines, "machine")
	if p.Low > 0 && p.Low != p.High {
		machines += fmt.Sprintf(" (95 %% interval %s–%s)", count(p.Low), count(p.High))
	}
	within := ""
	if o := p.Demand.Objective; o != nil {
		within = " within " + objectiveText(*o)
	}
	out := []string{
		fmt.Sprintf("%s requests/s%s with %s headroom take %s like the measured one, each with %s.", number(p.Demand.Rate), within, percent(p.Demand.Headroom), machines, cellPhrase(p.Cell.Cell)),
		fmt.Sprintf("One sustains %s requests/s%s, of which %s are used at most.", withInterval(p.Sustains), within, number(p.Usable)),
		fmt.Sprintf("Each then takes %s requests/s. %s", number(p.Each), c.latency()),
		fmt.Sprintf("Twice the rate takes %s, %s more.", counted(p.Doubled, "machine"), count(p.Doubled-p.Machines)),
	}
	if p.Sustains.AtLeast {
		out = append(out, "No load measured was too much for that objective: fewer machines may do. Measure higher loads to tell.")
	}
	if c.Growth != nil {
		out = append(out, c.growth())
	}
	return out
}

// latency tells what is expected of the response time at the planned load.
func (c Capacity) latency() string {
	var known, unknown []string
	for _, m := range planMetrics {
		if f := c.Plan.Latency[m]; f != nil {
			known = append(known, fmt.Sprintf("%s %s ms (%s–%s)", m, number(1000*f.Value), numberLike(1000*f.Low, 1000*f.Value), numberLike(1000*f.High, 1000*f.Value)))
		} else if why := c.Plan.Unknown[m]; !slices.Contains(unknown, why) {
			unknown = append(unknown, why)
		}
	}
	var out []string
	if len(known) > 0 {
		out = append(out, "Expected response times there, between measured loads: "+join(known)+".")
	}
	for _, why := range unknown {
		out = append(out, "Response times there are not told: "+sentence(why))
	}
	return strings.Join(out, " ")
}

// growth tells when the planned machines are full.
func (c Capacity) growth() string {
	g, machines := c.Growth, counted(c.Plan.Machines, "machine")
	text := fmt.Sprintf("Peaks grow by %s a year (%s), by %s from %s to %s.", change(g.PerYear.Value), change(g.PerYear.Low)+" to "+change(g.PerYear.High),
		counted(g.Peaks, "daily peak"), g.First.Format(time.DateOnly), g.Last.Format(time.DateOnly))
	span := int(g.Last.Sub(g.First).Hours() / 24)
	switch f := c.Full; {
	case f.Already:
		text += fmt.Sprintf(" %s are full already.", upperFirst(machines))
	case f.Low.IsZero():
		text += fmt.Sprintf(" %s are not full within five years.", upperFirst(machines))
	case f.Day.IsZero():
		text += fmt.Sprintf(" %s are expected to do for five years; the interval begins on %s.", upperFirst(machines), f.Low.Format(time.DateOnly))
	default:
		text += fmt.Sprintf(" %s are full on %s (%s to %s).", upperFirst(machines), f.Day.Format(time.DateOnly), f.Low.Format(time.DateOnly), day(f.High))
		if f.Beyond > span {
			text += fmt.Sprintf(" That is %s ahead, further than the %s that are known.", counted(f.Beyond, "day"), count(span))
		}
	}
	return text
}

func day(t time.Time) string {
	if t.IsZero() {
		return "more than five years ahead"
	}
	return t.Format(time.DateOnly)
}

// change writes a ratio as a change: "+50 %".
func change(ratio float64) string {
	return strings.Replace(fmt.Sprintf("%+.0f %%", 100*(ratio-1)), "-", "−", 1)
}

// capacityDoc is the JSON of a plan. Its names carry the units.
type capacityDoc struct {
	Schema    int                  `json:"schema"`
	Cell      string               `json:"cell"`
	Rate      quantity             `json:"rate_per_second"`
	Objective string               `json:"objective,omitempty"`
	Headroom  quantity             `json:"headroom"`
	Sustains  *figureDoc           `json:"one_sustains_per_second"`
	Usable    quantity             `json:"one_usable_per_second"`
	Machines  int                  `json:"machines"`
	Low       int                  `json:"machines_low,omitempty"`
	High      int                  `json:"machines_high,omitempty"`
	Each      quantity             `json:"each_per_second"`
	Latency   map[string]figureDoc `json:"response_s"`
	Unknown   map[string]string    `json:"response_unknown"`
	Doubled   int                  `json:"machines_for_twice_the_rate"`
	Growth    *growthDoc           `json:"growth,omitempty"`
}

type growthDoc struct {
	PerYear  figureDoc `json:"ratio_per_year"`
	Peaks    int       `json:"daily_peaks"`
	Full     string    `json:"full,omitempty"`
	FullLow  string    `json:"full_low,omitempty"`
	FullHigh string    `json:"full_high,omitempty"`
	Already  bool      `json:"full_already"`
}

// CapacityJSON tells a plan as JSON.
func CapacityJSON(c Capacity) ([]byte, error) {
	p := c.Plan
	d := capacityDoc{
		Schema: jsonSchemaVersion, Cell: p.Cell.Cell.String(), Rate: quantity(p.Demand.Rate), Headroom: quantity(p.Demand.Headroom),
		Sustains: newFigureDoc(p.Sustains), Usable: quantity(p.Usable), Machines: p.Machines, Low: p.Low, High: p.High,
		Each: quantity(p.Each), Latency: map[string]figureDoc{}, Unknown: p.Unknown, Doubled: p.Doubled,
	}
	if o := p.Demand.Objective; o != nil {
		d.Objective = o.String()
	}
	for m, f := range p.Latency {
		d.Latency[m] = *newFigureDoc(f)
	}
	if g := c.Growth; g != nil {
		date := func(t time.Time) string {
			if t.IsZero() {
				return ""
			}
			return t.Format(time.DateOnly)
		}
		d.Growth = &growthDoc{*newFigureDoc(g.PerYear), g.Peaks, date(c.Full.Day), date(c.Full.Low), date(c.Full.High), c.Full.Already}
	}
	b, err := json.MarshalIndent(d, "", "  ")
	return append(b, '\n'), err
}
