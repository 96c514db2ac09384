package main

import (
	"context"
	"os"
	"runtime"
	"time"
)

// soakPoint is what an engine holds at one moment.
type soakPoint struct {
	At          time.Duration // from its start
	Goroutines  int
	Descriptors int
	Resident    uint64 // bytes
}

// watchSelf looks at this process again and again; never, when every is 0. The
// function that it returns ends that and returns what was seen.
func watchSelf(ctx context.Context, every time.Duration) func() []soakPoint {
	if every == 0 {
		return func() []soakPoint { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	seen := make(chan []soakPoint, 1)
	began := time.Now()
	go func() {
		var points []soakPoint
		for {
			select {
			case <-ctx.Done():
				seen <- points
				return
			case <-time.After(every):
				points = append(points, lookAtSelf(time.Since(began)))
			}
		}
	}()
	return func() []soakPoint {
		cancel()
		return <-seen
	}
}

func lookAtSelf(at time.Duration) soakPoint {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		entries = nil // no /proc, which the rest of the benchmark cannot do without
	}
	return soakPoint{At: at, Goroutines: runtime.NumGoroutine(), Descriptors: len(entries), Resident: statusBytes("self", "VmRSS:")}
}
