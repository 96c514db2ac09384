package metrics

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dashboard is what the test reads of Grafana's dashboard.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []query
	}
	Annotations struct {
		List []struct{ Name, Expr, TitleFormat, TextFormat string }
	}
	Templating struct {
		List []struct {
			Name  string
			Query json.RawMessage
		}
	}
}

type query struct{ Expr, LegendFormat string }

// queries returns every query of the dashboard, by where it stands.
func queries(t *testing.T) map[string]query {
	t.Helper()
	b, err := os.ReadFile("../grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	all := map[string]query{}
	for _, p := range d.Panels {
		for i, q := range p.Targets {
			all[fmt.Sprintf("panel %s, query %d", p.Title, i+1)] = q
		}
	}
	for _, a := range d.Annotations.List {
		all["annotation "+a.Name] = query{a.Expr, a.TitleFormat + a.TextFormat}
	}
	for _, v := range d.Templating.List {
		var q struct{ Query string }
		if err := json.Unmarshal(v.Query, &q); err == nil { // of the data source it is a plain text
			all["variable "+v.Name] = query{Expr: q.Query}
		}
	}
	if len(all) < 20 {
		t.Fatalf("%d queries are read, want those of all panels", len(all))
	}
	return all
}

// exported returns the names that a scrape has, with their labels and those that
// every target gets.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	names := map[string][]string{}
	for _, r := range []*Run{sampleRun(), concluded()} {
		for name, f := range parse(t, scrape(t, r, protobuf)) {
			names[name] = []string{"instance", "job"}
			for _, l := range f.Metric[0].Label {
				names[name] = append(names[name], l.GetName())
			}
		}
	}
	return names
}

var (
	aMetric  = regexp.MustCompile(`\bsweetspot_\w+`)
	aMatcher = regexp.MustCompile(`(\w+)\s*=~?\s*"`)
	grouping = regexp.MustCompile(`\bby \(([^)]*)\)`)
	inLegend = regexp.MustCompile(`{{\s*(\w+)\s*}}`)
	ofValues = regexp.MustCompile(`^label_values\(\w+, (\w+)\)$`)
)

// Every query names a metric that is exported, and labels that it has; every
// metric of a kind that a person looks at is shown.
func TestDashboardAsksForWhatIsExported(t *testing.T) {
	names := exported(t)
	shown := map[string]bool{}
	for where, q := range queries(t) {
		used := aMetric.FindAllString(q.Expr, -1)
		if len(used) == 0 {
			t.Errorf("%s asks for no metric: %s", where, q.Expr)
		}
		var labels []string
		for _, m := range used {
			shown[m] = true
			if names[m] == nil {
				t.Errorf("%s: %s is not exported", where, m)
			}
			labels = append(labels, names[m]...)
		}
		for _, l := range named(q) {
			if !slices.Contains(labels, l) {
				t.Errorf("%s: none of %v has a label %s", where, used, l)
			}
		}
		if strings.Contains(q.Expr, "quantile") && !strings.HasPrefix(q.Expr, "histogram_quantile(") {
			t.Errorf("%s: a percentile that is not of a histogram: %s", where, q.Expr)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !shown[name] && name != runStart.prometheusName() {
			t.Errorf("%s is exported and on no panel", name)
		}
	}
}

// named returns the labels that a query and its legend name.
func named(q query) (labels []string) {
	for _, m := range aMatcher.FindAllStringSubmatch(q.Expr, -1) {
		labels = append(labels, m[1])
	}
	for _, m := range grouping.FindAllStringSubmatch(q.Expr, -1) {
		for _, l := range strings.Split(m[1], ",") {
			labels = append(labels, strings.TrimSpace(l))
		}
	}
	for _, m := range inLegend.FindAllStringSubmatch(q.LegendFormat, -1) {
		labels = append(labels, m[1])
	}
	for _, m := range ofValues.FindAllStringSubmatch(q.Expr, -1) {
		labels = append(labels, m[1])
	}
	return labels
}
