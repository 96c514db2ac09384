package reports

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sweetspot/analysis/gate"
	"sweetspot/scenarios"
)

// gateModel is what all formats for people tell, in plain words: one line each,
// without control characters or commands to a CI runner's log.
type gateModel struct {
	*gate.Result // with its texts made inert
	GateMeta

	Headline string
	Why      string    // the gate's own sentence
	Early    string    // why it ended early; empty when it did not
	Warned   []string  // of criteria that warn and were not kept
	Tables   []section // deciding metrics, those that warn, those that inform
	Roles    [][]gate.Metric
	Counted  string // rounds and time
	Lost     []string
	Repeat   []fact
}

func newGateModel(r *gate.Result, meta GateMeta) *gateModel {
	m := &gateModel{Result: inertResult(r), GateMeta: inertMeta(meta)}
	m.Headline = m.headline()
	if m.Because != "" {
		m.Why = "Why: " + sentence(m.Because)
	}
	if m.Interrupted != "" {
		m.Early = sentence("It ended early: " + m.Interrupted)
	}
	for _, x := range m.role("warn") {
		if x.Verdict == gate.Regressed {
			m.Warned = append(m.Warned, sentence("Warning: "+worsened(x)))
		}
	}
	m.tables()
	m.Counted = m.counted()
	for _, v := range m.Voids {
		m.Lost = append(m.Lost, fmt.Sprintf("round %d: %s", v.Round, v.Why))
	}
	m.repeat()
	return m
}

func (m *gateModel) role(name string) (found []gate.Metric) {
	for _, x := range m.Metrics {
		if x.Role == name {
			found = append(found, x)
		}
	}
	return found
}

// deciding are the deciding metrics with that verdict.
func (m *gateModel) deciding(v gate.Verdict) (found []gate.Metric) {
	for _, x := range m.role("fail") {
		if x.Verdict == v {
			found = append(found, x)
		}
	}
	return found
}

// headline is the answer: which verdict, of what against what, and by how much.
func (m *gateModel) headline() string {
	if m.Source == gate.Self {
		return m.selfHeadline()
	}
	base, candidate := m.baseName(), buildName("candidate", m.Candidate)
	switch m.Verdict {
	case gate.Pass:
		text := fmt.Sprintf("Pass: %s is shown to be no worse than %s within every margin", candidate, base)
		if all := m.role("fail"); len(all) > 0 {
			text += "; closest to its margin is " + standing(slices.MaxFunc(all, closest))
		}
		return sentence(text)
	case gate.Regressed:
		bad := m.deciding(gate.Regressed)
		if len(bad) == 0 {
			return fmt.Sprintf("Regressed: %s is shown to be worse than %s.", candidate, base)
		}
		slices.SortStableFunc(bad, func(a, b gate.Metric) int { return closest(b, a) })
		text := fmt.Sprintf("Regressed: %s from %s to %s", moved(bad[0]), base, candidate)
		if bad[0].Margin > 0 {
			text += "; the margin is " + margin(bad[0])
		}
		text += "."
		if m.Confirmed > 0 {
			text += fmt.Sprintf(" An independent block of %s confirms it.", counted(m.Confirmed, "round"))
		}
		return text + others(" Regressed as well: ", bad[1:])
	case gate.Improved:
		good := m.deciding(gate.Improved)
		if len(good) == 0 {
			return fmt.Sprintf("Improved: %s is shown to be better than %s.", candidate, base)
		}
		slices.SortStableFunc(good, closest)
		text := fmt.Sprintf("Improved: %s from %s to %s", moved(good[0]), base, candidate)
		if len(good)+len(m.deciding(gate.Pass)) == len(m.role("fail")) {
			text += "; no deciding metric is worse than its margin accepts"
		}
		return text + "." + others(" Improved as well: ", good[1:])
	case gate.Inconclusive:
		text := fmt.Sprintf("Inconclusive: it is not shown whether %s is worse than %s.", candidate, base)
		if open := m.deciding(gate.Inconclusive); len(open) > 0 {
			slices.SortStableFunc(open, func(a, b gate.Metric) int {
				if a.MoreRounds != b.MoreRounds {
					return b.MoreRounds - a.MoreRounds
				}
				return closest(b, a)
			})
			text += " Not clear is " + sentence(standing(open[0])) + others(" Nor are ", open[1:])
		}
		return text + " " + m.help()
	}
	return "No verdict: no metric decides; name criteria in the scenario, as gate: {fail: [\"p95 grows > 10%\"]}."
}

