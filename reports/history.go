package reports

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"sweetspot/analysis/changepoint"
	"sweetspot/runner/store"
)

// History is where the metrics of a project changed over its commits.
type History struct {
	Store  string // without passwords
	Series []HistorySeries
	Short  int // series with too few commits to look at
	Left   int // commits that a series had beyond the newest that were looked at
}

// HistorySeries is one metric over the commits of a branch, all measured by the
// same scenario on the same cell and kind of machine.
type HistorySeries struct {
	Scenario, Hash, Kind, Branch, Cell string
	Host                               string // fingerprint
	Machine                            string // in words
	Metric                             string // p95 or p95/checkout
	Unit                               string
	Higher                             bool // more is better
	Points                             []HistoryPoint
	Found                              changepoint.Result // indices are of Points
}

// HistoryPoint is one commit, or one summary where the commit is not known.
type HistoryPoint struct {
	Revision  string
	Committed time.Time // zero: not known
	Time      time.Time // of the last summary
	ID        string    // of the last summary
	Value     float64   // over all starts of all its summaries
}

// name is the revision, or where it is not known the summary.
func (p HistoryPoint) name() string {
	if p.Revision == "" {
		return "run " + clean(p.ID)
	}
	return clean(shortRevision(p.Revision))
}

func (p HistoryPoint) day() string {
	if p.Committed.IsZero() {
		return p.Time.UTC().Format(time.DateOnly)
	}
	return p.Committed.UTC().Format(time.DateOnly)
}

// advisory says what change points are good for.
const advisory = "This is advisory: from day to day the machine changes too, which only a duet cancels. Before you act, compare the two commits: sweetspot gate --base LAST_GOOD"

// falseAlarms is the share of series of independent values that show a change
// where there is none.
const falseAlarms = 0.02

// HistoryText tells the changes, a paragraph a series.
func HistoryText(h History) []byte {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("Changes in %s: %s of %d commits or more", clean(h.Store), count(len(h.Series))+" series", 2*changepoint.Least)
	quiet := map[string]int{}
	for _, s := range h.Series {
		if len(s.Found.Changes) == 0 {
			quiet[s.Metric]++
			continue
		}
		say("")
		for _, line := range s.lines() {
			say("%s", line)
		}
	}
	say("")
	if len(quiet) > 0 {
		say("No change in %s.", clean(strings.Join(slices.Sorted(maps.Keys(quiet)), ", ")))
	}
	if h.Short > 0 {
		say("Too few commits to tell: %s.", count(h.Short)+" series")
	}
	if h.Left > 0 {
		say("Of the longest series the newest commits were looked at; %s lie before them.", count(h.Left))
	}
	if n := len(h.Series); n > 0 {
		say("By chance alone a series shows a change in %.0f %% of cases: about %.2g of these %s.", 100*falseAlarms, falseAlarms*float64(n), count(n))
	}
	say("%s.", advisory)
	return []byte(b.String())
}

// lines tells one series that has changed.
func (s HistorySeries) lines() []string {
	out := []string{fmt.Sprintf("%s, %s, %s commits%s", clean(s.Scenario), clean(s.Metric), count(len(s.Points)), s.place())}
	for _, c := range s.Found.Changes {
		good, bad := s.Points[c.Index-1], s.Points[c.Index]
		out = append(out,
			fmt.Sprintf("  %s: %s → %s %s%s", s.direction(c), number(c.Before), number(c.After), clean(s.Unit), effectText(c)),
			fmt.Sprintf("  between %s (%s, last with the old level) and %s (%s, first with the new one)", good.name(), good.day(), bad.name(), bad.day()))
	}
	if s.Found.Doubt != "" {
		out = append(out, "  doubt: "+s.Found.Doubt)
	}
	return out
}

// place says where a series was measured.
func (s HistorySeries) place() string {
	out := ""
	if s.Branch != "" {
		out += " on " + clean(s.Branch)
	}
	return out + fmt.Sprintf(" (%s of %s, %s)", clean(s.Kind), clean(s.Cell), clean(s.Machine))
}

// direction says whether a change is for the better.
func (s HistorySeries) direction(c changepoint.Change) string {
	if (c.After > c.Before) == s.Higher {
		return "better"
	}
	return "worse"
}

func effectText(c changepoint.Change) string {
	if math.IsNaN(c.Effect) {
		return ""
	}
	return fmt.Sprintf(", %+.1f %% (95 %% interval %+.1f to %+.1f %%)", 100*c.Effect, 100*c.Low, 100*c.High)
}

type historyDoc struct {
	Schema   int                `json:"schema"`
	Store    string             `json:"store"`
	Advisory string             `json:"advisory"`
	Chance   quantity           `json:"series_with_a_change_by_chance"`
	Short    int                `json:"series_too_short"`
	Left     int                `json:"commits_left_out"`
	Series   []historySeriesDoc `json:"series"`
}

type historySeriesDoc struct {
	Scenario    string             `json:"scenario"`
	Hash        string             `json:"scenario_sha256"`
	Kind        string             `json:"kind"`
	Branch      string             `json:"branch"`
	Cell        string             `json:"cell"`
	Host        string             `json:"host_fingerprint"`
	Metric      string             `json:"metric"`
	Unit        string             `json:"unit"`
	Higher      bool               `json:"higher_is_better"`
	Points      []historyPointDoc  `json:"commits"`
	Changes     []historyChangeDoc `json:"changes"`
	Correlation quantity           `json:"lag_1_correlation"`
	Doubt       string             `json:"doubt,omitempty"`
}

