package reports

import (
	"fmt"
	"math"
	"strconv"

	"sweetspot/analysis"
)

// coresText writes a number of cores, whole or not: "1 core", "1.5 cores".
func coresText(n float64) string {
	if n == 1 {
		return "1 core"
	}
	return coreCount(n) + " cores"
}

// coreCount writes a number of cores without its noun.
func coreCount(n float64) string { return separated(strconv.FormatFloat(n, 'f', -1, 64)) }

// capacitySection says what one machine holds, and how that goes with its
// cores. It is empty when neither is known.
func (m *model) capacitySection() section {
	s := section{Title: "Capacity", Left: 2}
	if w := m.Result.Winner; w != nil && w.Sustainable() != nil {
		s.Lines = append(s.Lines, m.machineLine(w),
			fmt.Sprintf("How many a load takes, and what its next doubling costs: sweetspot capacity %s --rate 3000", m.Dir))
	}
	k := m.Result.Scaling
	if k == nil {
		return s
	}
	s.Lines = append(s.Lines, scalingLines(k)...)
	s.Table = scalingTable(k)
	return s
}

// machineLine says what one machine sustains, and with headroom.
func (m *model) machineLine(w *analysis.Cell) string {
	what := upperFirst(oneUnit(w))
	if m.Result.Target != "" {
		what = "The target"
	}
	text := fmt.Sprintf("%s sustains %s requests/s (%s)", what, value(w.Sustainable()), support(w.Sustainable()))
	if r := m.Result; r.Usable > 0 {
		text += fmt.Sprintf("; with %s headroom, %s of them are to be used", percent(r.Headroom), number(r.Usable))
	}
	return sentence(text)
}

// oneUnit is what a capacity plan counts, as measured: "one machine, 2 cores
// for the application" or "one pod of 1.5 cores".
func oneUnit(c *analysis.Cell) string {
	switch {
	case c.Pod:
		return "one pod of " + coresText(c.Cores)
	case c.Cores > 0:
		return "one machine, " + coresText(c.Cores) + " for the application,"
	}
	return "one machine"
}

// scalingLines tell the law of a run's numbers of cores, what it says and what
// is to be doubted.
func scalingLines(k *analysis.Scaling) (lines []string) {
	if law := k.Law; law != nil {
		lines = append(lines, lawLine(law), kneeLine(law))
	} else {
		lines = append(lines, sentence("No law is fitted through the numbers of cores: "+k.Refused.Error()))
	}
	if n := k.Demand; n != nil {
		lines = append(lines, fmt.Sprintf("A request takes %s ms of the application's CPU on %s, so that n cores do at most n × %s requests/s (utilisation law).",
			withInterval(scaled(n, 1000)), coresText(k.DemandAt), number(k.Bound(1))))
	}
	if k.Law != nil {
		if _, err := k.Predict(k.Law.Furthest()); err != nil {
			lines = append(lines, sentence("More cores than measured are not told: "+err.Error()))
		}
	}
	return append(lines, crowdedLines(k)...)
}

// lawLine writes the fitted law.
func lawLine(law *analysis.Scalability) string {
	of := func(name string, value float64, of func(analysis.USL) float64) string {
		low, high := law.Interval(of)
		return fmt.Sprintf("%s = %s (%s–%s)", name, digits(value), digits(low), digits(high))
	}
	return fmt.Sprintf("Throughput on n cores follows γn / (1 + α(n − 1) + βn(n − 1)), the Universal Scalability Law: %s requests/s, contention %s, coherency %s, with 95 %% intervals.",
		of("γ", law.Gamma, func(u analysis.USL) float64 { return u.Gamma }),
		of("α", law.Alpha, func(u analysis.USL) float64 { return u.Alpha }),
		of("β", law.Beta, func(u analysis.USL) float64 { return u.Beta }))
}

