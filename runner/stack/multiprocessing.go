package stack

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"sweetspot/runner/process"
)

// forked returns the live workers of a master that starts them with Python's
// multiprocessing: its children, without the process that tracks resources.
// With a fork server, which is what Python 3.14 begins with, that is a child
// and the workers are its children.
func forked(p *process.Process) ([]int, error) {
	children, err := p.Children()
	if err != nil {
		return nil, err
	}
	workers := slices.DeleteFunc(slices.Clone(children), func(pid int) bool { return runs(pid, "multiprocessing.resource_tracker") })
	if !slices.ContainsFunc(workers, func(pid int) bool { return runs(pid, "multiprocessing.forkserver") }) {
		return workers, nil
	}
	members, err := p.Members()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(members, func(pid int) bool { return pid == p.PID() || slices.Contains(children, pid) }), nil
}

// forkedOrMaster is forked for servers whose only worker may be the master.
func forkedOrMaster(p *process.Process) ([]int, error) {
	workers, err := forked(p)
	if err != nil || len(workers) > 0 || p.Err() != nil {
		return workers, err
	}
	return []int{p.PID()}, nil
}

// runs tells whether a text is in the command line of a live process.
func runs(pid int, text string) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.Contains(string(line), text)
}