type historyPointDoc struct {
	Revision  string    `json:"revision"`
	Committed time.Time `json:"committed,omitzero"`
	Time      time.Time `json:"time"`
	ID        string    `json:"id"`
	Value     quantity  `json:"value"`
}

type historyChangeDoc struct {
	LastGood string   `json:"last_with_old_level"`
	First    string   `json:"first_with_new_level"`
	Worse    bool     `json:"worse"`
	Before   quantity `json:"before"`
	After    quantity `json:"after"`
	Effect   quantity `json:"effect"`
	Low      quantity `json:"effect_low"`
	High     quantity `json:"effect_high"`
	P        quantity `json:"p"`
}

// HistoryJSON tells the same, and every value, as JSON.
func HistoryJSON(h History) ([]byte, error) {
	d := historyDoc{Schema: jsonSchemaVersion, Store: h.Store, Advisory: advisory, Chance: quantity(falseAlarms * float64(len(h.Series))), Short: h.Short, Left: h.Left, Series: []historySeriesDoc{}}
	for _, s := range h.Series {
		out := historySeriesDoc{Scenario: s.Scenario, Hash: s.Hash, Kind: s.Kind, Branch: s.Branch, Cell: s.Cell, Host: s.Host, Metric: s.Metric, Unit: s.Unit, Higher: s.Higher,
			Points: []historyPointDoc{}, Changes: []historyChangeDoc{}, Correlation: quantity(s.Found.Correlation), Doubt: s.Found.Doubt}
		for _, p := range s.Points {
			out.Points = append(out.Points, historyPointDoc{p.Revision, p.Committed, p.Time, p.ID, quantity(p.Value)})
		}
		for _, c := range s.Found.Changes {
			out.Changes = append(out.Changes, historyChangeDoc{s.Points[c.Index-1].Revision, s.Points[c.Index].Revision, s.direction(c) == "worse",
				quantity(c.Before), quantity(c.After), quantity(c.Effect), quantity(c.Low), quantity(c.High), quantity(c.P)})
		}
		d.Series = append(d.Series, out)
	}
	return indented(d)
}

// SummariesText is a table of summaries, one a line.
func SummariesText(all []store.Summary) []byte {
	rows := [][]string{{"time (UTC)", "id", "kind", "scenario", "branch", "revision", "cell", "host", "starts", "throughput"}}
	for _, s := range all {
		starts := 0
		for _, m := range s.Metrics {
			starts = max(starts, len(m.Values))
		}
		rows = append(rows, []string{s.Time.UTC().Format("2006-01-02 15:04"), clean(s.ID), clean(s.Kind), clean(s.Scenario), orNone(clean(s.Branch)),
			orNone(clean(shortRevision(s.Revision))), clean(s.Cell), store.Fingerprint(s.Host), count(starts), headline(s)})
	}
	return []byte(strings.Join(tableLines(rows, "llllllll"), "\n") + "\n")
}

func orNone(s string) string {
	if s == "" {
		return none
	}
	return s
}

// headline is the throughput of a summary, the sustained one where it is known.
func headline(s store.Summary) string {
	for _, key := range []string{"sustainable", "throughput"} {
		if m, ok := s.Metrics[key]; ok {
			return number(m.Typical()) + " " + clean(m.Unit)
		}
	}
	return none
}

// SummaryText tells one summary with all its metrics.
func SummaryText(s store.Summary) []byte {
	var b strings.Builder
	say := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, clean(value))
		}
	}
	say("id", s.ID)
	say("kind", s.Kind)
	say("time", s.Time.UTC().Format(time.RFC3339))
	say("scenario", s.Scenario+" ("+s.ScenarioHash+")")
	say("revision", s.Revision)
	say("branch", s.Branch)
	if !s.Committed.IsZero() {
		say("committed", s.Committed.UTC().Format(time.RFC3339))
	}
	say("cell", s.Cell)
	known := slices.DeleteFunc([]string{s.Host.Hostname, MachineText(s), s.Host.OS}, func(fact string) bool { return fact == "" })
	say("host", strings.Join(known, ", ")+" ("+store.Fingerprint(s.Host)+")")
	say("sweetspot", s.Tool)
	rows := [][]string{{"metric", "typical", "least", "most", "starts", "unit"}}
	for _, key := range slices.Sorted(maps.Keys(s.Metrics)) {
		m := s.Metrics[key]
		rows = append(rows, []string{clean(key), number(m.Typical()), number(slices.Min(m.Values)), number(slices.Max(m.Values)), count(len(m.Values)), clean(m.Unit)})
	}
	b.WriteString("\n")
	for _, l := range tableLines(rows, "lrrrrl") {
		b.WriteString(strings.TrimRight(l, " ") + "\n")
	}
	return []byte(b.String())
}

// MachineText names the machine of a summary in words.
func MachineText(s store.Summary) string {
	h := s.Host
	cores := fmt.Sprintf("%d cores", h.Cores)
	if h.CPUQuota > 0 {
		cores += fmt.Sprintf(" with a quota of %g", h.CPUQuota)
	}
	return strings.TrimSpace(h.CPUModel + " " + cores)
}

// SummariesJSON is summaries as JSON.
func SummariesJSON(all []store.Summary) ([]byte, error) {
	if all == nil {
		all = []store.Summary{}
	}
	return indented(struct {
		Schema    int             `json:"schema"`
		Summaries []store.Summary `json:"summaries"`
	}{jsonSchemaVersion, all})
}
