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

// result is what one strategy found in one world.
type result struct {
	World    string
	Noise    float64
	Strategy string

	Cell       string  // recommended; empty when none was
	Regret     float64 // how much less it sustains than the best cell, as a share
	Seconds    float64 // trial-seconds
	Wall       float64 // s, starts of the stack included
	Trials     int
	Confidence float64 `json:",omitempty"` // that the search states
	Truth      float64 `json:",omitempty"` // of a rate: what the cell sustains, requests/s
	Found      float64 `json:",omitempty"` // and what was found
}

func (r result) key() string { return fmt.Sprintf("%s %g %s", r.World, r.Noise, r.Strategy) }

// store keeps every result as soon as it is there, a line each.
type store struct {
	mu   sync.Mutex
	file *os.File
	has  map[string]bool
	all  []result
}

func openStore(dir string, fresh bool) (*store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	flags := os.O_RDWR | os.O_CREATE | os.O_APPEND
	if fresh {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(filepath.Join(dir, "results.jsonl"), flags, 0o644)
	if err != nil {
		return nil, err
	}
	s := &store{file: f, has: map[string]bool{}}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, errors.Join(fmt.Errorf("%s:%d: %w: remove the line, or use --fresh", f.Name(), n, err), f.Close())
		}
		s.keep(r)
	}
	if err := lines.Err(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *store) keep(r result) {
	s.has[r.key()] = true
	s.all = append(s.all, r)
}

// add keeps results, of which some may be there already.
func (s *store) add(results ...result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range results {
		if s.has[r.key()] {
			continue
		}
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := s.file.Write(append(line, '\n')); err != nil {
			return err
		}
		s.keep(r)
	}
	return nil
}

func (s *store) holds(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.has[key]
}

func (s *store) close() error { return s.file.Close() }

// get returns the result of a key; the zero one when there is none.
func (s *store) get(key string) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.all {
		if r.key() == key {
			return r
		}
	}
	return result{}
}
