package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAStoreResumes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	found := result{World: "w1", Noise: 0.05, Strategy: fullGrid, Cell: "a", Regret: 0.01, Seconds: 100, Wall: 120, Trials: 9}
	s := opened(t, dir, false)
	for _, r := range []result{found, {World: "w1", Noise: 0.05, Strategy: fullGrid, Cell: "another answer"}} {
		if err := s.add(r); err != nil {
			t.Fatal(err)
		}
	}
	again := opened(t, dir, false)
	if want := []result{found}; !reflect.DeepEqual(again.all, want) {
		t.Errorf("holds %+v, want the first answer only: %+v", again.all, want)
	}
	if got, ok := again.get(found.key()); !ok || got != found {
		t.Errorf("get = %+v, %v, want %+v", got, ok, found)
	}
	for name, other := range map[string]result{
		"another world":    {World: "w2", Noise: 0.05, Strategy: fullGrid},
		"another noise":    {World: "w1", Noise: 0.08, Strategy: fullGrid},
		"another strategy": {World: "w1", Noise: 0.05, Strategy: adaptive25},
	} {
		if again.holds(other.key()) {
			t.Errorf("%s: it is held", name)
		}
	}
	if fresh := opened(t, dir, true); len(fresh.all) != 0 {
		t.Errorf("a fresh store holds %+v", fresh.all)
	}
}

func TestASearchOfAnotherBudgetIsAnother(t *testing.T) {
	r := recommendation{Stack: promised, Seed: 1, Strategy: "grid", Budget: time.Minute}
	longer := r
	longer.Budget = time.Hour
	if r.key() == longer.key() {
		t.Errorf("both have the key %q", r.key())
	}
}

func TestAStoreSaysWhichLineIsBroken(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "results.jsonl"), []byte("{\"World\":\"w1\"}\n{\"Wor\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore[result](dir, "results.jsonl", false); err == nil || !strings.Contains(err.Error(), "results.jsonl:2:") {
		t.Errorf("error %v, want one that names results.jsonl:2", err)
	}
}

func opened(t *testing.T, dir string, fresh bool) *store[result] {
	t.Helper()
	s, err := openStore[result](dir, "results.jsonl", fresh)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
