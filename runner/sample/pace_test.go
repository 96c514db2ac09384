package sample

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestPaceIsMeasuredOnEveryCPU(t *testing.T) {
	cpus, err := Allowed()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(Roles{}, Options{PaceOf: cpus})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * paceEvery)
	u, err := s.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if !(u.Pace > float64(time.Microsecond)) || u.Pace > float64(time.Second) {
		t.Errorf("a piece of work took %v ns of CPU time, want somewhere from 1 µs to 1 s", u.Pace)
	}
}

func TestPaceOfNothing(t *testing.T) {
	s, err := Start(Roles{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if u, err := s.Stop(); err != nil || u.Pace != 0 {
		t.Errorf("got %v ns and %v, want neither", u.Pace, err)
	}
	if _, err := startPace([]int{1000}).stop(); err == nil || !strings.Contains(err.Error(), "to CPU 1000") {
		t.Errorf("a CPU that is not there: got %v, want an error that names it", err)
	}
}

func TestTrimmedLog(t *testing.T) {
	x := []float64{1e9, 0}
	for range 20 {
		x = append(x, math.E)
	}
	if got, ok := trimmedLog(x); !ok || math.Abs(got-1) > 1e-12 {
		t.Errorf("got %v, %v, want 1: the one far off is left out, and what took no time is none", got, ok)
	}
	if _, ok := trimmedLog([]float64{0}); ok {
		t.Error("nothing has a mean")
	}
}

// What one piece of work takes is what measuring the pace costs, every 10 ms and CPU.
func BenchmarkPaceWork(b *testing.B) {
	w := newWork()
	for b.Loop() {
		w.do()
	}
}
