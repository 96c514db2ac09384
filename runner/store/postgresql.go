package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// connectWithin is how long a server may take to take a connection, where the
// URL does not say.
const connectWithin = 15 * time.Second

// migrating is the key of the lock under which one program at a time migrates.
const migrating = 0x73776565 // any number that others hardly choose

func openPostgreSQL(ctx context.Context, where string) (*Store, error) {
	name := Redact(where)
	cfg, err := pgx.ParseConfig(where)
	if err != nil {
		// The error of the library may quote what it could not part.
		return nil, fmt.Errorf("open history %s: this is no URL of PostgreSQL: write postgresql://user@host:5432/database, and in a password %%40 for @, %%2F for / and so on", name)
	}
	hidden := append(secrets(where), variants(cfg.Password)...)
	say := func(err error) error { return withoutSecrets{explainPostgreSQL(err), where, hidden} }
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectWithin
	}
	// Nothing is prepared: connection poolers forget what was.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	s := &Store{db: stdlib.OpenDB(*cfg), name: name, say: say, bind: numbered, locked: fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrating)}
	if err := s.migrate(ctx); err != nil {
		return nil, fmt.Errorf("open history %s: %w", name, say(errors.Join(err, s.db.Close())))
	}
	return s, nil
}

// numbered writes the placeholders of a query as $1, $2 and so on.
func numbered(query string) string {
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

// explainPostgreSQL adds what helps.
func explainPostgreSQL(err error) error {
	var said *pgconn.PgError
	var dial *net.OpError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &said) && strings.HasPrefix(said.Code, "28"):
		return fmt.Errorf("%w; check user and password, in the URL, PGPASSWORD or ~/.pgpass", err)
	case errors.As(err, &said) && said.Code == "3D000":
		return fmt.Errorf("%w; make it with createdb", err)
	case errors.As(err, &said) && said.Code == "42501":
		return fmt.Errorf("%w; the user needs CREATE on the schema when tables are made, later SELECT, INSERT and DELETE", err)
	case errors.As(err, &dial), errors.As(err, &connect):
		return fmt.Errorf("%w; is the server running and reachable?", err)
	}
	return err
}
