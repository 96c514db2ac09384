package service

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// posixSegment is a name of PostgreSQL's shared memory in /proc/PID/maps.
var posixSegment = regexp.MustCompile(`/dev/shm/PostgreSQL\.\d+`)

// sharedSegments returns the POSIX shared memory of PostgreSQL's processes,
// which outlives a server that was killed.
func sharedSegments(pids []int) (paths []string) {
	for _, pid := range pids {
		maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
		if err != nil {
			continue // ended meanwhile
		}
		paths = append(paths, posixSegment.FindAllString(string(maps), -1)...)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// removeShared removes the shared memory that a crashed PostgreSQL has left:
// the segments, and the System V one that its lock file names. After a clean
// shutdown there is nothing to do.
func removeShared(segments []string, lockFile string) error {
	var errs []error
	for _, path := range segments {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	lock, err := os.ReadFile(lockFile)
	if err != nil {
		return errors.Join(errs...) // there is none after a clean shutdown
	}
	if key, id, ok := systemV(string(lock)); ok {
		errs = append(errs, removeSystemV(key, id))
	}
	return errors.Join(errs...)
}

// systemV reads the key and the id of the segment from the seventh line of a
// postmaster.pid, as "  9977888         4".
func systemV(lock string) (key, id int, ok bool) {
	lines := strings.Split(lock, "\n")
	if len(lines) < 7 {
		return 0, 0, false
	}
	n, err := fmt.Sscan(lines[6], &key, &id)
	return key, id, err == nil && n == 2
}

// removeSystemV removes a segment that nobody uses. One that is gone, or has
// another key by now, is not ours.
func removeSystemV(key, id int) error {
	var desc unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &desc); err != nil {
		return nil
	}
	if int(uint32(desc.Perm.Key)) != int(uint32(key)) || desc.Nattch != 0 {
		return nil
	}
	if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil {
		return fmt.Errorf("remove shared memory segment %d: %w; ipcrm -m %d", id, err, id)
	}
	return nil
}
