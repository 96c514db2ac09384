package benchmark

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Entry is a line of a ledger.
type Entry interface {
	Key() string // what was asked for; the ledger holds one answer to it
}

// Ledger keeps every entry as soon as it is there, a line of JSON each. All but
// All may be used by several at a time.
type Ledger[E Entry] struct {
	All []E // in the order in which they came

	mu   sync.Mutex
	file *os.File
	at   map[string]int // index of All, by key
}

// OpenLedger reads what a file of the folder holds; a fresh ledger forgets it.
func OpenLedger[E Entry](dir, name string, fresh bool) (*Ledger[E], error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	flags := os.O_RDWR | os.O_CREATE | os.O_APPEND
	if fresh {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(filepath.Join(dir, name), flags, 0o644)
	if err != nil {
		return nil, err
	}
	l := &Ledger[E]{file: f, at: map[string]int{}}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		var e E
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, errors.Join(fmt.Errorf("%s:%d: %w: remove the line, or use --fresh", f.Name(), n, err), f.Close())
		}
		l.keep(e)
	}
	if err := lines.Err(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

func (l *Ledger[E]) keep(e E) {
	l.at[e.Key()] = len(l.All)
	l.All = append(l.All, e)
}

// Add keeps an entry, unless one of its key is there.
func (l *Ledger[E]) Add(e E) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.at[e.Key()]; ok {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return err
	}
	l.keep(e)
	return nil
}

// Get returns the entry of a key.
func (l *Ledger[E]) Get(key string) (e E, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.at[key]
	if !ok {
		return e, false
	}
	return l.All[i], true
}

// Holds tells whether there is an entry of a key.
func (l *Ledger[E]) Holds(key string) bool {
	_, ok := l.Get(key)
	return ok
}

// Close closes the file.
func (l *Ledger[E]) Close() error { return l.file.Close() }
