package reports

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis/changepoint"
	"sweetspot/runner/rundir"
	"sweetspot/runner/store"
)

func historyOf() History {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 12, 0, 0, 0, time.UTC) }
	points := []HistoryPoint{
		{Revision: strings.Repeat("a", 40), Committed: day(1), Time: day(3), ID: "one", Value: 10},
		{Revision: strings.Repeat("b", 40) + "+changes", Committed: day(2), Time: day(3), ID: "two", Value: 12},
		{Time: day(4), ID: "three\x1b[2J", Value: 0},
	}
	of := func(metric string, higher bool, changes ...changepoint.Change) HistorySeries {
		return HistorySeries{Scenario: "shop\x1b[31m", Kind: store.Run, Branch: "main", Cell: "server=uwsgi", Machine: "EPYC 4 cores", Metric: metric, Unit: "ms", Higher: higher,
			Points: points, Found: changepoint.Result{Changes: changes, Correlation: math.NaN()}}
	}
	doubted := of("p95", false, changepoint.Change{Index: 1, Before: 10, After: 12, Effect: 0.2, Low: 0.15, High: 0.25, P: 0.002},
		changepoint.Change{Index: 2, Before: 12, After: 0.5, Effect: math.NaN(), Low: math.NaN(), High: math.NaN()})
	doubted.Found.Doubt = "it drifts"
	return History{Store: "history.db", Short: 2, Left: 7, Series: []HistorySeries{
		doubted, of("throughput", true, changepoint.Change{Index: 1, Before: 1000, After: 900, Effect: -0.1, Low: -0.12, High: -0.08}), of("cpu", false), of("memory", false),
	}}
}

const historyText = `Changes in history.db: 4 series of 6 commits or more

shop�[31m, p95, 3 commits on main (run of server=uwsgi, EPYC 4 cores)
  worse: 10.0 → 12.0 ms, +20.0 % (95 % interval +15.0 to +25.0 %)
  between aaaaaaaaaaaa (2026-01-01, last with the old level) and bbbbbbbbbbbb+changes (2026-01-02, first with the new one)
  better: 12.0 → 0.50 ms
  between bbbbbbbbbbbb+changes (2026-01-02, last with the old level) and run three�[2J (2026-01-04, first with the new one)
  doubt: it drifts

shop�[31m, throughput, 3 commits on main (run of server=uwsgi, EPYC 4 cores)
  worse: 1,000 → 900 ms, -10.0 % (95 % interval -12.0 to -8.0 %)
  between aaaaaaaaaaaa (2026-01-01, last with the old level) and bbbbbbbbbbbb+changes (2026-01-02, first with the new one)

No change in cpu, memory.
Too few commits to tell: 2 series.
Of the longest series the newest commits were looked at; 7 lie before them.
By chance alone a series shows a change in 2 % of cases: about 0.08 of these 4.
`

func TestHistoryText(t *testing.T) {
	got := string(HistoryText(historyOf()))
	if want := historyText + advisory + ".\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHistoryJSON(t *testing.T) {
	b, err := HistoryJSON(historyOf())
	if err != nil {
		t.Fatal(err)
	}
	var d historyDoc
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	change := d.Series[0].Changes[0]
	if len(d.Series) != 4 || !change.Worse || change.LastGood != strings.Repeat("a", 40) || change.Low != 0.15 || d.Short != 2 || d.Advisory == "" {
		t.Errorf("%s", b)
	}
	if empty, err := HistoryJSON(History{}); err != nil || !strings.Contains(string(empty), `"series": []`) {
		t.Errorf("empty: %s, %v", empty, err)
	}
}

func TestSummariesText(t *testing.T) {
	s := store.Summary{ID: "one\x1b", Kind: store.Gate, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Tool: "v1", Scenario: "shop", ScenarioHash: "abc", Cell: "server=uwsgi",
		Host: rundir.Host{Hostname: "a", OS: "Debian 12", CPUModel: "EPYC", Cores: 4, CPUQuota: 1.5},
		Metrics: map[string]store.Metric{
			"throughput": {Unit: "requests/s", Higher: true, Values: []float64{100, 400}}, "errors": {Unit: "%", Values: []float64{0, 1}}}}
	fingerprint := store.Fingerprint(s.Host)
	want := "time (UTC)        id    kind  scenario  branch  revision  cell          host          starts      throughput\n" +
		"2026-01-02 03:04  one�  gate  shop      –       –         server=uwsgi  " + fingerprint + "       2  200 requests/s\n"
	if got := string(SummariesText([]store.Summary{s})); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = "id         one�\nkind       gate\ntime       2026-01-02T03:04:05Z\nscenario   shop (abc)\ncell       server=uwsgi\n" +
		"host       a, EPYC 4 cores with a quota of 1.5, Debian 12 (" + fingerprint + ")\nsweetspot  v1\n\n" +
		"metric      typical  least  most  starts  unit\nerrors         0.50      0  1.00       2  %\nthroughput      200    100   400       2  requests/s\n"
	if got := string(SummaryText(s)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
