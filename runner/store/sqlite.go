package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// patience is how long a writer waits for others.
const patience = 20 * time.Second

// Every transaction takes the right to write when it begins, so that two never
// wait for each other. The journal is the rollback journal: the shared memory
// of the other kind does not work on network folders.
var pragmas = url.Values{
	"_txlock": {"immediate"},
	"_pragma": {fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds()), "synchronous(full)", "foreign_keys(1)", "trusted_schema(0)"},
}

func openSQLite(ctx context.Context, path string, make bool) (s *Store, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open history %s: %w", path, explainSQLite(err))
		}
	}()
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	// The file is only looked at here, never opened: to close it again would
	// drop the locks that this process has on it by another Store.
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !make:
		return nil, fmt.Errorf("%w yet; record a run with sweetspot history add RUN_DIR", ErrNone)
	case errors.Is(err, fs.ErrNotExist):
		if err := makeFolder(filepath.Dir(path)); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no file; name a file as --store")
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: pragmas.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // writers of one process queue here, which is fairer than to poll the file
	s = &Store{db: db, name: path, say: explainSQLite, bind: func(q string) string { return q }}
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// ready checks what is in the file before anything is written to it.
func (s *Store) ready(ctx context.Context) error {
	var verdict string
	if err := s.db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, verdict)
	}
	if err := s.complete(ctx); err != nil {
		return err
	}
	var tables, ours int
	if err := s.db.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(name = 'sweetspot_schema_version'), 0) FROM sqlite_master").Scan(&tables, &ours); err != nil {
		return err
	}
	if tables > 0 && ours == 0 {
		return errors.New("the file is another program's database; name another --store")
	}
	return s.migrate(ctx)
}

// complete finds a file whose end is missing, of which the check above takes a
// part of a page for a page. Others may write meanwhile: that makes the file
// longer only.
func (s *Store) complete(ctx context.Context) error {
	var pages, size int64
	if err := s.db.QueryRowContext(ctx, "SELECT page_count, page_size FROM pragma_page_count, pragma_page_size").Scan(&pages, &size); err != nil {
		return err
	}
	info, err := os.Stat(s.name)
	if err != nil {
		return err
	}
	if info.Size() < pages*size {
		return fmt.Errorf("%w: it has %d bytes of %d", errDamaged, info.Size(), pages*size)
	}
	return nil
}

// errDamaged is a file that is left as it is.
var errDamaged = errors.New("the file is damaged")

const damagedRemedy = "nothing was written to it; move it away and restore a copy, or begin anew and import what was exported (sweetspot history import)"

// explainSQLite adds what helps.
func explainSQLite(err error) error {
	if errors.Is(err, errDamaged) {
		return fmt.Errorf("%w; %s", err, damagedRemedy)
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff { // extended codes have more above
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w: %w; %s", errDamaged, err, damagedRemedy)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w: others wrote to it for %v; try again", err, patience)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w; free some space on its disk", err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%w; make the file and its folder writable, or name another --store", err)
	}
	return err
}

// makeFolder makes the folder of a store. The one in a project keeps itself
// out of git.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if filepath.Base(dir) != folder {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o644)
}
