package benchmark_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sweetspot/cmd/internal/benchmark"
	"sweetspot/cmd/internal/benchmark/ledgertest"
)

// answer is an entry.
type answer struct {
	Question string
	Answer   int
}

func (a answer) Key() string { return a.Question }

func TestALedgerResumes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	first, second := answer{"a", 1}, answer{"b", 2}
	l := ledgertest.Open[answer](t, dir, "answers.jsonl", false)
	for _, a := range []answer{first, {"a", 9}, second} {
		if err := l.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	again := ledgertest.Open[answer](t, dir, "answers.jsonl", false)
	if want := []answer{first, second}; !reflect.DeepEqual(again.All, want) {
		t.Errorf("holds %+v, want the first answers only: %+v", again.All, want)
	}
	if got, ok := again.Get("b"); !ok || got != second {
		t.Errorf("Get = %+v, %v, want %+v", got, ok, second)
	}
	if again.Holds("c") {
		t.Error("holds what was not asked")
	}
	if fresh := ledgertest.Open[answer](t, dir, "answers.jsonl", true); len(fresh.All) != 0 {
		t.Errorf("a fresh ledger holds %+v", fresh.All)
	}
}

func TestALedgerSaysWhichLineIsBroken(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "answers.jsonl"), []byte("{\"Question\":\"a\"}\n{\"Que\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := benchmark.OpenLedger[answer](dir, "answers.jsonl", false); err == nil || !strings.Contains(err.Error(), "answers.jsonl:2:") {
		t.Errorf("error %v, want one that names answers.jsonl:2", err)
	}
}
