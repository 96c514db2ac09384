package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Store is an open store. Close it. Several processes may have one open, and
// write at once.
type Store struct {
	db     *sql.DB
	name   string                    // for people, without passwords
	say    func(error) error         // adds the remedy to an error of the database
	bind   func(query string) string // writes placeholders, ?, as the database has them
	locked string                    // first statement of a migration; empty: none is needed
}

// ErrKnown says that a store has a summary of that ID already.
var ErrKnown = errors.New("is in the history already")

// ErrNone says that a store is not there.
var ErrNone = errors.New("there is no history")

// Open opens the store at where: the path of a SQLite file, a URL of
// PostgreSQL, or empty for Default of the current folder. A file that is not
// there is made, and so is its folder; a file that is damaged, no database or
// another program's is left as it is and makes an error with the remedy.
func Open(ctx context.Context, where string) (*Store, error) {
	where, err := resolve(where)
	if err != nil {
		return nil, err
	}
	if isPostgreSQL(where) {
		return openPostgreSQL(ctx, where)
	}
	return openSQLite(ctx, where, true)
}

// OpenExisting is Open, but makes no file: where there is none it returns an
// ErrNone.
func OpenExisting(ctx context.Context, where string) (*Store, error) {
	where, err := resolve(where)
	if err != nil {
		return nil, err
	}
	if isPostgreSQL(where) {
		return openPostgreSQL(ctx, where)
	}
	return openSQLite(ctx, where, false)
}

func resolve(where string) (string, error) {
	if where == "" {
		return Default(".")
	}
	if isPostgreSQL(where) {
		return where, nil
	}
	return where, checkPath(where)
}

// Name is where the store is, without passwords.
func (s *Store) Name() string { return s.name }

// Close closes the store.
func (s *Store) Close() error { return s.db.Close() }

// wrap says what was tried, where, and what helps.
func (s *Store) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, s.name, s.say(err))
}

// Add records a summary. It returns an ErrKnown where its ID is taken.
func (s *Store) Add(ctx context.Context, sum Summary) error {
	if err := sum.check(); err != nil {
		return err
	}
	return s.wrap("record in", s.within(ctx, func(tx *sql.Tx) error { return s.add(ctx, tx, sum.normal()) }))
}

// within runs f in a transaction that holds the right to write from its begin.
func (s *Store) within(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, rollback(tx))
	}
	return tx.Commit()
}

// rollback ends a transaction; one that a cancelled context has ended is no
// error.
func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

func (s *Store) add(ctx context.Context, tx *sql.Tx, sum Summary) error {
	host, err := json.Marshal(sum.Host)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, s.bind(`INSERT INTO sweetspot_summary
		(id, kind, began, tool, scenario, scenario_hash, revision, branch, committed, ordinal, cell, rate, host, fingerprint)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`),
		sum.ID, sum.Kind, micros(sum.Time), sum.Tool, sum.Scenario, sum.ScenarioHash, sum.Revision, sum.Branch,
		micros(sum.Committed), sum.Ordinal, sum.Cell, sum.Rate, string(host), Fingerprint(sum.Host))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return cmp.Or(err, fmt.Errorf("summary %s %w", sum.ID, ErrKnown))
	}
	return s.addMetrics(ctx, tx, sum)
}

// atOnce is how many metrics go into one statement: SQLite takes 32,766
// parameters, older ones 999.
const atOnce = 150

func (s *Store) addMetrics(ctx context.Context, tx *sql.Tx, sum Summary) error {
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(sum.Metrics)), atOnce) {
		var args []any
		for _, key := range keys {
			m := sum.Metrics[key]
			values, err := json.Marshal(m.Values)
			if err != nil {
				return err
			}
			args = append(args, sum.ID, key, m.Unit, number(m.Higher), string(values))
		}
		rows := strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?), ", len(keys)), ", ")
		if _, err := tx.ExecContext(ctx, s.bind("INSERT INTO sweetspot_metric (summary, name, unit, higher, amounts) VALUES "+rows), args...); err != nil {
			return err
		}
	}
	return nil
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// micros is a time as the schema has it.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// Filter chooses summaries. Its zero value chooses all.
type Filter struct {
	ID       string
	Scenario string
	Branch   string
	Host     string    // a Fingerprint, or the name of a host
	Since    time.Time // of the summary, not of the commit
}

// List returns the summaries that a filter chooses, the oldest first.
func (s *Store) List(ctx context.Context, f Filter) ([]Summary, error) {
	out, err := s.list(ctx, s.db, f)
	return out, s.wrap("read", err)
}

