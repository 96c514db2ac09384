package main

import (
	"fmt"
	"time"
)

// latencyTables have a table a case: each quantile as the tool gives it, and
// how far it is off.
func latencyTables(all selection) (text string) {
	for _, c := range truthCases {
		s := all.of(latency, c.name)
		t := table{head: []string{"tool, " + c.name}}
		for _, q := range quantiles {
			t.head = append(t.head, q.name+", ms")
		}
		for _, name := range s.tools() {
			m := s.one(name)
			if len(t.rows) == 0 {
				t.add(truthRow(m.Truth)...)
			}
			t.add(latencyRow(*m)...)
		}
		if len(t.rows) > 0 {
			text += "\n" + t.String()
		}
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%.0f requests/s at a server that takes %v and stops for %v every %v: what each tool reports, and in brackets its error. "+
		"The truth is computed, from the scheduled times; with 4 connections it is a queue of 4 servers. A dash: the tool does not give it.\n%s",
		truthRate, truthService, truthStall.Length, truthStall.Every, text)
}

func truthRow(truth map[string]time.Duration) []string {
	row := []string{"truth"}
	for _, q := range quantiles {
		row = append(row, inMilliseconds(truth[q.name]))
	}
	return row
}

// latencyRow gives the errors against the truth of the tool's own attack:
// servers differ by microseconds.
func latencyRow(m measurement) []string {
	row := []string{m.Tool}
	for _, q := range quantiles {
		got, ok := m.Quantiles[q.name]
		if !ok {
			row = append(row, "–")
			continue
		}
		row = append(row, fmt.Sprintf("%s (%+.1f)", inMilliseconds(got), (got-m.Truth[q.name]).Seconds()*1000))
	}
	return row
}

// inMilliseconds has no unit.
func inMilliseconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()*1000) }