// selfHeadline is the answer of a build against itself: whether it was a false
// alarm, and what the machine can show.
func (m *gateModel) selfHeadline() string {
	build := buildName("build", m.Base)
	for _, v := range []gate.Verdict{gate.Regressed, gate.Improved} {
		if bad := m.deciding(v); m.Verdict == v && len(bad) > 0 {
			return fmt.Sprintf("A/A: a false alarm: %s, though %s ran against itself.%s", moved(bad[0]), build, others(" False as well: ", bad[1:]))
		}
	}
	if m.Rounds == 0 {
		return fmt.Sprintf("A/A: no round of %s against itself counts; how small a change shows here is not known.", build)
	}
	text := fmt.Sprintf("A/A: %s against itself, %s, no false alarm", build, counted(m.Rounds, "round"))
	var seen []string
	for _, x := range m.role("fail") {
		if finite(x.Visible) {
			seen = append(seen, fmt.Sprintf("%s of %s", signed(worse(x, x.Visible)), metricPhrase(x)))
		}
	}
	if len(seen) == 0 {
		return text + "; how small a change shows here is not known."
	}
	return text + "; the smallest changes for the worse that so many rounds show here: " + join(seen) + "."
}

// help says what would make an inconclusive gate conclusive.
func (m *gateModel) help() string {
	if m.MoreRounds <= 0 {
		return "How many more rounds would do is not known."
	}
	text := fmt.Sprintf("About %s would do", counted(m.MoreRounds, "more round"))
	if made := m.Rounds + len(m.Voids); made > 0 && m.Spent > 0 {
		text = fmt.Sprintf("About %s, some %s of machine time, would do", counted(m.MoreRounds, "more round"), roughly(m.Spent/time.Duration(made)*time.Duration(m.MoreRounds)))
	}
	return text + "."
}

// others names further metrics with their effects.
func others(lead string, all []gate.Metric) string {
	if len(all) == 0 {
		return ""
	}
	const most = 5
	var texts []string
	for i, x := range all {
		if i == most {
			texts = append(texts, counted(len(all)-i, "other"))
			break
		}
		texts = append(texts, metricPhrase(x)+" ("+signed(x.Effect)+")")
	}
	return lead + join(texts) + "."
}

// baseName names what the candidate is compared with.
func (m *gateModel) baseName() string {
	if m.Source == gate.Baseline {
		return buildName("stored baseline", m.Base)
	}
	return buildName("base", m.Base)
}

// objectName is the hash of a git object at the start of a revision.
var objectName = regexp.MustCompile(`^([0-9a-f]{12})[0-9a-f]{28,52}\b`)

// buildName names a build by its revision, else by its folder: "the base 1a2b3c4d5e6f".
func buildName(what string, b gate.Build) string {
	switch {
	case b.Revision != "":
		return "the " + what + " " + shortRevision(b.Revision)
	case b.Dir != "":
		return "the " + what + " in " + b.Dir
	}
	return "the " + what
}

// shortRevision shortens the hash of a commit; other names stay whole.
func shortRevision(s string) string { return objectName.ReplaceAllString(s, "$1") }

// closest orders metrics by how near they are to their margins, the nearest last.
func closest(a, b gate.Metric) int {
	use := func(x gate.Metric) float64 {
		harm := worse(x, 1) * x.Effect
		if x.Margin > 0 {
			harm /= x.Margin
		}
		if math.IsNaN(harm) {
			return math.Inf(-1)
		}
		return harm
	}
	switch ua, ub := use(a), use(b); {
	case ua < ub:
		return -1
	case ua > ub:
		return 1
	}
	return 0
}

// worse gives a size the sign of a change for the worse.
func worse(x gate.Metric, v float64) float64 {
	if x.Higher {
		return -math.Abs(v)
	}
	return math.Abs(v)
}

var phrases = map[string]string{"cpu": "CPU time per request", "errors": "error rate", "startup": "start-up time"}

// metricPhrase names a metric in prose: "p95 of checkout".
func metricPhrase(x gate.Metric) string {
	text := x.Name
	if p, ok := phrases[x.Name]; ok {
		text = p
	}
	if x.Scope != "" {
		text += " of " + x.Scope
	}
	return text
}

// standing writes "p95 of checkout at +1.2 % (95 % interval −0.9 to +3.4 %), with a margin of +10 %".
func standing(x gate.Metric) string {
	text := moved(x)
	if finite(x.Effect) {
		text = metricPhrase(x) + " at " + signed(x.Effect) + " (" + spread(x) + ")"
	}
	if x.Margin > 0 {
		text += ", with a margin of " + margin(x)
	}
	return text
}

// moved writes "p95 of checkout grew by 12.3 % (95 % interval +9.8 to +14.9 %)".
func moved(x gate.Metric) string {
	if !finite(x.Effect) {
		return metricPhrase(x) + " went from " + number(x.Base) + " to " + number(x.Candidate) + " " + x.Unit
	}
	verb := "grew"
	if x.Effect < 0 {
		verb = "fell"
	}
	return fmt.Sprintf("%s %s by %s (%s)", metricPhrase(x), verb, strings.TrimLeft(signed(x.Effect), "+−"), spread(x))
}

