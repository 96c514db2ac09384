package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// entry is a line of a store.
type entry interface {
	key() string // what was asked for; the store holds one answer to it
}

// store keeps every entry as soon as it is there, a line each.
type store[E entry] struct {
	mu   sync.Mutex
	file *os.File
	at   map[string]int // index of all, by key
	all  []E
}

// openStore reads what a file of the folder holds; a fresh store forgets it.
func openStore[E entry](dir, name string, fresh bool) (*store[E], error) {
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
	s := &store[E]{file: f, at: map[string]int{}}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		var e E
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, errors.Join(fmt.Errorf("%s:%d: %w: remove the line, or use --fresh", f.Name(), n, err), f.Close())
		}
		s.keep(e)
	}
	if err := lines.Err(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *store[E]) keep(e E) {
	s.at[e.key()] = len(s.all)
	s.all = append(s.all, e)
}

// add keeps an entry, unless one of its key is there.
func (s *store[E]) add(e E) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.at[e.key()]; ok {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return err
	}
	s.keep(e)
	return nil
}

// get returns the entry of a key.
func (s *store[E]) get(key string) (e E, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.at[key]
	if !ok {
		return e, false
	}
	return s.all[i], true
}

func (s *store[E]) holds(key string) bool {
	_, ok := s.get(key)
	return ok
}

func (s *store[E]) close() error { return s.file.Close() }
