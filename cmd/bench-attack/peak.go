package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

const lookEvery = 50 * time.Millisecond

// watchPeaks follows the largest resident set of each process. The figure of
// its rusage begins with ours, because a process that is being started shares
// our memory until it executes its program; so that one counts only where it
// is larger than ours has ever been. The function that it returns stops the
// watch and adds the peaks up.
func watchPeaks(look bool, cmds []*exec.Cmd) func([]*exec.Cmd) uint64 {
	if !look {
		return func([]*exec.Cmd) uint64 { return 0 }
	}
	ours := peakOf("self")
	peaks := make([]uint64, len(cmds))
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			for i, cmd := range cmds {
				peaks[i] = max(peaks[i], peakOf(strconv.Itoa(cmd.Process.Pid)))
			}
			select {
			case <-quit:
				return
			case <-time.After(lookEvery):
			}
		}
	}()
	return func(cmds []*exec.Cmd) (sum uint64) {
		close(quit)
		<-done
		for i, cmd := range cmds {
			whole := uint64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) << 10
			if whole > ours {
				peaks[i] = max(peaks[i], whole)
			}
			sum += peaks[i]
		}
		return sum
	}
}

// peakOf returns the largest resident set so far of a process, in bytes; 0
// when it has ended.
func peakOf(pid string) uint64 { return statusBytes(pid, "VmHWM:") }

// statusBytes returns a figure of /proc/PID/status that is given in kB.
func statusBytes(pid, name string) uint64 {
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		var kB uint64
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			if _, err := fmt.Sscanf(string(rest), "%d kB", &kB); err != nil {
				return 0
			}
			return kB << 10
		}
	}
	return 0
}