// worsened writes moved with the margin.
func worsened(x gate.Metric) string {
	if x.Margin <= 0 {
		return moved(x) + "; the margin is 0"
	}
	return moved(x) + "; the margin is " + margin(x)
}

// margin writes what is accepted as its author does: "+10 %", "−2.5 %".
func margin(x gate.Metric) string {
	if x.Margin <= 0 || !finite(x.Margin) {
		return none
	}
	sign := "+"
	if x.Higher {
		sign = "−"
	}
	return sign + strconv.FormatFloat(100*x.Margin, 'g', 4, 64) + " %"
}

func spread(x gate.Metric) string {
	if between(x) == none {
		return "no interval"
	}
	return "95 % interval " + between(x)
}

// between writes an interval of relative changes: "−0.9 to +3.4 %".
func between(x gate.Metric) string {
	if !finite(x.Low) || !finite(x.High) {
		return none
	}
	return strings.TrimSuffix(signed(x.Low), " %") + " to " + signed(x.High)
}

// signed writes a relative change in percent: "+12.3 %", or none when it is
// not known.
func signed(v float64) string {
	if !finite(v) {
		return none
	}
	decimals := 1
	if math.Abs(v) >= 1 {
		decimals = 0
	}
	text := strconv.FormatFloat(100*v, 'f', decimals, 64)
	switch {
	case strings.Trim(text, "-0.") == "":
		return "0.0 %"
	case v > 0:
		text = "+" + text
	}
	sign, digits := "", text
	if text[0] == '+' {
		sign, digits = "+", text[1:]
	}
	return sign + separated(digits) + " %"
}

// noise is the standard deviation of the log ratio of a round; NaN when fewer
// than two rounds tell.
func noise(x gate.Metric) float64 {
	var sum, squares, n float64
	for _, p := range x.Rounds {
		if finite(p.Log) {
			sum, n = sum+p.Log, n+1
		}
	}
	if n < 2 {
		return math.NaN()
	}
	for _, p := range x.Rounds {
		if finite(p.Log) {
			squares += (p.Log - sum/n) * (p.Log - sum/n)
		}
	}
	return math.Sqrt(squares / (n - 1))
}

func (m *gateModel) tables() {
	for _, role := range []struct{ name, title string }{
		{"fail", "What decides"},
		{"warn", "What only warns"},
		{"inform", "What informs"},
	} {
		rows := slices.DeleteFunc(m.role(role.name), flawless)
		if len(rows) == 0 {
			continue
		}
		judged := role.name != "inform"
		head := []string{"metric", "unit", "base", "candidate", "effect", "95 % interval"}
		if judged {
			head = append(head, "margin")
		}
		head = append(head, "smallest visible")
		if m.Source == gate.Self {
			head = append(head, "noise")
		}
		if judged {
			head = append(head, "verdict")
		}
		table := [][]string{head}
		for _, x := range rows {
			row := []string{x.Key(), x.Unit, number(x.Base), number(x.Candidate), signed(x.Effect), between(x)}
			if judged {
				row = append(row, margin(x))
			}
			row = append(row, signed(worse(x, x.Visible)))
			if m.Source == gate.Self {
				row = append(row, strings.TrimPrefix(signed(noise(x)), "+"))
			}
			if judged {
				row = append(row, verdictWord(x.Verdict))
			}
			table = append(table, row)
		}
		m.Tables = append(m.Tables, section{Title: role.title, Table: table, Left: 2})
		m.Roles = append(m.Roles, rows)
	}
}

// flawless tells whether a metric says no more than that a class or a request
// had no error on either side, which that of all traffic says already.
func flawless(x gate.Metric) bool {
	return x.Role == "inform" && x.Name == scenarios.Errors && x.Scope != "" && x.Base == 0 && x.Candidate == 0
}

func verdictWord(v gate.Verdict) string {
	if v == gate.Informs {
		return none
	}
	return string(v)
}

func (m *gateModel) counted() string {
	text := counted(m.Rounds, "round")
	if m.MostRounds > 0 {
		text = fmt.Sprintf("%s of at most %s", count(m.Rounds), counted(m.MostRounds, "round"))
	}
	text += " counted"
	if n := len(m.Voids); n > 0 {
		text += fmt.Sprintf(", %s did not", count(n))
	}
	if m.Confirmed > 0 {
		text += fmt.Sprintf("; an independent block of %s confirmed the regression", counted(m.Confirmed, "round"))
	}
	if m.Spent > 0 {
		text += "; " + m.Spent.Round(time.Second).String() + " of machine time"
	}
	return text + "."
}

