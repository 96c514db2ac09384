package sample

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// startedWith are the CPUs that this process was allowed when it started,
// before PinSelf could narrow them.
var startedWith, errStartedWith = affinity()

func affinity() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("read CPU affinity: %w", err)
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// Allowed returns the CPUs that sweetspot was started with, in order: taskset
// and cpusets are in them, a later PinSelf is not.
func Allowed() ([]int, error) { return slices.Clone(startedWith), errStartedWith }

// separable is from how many CPUs on the generator gets some of its own. With
// fewer, a set apart would take too large a share from the application.
const separable = 4

// AutoCPUs divides the allowed CPUs. From four on the generator gets the last
// quarter and proxy and application share the rest; with fewer all share all.
func AutoCPUs(allowed []int) rundir.CPUs {
	n := len(allowed)
	if n < separable {
		return rundir.CPUs{
			Generator: slices.Clone(allowed), Proxy: slices.Clone(allowed), App: slices.Clone(allowed),
			Shared: true,
		}
	}
	rest := n - max(1, n/4)
	return rundir.CPUs{
		Generator: slices.Clone(allowed[rest:]), Proxy: slices.Clone(allowed[:rest]), App: slices.Clone(allowed[:rest]),
	}
}

// Choose returns the CPU sets that a scenario states, and fills in what it
// leaves open: the generator's from the CPUs that no stated set has, as
// AutoCPUs would, and proxy's and application's from those that the generator
// has not. Shared is true when the generator's set overlaps another one. It is
// an error to state a CPU that is not allowed here.
func Choose(c scenarios.CPUSets, allowed []int) (rundir.CPUs, error) {
	var sets rundir.CPUs
	var stated []int
	for _, part := range []struct {
		name, text string
		into       *[]int
	}{
		{"generator", c.Generator, &sets.Generator},
		{"proxy", c.Proxy, &sets.Proxy},
		{"app", c.App, &sets.App},
	} {
		if part.text == "" {
			continue
		}
		cpus, err := scenarios.ParseCPUs(part.text)
		if err != nil {
			return rundir.CPUs{}, fmt.Errorf("cpus.%s: %w", part.name, err)
		}
		if outside := without(cpus, allowed); len(outside) > 0 {
			return rundir.CPUs{}, fmt.Errorf("cpus.%s: CPUs %v are not allowed here; choose from %v", part.name, outside, allowed)
		}
		*part.into = cpus
		stated = append(stated, cpus...)
	}
	if sets.Generator == nil {
		sets.Generator = AutoCPUs(without(allowed, stated)).Generator
		if len(sets.Generator) == 0 {
			sets.Generator = slices.Clone(allowed)
		}
	}
	for _, open := range []*[]int{&sets.Proxy, &sets.App} {
		if *open == nil {
			*open = without(allowed, sets.Generator)
		}
		if len(*open) == 0 {
			*open = slices.Clone(allowed)
		}
	}
	sets.Shared = overlap(sets.Generator, sets.Proxy) || overlap(sets.Generator, sets.App)
	return sets, nil
}

func without(cpus, excluded []int) []int {
	return slices.DeleteFunc(slices.Clone(cpus), func(cpu int) bool { return slices.Contains(excluded, cpu) })
}

func overlap(a, b []int) bool {
	return slices.ContainsFunc(a, func(cpu int) bool { return slices.Contains(b, cpu) })
}

// PinSelf confines all threads of this process to the given CPUs. Threads and
// processes that start later inherit that.
func PinSelf(cpus []int) error {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if err := eachThread(func(tid int) error { return unix.SchedSetaffinity(tid, &set) }); err != nil {
		return fmt.Errorf("pin generator to CPUs %v: %w; name CPUs that this machine allows (nproc, taskset -p $$)", cpus, err)
	}
	return nil
}

// preferred is the nice value that the generator asks for: on a shared CPU it
// must not be the late one, or the application's slowness cannot be told from
// its own.
const preferred = -10

// PreferSelf asks for a nice value of −10 for all threads of this process and
// returns the value then in force. Without root or CAP_SYS_NICE it changes
// nothing, which is no error. Processes that start later inherit the value,
// unless whoever starts them resets it, as package process does.
func PreferSelf() (nice int, err error) {
	if nice, err = niceness(); err != nil || nice <= preferred {
		return nice, err
	}
	err = eachThread(func(tid int) error { return unix.Setpriority(unix.PRIO_PROCESS, tid, preferred) })
	if err != nil && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) {
		return nice, fmt.Errorf("set nice value %d: %w", preferred, err)
	}
	return niceness()
}

// niceness returns the nice value of the process's first thread.
func niceness() (int, error) {
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, os.Getpid())
	if err != nil {
		return 0, fmt.Errorf("read nice value: %w", err)
	}
	return 20 - raw, nil // the system call cannot return negative values
}

// eachThread calls change for every thread of this process, until a pass over
// them finds no new one: a thread may start another one before it is changed.
func eachThread(change func(tid int) error) error {
	changed := map[int]bool{}
	for {
		tids, err := numbered("/proc/self/task")
		if err != nil {
			return fmt.Errorf("list own threads: %w; mount /proc", err)
		}
		before := len(changed)
		for _, tid := range tids {
			if changed[tid] {
				continue
			}
			if err := change(tid); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
			changed[tid] = true
		}
		if len(changed) == before {
			return nil
		}
	}
}
