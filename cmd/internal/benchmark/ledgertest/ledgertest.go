// Package ledgertest opens ledgers for tests.
package ledgertest

import (
	"testing"

	"sweetspot/cmd/internal/benchmark"
)

// Open is benchmark.OpenLedger for the time of a test, which fails where it
// cannot be opened or closed.
func Open[E benchmark.Entry](t testing.TB, dir, name string, fresh bool) *benchmark.Ledger[E] {
	t.Helper()
	l, err := benchmark.OpenLedger[E](dir, name, fresh)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}
