package attack

import (
	"math"
	"runtime"
	"runtime/debug"
)

// procRate is how many requests per second one processor of Go's scheduler
// sends with room to spare.
const procRate = 15_000

// Garbage is collected less often than Go's 100 would have it: vegeta makes
// 2.5 kB of it a hit, so that a closed loop fills the 4 MB of a small heap fifty
// times a second. A heap of 64 MB instead of 16 takes 3 % off its CPU time.
const (
	pacedGC  = 400
	closedGC = 1600
)

// limitProcs takes as many processors of Go's scheduler as the attack needs,
// and returns the function that gives the others back. With idle ones beside
// it, every hit wakes threads that look for work in vain: at 2,000 a second
// that took half as much CPU again. One more than the attack needs is for what
// runs beside it: a reading of the sampler that holds the only one makes hits
// late by 10 ms and more.
func limitProcs(s Spec) (restore func()) {
	have := runtime.GOMAXPROCS(0)
	want := s.Procs
	if want == 0 {
		want = have
	}
	percent := closedGC
	if s.Rate > 0 {
		percent = pacedGC
		want = min(want, 1+int(math.Ceil(s.ownRate()/procRate)))
	}
	before := debug.SetGCPercent(percent)
	runtime.GOMAXPROCS(min(want, have))
	return func() {
		runtime.GOMAXPROCS(have)
		debug.SetGCPercent(before)
	}
}
