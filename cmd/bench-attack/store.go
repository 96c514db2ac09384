package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sweetspot/runner/rundir"
)

// held is all that results.json holds.
type held struct {
	Host         rundir.Host
	Date         time.Time         // of the last measurement
	Versions     map[string]string // of the tools and the server, by name
	Missing      map[string]string `json:",omitempty"` // tools that could not be had, and why
	Measurements []measurement
}

// store keeps every measurement on disk as soon as it is made, so that an
// interrupted benchmark can go on.
type store struct {
	path string
	held held
}

func openStore(dir string) (*store, error) {
	s := &store{path: filepath.Join(dir, "results.json")}
	text, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return s, os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("read earlier results: %w", err)
	}
	if err := json.Unmarshal(text, &s.held); err != nil {
		return nil, fmt.Errorf("read earlier results: %s: %w: remove the file", s.path, err)
	}
	return s, nil
}

// has tells whether the same was measured already, with success and for the
// same load.
func (s *store) has(m measurement) bool {
	for _, old := range s.held.Measurements {
		if old.key() == m.key() {
			return old.Error == "" && old.Load == m.Load.stored()
		}
	}
	return false
}

// stored is the load as results.json keeps it: without the server's address.
func (l load) stored() load {
	l.Address, l.Path = "", ""
	return l
}

// put replaces what was measured of the same, and saves everything.
func (s *store) put(ms ...measurement) error {
	for _, m := range ms {
		m.Load = m.Load.stored()
		s.held.Date = m.Began
		if i := s.index(m.key()); i >= 0 {
			s.held.Measurements[i] = m
		} else {
			s.held.Measurements = append(s.held.Measurements, m)
		}
	}
	return s.save()
}

func (s *store) index(key string) int {
	for i, m := range s.held.Measurements {
		if m.key() == key {
			return i
		}
	}
	return -1
}

func (s *store) save() error {
	text, err := json.MarshalIndent(s.held, "", "\t")
	if err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	next := s.path + ".next"
	if err := os.WriteFile(next, text, 0o644); err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	if err := os.Rename(next, s.path); err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	return nil
}
