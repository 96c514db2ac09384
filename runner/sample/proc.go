package sample

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is the unit of CPU time in /proc/PID/stat and /proc/stat:
// USER_HZ, 100 on every architecture that Go supports.
const ticksPerSecond = 100

// root is the folder under which proc, sys and etc are read: "/" except in
// tests.
type root string

func (r root) path(elem ...string) string {
	return filepath.Join(append([]string{string(r)}, elem...)...)
}

// reader reads small files of /proc again and again: one buffer, no allocation
// beyond the path, three system calls a file. It costs less than opening
// through package os and parsing through procfs, which matters because
// the sampler shares its CPUs with what it measures.
type reader struct {
	root root
	buf  []byte
}

func newReader(r root) *reader { return &reader{root: r, buf: make([]byte, 128<<10)} }

// group returns the process group of a process. The system call costs far less
// than reading stat, and is asked for every process of the machine.
func (r *reader) group(pid int) (int, error) {
	if r.root == "/" {
		return unix.Getpgid(pid)
	}
	p, err := r.process(pid)
	return p.group, err
}

func (r *reader) process(pid int) (process, error) {
	b, err := r.read(r.root.path("proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, err
	}
	return parseStat(b)
}

// read returns the first 128 KiB of a file (/proc/stat of 1,000 CPUs), valid until the next call.
func (r *reader) read(path string) ([]byte, error) {
	fd, err := retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	n := 0
	for n < len(r.buf) {
		got, err := retry(func() (int, error) { return unix.Read(fd, r.buf[n:]) })
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: path, Err: err}
		}
		if got == 0 {
			break
		}
		n += got
	}
	return r.buf[:n], nil
}

func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// gone tells whether an error means that the process ended meanwhile.
func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
}

// numbered returns the numeric names in a folder: processes or tasks.
func numbered(dir string) ([]int, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var ids []int
	for _, name := range names {
		if id, err := strconv.Atoi(name); err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// process is what /proc/PID/stat says of one process.
type process struct {
	pid, parent int
	group       int
	state       byte   // Z and X are dead
	started     uint64 // clock ticks after boot; with the pid it names a process for good
	own         int64  // CPU time of all its threads, ended ones included, ticks
	reaped      int64  // CPU time of the children that it waited for, and of theirs, ticks
	threads     int
}

func (p process) alive() bool { return p.state != 'Z' && p.state != 'X' }

// total is the CPU time that the process stands for: it moves to its parent's
// reaped when the parent waits for it, and is never in two places at once.
func (p process) total() int64 { return p.own + p.reaped }

// parseStat reads the fields of /proc/PID/stat, see proc(5). The name ends at
// the last parenthesis: a name may hold some.
func parseStat(b []byte) (process, error) {
	var p process
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 1 || end < open {
		return p, fmt.Errorf("stat of a process: no name in %q", b)
	}
	pid, ok := number(bytes.TrimSpace(b[:open]))
	rest := bytes.TrimLeft(b[end+1:], " ")
	if !ok || len(rest) == 0 {
		return p, fmt.Errorf("stat of a process: %q is malformed", b)
	}
	p.pid, p.state = int(pid), rest[0]
	for i := 2; i <= 21; i++ {
		_, rest, _ = bytes.Cut(rest, []byte{' '})
		field, _, _ := bytes.Cut(rest, []byte{' '})
		n, ok := number(bytes.TrimSpace(field))
		if !ok {
			return p, fmt.Errorf("stat of process %d: field %d is %q, want a number", pid, i+2, field)
		}
		switch i + 2 { // as numbered in proc(5)
		case 4:
			p.parent = int(n)
		case 5:
			p.group = int(n)
		case 14, 15:
			p.own += n
		case 16, 17:
			p.reaped += n
		case 20:
			p.threads = int(n)
		case 22:
			p.started = uint64(n)
		}
	}
	return p, nil
}

// number parses a decimal without allocating.
func number(b []byte) (int64, bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// parseWait returns the second field of a schedstat file: how long the task
// was runnable but not running, in nanoseconds.
func parseWait(b []byte) (int64, error) {
	f := bytes.Fields(b)
	if len(f) < 2 {
		return 0, fmt.Errorf("schedstat: %q, want three numbers", b)
	}
	ns, ok := number(f[1])
	if !ok {
		return 0, fmt.Errorf("schedstat: %q, want three numbers", b)
	}
	return ns, nil
}
