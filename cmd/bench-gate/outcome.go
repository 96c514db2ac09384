package main

import (
	"fmt"

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

// Key implements benchmark.Entry.
func (o outcome) Key() string { return fmt.Sprintf("%s/%d", o.Case, o.Seed) }
