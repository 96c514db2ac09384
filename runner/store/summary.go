// Package store keeps the summaries of runs and gates over the life of a
// project: in a SQLite file, in PostgreSQL for a team, or, few of them, in a
// JSON file that serves as a baseline.
package store

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sweetspot/runner/rundir"
)

// Kinds of summary. They measure the same names at different loads, so that
// one kind does not compare with another.
const (
	Run  = "run"  // of the recommended cell of a run
	Gate = "gate" // of one side of a gate
)

// Summary is what one run or one side of a gate came to.
type Summary struct {
	ID           string            `json:"id"` // unique in a store
	Kind         string            `json:"kind"`
	Time         time.Time         `json:"time"` // when it began; kept to the microsecond
	Tool         string            `json:"tool"` // version of sweetspot
	Scenario     string            `json:"scenario"`
	ScenarioHash string            `json:"scenario_hash"`
	Revision     string            `json:"revision,omitempty"` // of git, with "+changes" for uncommitted ones; empty: not known
	Branch       string            `json:"branch,omitempty"`
	Committed    time.Time         `json:"committed,omitzero"` // time of the revision's commit; zero: not known
	Ordinal      int64             `json:"ordinal,omitempty"`  // how many commits the revision has behind it, itself included; 0: not known
	Cell         string            `json:"cell"`
	Rate         float64           `json:"rate,omitempty"` // offered, requests per second, where latencies were measured; 0: not known, or not one
	Host         rundir.Host       `json:"host"`
	Metrics      map[string]Metric `json:"metrics"` // by gate.Metric.Key: p95 or p95/checkout
}

// Metric is what was measured of one metric.
type Metric struct {
	Unit   string    `json:"unit"`
	Higher bool      `json:"higher,omitempty"` // more is better
	Values []float64 `json:"values"`           // one a fresh start
}

// Lengths beyond which a text is no name: a store is read by people.
const (
	longestText = 1000
	mostValues  = 100_000
)

// check refuses a summary that no store keeps.
func (s *Summary) check() error {
	switch {
	case s.ID == "":
		return errors.New("a summary without an ID")
	case s.Kind != Run && s.Kind != Gate:
		return fmt.Errorf("summary %q: kind %q: want %s or %s", s.ID, s.Kind, Run, Gate)
	case s.Scenario == "":
		return fmt.Errorf("summary %q: no scenario", s.ID)
	case s.Time.IsZero():
		return fmt.Errorf("summary %q: no time", s.ID)
	case !(s.Rate >= 0) || math.IsInf(s.Rate, 0):
		return fmt.Errorf("summary %q: %v is no rate", s.ID, s.Rate)
	case len(s.Metrics) == 0:
		return fmt.Errorf("summary %q: no metrics", s.ID)
	}
	for _, text := range []string{s.ID, s.Tool, s.Scenario, s.ScenarioHash, s.Revision, s.Branch, s.Cell,
		s.Host.Hostname, s.Host.OS, s.Host.Kernel, s.Host.Arch, s.Host.CPUModel, s.Host.CPUSet, s.Host.Virtualised, s.Host.ControlGroups} {
		if err := checkText(text); err != nil {
			return fmt.Errorf("summary %.40q: %w", s.ID, err)
		}
	}
	for key, m := range s.Metrics {
		if err := m.check(key); err != nil {
			return fmt.Errorf("summary %q: metric %.40q: %w", s.ID, key, err)
		}
	}
	return nil
}

func (m Metric) check(key string) error {
	if key == "" {
		return errors.New("no name")
	}
	for _, text := range []string{key, m.Unit} {
		if err := checkText(text); err != nil {
			return err
		}
	}
	if n := len(m.Values); n == 0 || n > mostValues {
		return fmt.Errorf("%d values: want 1 to %d", n, mostValues)
	}
	for _, v := range m.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%v is no value", v)
		}
	}
	return nil
}

// checkText refuses what a database does not take, or a person cannot read.
func checkText(s string) error {
	if len(s) > longestText {
		return fmt.Errorf("%.40q…: longer than %d bytes", s, longestText)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%q is not UTF-8", s)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("%q holds a control character", s)
	}
	return nil
}

// normal returns the summary as a store gives it back.
func (s Summary) normal() Summary {
	s.Time = s.Time.UTC().Truncate(time.Microsecond)
	if !s.Committed.IsZero() {
		s.Committed = s.Committed.UTC().Truncate(time.Microsecond)
	}
	return s
}

// Typical returns the middle of the values: the geometric mean where all are
// positive, as rates and times are, else the mean.
func (m Metric) Typical() float64 { return Middle(m.Values) }

// Middle is Typical of any values; NaN of none.
func Middle(values []float64) float64 {
	var sum, logs float64
	for _, v := range values {
		sum, logs = sum+v, logs+math.Log(v) // of nothing it is −Inf, of less NaN
	}
	n := float64(len(values))
	if mean := math.Exp(logs / n); mean > 0 {
		return mean
	}
	return sum / n
}
