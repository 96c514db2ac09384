package attack

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// timer is a timer of the kernel, read through Go's poller: it wakes within
// some 50 µs, where the runtime's own timers take up to a millisecond, and
// unlike a blocking sleep it holds no processor of the scheduler meanwhile.
type timer struct {
	fd   int // file.Fd would make it blocking
	file *os.File
	buf  [8]byte
}

func newTimer() (alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w: raise the limit of open files", err)
	}
	return &timer{fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}, nil
}

func (t *timer) Sleep(d time.Duration) bool {
	once := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if err := unix.TimerfdSettime(t.fd, 0, &once, nil); err != nil {
		return false
	}
	_, err := t.file.Read(t.buf[:])
	return err == nil
}

func (t *timer) Stop() { _ = t.file.SetReadDeadline(time.Unix(1, 0)) }

func (t *timer) Close() { _ = t.file.Close() }
