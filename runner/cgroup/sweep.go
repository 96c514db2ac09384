package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	removeWait = 5 * time.Second // for what was killed to leave a group
	pollEvery  = 5 * time.Millisecond
)

// errInUse says that something still runs in a group.
var errInUse = errors.New("something still runs in it")

// Sweep removes the groups, by the names that New was given, that match and are
// empty, or soon are. It looks only where New would make them now: elsewhere
// they may be a container's, whose processes bear other numbers there.
func Sweep(match func(name string) bool) error { return sweep("/", match) }

func sweep(root string, match func(name string) bool) error {
	h, err := find(root)
	if err != nil {
		return nil // there is nothing to sweep
	}
	var errs []error
	for _, dir := range append(h.first([]string{"cpu"}), append(h.first([]string{"memory"}), h.second.above()...)...) {
		left, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
		if err != nil {
			return err
		}
		for _, group := range left {
			if !match(strings.TrimPrefix(filepath.Base(group), prefix)) {
				continue
			}
			if err := remove(group, wait); !errors.Is(err, errInUse) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// remove removes a group that something may still run in, which it has leave.
func remove(dir string, leave func(dir string)) error {
	for deadline := time.Now().Add(removeWait); ; time.Sleep(pollEvery) {
		err := os.Remove(dir)
		switch {
		case err == nil || errors.Is(err, os.ErrNotExist):
			return nil
		case !errors.Is(err, syscall.EBUSY):
			return fmt.Errorf("remove control group: %w", err)
		case time.Now().After(deadline):
			return fmt.Errorf("remove control group %s: %w; see its cgroup.procs", dir, errInUse)
		}
		leave(dir)
	}
}

func wait(string) {}

// kill ends all processes of a group but ourselves, who may just be leaving it.
func kill(dir string) {
	pids, err := words(dir, "cgroup.procs")
	if err != nil {
		return // it is gone, or stays and is told of
	}
	for _, text := range pids {
		if pid, err := strconv.Atoi(text); err == nil && pid > 0 && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
		}
	}
}
