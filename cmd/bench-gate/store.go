package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"sweetspot/analysis/gate"
)

// outcome is what one gate came to.
type outcome struct {
	Case    string
	Seed    uint64
	Verdict gate.Verdict
	Because string `json:",omitempty"`
	Rounds  int
	Voids   int     `json:",omitempty"`
	Spent   float64 // seconds of machine time
	CPU     float64 `json:",omitempty"` // real: of the base, ms a request
	Named   bool    `json:",omitempty"` // real: the right request is named
}

func (o outcome) key() string { return fmt.Sprintf("%s/%d", o.Case, o.Seed) }

// store keeps every outcome as soon as it is there, a line each.
type store struct {
	mu   sync.Mutex
	file *os.File
	has  map[string]bool
	all  []outcome
}

func openStore(dir string, fresh bool) (*store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	flags := os.O_RDWR | os.O_CREATE | os.O_APPEND
	if fresh {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(filepath.Join(dir, "gates.jsonl"), flags, 0o644)
	if err != nil {
		return nil, err
	}
	s := &store{file: f, has: map[string]bool{}}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		var o outcome
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return nil, errors.Join(fmt.Errorf("%s:%d: %w: remove the line, or use --fresh", f.Name(), n, err), f.Close())
		}
		s.has[o.key()], s.all = true, append(s.all, o)
	}
	if err := lines.Err(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *store) holds(o outcome) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.has[o.key()]
}

func (s *store) add(o outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	line, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return err
	}
	s.has[o.key()], s.all = true, append(s.all, o)
	return nil
}

func (s *store) close() error { return s.file.Close() }
