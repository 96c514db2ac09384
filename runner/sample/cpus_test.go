package sample

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func upTo(n int) (cpus []int) {
	for cpu := range n {
		cpus = append(cpus, cpu)
	}
	return cpus
}

func sameSets(a, b rundir.CPUs) bool {
	return slices.Equal(a.Generator, b.Generator) && slices.Equal(a.Proxy, b.Proxy) && slices.Equal(a.App, b.App) && a.Shared == b.Shared
}

func TestAutoCPUs(t *testing.T) {
	for _, tt := range []struct {
		name            string
		allowed         []int
		generator, rest []int
		shared          bool
	}{
		{"one", []int{3}, []int{3}, []int{3}, true},
		{"two", upTo(2), upTo(2), upTo(2), true},
		{"three", upTo(3), upTo(3), upTo(3), true},
		{"four", upTo(4), []int{3}, []int{0, 1, 2}, false},
		{"seven", upTo(7), []int{6}, upTo(6), false},
		{"eight", upTo(8), []int{6, 7}, upTo(6), false},
		{"with gaps", []int{1, 3, 5, 7}, []int{7}, []int{1, 3, 5}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := rundir.CPUs{Generator: tt.generator, Proxy: tt.rest, App: tt.rest, Shared: tt.shared}
			if got := AutoCPUs(tt.allowed); !sameSets(got, want) {
				t.Errorf("AutoCPUs(%v) = %+v, want %+v", tt.allowed, got, want)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	for _, tt := range []struct {
		name    string
		sets    scenarios.CPUSets
		allowed []int
		want    rundir.CPUs
	}{
		{"nothing stated, two CPUs", scenarios.CPUSets{}, upTo(2),
			rundir.CPUs{Generator: upTo(2), Proxy: upTo(2), App: upTo(2), Shared: true}},
		{"nothing stated, eight CPUs", scenarios.CPUSets{}, upTo(8),
			rundir.CPUs{Generator: []int{6, 7}, Proxy: upTo(6), App: upTo(6)}},
		{"all stated", scenarios.CPUSets{Generator: "3", Proxy: "2", App: "0-1"}, upTo(4),
			rundir.CPUs{Generator: []int{3}, Proxy: []int{2}, App: []int{0, 1}}},
		{"generator stated", scenarios.CPUSets{Generator: "1"}, upTo(2),
			rundir.CPUs{Generator: []int{1}, Proxy: []int{0}, App: []int{0}}},
		{"application stated, two CPUs", scenarios.CPUSets{App: "0"}, upTo(2),
			rundir.CPUs{Generator: []int{1}, Proxy: []int{0}, App: []int{0}}},
		{"application stated, eight CPUs", scenarios.CPUSets{App: "0-3"}, upTo(8),
			rundir.CPUs{Generator: []int{7}, Proxy: upTo(7), App: upTo(4)}},
		{"application takes all", scenarios.CPUSets{App: "0-3"}, upTo(4),
			rundir.CPUs{Generator: upTo(4), Proxy: upTo(4), App: upTo(4), Shared: true}},
		{"overlap with the proxy alone", scenarios.CPUSets{Generator: "2-3", Proxy: "2", App: "0"}, upTo(4),
			rundir.CPUs{Generator: []int{2, 3}, Proxy: []int{2}, App: []int{0}, Shared: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Choose(tt.sets, tt.allowed)
			if err != nil || !sameSets(got, tt.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		name string
		sets scenarios.CPUSets
		want string
	}{
		{"not allowed", scenarios.CPUSets{Generator: "1,7-8"}, "cpus.generator: CPUs [7 8] are not allowed here; choose from [0 1]"},
		{"no list", scenarios.CPUSets{Proxy: "all"}, "cpus.proxy: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Choose(tt.sets, upTo(2)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestPinSelfPinsEveryThread(t *testing.T) {
	allowed, err := Allowed()
	if err != nil || len(allowed) == 0 {
		t.Fatalf("allowed = %v, %v", allowed, err)
	}
	t.Cleanup(func() {
		if err := PinSelf(allowed); err != nil {
			t.Error(err)
		}
	})
	startThreads(t, 4)
	last := allowed[len(allowed)-1]
	if err := PinSelf([]int{last}); err != nil {
		t.Fatal(err)
	}
	for _, tid := range tids(t) {
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(tid, &set); err != nil {
			continue // ended
		}
		if set.Count() != 1 || !set.IsSet(last) {
			t.Errorf("thread %d may run on %d CPUs, want CPU %d only", tid, set.Count(), last)
		}
	}
	if again, _ := Allowed(); !slices.Equal(again, allowed) {
		t.Errorf("allowed after pinning = %v, want what it was at the start, %v", again, allowed)
	}
	if err := PinSelf(nil); err == nil {
		t.Error("pinning to nothing: no error")
	}
}

func TestPreferSelfChangesEveryThreadOrNone(t *testing.T) {
	before, err := niceness()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = eachThread(func(tid int) error { return unix.Setpriority(unix.PRIO_PROCESS, tid, before) })
	})
	startThreads(t, 4)
	got, err := PreferSelf()
	if err != nil {
		t.Fatal(err)
	}
	if got != before && got != preferred {
		t.Errorf("nice value %d, want %d, or %d as before", got, preferred, before)
	}
	if mayPrefer() && got > preferred {
		t.Errorf("nice value %d though we may ask for %d", got, preferred)
	}
	for _, tid := range tids(t) {
		raw, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
		if err == nil && 20-raw != got {
			t.Errorf("thread %d has nice value %d, want %d", tid, 20-raw, got)
		}
	}
}

// mayPrefer tells whether this process has CAP_SYS_NICE, which even root in a
// container may lack.
func mayPrefer() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_NICE) != 0
}

// startThreads starts goroutines on threads of their own, that stay until the
// test ends.
func startThreads(t *testing.T, n int) {
	end, ready := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(end) })
	for range n {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready <- struct{}{}
			<-end
		}()
		<-ready
	}
}

func tids(t *testing.T) []int {
	t.Helper()
	tids, err := numbered("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return tids
}