// Get returns one summary, and an error where there is none of that ID.
func (s *Store) Get(ctx context.Context, id string) (Summary, error) {
	out, err := s.List(ctx, Filter{ID: id})
	if err != nil {
		return Summary{}, err
	}
	if id == "" || len(out) != 1 {
		return Summary{}, fmt.Errorf("%s has no summary %q; see sweetspot history list", s.name, id)
	}
	return out[0], nil
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (s *Store) list(ctx context.Context, q querier, f Filter) (out []Summary, err error) {
	where, args := f.conditions()
	rows, err := q.QueryContext(ctx, s.bind(`SELECT s.id, s.kind, s.began, s.tool, s.scenario, s.scenario_hash, s.revision, s.branch,
		s.committed, s.ordinal, s.cell, s.rate, s.host, m.name, m.unit, m.higher, m.amounts
		FROM sweetspot_summary s JOIN sweetspot_metric m ON m.summary = s.id`+where+` ORDER BY s.began, s.id, m.name`), args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if out, err = scan(rows, out); err != nil {
			return nil, err
		}
	}
	return f.named(out), rows.Err()
}

func (f Filter) conditions() (where string, args []any) {
	var all []string
	add := func(condition string, arg any) { all, args = append(all, condition), append(args, arg) }
	if f.ID != "" {
		add("s.id = ?", f.ID)
	}
	if f.Scenario != "" {
		add("s.scenario = ?", f.Scenario)
	}
	if f.Branch != "" {
		add("s.branch = ?", f.Branch)
	}
	if !f.Since.IsZero() {
		add("s.began >= ?", micros(f.Since))
	}
	if len(all) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), args
}

// named keeps what the filter's host has measured.
func (f Filter) named(all []Summary) []Summary {
	if f.Host == "" {
		return all
	}
	return slices.DeleteFunc(all, func(s Summary) bool {
		return s.Host.Hostname != f.Host && Fingerprint(s.Host) != f.Host
	})
}

// scan reads a row, which is a metric of the last summary or of a new one.
func scan(rows *sql.Rows, out []Summary) ([]Summary, error) {
	var s Summary
	var m Metric
	var began, committed, higher int64
	var host, key, values string
	if err := rows.Scan(&s.ID, &s.Kind, &began, &s.Tool, &s.Scenario, &s.ScenarioHash, &s.Revision, &s.Branch,
		&committed, &s.Ordinal, &s.Cell, &s.Rate, &host, &key, &m.Unit, &higher, &values); err != nil {
		return nil, err
	}
	m.Higher = higher != 0
	if err := json.Unmarshal([]byte(values), &m.Values); err != nil {
		return nil, fmt.Errorf("summary %s, metric %s: %w", s.ID, key, err)
	}
	if n := len(out); n > 0 && out[n-1].ID == s.ID {
		out[n-1].Metrics[key] = m
		return out, nil
	}
	if err := json.Unmarshal([]byte(host), &s.Host); err != nil {
		return nil, fmt.Errorf("summary %s: host: %w", s.ID, err)
	}
	s.Time, s.Committed, s.Metrics = fromMicros(began), fromMicros(committed), map[string]Metric{key: m}
	return append(out, s), nil
}

// Rule says what Prune removes. With both, only what both remove.
type Rule struct {
	Keep   int       // this many, the newest of each scenario, branch and kind, stay; 0: none stays for its number
	Before time.Time // only what is older goes; zero: whatever its age
}

// Prune removes summaries of those that a filter chooses and returns them.
// With dry it only returns them.
func (s *Store) Prune(ctx context.Context, f Filter, rule Rule, dry bool) (gone []Summary, err error) {
	if rule.Keep <= 0 && rule.Before.IsZero() {
		return nil, errors.New("prune: say how many to keep, or of which age to remove")
	}
	err = s.within(ctx, func(tx *sql.Tx) error {
		all, err := s.list(ctx, tx, f)
		if err != nil {
			return err
		}
		if gone = rule.of(all); dry {
			return nil
		}
		for _, sum := range gone {
			for _, statement := range []string{"DELETE FROM sweetspot_metric WHERE summary = ?", "DELETE FROM sweetspot_summary WHERE id = ?"} {
				if _, err := tx.ExecContext(ctx, s.bind(statement), sum.ID); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.wrap("prune", err)
	}
	return gone, nil
}

// of returns what a rule removes of summaries, the oldest of which is first.
func (r Rule) of(all []Summary) (gone []Summary) {
	kept := map[[3]string]int{}
	for _, s := range slices.Backward(all) {
		of := [3]string{s.Scenario, s.Branch, s.Kind}
		kept[of]++
		if kept[of] <= r.Keep || !r.Before.IsZero() && !s.Time.Before(r.Before) {
			continue
		}
		gone = append(gone, s)
	}
	slices.Reverse(gone)
	return gone
}
