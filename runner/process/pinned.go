package process

import (
	"fmt"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"

	"sweetspot/runner/cgroup"
)

// allowed and niceness are what sweetspot was started with, before anything
// pinned or favoured a thread of it.
var (
	allowed  = currentCPUs()
	niceness = currentNice()
)

func currentCPUs() (set unix.CPUSet) {
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return unix.CPUSet{} // empty: leave the affinity alone
	}
	return set
}

func currentNice() int {
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return 0
	}
	return 20 - raw // the system call cannot return negative values
}

// startPinned starts cmd on the given CPUs and in the control group, with the
// nice value that sweetspot was started with. A child inherits all of it from the thread that forks it, so a
// thread is spent on it: its goroutine ends locked, and the runtime discards
// the thread instead of reusing it with the wrong affinity.
func startPinned(cmd *exec.Cmd, cpus []int, control *cgroup.Group) error {
	failed := make(chan error)
	go func() {
		runtime.LockOSThread()
		failed <- func() error {
			if err := setCPUs(cpus); err != nil {
				return err
			}
			if err := unix.Setpriority(unix.PRIO_PROCESS, 0, niceness); err != nil {
				return fmt.Errorf("set nice value %d: %w", niceness, err)
			}
			return control.Start(cmd)
		}()
	}()
	return <-failed
}

func setCPUs(cpus []int) error {
	set := allowed
	if len(cpus) > 0 {
		set = unix.CPUSet{}
		for _, cpu := range cpus {
			set.Set(cpu)
		}
	}
	if set.Count() == 0 {
		return nil
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin to CPUs %v: %w; name CPUs that this machine allows (nproc, taskset -p $$)", cpus, err)
	}
	return nil
}
