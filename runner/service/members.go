package service

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// A fileID names an open file on this machine.
type fileID struct{ device, inode uint64 }

// stdinOf returns what a process reads as its standard input; the zero value
// when it has ended. Every program that is started has a file of its own there
// and leaves it to its descendants.
func stdinOf(pid int) fileID {
	info, err := os.Stat(fmt.Sprintf("/proc/%d/fd/0", pid))
	if err != nil {
		return fileID{}
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}
	}
	return fileID{uint64(st.Dev), st.Ino}
}

// Members returns the ids of the live processes of the service, in order, in
// whatever process group they are.
func (s *Service) Members() ([]int, error) {
	pids, err := s.process.Members()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w; mount /proc", err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && s.stdin != (fileID{}) && stdinOf(pid) == s.stdin {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// killMembers ends what outlives the server: children of a PostgreSQL that was
// killed may finish their query first.
func (s *Service) killMembers() error {
	for deadline := time.Now().Add(killWait); ; time.Sleep(pollEvery) {
		left, err := s.Members()
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("stop %s: processes %v survive SIGKILL; see their state in /proc/PID/status", s.driver.name, left)
		}
		for _, pid := range left {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("stop %s: kill process %d: %w", s.driver.name, pid, err)
			}
		}
	}
}
