package main

import (
	"slices"
	"time"
)

// selection is measurements of which something is to be said.
type selection []measurement

// of returns those of a part and a case that have figures.
func (s selection) of(part, name string) selection {
	return slices.DeleteFunc(slices.Clone(s), func(m measurement) bool {
		return m.Part != part || m.Case != name || !m.good()
	})
}

// part returns those of a part that have figures.
func (s selection) part(part string) selection {
	return slices.DeleteFunc(slices.Clone(s), func(m measurement) bool { return m.Part != part || !m.good() })
}

// byRound returns a figure of a tool by round.
func (s selection) byRound(tool string, figure func(measurement) float64) map[int]float64 {
	out := map[int]float64{}
	for _, m := range s.byName(tool) {
		out[m.Round] = figure(m)
	}
	return out
}

// tools returns whose they are, in the order of the tables.
func (s selection) tools() (names []string) {
	for _, t := range tools("", 0) {
		if s.one(t.name) != nil {
			names = append(names, t.name)
		}
	}
	return names
}

// one returns the first one of a tool; nil when there is none.
func (s selection) one(tool string) *measurement {
	if those := s.byName(tool); len(those) > 0 {
		return &those[0]
	}
	return nil
}

// byName returns those of a tool.
func (s selection) byName(tool string) selection {
	return slices.DeleteFunc(slices.Clone(s), func(m measurement) bool { return m.Tool != tool })
}

// miscounts says how often server and tool did not agree, for a note.
func (s selection) miscounts(tool string) (n int) {
	for _, m := range s.byName(tool) {
		if m.miscounted() {
			n++
		}
	}
	return n
}

func perSecondOf(m measurement) float64 { return m.Rate }
func costOf(m measurement) float64      { return m.cpuPer100k() }
func serverOf(m measurement) float64    { return m.ServerCPU }

// worst returns the quantile whose error against the truth is furthest beyond
// the tolerance, among those that the tool gives.
func (m measurement) worst() (name string, off time.Duration) {
	share := -1.0
	for _, q := range quantiles {
		got, ok := m.Quantiles[q.name]
		if !ok {
			continue
		}
		want := m.Truth[q.name]
		allowed := max(2*time.Millisecond, want/50)
		if s := float64((got - want).Abs()) / float64(allowed); s > share {
			share, name, off = s, q.name, got-want
		}
	}
	return name, off
}
