package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// timer is a timer of the kernel, which wakes within some 50 µs where Go's own
// take up to a millisecond.
type timer struct {
	fd   int
	file *os.File
	err  error // of making it
}

func newTimer() *timer {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return &timer{err: fmt.Errorf("create a timer: %w: raise the limit of open files", err)}
	}
	return &timer{fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}
}

func (t *timer) sleepUntil(at time.Time) error {
	left := time.Until(at)
	if t.err != nil || left <= 0 {
		return t.err
	}
	once := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}
	if err := unix.TimerfdSettime(t.fd, 0, &once, nil); err != nil {
		return fmt.Errorf("set a timer: %w", err)
	}
	var expired [8]byte
	_, err := t.file.Read(expired[:])
	return err
}
