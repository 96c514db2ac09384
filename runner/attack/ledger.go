package attack

import (
	"sort"
	"time"
)

// ledger holds when hits were due, and which of them are done, for as long as
// anybody asks: from the oldest hit without a result to the newest that was
// asked for. Only the collector's goroutine uses it.
type ledger struct {
	next   arrivals
	leaves []*leaf // oldest first
	from   uint64  // number of the first hit of the first leaf
	spare  *leaf   // was the first, and is the next to be used again
}

// leaf holds hits whose numbers follow each other.
type leaf struct {
	due  [leafHits]time.Duration
	done [leafHits]bool
	open int // not done
}

const leafHits = 4096

func newLedger(next arrivals) *ledger { return &ledger{next: next} }

// find returns the leaf of a planned hit, and its place there.
func (l *ledger) find(seq uint64) (*leaf, uint64) {
	n := seq - l.from
	for n/leafHits >= uint64(len(l.leaves)) {
		l.add()
	}
	return l.leaves[n/leafHits], n % leafHits
}

// add draws the next hits.
func (l *ledger) add() {
	p := l.spare
	if l.spare = nil; p == nil {
		p = new(leaf)
	}
	*p = leaf{open: leafHits}
	for i := range p.due {
		due, ok := l.next()
		if !ok {
			break
		}
		p.due[i] = due
	}
	l.leaves = append(l.leaves, p)
}

// due returns when a hit is due.
func (l *ledger) due(seq uint64) time.Duration {
	p, i := l.find(seq)
	return p.due[i]
}

// dueBy returns how many of the planned hits are due by now.
func (l *ledger) dueBy(now time.Duration, planned uint64) uint64 {
	from := l.from
	for from+leafHits <= planned && l.due(from+leafHits-1) <= now {
		from += leafHits
	}
	n := min(leafHits, planned-from)
	return from + uint64(sort.Search(int(n), func(i int) bool { return l.due(from+uint64(i)) > now }))
}

// done tells whether a hit has its result.
func (l *ledger) done(seq uint64) bool {
	p, i := l.find(seq)
	return p.done[i]
}

// finish notes that a hit has its result.
func (l *ledger) finish(seq uint64) {
	p, i := l.find(seq)
	if !p.done[i] {
		p.done[i] = true
		p.open--
	}
}

// forget drops leaves of hits that all are done and below a number, which
// nobody asks for any more.
func (l *ledger) forget(below uint64) {
	for len(l.leaves) > 0 && l.leaves[0].open == 0 && l.from+leafHits <= below {
		l.spare = l.leaves[0]
		l.leaves = append(l.leaves[:0], l.leaves[1:]...)
		l.from += leafHits
	}
}
