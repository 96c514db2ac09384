package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// migrations are the steps from an empty database to the newest schema, the
// same for both databases. They are never changed once released: a change is a
// new file.
//
//go:embed migrations/*.sql
var migrations embed.FS

// steps returns the text of every migration; the first leads to version 1.
func steps() ([]string, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var out []string
	for i, name := range names {
		if want := fmt.Sprintf("migrations/%03d_", i+1); !strings.HasPrefix(name, want) {
			return nil, fmt.Errorf("%s: the name of the next migration begins with %s", name, want)
		}
		b, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, string(b))
	}
	return out, nil
}

// migrate brings a store to the newest schema. It refuses one that a newer
// program has made.
func (s *Store) migrate(ctx context.Context) error {
	all, err := steps()
	if err != nil {
		return err
	}
	// The version is the newest row; where there is no such table it is 0, and
	// what else went wrong the transaction below meets again.
	if version, err := s.version(ctx, s.db); err == nil && version >= len(all) {
		return refuseNewer(version, len(all))
	}
	return s.within(ctx, func(tx *sql.Tx) error {
		if s.locked != "" {
			if _, err := tx.ExecContext(ctx, s.locked); err != nil {
				return err
			}
		}
		return s.climb(ctx, tx, all)
	})
}

func (s *Store) version(ctx context.Context, q querier) (version int, err error) {
	rows, err := q.QueryContext(ctx, "SELECT coalesce(max(version), 0) FROM sweetspot_schema_version")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := rows.Scan(&version); err != nil {
			return 0, err
		}
	}
	return version, rows.Err()
}

// climb makes the steps that are missing.
func (s *Store) climb(ctx context.Context, tx *sql.Tx, all []string) error {
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS sweetspot_schema_version (version INTEGER NOT NULL PRIMARY KEY)"); err != nil {
		return err
	}
	version, err := s.version(ctx, tx)
	if err != nil {
		return err
	}
	if version >= len(all) {
		return refuseNewer(version, len(all)) // somebody else was quicker
	}
	for i, text := range all[version:] {
		for _, statement := range statements(text) {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("schema %d: %w", version+i+1, err)
			}
		}
		if _, err := tx.ExecContext(ctx, s.bind("INSERT INTO sweetspot_schema_version (version) VALUES (?)"), version+i+1); err != nil {
			return err
		}
	}
	return nil
}

func refuseNewer(version, known int) error {
	if version <= known {
		return nil
	}
	return fmt.Errorf("it has schema %d and this program knows up to %d: use the newer sweetspot that made it, or name another store", version, known)
}

// statements parts a migration: a line that ends with ; ends a statement.
func statements(text string) (out []string) {
	for part := range strings.SplitSeq(text, ";\n") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
