package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/reports"
	"sweetspot/runner/rundir"
	"sweetspot/runner/store"
	"sweetspot/scenarios"
)

// storeVariable is where a store may be named, so that a URL with a password
// is not in the list of processes.
const storeVariable = "SWEETSPOT_STORE"

// historyFlags are the flags that several of the history commands share.
type historyFlags struct {
	store    string
	scenario string
	branch   string
	host     string
	since    string
	last     int
	json     bool
}

func newHistory() *cobra.Command {
	var f historyFlags
	c := &cobra.Command{
		Use:   "history",
		Short: "List, record, compare and prune what earlier runs and gates came to",
		Long: `History keeps the summaries of runs and gates: in a SQLite file, which is
.sweetspot/history.db beside the project's .git, in another file at --store, or
for a team in PostgreSQL at --store postgresql://user@host/database. The
password of a URL is better in PGPASSWORD or ~/.pgpass; the whole address may be
in ` + storeVariable + `.

Without a command it lists.`,
		Example: `  sweetspot history add runs/django-shop-20260102T030405Z
  sweetspot history list --scenario django-shop --branch main --since 90d
  sweetspot history show 20260102T030405Z-0a1b2c3d4e5f
  sweetspot history changes --branch main --metric p95
  sweetspot history export --format csv --out history.csv
  sweetspot history export --format baseline --branch main --last 5 --out baseline.json
  sweetspot history import history.jsonl --store postgresql://ci@db/sweetspot
  sweetspot history prune --keep 500`,
		Args: cobra.NoArgs,
		RunE: f.list,
	}
	c.PersistentFlags().StringVar(&f.store, "store", "", "SQLite file or URL of PostgreSQL (default "+storeVariable+", else the project's .sweetspot/history.db)")
	f.filterFlags(c)
	f.listFlags(c)
	c.AddCommand(f.newList(), f.newShow(), f.newAdd(), f.newChanges(), f.newExport(), f.newImport(), f.newPrune())
	for _, sub := range c.Commands() {
		sub.Args = asBadInput(sub.Args)
	}
	return c
}

func (f *historyFlags) filterFlags(c *cobra.Command) {
	c.Flags().StringVar(&f.scenario, "scenario", "", "only of this scenario")
	c.Flags().StringVar(&f.branch, "branch", "", "only of this branch")
	c.Flags().StringVar(&f.host, "host", "", "only of this host, by its name or the fingerprint that list shows")
	c.Flags().StringVar(&f.since, "since", "", "only not older than this: a date as 2026-01-31, or an age as 90d or 36h")
}

func (f *historyFlags) listFlags(c *cobra.Command) {
	c.Flags().IntVar(&f.last, "last", 0, "only so many, the newest (default all)")
	f.jsonFlag(c)
}

func (f *historyFlags) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
}

func (f *historyFlags) newList() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the summaries, the oldest first",
		Example: `  sweetspot history list --scenario django-shop --branch main --since 90d
  sweetspot history list --last 20 --json`,
		Args: cobra.NoArgs,
		RunE: f.list,
	}
	f.filterFlags(c)
	f.listFlags(c)
	return c
}

func (f *historyFlags) newShow() *cobra.Command {
	c := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one summary with all its metrics",
		Example: "  sweetspot history show 20260102T030405Z-0a1b2c3d4e5f",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.with(c, false, func(ctx context.Context, s *store.Store) error {
				sum, err := s.Get(ctx, args[0])
				if err != nil {
					return badInput(err)
				}
				if f.json {
					return printed(c.OutOrStdout())(reports.SummariesJSON([]store.Summary{sum}))
				}
				return printed(c.OutOrStdout())(reports.SummaryText(sum), nil)
			})
		},
	}
	f.jsonFlag(c)
	return c
}

// printed writes what a report has rendered.
func printed(w io.Writer) func(b []byte, err error) error {
	return func(b []byte, err error) error {
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	}
}

func (f *historyFlags) list(c *cobra.Command, _ []string) error {
	return f.with(c, false, func(ctx context.Context, s *store.Store) error {
		all, err := f.chosen(ctx, s)
		if err != nil {
			return err
		}
		if f.json {
			return printed(c.OutOrStdout())(reports.SummariesJSON(all))
		}
		return printed(c.OutOrStdout())(reports.SummariesText(all), nil)
	})
}

// chosen returns what the filter flags choose.
func (f *historyFlags) chosen(ctx context.Context, s *store.Store) ([]store.Summary, error) {
	filter, err := f.filter()
	if err != nil {
		return nil, err
	}
	all, err := s.List(ctx, filter)
	if f.last > 0 && len(all) > f.last {
		all = all[len(all)-f.last:]
	}
	return all, err
}

