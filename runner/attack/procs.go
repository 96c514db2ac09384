package attack

import (
	"math"
	"runtime"
)

// procRate is how many requests per second one processor of Go's scheduler
// sends with room to spare.
const procRate = 15_000

// limitProcs takes as many processors of Go's scheduler as the attack needs,
// and returns the function that gives the others back. With idle ones beside
// it, every hit wakes threads that look for work in vain: at 2,000 a second
// that took half as much CPU again.
func limitProcs(s Spec) (restore func()) {
	have := runtime.GOMAXPROCS(0)
	want := s.Procs
	if want == 0 {
		want = have
	}
	if s.Rate > 0 {
		want = min(want, int(math.Ceil(s.Rate/procRate)))
	}
	if want >= have {
		return func() {}
	}
	runtime.GOMAXPROCS(want)
	return func() { runtime.GOMAXPROCS(have) }
}
