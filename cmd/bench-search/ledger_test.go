package main

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"sweetspot/cmd/internal/benchmark/ledgertest"
)

func TestALedgerResumes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	found := result{World: "w1", Noise: 0.05, Strategy: fullGrid, Cell: "a", Regret: 0.01, Seconds: 100, Wall: 120, Trials: 9}
	l := ledgertest.Open[result](t, dir, "results.jsonl", false)
	for _, r := range []result{found, {World: "w1", Noise: 0.05, Strategy: fullGrid, Cell: "another answer"}} {
		if err := l.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	again := ledgertest.Open[result](t, dir, "results.jsonl", false)
	if want := []result{found}; !reflect.DeepEqual(again.All, want) {
		t.Errorf("holds %+v, want the first answer only: %+v", again.All, want)
	}
	if got, ok := again.Get(found.Key()); !ok || got != found {
		t.Errorf("Get = %+v, %v, want %+v", got, ok, found)
	}
	for name, other := range map[string]result{
		"another world":    {World: "w2", Noise: 0.05, Strategy: fullGrid},
		"another noise":    {World: "w1", Noise: 0.08, Strategy: fullGrid},
		"another strategy": {World: "w1", Noise: 0.05, Strategy: adaptive25},
	} {
		if again.Holds(other.Key()) {
			t.Errorf("%s: it is held", name)
		}
	}
}

func TestASearchOfAnotherBudgetIsAnother(t *testing.T) {
	r := recommendation{Stack: promised, Seed: 1, Strategy: "grid", Budget: time.Minute}
	longer := r
	longer.Budget = time.Hour
	if r.Key() == longer.Key() {
		t.Errorf("both have the key %q", r.Key())
	}
}