func (f *historyFlags) filter() (store.Filter, error) {
	if f.last < 0 {
		return store.Filter{}, badInputf("--last %d: want a number above 0", f.last)
	}
	since, err := moment("--since", f.since, time.Now())
	return store.Filter{Scenario: f.scenario, Branch: f.branch, Host: f.host, Since: since}, err
}

// moment reads a date, or an age before now; an empty text is no time.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, nil
	}
	number, days := strings.CutSuffix(text, "d")
	if n, err := strconv.ParseFloat(number, 64); days && err == nil && n >= 0 && n < 1e5 {
		return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	return time.Time{}, badInputf("%s %q: want a date as 2026-01-31, or an age as 90d or 36h", flag, text)
}

// address is the store to use.
func (f *historyFlags) address() string { return cmp.Or(f.store, os.Getenv(storeVariable)) }

// with opens the store for f; new lets it make one.
func (f *historyFlags) with(c *cobra.Command, new bool, do func(ctx context.Context, s *store.Store) error) (err error) {
	ctx := c.Context()
	s, err := openStore(ctx, f.address(), new)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return stopped(ctx, do(ctx, s))
}

// openStore opens a store; new lets it make one. What is wrong with it is the
// user's to mend.
func openStore(ctx context.Context, where string, new bool) (*store.Store, error) {
	open := store.OpenExisting
	if new {
		open = store.Open
	}
	s, err := open(ctx, where)
	if err != nil {
		return nil, stopped(ctx, badInput(err))
	}
	return s, nil
}

// stopped gives an error the exit code of an interruption where that was it.
func stopped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return exitError{exitInterrupted, err}
	}
	return err
}

func (f *historyFlags) newAdd() *cobra.Command {
	var revision, branch string
	c := &cobra.Command{
		Use:   "add RUN_DIR",
		Short: "Record a run: what its recommended configuration came to",
		Long: `Add judges the trials of a run again and records what the recommended
configuration came to on every fresh start. The commit is asked of git in the
application's folder; where that has moved on since the run, name the run's.`,
		Example: `  sweetspot history add runs/django-shop-20260102T030405Z
  sweetspot history add runs/django-shop-20260102T030405Z --revision v1.2 --branch main`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.add(c, args[0], revision, branch) },
	}
	c.Flags().StringVar(&revision, "revision", "", "commit that the run measured (default the one checked out)")
	c.Flags().StringVar(&branch, "branch", "", "its branch (default the one checked out)")
	return c
}

func (f *historyFlags) add(c *cobra.Command, dir, revision, branch string) error {
	run, err := readRun(dir)
	if err != nil {
		return err
	}
	at, err := commitOfRun(c.Context(), run.Manifest, revision)
	if err != nil {
		return stopped(c.Context(), badInput(err))
	}
	at.Branch = cmp.Or(branch, at.Branch)
	res, err := judged(run, "")
	if err != nil {
		return err
	}
	sum, err := runSummary(run, res, at)
	if err != nil {
		return err
	}
	return f.with(c, true, func(ctx context.Context, s *store.Store) error {
		if err := s.Add(ctx, sum); err != nil {
			if errors.Is(err, store.ErrKnown) {
				return badInput(err)
			}
			return err
		}
		_, err := fmt.Fprintf(c.OutOrStdout(), "recorded %s in %s\n", sum.ID, s.Name())
		return err
	})
}

var isHash = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// commitOfRun returns the commit that a run measured, as far as git tells: of
// an application that the program brings along there is none.
func commitOfRun(ctx context.Context, m rundir.Manifest, revision string) (commit, error) {
	app := m.Scenario.App
	if app.Interface == scenarios.Embedded || strings.HasPrefix(app.Dir, "fixture:") || !filepath.IsAbs(app.Dir) {
		return commit{Revision: revision}, nil
	}
	if _, err := os.Stat(app.Dir); err != nil {
		return commit{Revision: revision}, nil // it has moved, or the run is of another machine
	}
	at, err := commitOf(ctx, app.Dir, revision)
	if err != nil && isHash.MatchString(revision) {
		return commit{Revision: revision}, ctx.Err() // a shallow clone lacks it
	}
	if err == nil && revision == "" && at.Committed.After(m.Began) {
		err = fmt.Errorf("the commit in %s, %.10s, is younger than the run: name the one that the run measured with --revision", app.Dir, at.Revision)
	}
	at.Revision = cmp.Or(at.Revision, revision)
	return at, err
}

