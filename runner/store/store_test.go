package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
)

const (
	writerStore = "TEST_WRITER_STORE" // of a helper that writes to it
	writerName  = "TEST_WRITER_NAME"
	writerCount = "TEST_WRITER_COUNT" // of summaries
)

func TestMain(m *testing.M) {
	process.Main()
	if where := os.Getenv(writerStore); where != "" {
		n, err := strconv.Atoi(os.Getenv(writerCount))
		if err == nil {
			err = write(context.Background(), where, os.Getenv(writerName), n)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const (
	writers    = 4 // at once
	eachWriter = 25
)

// write adds summaries to a store of its own opening.
func write(ctx context.Context, where, name string, n int) (err error) {
	s, err := Open(ctx, where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for i := range n {
		if err := s.Add(ctx, summary(fmt.Sprintf("%s-%d", name, i), time.Duration(i)*time.Second)); err != nil {
			return err
		}
	}
	return nil
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC)

func summary(id string, after time.Duration) Summary {
	return Summary{
		ID: id, Kind: Gate, Time: epoch.Add(after), Tool: "v1", Scenario: "shop", ScenarioHash: "abc", Revision: "f00", Branch: "main",
		Committed: epoch.Add(-time.Hour), Ordinal: 7, Cell: "server=gunicorn-gthread/proxy=nginx/workers=4/threads=2", Rate: 70.5,
		Host: rundir.Host{Hostname: "a", OS: "Debian 12", Kernel: "6.1.0-9", CPUModel: "EPYC", Cores: 4, MemoryBytes: 16 << 30},
		Metrics: map[string]Metric{
			"throughput": {"requests/s", true, []float64{100.25, 101, 1.0 / 3}},
			"p95/a;b'\"": {"ms", false, []float64{12}},
		},
	}
}

func mustOpen(t *testing.T, where string) *Store {
	t.Helper()
	s, err := Open(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func mustAdd(t *testing.T, s *Store, all ...Summary) {
	t.Helper()
	for _, sum := range all {
		if err := s.Add(t.Context(), sum); err != nil {
			t.Fatal(err)
		}
	}
}

func ids(all []Summary) string {
	var out []string
	for _, s := range all {
		out = append(out, s.ID)
	}
	return strings.Join(out, " ")
}

func TestSQLite(t *testing.T) {
	conform(t, func(t *testing.T) string { return filepath.Join(t.TempDir(), "new folder", "a?b%20c.db") })
}

// conform is what every kind of store keeps to. fresh returns the address of
// an empty one.
func conform(t *testing.T, fresh func(t *testing.T) string) {
	t.Run("what is added comes back", func(t *testing.T) {
		s := mustOpen(t, fresh(t))
		first, bare := summary("first", 0), summary("bare", -time.Hour)
		bare.Committed, bare.Ordinal, bare.Revision, bare.Branch = time.Time{}, 0, "", ""
		mustAdd(t, s, first, bare)
		if got, err := s.List(t.Context(), Filter{}); err != nil || !reflect.DeepEqual(got, []Summary{bare, first}) {
			t.Errorf("list\n%+v, %v, want\n%+v", got, err, []Summary{bare, first})
		}
		if got, err := s.Get(t.Context(), "first"); err != nil || !reflect.DeepEqual(got, first) {
			t.Errorf("get %+v, %v", got, err)
		}
		for _, id := range []string{"", "first' OR '1'='1"} {
			if _, err := s.Get(t.Context(), id); err == nil {
				t.Errorf("get %q: no error", id)
			}
		}
		if err := s.Add(t.Context(), first); !errors.Is(err, ErrKnown) {
			t.Errorf("second time: %v, want ErrKnown", err)
		}
	})
	t.Run("many metrics", func(t *testing.T) {
		s := mustOpen(t, fresh(t))
		many := summary("many", 0)
		for i := range 2*atOnce + 1 {
			many.Metrics[fmt.Sprintf("p95/request %d", i)] = Metric{"ms", false, []float64{float64(i)}}
		}
		mustAdd(t, s, many)
		if got, err := s.Get(t.Context(), "many"); err != nil || !reflect.DeepEqual(got, many) {
			t.Errorf("%d metrics, %v, want %d", len(got.Metrics), err, len(many.Metrics))
		}
	})
	t.Run("filters", func(t *testing.T) {
		s := mustOpen(t, fresh(t))
		main, side, other, host := summary("1main", 0), summary("2side", time.Hour), summary("3other", 2*time.Hour), summary("4host", 3*time.Hour)
		side.Branch, other.Scenario, host.Host.Hostname, host.Host.Cores = "side", "blog", "b", 8
		mustAdd(t, s, main, side, other, host)
		for _, tt := range []struct {
			name string
			f    Filter
			want string
		}{
			{"none", Filter{}, "1main 2side 3other 4host"},
			{"scenario", Filter{Scenario: "shop"}, "1main 2side 4host"},
			{"branch", Filter{Branch: "side"}, "2side"},
			{"nothing but a quote", Filter{Branch: "'; DROP TABLE sweetspot_summary; --"}, ""},
			{"host by name", Filter{Host: "b"}, "4host"},
			{"host by kind", Filter{Host: Fingerprint(main.Host)}, "1main 2side 3other"},
			{"since", Filter{Since: epoch.Add(2 * time.Hour)}, "3other 4host"},
			{"all of them", Filter{Scenario: "shop", Branch: "main", Since: epoch.Add(time.Minute)}, "4host"},
		} {
			if got, err := s.List(t.Context(), tt.f); ids(got) != tt.want || err != nil {
				t.Errorf("%s: %q, %v, want %q", tt.name, ids(got), err, tt.want)
			}
		}
	})
	t.Run("prune", func(t *testing.T) {
		s := mustOpen(t, fresh(t))
		for i := range 5 {
			mustAdd(t, s, summary(fmt.Sprint(i), time.Duration(i)*time.Hour))
		}
		side := summary("side", 0)
		side.Branch = "side"
		mustAdd(t, s, side)
		for _, tt := range []struct {
			name string
			f    Filter
			rule Rule
			dry  bool
			want string // that are gone
		}{
			{"dry", Filter{}, Rule{Keep: 2}, true, "0 1 2"},
			{"one of a branch stays", Filter{}, Rule{Keep: 4}, false, "0"},
			{"by age, of one branch", Filter{Branch: "main"}, Rule{Before: epoch.Add(2 * time.Hour)}, false, "1"},
			{"both", Filter{}, Rule{Keep: 1, Before: epoch.Add(3 * time.Hour)}, false, "2"},
			{"nothing left to remove", Filter{}, Rule{Keep: 2}, false, ""},
		} {
			if got, err := s.Prune(t.Context(), tt.f, tt.rule, tt.dry); ids(got) != tt.want || err != nil {
				t.Errorf("%s: %q, %v, want %q", tt.name, ids(got), err, tt.want)
			}
		}
		if got, err := s.List(t.Context(), Filter{}); ids(got) != "side 3 4" || err != nil {
			t.Errorf("left: %q, %v", ids(got), err)
		}
		if _, err := s.Prune(t.Context(), Filter{}, Rule{}, false); err == nil {
			t.Error("no rule: no error")
		}
	})
	t.Run("export and import", func(t *testing.T) {
		s, again := mustOpen(t, fresh(t)), mustOpen(t, fresh(t))
		mustAdd(t, s, summary("one", 0), summary("two", time.Hour))
		mustAdd(t, again, summary("two", time.Hour))
		var b bytes.Buffer
		if n, err := s.Export(t.Context(), &b, JSONLines, Filter{}); n != 2 || err != nil {
			t.Fatalf("export: %d, %v", n, err)
		}
		if added, known, err := again.Import(t.Context(), &b); added != 1 || known != 1 || err != nil {
			t.Errorf("import: %d added, %d known, %v", added, known, err)
		}
		want, _ := s.List(t.Context(), Filter{})
		if got, err := again.List(t.Context(), Filter{}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%+v, %v, want\n%+v", got, err, want)
		}
	})
	t.Run("newer schema", func(t *testing.T) {
		where := fresh(t)
		s := mustOpen(t, where)
		if _, err := s.db.Exec("INSERT INTO sweetspot_schema_version (version) VALUES (99)"); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), where); err == nil || !strings.Contains(err.Error(), "schema 99 and this program knows up to 1: use the newer sweetspot") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("many writers", func(t *testing.T) {
		where := fresh(t)
		concurrently(t, writers, func(n int) error { return write(t.Context(), where, fmt.Sprint("thread", n), eachWriter) },
			func(n int) error {
				c := exec.Command(os.Args[0])
				c.Env = append(os.Environ(), writerStore+"="+where, writerName+fmt.Sprint("=process", n), writerCount+fmt.Sprint("=", eachWriter))
				if out, err := c.CombinedOutput(); err != nil {
					return fmt.Errorf("%w: %s", err, out)
				}
				return nil
			})
		got, err := mustOpen(t, where).List(t.Context(), Filter{})
		if want := 2 * writers * eachWriter; len(got) != want || err != nil {
			t.Errorf("%d summaries, %v, want %d", len(got), err, want)
		}
		for _, sum := range got {
			if len(sum.Metrics) != 2 {
				t.Fatalf("%s has %d metrics, want 2", sum.ID, len(sum.Metrics))
			}
		}
	})
	t.Run("one writer that many use", func(t *testing.T) {
		s := mustOpen(t, fresh(t))
		concurrently(t, 20, func(n int) error { return s.Add(t.Context(), summary(fmt.Sprint(n), 0)) })
		if got, err := s.List(t.Context(), Filter{}); len(got) != 20 || err != nil {
			t.Errorf("%d summaries, %v", len(got), err)
		}
	})
	t.Run("stopped", func(t *testing.T) {
		s := mustOpen(t, fresh(t))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Add(ctx, summary("never", 0)); !errors.Is(err, context.Canceled) {
			t.Errorf("add: %v, want Canceled", err)
		}
		if got, err := s.List(t.Context(), Filter{}); len(got) != 0 || err != nil {
			t.Errorf("%d summaries, %v", len(got), err)
		}
	})
}

// concurrently runs every function n times at once.
func concurrently(t *testing.T, n int, fs ...func(int) error) {
	t.Helper()
	var all sync.WaitGroup
	for _, f := range fs {
		for i := range n {
			all.Go(func() {
				if err := f(i); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
}
