package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the test makes databases of its own

	"sweetspot/runner/process"
	"sweetspot/runner/service"
)

// startPostgreSQL starts a private server and returns the URL of a new database
// in it at every call. It skips the test where there is no PostgreSQL, or
// fails it where all has to be there.
func startPostgreSQL(t *testing.T) (fresh func(t *testing.T) string) {
	t.Helper()
	if why := service.Missing("postgresql"); why != "" {
		if os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	dir := t.TempDir()
	for up := dir; up != "/" && up != os.TempDir(); up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o711); err != nil { // the server's account passes through
			t.Fatal(err)
		}
	}
	id := "test-" + strings.ToLower(rand.Text()[:8])
	s, err := service.Start(t.Context(), service.Config{
		Name: "postgresql", Dir: filepath.Join(dir, "start"), Data: filepath.Join(dir, "data"), RunID: id, Deadline: 2 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if left, err := process.SweepRun(id); err != nil || len(left) != 0 {
			t.Errorf("processes left: %q, %v", left, err)
		}
	})
	main := s.Env()["DATABASE_URL"]
	db, err := sql.Open("pgx", main)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	n := 0
	return func(t *testing.T) string {
		n++
		name := fmt.Sprintf("history%d", n)
		if _, err := db.ExecContext(context.Background(), "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("postgresql://postgres:geheim%%40x@/%s?host=%s", name, s.Env()["PGHOST"])
	}
}

func TestPostgreSQL(t *testing.T) {
	fresh := startPostgreSQL(t)
	conform(t, fresh)
	t.Run("no password is told", func(t *testing.T) {
		where := strings.Replace(fresh(t), "/history", "/missing", 1)
		_, err := Open(t.Context(), where)
		if err == nil || !strings.Contains(err.Error(), "createdb") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("error %v", err)
		}
	})
}
