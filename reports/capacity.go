package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sweetspot/analysis"
)

// Capacity is a capacity plan and what is to be told with it.
type Capacity struct {
	Plan   *analysis.Plan
	Growth *analysis.Growth  // of the daily peaks; nil: they are not known
	Full   analysis.Full     // of the planned machines; only with Growth
	Scaled *analysis.Scaling // how throughput goes with cores; nil: it was not measured
}

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
	within := ""
	if o := p.Demand.Objective; o != nil {
		within = " within " + objectiveText(*o)
	}
	out := []string{
		fmt.Sprintf("%s requests/s%s with %s headroom take %s, each with %s.", number(p.Demand.Rate), within, percent(p.Demand.Headroom), c.machines(), cellPhrase(p.Run())),
		c.sustains(within),
		fmt.Sprintf("Each then takes %s requests/s. %s", number(p.Each), c.latency()),
		fmt.Sprintf("Twice the rate takes %s, %s more. %s", c.units(p.Doubled), count(p.Doubled-p.Machines), c.twice()),
	}
	if p.Sustains.AtLeast {
		out = append(out, "No load measured was too much for that objective: fewer machines may do. Measure higher loads to tell.")
	}
	if p.Ratio != nil && p.Demand.Cores < p.Cell.Cores {
		out = append(out, "On fewer cores a queue is longer at the same share of the throughput, so that within a latency one sustains rather less than told: measure it before you rely on it.")
	}
	if p.Ratio != nil && c.Scaled != nil {
		out = append(out, crowdedLines(c.Scaled)...)
	}
	if c.Growth != nil {
		out = append(out, c.growth())
	}
	return out
}

// units writes so many of what the plan counts: "11 machines", "3 pods of
// 1.5 cores".
func (c Capacity) units(n int) string {
	p := c.Plan
	noun := "machine"
	if p.Cell.Pod {
		noun = "pod"
	}
	text := counted(n, noun)
	if p.Cell.Pod || p.Ratio != nil {
		text += " of " + coresText(p.Cores())
	}
	return text
}

// machines writes how many the plan takes, with their interval, and which.
func (c Capacity) machines() string {
	p := c.Plan
	text := c.units(p.Machines)
	if p.Low > 0 && p.Low != p.High {
		text += fmt.Sprintf(" (95 %% interval %s–%s)", count(p.Low), count(p.High))
	}
	if !p.Cell.Pod && p.Ratio == nil {
		text += " like the measured one"
	}
	return text
}

// sustains says what one machine holds, and what that is inferred from where it
// was not measured.
func (c Capacity) sustains(within string) string {
	p := c.Plan
	text := fmt.Sprintf("One sustains %s requests/s%s", withInterval(p.Sustains), within)
	if p.Ratio != nil {
		text += fmt.Sprintf(" by the scalability law: %s on %s, times %s", withInterval(p.Measured), coresText(p.Cell.Cores), intervalOf(p.Ratio))
	}
	return text + fmt.Sprintf("; %s are used at most.", number(p.Usable))
}

// twice says what doubling the cores of one gives, instead of doubling their
// number.
func (c Capacity) twice() string {
	p := c.Plan
	if p.Twice == nil {
		return "What twice the cores of one give is not told: " + sentence(p.NoTwice)
	}
	return fmt.Sprintf("Twice the cores of one, %s, give %s times its throughput.", coreCount(2*p.Cores()), intervalOf(p.Twice))
}

// intervalOf writes a ratio with its interval: "1.83 (1.75–1.90)".
func intervalOf(f *analysis.Figure) string { return number(f.Value) + " (" + interval(f) + ")" }

// latency tells what is expected of the response time at the planned load.
func (c Capacity) latency() string {
	var known, unknown []string
	for _, m := range analysis.PlanMetrics {
		if f := c.Plan.Latency[m]; f != nil {
			known = append(known, fmt.Sprintf("%s %s ms (%s–%s)", m, number(1000*f.Value), numberLike(1000*f.Low, 1000*f.Value), numberLike(1000*f.High, 1000*f.Value)))
		} else if why := c.Plan.Unknown[m]; why != "" && !slices.Contains(unknown, why) {
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
	g, machines := c.Growth, c.units(c.Plan.Machines)
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
	Cores     quantity             `json:"application_cores_each"`
	Pod       bool                 `json:"pod"`
	Run       string               `json:"run_on_each"`
	Measured  *figureDoc           `json:"measured_sustains_per_second"`
	On        quantity             `json:"measured_application_cores"`
	Ratio     *ratioDoc            `json:"throughput_over_measured,omitempty"`
	Twice     *ratioDoc            `json:"throughput_of_twice_the_cores,omitempty"`
	NoTwice   string               `json:"twice_the_cores_unknown,omitempty"`
	Scaling   *scalingDoc          `json:"scaling,omitempty"`
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

// someRatioDoc is nil for none.
func someRatioDoc(f *analysis.Figure) *ratioDoc {
	if f == nil {
		return nil
	}
	return &ratioDoc{rounded(f.Value), rounded(f.Low), rounded(f.High)}
}

// CapacityPlot is the plot of throughput against cores as "svg" or "png". It is
// an error when that was not measured.
func CapacityPlot(s *analysis.Scaling, ext string) ([]byte, error) {
	f := plotScaling(&model{Input: Input{Result: &analysis.Result{Scaling: s}}})
	if f.missing != "" {
		return nil, fmt.Errorf("plot throughput against cores: %s", f.missing)
	}
	switch ext {
	case "svg":
		return f.svg()
	case "png":
		return f.png()
	}
	return nil, fmt.Errorf("plot throughput against cores: %q is neither svg nor png", ext)
}

// CapacityJSON tells a plan as JSON.
func CapacityJSON(c Capacity) ([]byte, error) {
	p := c.Plan
	d := capacityDoc{
		Schema: jsonSchemaVersion, Cell: p.Cell.Cell.String(), Rate: quantity(p.Demand.Rate), Headroom: quantity(p.Demand.Headroom),
		Sustains: newFigureDoc(p.Sustains), Usable: quantity(p.Usable), Machines: p.Machines, Low: p.Low, High: p.High,
		Each: quantity(p.Each), Latency: map[string]figureDoc{}, Unknown: p.Unknown, Doubled: p.Doubled,
		Cores: known(p.Cores()), Pod: p.Cell.Pod, Run: p.Run().String(), Measured: newFigureDoc(p.Measured), On: known(p.Cell.Cores),
		Ratio: someRatioDoc(p.Ratio), Twice: someRatioDoc(p.Twice), NoTwice: p.NoTwice, Scaling: newScalingDoc(c.Scaled),
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
	return indented(d)
}
