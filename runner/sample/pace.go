package sample

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// paceEvery is how often the pace is taken on a CPU. A piece of work takes some
// 40 µs, so that it costs 0.4 % of the CPU.
const paceEvery = 10 * time.Millisecond

// pacemaker measures how fast the CPUs work meanwhile: the CPU time that a
// fixed piece of work takes, again and again, on a thread pinned to each. Other
// tenants of a core, of its caches and of its power slow that as they slow the
// application, and the application's own code has no part in it.
type pacemaker struct {
	quit    atomic.Bool
	results chan pacing
	cpus    int
}

// pacing is what one CPU's thread measured: CPU time per piece of work, ns.
type pacing struct {
	took []float64
	err  error
}

// startPace begins to measure the CPUs; none is none. Every pacemaker must be
// stopped.
func startPace(cpus []int) *pacemaker {
	p := &pacemaker{results: make(chan pacing, len(cpus)), cpus: len(cpus)}
	for _, cpu := range cpus {
		go func() {
			took, err := p.measure(cpu)
			p.results <- pacing{took, err}
		}()
	}
	return p
}

// measure does the work until it is to end. Its thread stays pinned, and so it
// is given up with the goroutine.
func (p *pacemaker) measure(cpu int) (took []float64, err error) {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("pin the measuring of the pace to CPU %d: %w", cpu, err)
	}
	w := newWork()
	pause := unix.NsecToTimespec(paceEvery.Nanoseconds())
	for !p.quit.Load() {
		before, err := threadTime()
		if err != nil {
			return nil, err
		}
		w.do()
		after, err := threadTime()
		if err != nil {
			return nil, err
		}
		took = append(took, float64(after-before))
		_ = unix.Nanosleep(&pause, nil) // a signal may end it early
	}
	return took, nil
}

// threadTime is the CPU time of this thread.
func threadTime() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0, fmt.Errorf("read a thread's CPU time: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// stop ends the measuring. The pace is the geometric mean over the CPUs of the
// CPU time per piece of work, in ns, the tenth at either end left out; 0 when
// nothing was measured.
func (p *pacemaker) stop() (pace float64, err error) {
	p.quit.Store(true)
	sum, n := 0., 0.
	for range p.cpus {
		r := <-p.results
		err = errors.Join(err, r.err)
		if log, ok := trimmedLog(r.took); ok {
			sum, n = sum+log, n+1
		}
	}
	if n == 0 || err != nil {
		return 0, err
	}
	return math.Exp(sum / n), nil
}

// trimmedLog is the mean of the logarithms, the tenth at either end left out.
func trimmedLog(x []float64) (mean float64, ok bool) {
	x = slices.DeleteFunc(x, func(v float64) bool { return !(v > 0) })
	slices.Sort(x)
	x = x[len(x)/10 : len(x)-len(x)/10]
	for _, v := range x {
		mean += math.Log(v) / float64(len(x))
	}
	return mean, len(x) > 0
}

// work is what an interpreter's inner loop does: it looks names up in hash
// tables, and branches on what it finds.
type work struct {
	table map[string]uint64
	names []string
	state uint64
}

func newWork() *work {
	w := &work{table: map[string]uint64{}, state: 1}
	for i := range 8 {
		name := fmt.Sprintf("%0*d", 1+i, i)
		w.names, w.table[name] = append(w.names, name), uint64(i)
	}
	return w
}

func (w *work) do() {
	x := w.state
	for range 3000 { // of a linear congruential generator
		x = x*6364136223846793005 + 1442695040888963407
		if x>>62 == 1 {
			x ^= 0x55
		}
	}
	for i := range uint64(1500) {
		x += w.table[w.names[(x>>33)%8]] + i
	}
	w.state = x
}
