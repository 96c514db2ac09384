package attack

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// timer is a timer of the kernel, waited for through Go's poller: it wakes
// within some 50 µs, where the runtime's own timers take up to a millisecond,
// and unlike a blocking sleep it holds no processor of the scheduler meanwhile.
type timer struct {
	file *os.File
	raw  syscall.RawConn

	// Of the one sleep that goes on: a closure for each would be an allocation.
	try  func(fd uintptr) bool
	once unix.ItimerSpec // the time left; set is false until the kernel has it
	set  bool
	err  error
}

func newTimer() (alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w: raise the limit of open files", err)
	}
	t := &timer{file: os.NewFile(uintptr(fd), "timerfd")}
	t.try = t.start
	if t.raw, err = t.file.SyscallConn(); err != nil {
		t.Close()
		return nil, fmt.Errorf("create a timer: %w", err)
	}
	return t, nil
}

func (t *timer) Sleep(d time.Duration) bool {
	t.once, t.set, t.err = unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}, false, nil
	return t.raw.Read(t.try) == nil && t.err == nil
}

// start sets the timer, and is called again when it rings. Nobody reads how
// often it rang: setting it anew forgets that. For why the call is a raw one
// see send.
func (t *timer) start(fd uintptr) (rang bool) {
	if t.set {
		return true
	}
	t.set = true
	_, _, errno := syscall.RawSyscall6(unix.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&t.once)), 0, 0, 0)
	if errno != 0 {
		t.err = errno
		return true
	}
	return false
}

func (t *timer) Stop() { _ = t.file.SetReadDeadline(time.Unix(1, 0)) }

func (t *timer) Close() { _ = t.file.Close() }
