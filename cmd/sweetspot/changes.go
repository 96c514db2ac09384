package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"sweetspot/analysis/changepoint"
	"sweetspot/reports"
	"sweetspot/runner/store"
)

// mostCommits is how many commits of a series are looked at, the newest: the
// time grows with their square.
const mostCommits = 400

// historyChanges finds where the metrics of a store changed over commits, of
// the summaries that a filter chooses, and of one metric where it is named. A
// store that is not there, or is damaged, is bad input.
func historyChanges(ctx context.Context, where string, filter store.Filter, metric string) (h reports.History, err error) {
	s, err := openStore(ctx, where, false)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	all, err := s.List(ctx, filter)
	if err != nil {
		return h, stopped(ctx, err)
	}
	h.Store = s.Name()
	series := seriesOf(all, metric)
	if metric != "" && len(series) == 0 && len(all) > 0 {
		return h, badInputf("--metric %s: %s has no such metric; it has %s", metric, h.Store, strings.Join(metricsOf(all), ", "))
	}
	for _, one := range series {
		if len(one.Points) < 2*changepoint.Least {
			h.Short++
			continue
		}
		if err := ctx.Err(); err != nil {
			return h, stopped(ctx, err)
		}
		if n := len(one.Points) - mostCommits; n > 0 {
			h.Left, one.Points = max(h.Left, n), one.Points[n:]
		}
		var values []float64
		for _, p := range one.Points {
			values = append(values, p.Value)
		}
		one.Found = changepoint.Find(values)
		h.Series = append(h.Series, one)
	}
	return h, nil
}

func metricsOf(all []store.Summary) []string {
	names := map[string]bool{}
	for _, s := range all {
		for key := range s.Metrics {
			names[key] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// seriesOf parts summaries into what compares: metrics of one scenario, kind,
// branch, cell and kind of machine. A metric without a name is all of them.
func seriesOf(all []store.Summary, metric string) (out []reports.HistorySeries) {
	type place struct{ scenario, hash, kind, branch, cell, host string }
	groups := map[place][]store.Summary{}
	var order []place
	for _, s := range all {
		p := place{s.Scenario, s.ScenarioHash, s.Kind, s.Branch, s.Cell, store.Fingerprint(s.Host)}
		if groups[p] == nil {
			order = append(order, p)
		}
		groups[p] = append(groups[p], s)
	}
	for _, p := range order {
		group := groups[p]
		inOrderOfCommits(group)
		for _, key := range metricsOf(group) {
			if metric != "" && key != metric {
				continue
			}
			one := reports.HistorySeries{Scenario: p.scenario, Hash: p.hash, Kind: p.kind, Branch: p.branch, Cell: p.cell, Host: p.host, Metric: key}
			one.Machine = reports.MachineText(group[len(group)-1])
			one.Points = points(group, key, &one)
			out = append(out, one)
		}
	}
	return out
}

// inOrderOfCommits sorts summaries by commit where all commits are known, else
// by time.
func inOrderOfCommits(all []store.Summary) {
	known := !slices.ContainsFunc(all, func(s store.Summary) bool { return s.Committed.IsZero() })
	slices.SortStableFunc(all, func(a, b store.Summary) int {
		if c := a.Committed.Compare(b.Committed); known && c != 0 {
			return c
		}
		if known && a.Ordinal != 0 && b.Ordinal != 0 && a.Ordinal != b.Ordinal {
			return cmp.Compare(a.Ordinal, b.Ordinal)
		}
		if known && a.Revision != b.Revision {
			return strings.Compare(a.Revision, b.Revision) // of one second: keep those of a commit together
		}
		return a.Time.Compare(b.Time)
	})
}

// points are the values of one metric, one a commit: all starts of all
// summaries of it. What has no commit of its own, not known or with changes, is
// a point for itself.
func points(group []store.Summary, key string, one *reports.HistorySeries) (out []reports.HistoryPoint) {
	var values []float64
	for _, s := range group {
		m, ok := s.Metrics[key]
		if !ok {
			continue
		}
		one.Unit, one.Higher = m.Unit, m.Higher
		same := len(out) > 0 && s.Revision != "" && !strings.Contains(s.Revision, "+") && out[len(out)-1].Revision == s.Revision
		if !same {
			out, values = append(out, reports.HistoryPoint{}), nil
		}
		values = append(values, m.Values...)
		out[len(out)-1] = reports.HistoryPoint{Revision: s.Revision, Committed: s.Committed, Time: s.Time, ID: s.ID, Value: store.Middle(values)}
	}
	return out
}
