package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A mark says which sweetspot process a program belongs to. It is carried
// twice: as an environment variable, and as the name of the empty memory file
// on standard input, because programs that rewrite their title (nginx, Python
// with setproctitle) wipe the environment that /proc shows. Both are inherited
// by all descendants.
const (
	markName   = "SWEETSPOT_MARK"
	stdinMark  = "sweetspot-mark:" // prefix of the memory file's name
	stdinShown = "/memfd:" + stdinMark
)

// mark is <run>:<owner's pid>:<owner's start time, clock ticks after boot>.
type mark struct {
	run     string
	owner   int
	started uint64
}

func (m mark) String() string { return fmt.Sprintf("%s:%d:%d", m.run, m.owner, m.started) }

func parseMark(s string) (mark, bool) {
	f := strings.Split(s, ":")
	if len(f) != 3 {
		return mark{}, false
	}
	owner, err1 := strconv.Atoi(f[1])
	started, err2 := strconv.ParseUint(f[2], 10, 64)
	return mark{run: f[0], owner: owner, started: started}, err1 == nil && err2 == nil
}

// ownStart is our own start time; 0 without /proc, where nothing works anyway.
var ownStart = func() uint64 {
	s, err := readStat(os.Getpid())
	if err != nil {
		return 0
	}
	return s.started
}()

// separators are what joins the fields of a mark, and of a temporary folder's name.
var separators = strings.NewReplacer(":", "-", "_", "-", "/", "-")

func ownMark(runID string) mark {
	return mark{run: separators.Replace(runID), owner: os.Getpid(), started: ownStart}
}

// Mark returns the environment entry NAME=value that every process of a run
// carries, so that a sweep finds it and knows whose it is.
func Mark(runID string) string { return markName + "=" + ownMark(runID).String() }

func markIn(env []string) (mark, bool) {
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, markName+"="); ok {
			return parseMark(value)
		}
	}
	return mark{}, false
}

// markFile returns the empty memory file whose name is the mark.
func markFile(m mark) (*os.File, error) {
	name := stdinMark + m.String()
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create the memory file %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// markOf returns the mark that a process carries. A process that we may not
// look into carries none: it is not ours.
func markOf(pid int) (mark, bool) {
	if env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); err == nil {
		for entry := range bytes.SplitSeq(env, []byte{0}) {
			if value, ok := bytes.CutPrefix(entry, []byte(markName+"=")); ok {
				return parseMark(string(value))
			}
		}
	}
	stdin, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", pid))
	if err != nil {
		return mark{}, false
	}
	value, ok := strings.CutPrefix(strings.TrimSuffix(stdin, " (deleted)"), stdinShown)
	if !ok {
		return mark{}, false
	}
	return parseMark(value)
}

// dead says whether the owner of a mark is gone: no such process, or another
// one has its pid by now.
func (m mark) dead() bool {
	s, err := readStat(m.owner)
	return err != nil || !s.alive() || s.started != m.started
}