// kneeLine tells the knee and the peak, where they are near enough to be told.
func kneeLine(law *analysis.Scalability) string {
	most := law.Furthest()
	knee := law.Knee()
	if knee > most {
		return fmt.Sprintf("Its knee, from which a further core costs more than it gives, is beyond the %s up to which it can be asked.", coresText(most))
	}
	text := fmt.Sprintf("Its knee, from which a further core costs more than it gives (X²/n is largest there), is at %s cores (%s)", number(knee), coresInterval(law, analysis.USL.Knee))
	if peak := law.Peak(); peak <= most {
		text += fmt.Sprintf("; from %s cores (%s) on, throughput falls", number(peak), coresInterval(law, analysis.USL.Peak))
	}
	return sentence(text)
}

// coresInterval writes the interval of a number of cores, whose end may be
// nowhere.
func coresInterval(law *analysis.Scalability, of func(analysis.USL) float64) string {
	low, high := law.Interval(of)
	if high > law.Furthest() {
		return fmt.Sprintf("%s to beyond %s", number(low), coreCount(law.Furthest()))
	}
	return number(low) + "–" + number(high)
}

// crowdedLines warn of numbers of cores that the application did not get.
func crowdedLines(k *analysis.Scaling) []string {
	if len(k.Crowded) == 0 {
		return nil
	}
	var on []string
	for _, n := range k.Crowded {
		on = append(on, coreCount(n))
	}
	return []string{fmt.Sprintf("On %s cores the machine was full, and others, generator and proxy among them, took a part of them: what looks like contention there is theirs as well, so that the law promises too little rather than too much.", join(on))}
}

// scalingTable has a row for every number of cores measured, and one for twice
// the largest where the law can be asked for it.
func scalingTable(k *analysis.Scaling) [][]string {
	rows := [][]string{{"cores", "W×T", "starts", "requests/s", "95 %", "app CPU ms", "proxy CPU ms", "by the law", "bound"}}
	for _, n := range k.Cores() {
		rate, on := k.Rate(n), k.On(n)
		app, proxy := 0.0, 0.0
		for _, p := range on {
			app, proxy = app+1000*p.App/float64(len(on)), proxy+1000*p.Proxy/float64(len(on))
		}
		rows = append(rows, []string{coreCount(n), sizeShort(on[0].Cell), count(rate.N), value(rate), interval(rate), positive(app), positive(proxy), byLaw(k, n), number(k.Bound(n))})
	}
	if k.Law != nil {
		if n := k.Law.Furthest(); byLaw(k, n) != none {
			rows = append(rows, []string{coreCount(n), "not measured", none, none, none, none, none, byLaw(k, n), number(k.Bound(n))})
		}
	}
	return rows
}

// byLaw is what the law says of n cores.
func byLaw(k *analysis.Scaling, n float64) string {
	f, err := k.Predict(n)
	if err != nil {
		return none
	}
	return withInterval(f)
}

// positive writes a figure that is unknown when it is 0.
func positive(v float64) string {
	if v <= 0 {
		return none
	}
	return number(v)
}