func (m *gateModel) repeat() {
	add := func(name, value string) {
		if value != "" {
			m.Repeat = append(m.Repeat, fact{name, value})
		}
	}
	add("Command", shellLine(m.CommandLine))
	for _, b := range []struct {
		name string
		gate.Build
	}{{"Base", m.Base}, {"Candidate", m.Candidate}} {
		switch {
		case b.Dir == "":
			add(b.name, b.Revision)
		case b.Revision == "":
			add(b.name, b.Dir)
		default:
			add(b.name, b.Revision+" in "+b.Dir)
		}
	}
	if m.Cell != (scenarios.Cell{}) {
		add("Configuration", m.Cell.String())
	}
	if m.Dir != "" {
		add("Run", m.Dir)
		add("Rounds", shellLine([]string{"benchstat", "-col", "/build", strings.TrimSuffix(m.Dir, "/") + "/gate.bench"}))
	}
	add("Machine", hostLine(m.GateMeta))
	by := ""
	if m.Tool != "" {
		by = "sweetspot " + m.Tool
	}
	add("Made", strings.TrimPrefix(strings.TrimSuffix(by+", "+stamp(m.Time), ", "), ", "))
}

// hostLine writes a machine's facts: "AMD EPYC, 2 of 2 cores, 8.4 GB, Debian 12, kernel 6.18".
func hostLine(meta GateMeta) string {
	h := meta.Host
	var parts []string
	add := func(text string) {
		if strings.TrimSpace(text) != "" {
			parts = append(parts, text)
		}
	}
	add(h.CPUModel)
	if h.Cores > 0 {
		add(fmt.Sprintf("%d of %s", h.Cores, counted(max(h.MachineCPUs, h.Cores), "core")))
	}
	if h.CPUQuota > 0 {
		add("quota of " + number(h.CPUQuota) + " CPUs")
	}
	if h.MemoryBytes > 0 {
		add(size(float64(h.MemoryBytes)))
	}
	add(h.Virtualised)
	add(h.OS)
	if h.Kernel != "" {
		add("kernel " + h.Kernel)
	}
	return strings.Join(parts, ", ")
}

// roughly writes a duration that is expected: "40 s", "6 min".
func roughly(d time.Duration) string {
	if d < 90*time.Second {
		return exact(max(d.Round(time.Second), time.Second))
	}
	return exact(d.Round(time.Minute))
}

// inertResult is the result with inert texts.
func inertResult(r *gate.Result) *gate.Result {
	out := *r
	out.Because, out.Interrupted = inert(r.Because), inert(r.Interrupted)
	out.Base, out.Candidate = inertBuild(r.Base), inertBuild(r.Candidate)
	out.Cell.Server, out.Cell.Proxy = inertName(r.Cell.Server), inertName(r.Cell.Proxy)
	out.Metrics, out.Voids, out.Warnings = slices.Clone(r.Metrics), slices.Clone(r.Voids), inertAll(r.Warnings)
	for i := range out.Metrics {
		x := &out.Metrics[i]
		x.Name, x.Scope, x.Unit, x.Criterion = inertName(x.Name), inertName(x.Scope), inertName(x.Unit), inertName(x.Criterion)
	}
	for i := range out.Voids {
		out.Voids[i].Why = inert(out.Voids[i].Why)
	}
	return &out
}

func inertBuild(b gate.Build) gate.Build {
	return gate.Build{Name: inertName(b.Name), Dir: inert(b.Dir), Revision: inertName(b.Revision)}
}

func inertMeta(m GateMeta) GateMeta {
	m.Scenario, m.Tool, m.Dir = inertName(m.Scenario), inertName(m.Tool), inert(m.Dir)
	m.CommandLine = inertAll(m.CommandLine)
	h := &m.Host
	for _, s := range []*string{&h.Hostname, &h.CPUModel, &h.Virtualised, &h.OS, &h.Kernel, &h.Arch} {
		*s = inertName(*s)
	}
	return m
}

func inertAll(all []string) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = inert(s)
	}
	return out
}

// logCommand is how the log of a CI runner begins a command, at any place of a line.
var logCommand = regexp.MustCompile(`##([A-Za-z]*)\[`)

// inert shows control characters, so that nobody's text steers a terminal,
// and parts what a CI runner would take for a command. It keeps 2,000 characters.
func inert(s string) string { return clipped(s, 2000) }

// inertName is inert of a name, of which 160 characters are kept.
func inertName(s string) string { return clipped(s, 160) }

func clipped(s string, most int) string {
	s = logCommand.ReplaceAllString(clean(s), "## $1[")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
