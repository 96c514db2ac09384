package process

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const sweepGrace = 2 * time.Second // from SIGTERM to SIGKILL

// Sweep ends every process, and removes every folder of TempDir and group of
// NewControl, that a sweetspot left behind which is dead by now, and only those. It returns what
// it ended, one line each.
func Sweep() (ended []string, err error) {
	ended, err = endMarked(mark.dead)
	return ended, errors.Join(err, removeTempDirs(mark.dead), removeControls(mark.dead))
}

// SweepRun ends every process that carries the mark of a run and removes the
// run's folders of TempDir and groups of NewControl. It is for the run's own end: nothing should be
// left by then.
func SweepRun(runID string) (ended []string, err error) {
	run := ownMark(runID).run
	ofRun := func(m mark) bool { return m.run == run }
	ended, err = endMarked(ofRun)
	return ended, errors.Join(err, removeTempDirs(ofRun), removeControls(ofRun))
}

// Marked returns the live processes that carry the mark of a run, whoever owns
// it, one line each.
func Marked(runID string) ([]string, error) {
	run := ownMark(runID).run
	live, err := marked(func(m mark) bool { return m.run == run })
	var lines []string
	for _, f := range live {
		lines = append(lines, f.String())
	}
	return lines, err
}

// endMarked ends all processes whose mark matches: SIGTERM, a grace, SIGKILL.
// It looks again until none is left, because a process can fork meanwhile.
func endMarked(match func(mark) bool) (ended []string, err error) {
	told := map[int]bool{}
	kill := time.Now().Add(sweepGrace)
	for {
		left, err := marked(match)
		if err != nil || len(left) == 0 {
			return ended, err
		}
		if time.Now().After(kill.Add(killWait)) {
			return ended, fmt.Errorf("sweep: %s survives SIGKILL; see its state in /proc/PID/status", left[0])
		}
		for _, f := range left {
			switch {
			case !told[f.pid]:
				told[f.pid] = true
				ended = append(ended, f.String())
				f.signal(syscall.SIGTERM)
			case time.Now().After(kill):
				f.signal(syscall.SIGKILL)
			}
		}
		time.Sleep(pollEvery)
	}
}

// found is a process with its mark.
type found struct {
	stat
	mark mark
}

func (f found) String() string {
	return fmt.Sprintf("%s (pid %d) of run %s", f.name, f.pid, f.mark.run)
}

// signal sends a signal to exactly this process: the handle is taken before
// the start time is compared, so a reused pid cannot be hit. One that has
// ended meanwhile needs no signal.
func (f found) signal(sig os.Signal) {
	p, err := os.FindProcess(f.pid)
	if err != nil {
		return
	}
	defer p.Release()
	if now, err := readStat(f.pid); err == nil && now.started == f.started {
		_ = p.Signal(sig)
	}
}

// marked returns the live processes other than ourselves whose mark matches.
// It looks only into our own pid namespace: elsewhere an owner's pid means
// another process.
func marked(match func(mark) bool) ([]found, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	var hits []found
	for _, s := range all {
		m, ok := markOf(s.pid)
		if !ok || s.pid == os.Getpid() || !match(m) {
			continue
		}
		if ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", s.pid)); err == nil && ns == own {
			hits = append(hits, found{s, m})
		}
	}
	return hits, nil
}