func (f *historyFlags) newExport() *cobra.Command {
	var format, out string
	const baseline = "baseline"
	c := &cobra.Command{
		Use:   "export",
		Short: "Write summaries as JSON lines, as CSV or as the baseline of a gate",
		Example: `  sweetspot history export > history.jsonl
  sweetspot history export --format csv --since 2026-01-01 --out history.csv
  sweetspot history export --format baseline --scenario django-shop --branch main --last 5 --out baseline.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains([]string{store.JSONLines, store.CSV, baseline}, format) {
				return badInputf("--format %s: no such format; choose one of %s, %s, %s", format, store.JSONLines, store.CSV, baseline)
			}
			if format == baseline && out == "" {
				return badInputf("--out is missing: name the file of the baseline")
			}
			return f.with(c, false, func(ctx context.Context, s *store.Store) error {
				all, err := f.chosen(ctx, s)
				if err != nil {
					return err
				}
				if format == baseline {
					return badInput(store.WriteBaseline(out, all))
				}
				return toFile(out, c.OutOrStdout(), func(w io.Writer) error { return store.Write(w, format, all) })
			})
		},
	}
	f.filterFlags(c)
	c.Flags().IntVar(&f.last, "last", 0, "only so many, the newest (default all)")
	c.Flags().StringVar(&format, "format", store.JSONLines, "jsonl, csv or baseline")
	c.Flags().StringVar(&out, "out", "", "file to write (default standard output)")
	return c
}

// toFile writes to a file, or to w where none is named.
func toFile(name string, w io.Writer, write func(io.Writer) error) (err error) {
	if name == "" {
		return write(w)
	}
	file, err := os.Create(name)
	if err != nil {
		return badInput(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return write(file)
}

func (f *historyFlags) newImport() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Record summaries that were exported as JSON lines, all or none",
		Example: `  sweetspot history import history.jsonl
  sweetspot history export --store old.db | sweetspot history import - --store postgresql://ci@db/sweetspot`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			in := c.InOrStdin()
			if args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return badInput(err)
				}
				defer file.Close()
				in = file
			}
			all, err := store.Read(in)
			if err != nil {
				return badInputf("%s: %w", args[0], err)
			}
			return f.with(c, true, func(ctx context.Context, s *store.Store) error {
				added, known, err := s.AddAll(ctx, all)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "recorded %d in %s; %d were there already\n", added, s.Name(), known)
				return err
			})
		},
	}
}

func (f *historyFlags) newPrune() *cobra.Command {
	var rule store.Rule
	var age string
	var dry bool
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove old summaries",
		Long: `Prune removes summaries, so many that --keep of each scenario, branch and kind
stay, or those that are older than --older-than. With both, only what is beyond
both goes.`,
		Example: `  sweetspot history prune --keep 500
  sweetspot history prune --older-than 365d --branch main --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if rule.Before, err = moment("--older-than", age, time.Now()); err != nil {
				return err
			}
			if c.Flags().Changed("keep") && rule.Keep < 1 {
				return badInputf("--keep %d: want a number above 0", rule.Keep)
			}
			if rule.Keep == 0 && age == "" {
				return badInputf("say what is to go: --keep 500, or --older-than 365d")
			}
			filter, err := f.filter()
			if err != nil {
				return err
			}
			return f.with(c, false, func(ctx context.Context, s *store.Store) error {
				gone, err := s.Prune(ctx, filter, rule, dry)
				if err != nil {
					return err
				}
				did := "removed"
				if dry {
					did = "would remove"
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s %d of %s\n", did, len(gone), s.Name())
				return err
			})
		},
	}
	f.filterFlags(c)
	c.Flags().IntVar(&rule.Keep, "keep", 0, "so many stay of each scenario, branch and kind, the newest")
	c.Flags().StringVar(&age, "older-than", "", "only what is older goes: a date as 2026-01-31, or an age as 365d")
	c.Flags().BoolVar(&dry, "dry-run", false, "only say how many would go")
	return c
}

func (f *historyFlags) newChanges() *cobra.Command {
	var metric string
	c := &cobra.Command{
		Use:   "changes",
		Short: "Find the commits between which a metric has changed",
		Long: `Changes looks at every metric over the commits of a branch and finds where its
level changed (E-divisive, a permutation test), with the last commit of the old
level, the first of the new one, the effect and its interval.

It is advisory. Machines drift, and where values of neighbours resemble each
other, many changes that are found are none; it estimates that and says so.`,
		Example: `  sweetspot history changes --branch main
  sweetspot history changes --scenario django-shop --metric p95/checkout --since 180d --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			h, err := historyChanges(c.Context(), f.address(), filter, metric)
			if err != nil {
				return err
			}
			if f.json {
				err = printed(c.OutOrStdout())(reports.HistoryJSON(h))
			} else {
				err = printed(c.OutOrStdout())(reports.HistoryText(h), nil)
			}
			if err == nil && len(h.Series) == 0 {
				return exitError{code: exitInconclusive}
			}
			return err
		},
	}
	f.filterFlags(c)
	f.jsonFlag(c)
	c.Flags().StringVar(&metric, "metric", "", "only this one, as p95 or p95/checkout (default all)")
	return c
}