// digits writes v with three significant digits, however small it is.
func digits(v float64) string {
	if a := math.Abs(v); a == 0 || a >= 1 {
		return number(v)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// scaled is a figure in another unit.
func scaled(f *analysis.Figure, by float64) *analysis.Figure {
	return &analysis.Figure{Value: by * f.Value, Low: by * f.Low, High: by * f.High, N: f.N, AtLeast: f.AtLeast}
}

// machineDoc is what one machine holds, and how that goes with its cores.
type machineDoc struct {
	Cores    quantity    `json:"application_cores"`
	Pod      bool        `json:"pod"`
	Sustains *figureDoc  `json:"sustains_per_second,omitempty"`
	Scaling  *scalingDoc `json:"scaling,omitempty"`
}

type scalingDoc struct {
	Points    []scalingPointDoc `json:"points"`
	Law       *lawDoc           `json:"law,omitempty"`
	Refused   string            `json:"no_law,omitempty"`
	Demand    *figureDoc        `json:"app_cpu_ms_per_request,omitempty"`
	DemandAt  quantity          `json:"app_cpu_on_cores"`
	Bound     quantity          `json:"bound_per_core_per_second"`
	Crowded   []quantity        `json:"crowded_cores"`
	Predicted []predictedDoc    `json:"predicted"`
}

type scalingPointDoc struct {
	Cores quantity `json:"cores"`
	Cell  string   `json:"cell"`
	Rate  quantity `json:"throughput_per_second"`
	App   quantity `json:"app_cpu_ms_per_request"`
	Proxy quantity `json:"proxy_cpu_ms_per_request"`
}

// lawDoc is a Universal Scalability Law. The knee and the peak are null where
// there is none.
type lawDoc struct {
	Gamma   ratioDoc `json:"gamma_per_second"`
	Alpha   ratioDoc `json:"alpha"`
	Beta    ratioDoc `json:"beta"`
	Knee    ratioDoc `json:"knee_cores"`
	Peak    ratioDoc `json:"peak_cores"`
	SD      quantity `json:"residual_share"`
	Largest quantity `json:"largest_cores"`
}

type predictedDoc struct {
	Cores quantity `json:"cores"`
	Rate  ratioDoc `json:"throughput_per_second"`
}

func newMachineDoc(m *model) *machineDoc {
	w, k := m.Result.Winner, m.Result.Scaling
	if w == nil && k == nil {
		return nil
	}
	d := &machineDoc{Cores: quantity(math.NaN()), Scaling: newScalingDoc(k)}
	if w != nil {
		d.Cores, d.Pod, d.Sustains = known(w.Cores), w.Pod, newFigureDoc(w.Sustainable())
	}
	return d
}

func newScalingDoc(k *analysis.Scaling) *scalingDoc {
	if k == nil {
		return nil
	}
	d := &scalingDoc{Points: []scalingPointDoc{}, DemandAt: known(k.DemandAt), Bound: rounded(k.Bound(1)), Crowded: []quantity{}, Predicted: []predictedDoc{}}
	for _, n := range k.Crowded {
		d.Crowded = append(d.Crowded, quantity(n))
	}
	for _, p := range k.Points {
		d.Points = append(d.Points, scalingPointDoc{quantity(p.Cores), p.Cell.String(), quantity(p.Rate), known(1000 * p.App), known(1000 * p.Proxy)})
	}
	if k.Demand != nil {
		d.Demand = newFigureDoc(scaled(k.Demand, 1000))
	}
	if k.Law == nil {
		d.Refused = k.Refused.Error()
		return d
	}
	d.Law = newLawDoc(k.Law)
	for _, n := range append(k.Cores(), k.Law.Furthest()) {
		if f, err := k.Predict(n); err == nil {
			d.Predicted = append(d.Predicted, predictedDoc{quantity(n), ratioDoc{rounded(f.Value), rounded(f.Low), rounded(f.High)}})
		}
	}
	return d
}

func newLawDoc(law *analysis.Scalability) *lawDoc {
	of := func(of func(analysis.USL) float64) ratioDoc {
		low, high := law.Interval(of)
		return ratioDoc{rounded(of(law.USL)), rounded(low), rounded(high)}
	}
	return &lawDoc{
		Gamma: of(func(u analysis.USL) float64 { return u.Gamma }),
		Alpha: of(func(u analysis.USL) float64 { return u.Alpha }),
		Beta:  of(func(u analysis.USL) float64 { return u.Beta }),
		Knee:  of(analysis.USL.Knee), Peak: of(analysis.USL.Peak), SD: rounded(law.SD), Largest: quantity(law.Largest),
	}
}

// rounded has six significant digits: more are not in what was drawn at random.
func rounded(v float64) quantity {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	if err != nil {
		return quantity(v)
	}
	return quantity(r)
}
