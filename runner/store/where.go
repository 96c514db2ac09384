package store

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Default returns where the history of the project around dir is: a file in
// .sweetspot/ beside its .git, or in dir itself where no folder above has one.
func Default(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the project's history: %w", err)
	}
	for up := dir; ; up = filepath.Dir(up) {
		if _, err := os.Lstat(filepath.Join(up, ".git")); err == nil {
			return inProject(up), nil
		}
		if up == filepath.Dir(up) {
			return inProject(dir), nil
		}
	}
}

// folder is what sweetspot keeps in a project.
const folder = ".sweetspot"

func inProject(root string) string { return filepath.Join(root, folder, "history.db") }

// isPostgreSQL says whether a store is a URL of PostgreSQL.
func isPostgreSQL(where string) bool {
	scheme, _, ok := strings.Cut(where, "://")
	return ok && (strings.EqualFold(scheme, "postgres") || strings.EqualFold(scheme, "postgresql"))
}

// checkPath refuses what looks like an address of a database that is no file.
// It says nothing of what may be a password.
func checkPath(where string) error {
	if scheme, _, ok := strings.Cut(where, "://"); ok {
		return fmt.Errorf("open history: %.20q is no kind of store: give the path of a SQLite file, or postgresql://user@host/database", scheme)
	}
	if strings.Contains(where, "password=") || strings.Contains(where, "dbname=") {
		return fmt.Errorf("open history: give PostgreSQL as a URL, postgresql://user@host/database, not as words with =")
	}
	return nil
}

// Redact returns a store's address without its passwords, for people and logs.
// Other text, as of a file, it returns as it is.
func Redact(where string) string {
	scheme, _, ok := strings.Cut(where, "://")
	if !ok {
		return where
	}
	u, err := url.Parse(where)
	if err != nil {
		return scheme + "://…"
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), "xxxxx")
	}
	q := u.Query()
	for key := range q {
		if secret(key) {
			q.Set(key, "xxxxx")
		}
	}
	if len(q) > 0 {
		u.RawQuery = q.Encode()
	}
	return u.String()
}

// secret says whether a parameter of a URL is none of anybody's business.
func secret(key string) bool {
	key = strings.ToLower(key)
	return strings.Contains(key, "pass") || strings.Contains(key, "secret") || strings.Contains(key, "token")
}

// secrets are the passwords of a URL, as written and as meant.
func secrets(where string) (out []string) {
	add := func(s string) { out = append(out, variants(s)...) }
	u, err := url.Parse(where)
	if err != nil {
		return nil
	}
	if p, has := u.User.Password(); has {
		add(p)
		if _, raw, ok := strings.Cut(u.User.String(), ":"); ok {
			add(raw)
		}
	}
	for key, values := range u.Query() {
		if secret(key) {
			for _, v := range values {
				add(v)
			}
		}
	}
	return out
}

// variants are a password as meant and as URLs write it; none for none.
func variants(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s, url.QueryEscape(s), url.PathEscape(s)}
}

// withoutSecrets is an error whose text has no passwords.
type withoutSecrets struct {
	error
	where   string
	secrets []string
}

func (e withoutSecrets) Error() string {
	text := strings.ReplaceAll(e.error.Error(), e.where, Redact(e.where))
	for _, s := range e.secrets {
		text = strings.ReplaceAll(text, s, "xxxxx")
	}
	return text
}

func (e withoutSecrets) Unwrap() error { return e.error }
