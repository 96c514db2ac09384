package store

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// filled makes a store with some summaries and returns its file and content.
func filled(t *testing.T) (file string, content []byte) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "history.db")
	s := mustOpen(t, file)
	for i := range 60 {
		mustAdd(t, s, summary(fmt.Sprint(i), time.Duration(i)*time.Hour))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, content
}

// What is damaged is reported and left as it is.
func TestDamage(t *testing.T) {
	file, content := filled(t)
	page := len(content) / 2 / 4096 * 4096
	for _, tt := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"text", []byte("dear diary\n"), "not a database"},
		{"a few bytes", content[:7], "not a database"},
		{"the header alone", content[:50], "damaged"},
		{"one page", content[:4096], "damaged"},
		{"half", content[:len(content)/2], "damaged"},
		{"without its last byte", content[:len(content)-1], "damaged"},
		{"a page of zeros", bytes.Join([][]byte{content[:page], make([]byte, 4096), content[page+4096:]}, nil), "damaged"},
		{"zeros at its begin", append(make([]byte, 4096), content[4096:]...), "not a database"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(file, tt.content, 0o644); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), file)
			if err == nil {
				_ = s.Close()
				t.Fatal("no error")
			}
			for _, want := range []string{file, tt.want, "move it away and restore a copy"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, tt.content) {
				t.Errorf("the file was changed: %d bytes, were %d, %v", len(got), len(tt.content), err)
			}
		})
	}
}

func TestOpenWhatIsNoStore(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.db")
	db, err := sql.Open("sqlite", foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE users (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), empty); err != nil {
		t.Errorf("an empty file: %v", err)
	} else {
		_ = s.Close()
	}
	for _, tt := range []struct{ where, want string }{
		{foreign, "another program's database; name another --store"},
		{dir, "it is no file"},
		{filepath.Join(empty, "below.db"), "not a directory"},
		{"mysql://root:geheim@db/x", `"mysql" is no kind of store`},
		{"host=db password=geheim", "give PostgreSQL as a URL"},
		{"postgres://u:geheim%zz@db/x", "open history postgres://…: this is no URL of PostgreSQL"},
		{"postgres://u:geheim@db:port/x", "this is no URL of PostgreSQL"},
		{"postgresql://u:geheim@127.0.0.1:1/x", "is the server running and reachable?"},
	} {
		_, err := Open(t.Context(), tt.where)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.where, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: the password is in the error %q", tt.where, err)
		}
	}
	missing := filepath.Join(dir, "missing.db")
	if _, err := OpenExisting(t.Context(), missing); !errors.Is(err, ErrNone) {
		t.Errorf("no file: %v, want ErrNone", err)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("OpenExisting has made a file")
	}
}

func TestRedact(t *testing.T) {
	for _, tt := range []struct{ where, want string }{
		{".sweetspot/history.db", ".sweetspot/history.db"},
		{"postgres://db/x", "postgres://db/x"},
		{"postgres://ann@db/x", "postgres://ann@db/x"},
		{"postgres://ann:p%40ss@db/x", "postgres://ann:xxxxx@db/x"},
		{"postgresql://db/x?user=ann&password=geheim", "postgresql://db/x?password=xxxxx&user=ann"},
		{"postgresql://db/x?sslpassword=geheim", "postgresql://db/x?sslpassword=xxxxx"},
		{"postgres://ann:p%ss@db/x", "postgres://…"},
	} {
		if got := Redact(tt.where); got != tt.want {
			t.Errorf("Redact(%q) = %q, want %q", tt.where, got, tt.want)
		}
	}
}

func TestDefault(t *testing.T) {
	root := t.TempDir()
	below := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := Default(below); err != nil || got != filepath.Join(below, ".sweetspot", "history.db") {
		t.Errorf("no project: %q, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(root, ".git"), []byte("gitdir: elsewhere"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Default(below)
	if err != nil || got != filepath.Join(root, ".sweetspot", "history.db") {
		t.Errorf("in a project: %q, %v", got, err)
	}
	if s := mustOpen(t, got); s.Name() != got {
		t.Errorf("name %q, want %q", s.Name(), got)
	}
	if b, err := os.ReadFile(filepath.Join(root, ".sweetspot", ".gitignore")); err != nil || string(b) != "*\n" {
		t.Errorf(".gitignore %q, %v", b, err)
	}
}

// A writer that is killed leaves whole summaries only.
func TestKilledWriter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.db")
	s := mustOpen(t, file)
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), writerStore+"="+file, writerName+"=killed", writerCount+"=100000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() { _, _ = c.Process.Kill(), c.Wait() })
	defer end()
	for {
		got, err := s.List(t.Context(), Filter{})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) >= 20 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	end()
	got, err := mustOpen(t, file).List(t.Context(), Filter{})
	if err != nil || len(got) < 20 {
		t.Errorf("%d summaries, %v", len(got), err)
	}
	for _, sum := range got {
		if len(sum.Metrics) != 2 {
			t.Errorf("%s has %d metrics, want 2", sum.ID, len(sum.Metrics))
		}
	}
	mustAdd(t, s, summary("after", 0))
}
