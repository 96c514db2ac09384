package main

import "slices"

// How the recommendations of two searches of the same stack go together.
const (
	sameCell     = "the same cell"
	tiedCell     = "a tied cell"
	notToldApart = "not told apart"
	otherCell    = "no"
	nothingThere = "no: nothing recommended"
)

// compare tells how two recommendations go together: they are of the same cell,
// or one of the searches has the other's cell among its ties, or its final
// starts do not tell that cell from its own.
func compare(a, b recommendation) string {
	switch {
	case a.Winner == "" || b.Winner == "":
		return nothingThere
	case a.Winner == b.Winner:
		return sameCell
	case slices.Contains(a.Ties, b.Winner) || slices.Contains(b.Ties, a.Winner):
		return tiedCell
	case a.overlap(b.Winner) || b.overlap(a.Winner):
		return notToldApart
	}
	return otherCell
}

// overlap tells whether the intervals of a cell and of the winner do. A cell
// without an interval, of which nothing is claimed, is no match for the winner.
func (r recommendation) overlap(cell string) bool {
	winner, ok := r.Finals[r.Winner]
	other, there := r.Finals[cell]
	return ok && there && other.Low <= winner.High && winner.Low <= other.High
}

// agree tells whether what compare returned is an agreement.
func agree(how string) bool {
	return how == sameCell || how == tiedCell || how == notToldApart
}
