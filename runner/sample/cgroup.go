package sample

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// cgroups returns the folders of our own cgroup and of each one above it, for
// one controller. Both hierarchies are in the list where both are mounted:
// version 1, and version 2, whose files have other names. Where there are no
// cgroups it is empty.
func (r root) cgroups(controller string) ([]string, error) {
	proc, err := procfs.NewFS(r.path("proc"))
	if err != nil {
		return nil, fmt.Errorf("%w; mount /proc", err)
	}
	self, err := proc.Self()
	if err != nil {
		return nil, fmt.Errorf("%w; mount /proc", err)
	}
	groups, err := self.Cgroups()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read own cgroups: %w", err)
	}
	mounts, err := proc.GetProcMounts(self.PID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	var dirs []string
	for _, g := range groups {
		second := g.HierarchyID == 0
		if !second && !slices.Contains(g.Controllers, controller) {
			continue
		}
		for _, m := range mounts {
			_, has := m.SuperOptions[controller]
			if second && m.FSType == "cgroup2" || !second && m.FSType == "cgroup" && has {
				dirs = append(dirs, r.upwards(g.Path, m.Root, m.MountPoint)...)
				break // a second mount of a hierarchy shows the same
			}
		}
	}
	return dirs, nil
}

// upwards returns the folders from a cgroup up to the mount point. A container
// may see its path as on the host, of which only the part below the mount's
// own root is mounted.
func (r root) upwards(path, mountRoot, mountPoint string) []string {
	rel, err := filepath.Rel(mountRoot, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		rel = "."
	}
	var dirs []string
	for ; rel != "."; rel = filepath.Dir(rel) {
		dirs = append(dirs, r.path(mountPoint, rel))
	}
	return append(dirs, r.path(mountPoint))
}

// throttling is how often groups with a CPU quota ran, and ran out of it.
type throttling struct {
	periods   uint64 // in which they ran
	throttled uint64 // and those of them in which they were out of quota
}

// readThrottling sums up the groups of the list. The keys are the same in
// version 1 and 2.
func readThrottling(cgroups []string) (sum throttling, err error) {
	for _, dir := range cgroups {
		b, err := os.ReadFile(filepath.Join(dir, "cpu.stat"))
		if missing(err) {
			continue
		}
		if err != nil {
			return sum, fmt.Errorf("count throttled periods: %w", err)
		}
		for _, counter := range []struct {
			key string
			sum *uint64
		}{{"nr_periods", &sum.periods}, {"nr_throttled", &sum.throttled}} {
			text := lookUp(b, counter.key, " ")
			if text == "" {
				continue
			}
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return sum, fmt.Errorf("count throttled periods: %s/cpu.stat: %w", dir, err)
			}
			*counter.sum += n
		}
	}
	return sum, nil
}

// cpuQuota returns the tightest quota of the list in CPUs, 0 when none.
func cpuQuota(cgroups []string) (float64, error) {
	var tightest float64
	for _, dir := range cgroups {
		limit, err := quotaOf(dir)
		if err != nil {
			return 0, err
		}
		if limit > 0 && (tightest == 0 || limit < tightest) {
			tightest = limit
		}
	}
	return tightest, nil
}

// quotaOf reads "max 100000" or "50000 100000" (version 2), or the two files
// of version 1, where −1 means none. Times are in microseconds.
func quotaOf(dir string) (cpus float64, err error) {
	quota, period := "", ""
	if line, err := readLine(filepath.Join(dir, "cpu.max")); err != nil {
		return 0, err
	} else if line != "" {
		quota, period, _ = strings.Cut(line, " ")
	} else {
		if quota, err = readLine(filepath.Join(dir, "cpu.cfs_quota_us")); err != nil {
			return 0, err
		}
		if period, err = readLine(filepath.Join(dir, "cpu.cfs_period_us")); err != nil {
			return 0, err
		}
	}
	if quota == "" || quota == "max" || quota == "-1" {
		return 0, nil
	}
	q, err1 := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err1 != nil || err2 != nil || p <= 0 {
		return 0, fmt.Errorf("CPU quota in %s: %q of %q is no pair of microseconds", dir, quota, period)
	}
	return q / p, nil
}

// cpuset returns the CPUs that cgroups allow us, as a list such as 0-3; empty
// where none says. The nearest group with such a list says it.
func (r root) cpuset() string {
	dirs, err := r.cgroups("cpuset")
	if err != nil {
		return ""
	}
	for _, dir := range dirs {
		for _, name := range []string{"cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"} {
			if line, err := readLine(filepath.Join(dir, name)); err == nil && line != "" {
				return line
			}
		}
	}
	return ""
}

// controllers names the versions that are mounted, with the controllers that
// our own group has of each; empty for none.
func (r root) controllers() string {
	proc, err := procfs.NewFS(r.path("proc"))
	if err != nil {
		return ""
	}
	self, err := proc.Self()
	if err != nil {
		return ""
	}
	groups, err := self.Cgroups()
	if err != nil {
		return ""
	}
	var first, versions []string
	for _, g := range groups {
		first = append(first, slices.DeleteFunc(slices.Clone(g.Controllers), func(c string) bool { return strings.HasPrefix(c, "name=") })...)
	}
	slices.Sort(first)
	first = nonEmpty(first...)
	if len(first) > 0 {
		versions = append(versions, "version 1 ("+strings.Join(first, ", ")+")")
	}
	// No controller of version 1 has that name.
	if dirs, err := r.cgroups("version 2"); err == nil && len(dirs) > 0 {
		second, _ := readLine(filepath.Join(dirs[0], "cgroup.controllers"))
		versions = append(versions, "version 2 ("+cmp.Or(strings.Join(strings.Fields(second), ", "), "no controllers")+")")
	}
	return strings.Join(versions, ", ")
}

// noMemoryLimit and more is how version 1 says none: the largest count of
// whole pages.
const noMemoryLimit = 1 << 62

// memoryLimit returns the tightest limit of the list in bytes, 0 when none.
func memoryLimit(cgroups []string) (uint64, error) {
	var tightest uint64
	for _, dir := range cgroups {
		for _, name := range []string{"memory.max", "memory.limit_in_bytes"} {
			line, err := readLine(filepath.Join(dir, name))
			if err != nil {
				return 0, err
			}
			if line == "" || line == "max" {
				continue
			}
			n, err := strconv.ParseUint(line, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("memory limit in %s: %w", dir, err)
			}
			if n < noMemoryLimit && (tightest == 0 || n < tightest) {
				tightest = n
			}
		}
	}
	return tightest, nil
}

// readLine returns the first line of a file without blanks around it, empty
// when the file is missing.
func readLine(path string) (string, error) {
	b, err := os.ReadFile(path)
	if missing(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line), nil
}

// missing tells whether a file is not there, or is of a controller that is
// switched off.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported)
}
