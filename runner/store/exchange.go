package store

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Formats of Export.
const (
	JSONLines = "jsonl" // one summary a line; Import reads it
	CSV       = "csv"   // one value a row
)

// Export writes the summaries that a filter chooses, the oldest first, and
// returns how many they are.
func (s *Store) Export(ctx context.Context, w io.Writer, format string, f Filter) (int, error) {
	all, err := s.List(ctx, f)
	if err != nil {
		return 0, err
	}
	return len(all), Write(w, format, all)
}

// Write writes summaries in one of the formats of Export.
func Write(w io.Writer, format string, all []Summary) error {
	switch format {
	case JSONLines:
		return writeLines(w, all)
	case CSV:
		return writeCSV(w, all)
	}
	return fmt.Errorf("export: %q is no format; choose %s or %s", format, JSONLines, CSV)
}

// dated is a summary with the version of its form.
type dated struct {
	Schema int `json:"schema"`
	Summary
}

// form is the version of a summary in JSON.
const form = 1

func writeLines(w io.Writer, all []Summary) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, s := range all {
		if err := e.Encode(dated{form, s}); err != nil {
			return err
		}
	}
	return nil
}

func writeCSV(w io.Writer, all []Summary) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"id", "kind", "time", "tool", "scenario", "scenario_sha256", "revision", "branch", "committed", "cell",
		"host", "host_fingerprint", "metric", "unit", "higher_is_better", "start", "value"}) // Flush tells
	for _, s := range all {
		head := []string{s.ID, s.Kind, stamp(s.Time), s.Tool, s.Scenario, s.ScenarioHash, s.Revision, s.Branch, stamp(s.Committed), s.Cell,
			s.Host.Hostname, Fingerprint(s.Host)}
		for _, key := range slices.Sorted(maps.Keys(s.Metrics)) {
			m := s.Metrics[key]
			for i, v := range m.Values {
				row := append(slices.Clone(head), key, m.Unit)
				for j := range row {
					row[j] = inert(row[j])
				}
				_ = out.Write(append(row, strconv.FormatBool(m.Higher), strconv.Itoa(i+1), strconv.FormatFloat(v, 'g', -1, 64)))
			}
		}
	}
	out.Flush()
	return out.Error()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// inert keeps a spreadsheet from taking a text for a formula, and a terminal
// from obeying it.
func inert(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

// longestLine is more than a summary takes: a thousand metrics of fifty starts
// are 1 MB.
const longestLine = 64 << 20

// Import records summaries from JSON lines, all or none. Those that the store
// has already are counted and left as they are.
func (s *Store) Import(ctx context.Context, r io.Reader) (added, known int, err error) {
	all, err := Read(r)
	if err != nil {
		return 0, 0, err
	}
	return s.AddAll(ctx, all)
}

// AddAll records summaries, all or none. Those that the store has already are
// counted and left as they are.
func (s *Store) AddAll(ctx context.Context, all []Summary) (added, known int, err error) {
	for _, sum := range all {
		if err := sum.check(); err != nil {
			return 0, 0, err
		}
	}
	err = s.within(ctx, func(tx *sql.Tx) error {
		for _, sum := range all {
			switch err := s.add(ctx, tx, sum.normal()); {
			case errors.Is(err, ErrKnown):
				known++
			case err != nil:
				return err
			default:
				added++
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, s.wrap("import into", err)
	}
	return added, known, nil
}

// Read reads summaries from JSON lines.
func Read(r io.Reader) (out []Summary, err error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, longestLine)
	for n := 1; in.Scan(); n++ {
		if len(in.Bytes()) == 0 {
			continue
		}
		var d dated
		if err := json.Unmarshal(in.Bytes(), &d); err != nil {
			return nil, fmt.Errorf("line %d: %w: want what sweetspot history export writes, a summary a line", n, err)
		}
		if d.Schema != form {
			return nil, fmt.Errorf("line %d: schema %d, and this program reads %d: use the sweetspot that wrote it", n, d.Schema, form)
		}
		if err := d.check(); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, d.Summary)
	}
	return out, in.Err()
}
