package rundir

import "sweetspot/scenarios"

// Visit is one fresh start of a cell and what is done on it: the part of a
// search that one site makes from its beginning to its end.
type Visit struct {
	Cell  scenarios.Cell
	Start int     // which fresh start of the cell
	Cores float64 // Scaling only: that the application gets, whole or not; 0: as the run says
}

// Fleet is a strategy for several sites. Both functions are pure, as a Strategy
// is, and may be called at the same time. Trials are in the order in which they
// were committed: those of visits that are made side by side interleave.
type Fleet struct {
	// Visits returns up to n visits that may be made now, beside the busy ones,
	// which sites have and which are not among them. With none, and not over, the
	// search goes on once a busy one is complete.
	Visits func(done []Trial, busy []Visit, n int) (next []Visit, over bool)

	// Step chooses the next trial of a visit; ok is false when it is complete.
	Step func(done []Trial, v Visit) (step Step, ok bool)
}
