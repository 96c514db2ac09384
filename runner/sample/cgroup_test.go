package sample

import (
	"slices"
	"testing"
)

// mounts of a machine with version 1, or version 2, or both.
const (
	mountsV1 = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n" +
		"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n" +
		"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
	mountsV2      = "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n"
	mountsUnified = "38 31 0:35 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
	// Docker on version 1 shows the container's part of each hierarchy only.
	mountsDocker = "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu ro,relatime master:9 - cgroup cgroup rw,cpu\n" +
		"35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro,relatime master:9 - cgroup cgroup rw,memory\n"
)

func TestCgroupLimits(t *testing.T) {
	for _, tt := range []struct {
		name           string
		cgroup, mounts string
		files          map[string]string // below sys/fs/cgroup
		quota          float64
		memory         uint64
		throttled      uint64
	}{
		{"none at all", "", "", nil, 0, 0, 0},
		{"v1 without limits", "3:cpu,cpuacct:/\n2:memory:/\n", mountsV1, map[string]string{
			"cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
			"cpu,cpuacct/cpu.stat":         "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
			"memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0, 0, 0},
		{"v1 limits, the tightest above us", "3:cpu,cpuacct:/a/b\n2:memory:/a/b\n", mountsV1, map[string]string{
			"cpu,cpuacct/a/b/cpu.cfs_quota_us": "200000\n", "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n",
			"cpu,cpuacct/a/b/cpu.stat":       "nr_periods 9\nnr_throttled 4\nthrottled_time 0\n",
			"cpu,cpuacct/a/cpu.cfs_quota_us": "5000\n", "cpu,cpuacct/a/cpu.cfs_period_us": "10000\n",
			"cpu,cpuacct/a/cpu.stat":           "nr_periods 9\nnr_throttled 3\nthrottled_time 0\n",
			"memory/memory.limit_in_bytes":     "9223372036854771712\n",
			"memory/a/memory.limit_in_bytes":   "2000000000\n",
			"memory/a/b/memory.limit_in_bytes": "3000000000\n",
		}, 0.5, 2000000000, 7},
		{"v2", "0::/user.slice/job\n", mountsV2, map[string]string{
			"user.slice/job/cpu.max": "max 100000\n", "user.slice/job/memory.max": "1073741824\n",
			"user.slice/job/cpu.stat": "usage_usec 1\nnr_periods 5\nnr_throttled 2\n",
			"user.slice/cpu.max":      "150000 100000\n", "user.slice/memory.max": "max\n",
			"cpu.stat": "usage_usec 1\n",
		}, 1.5, 1073741824, 2},
		{"v2 in a namespace of its own", "0::/\n", mountsV2, map[string]string{
			"cpu.max": "50000 100000\n", "memory.max": "500000000\n", "cpu.stat": "nr_throttled 1\n",
		}, 0.5, 500000000, 1},
		{"v2 outside of its namespace's root", "0::/../other\n", mountsV2, map[string]string{
			"cpu.max": "50000 100000\n",
		}, 0.5, 0, 0},
		{"v1 with an empty v2 beside it", "3:cpu,cpuacct:/a\n2:memory:/a\n1:name=systemd:/x\n0::/\n", mountsV1 + mountsUnified, map[string]string{
			"cpu,cpuacct/a/cpu.cfs_quota_us": "300000\n", "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
			"unified/cgroup.procs": "",
		}, 3, 0, 0},
		{"docker on v1", "3:cpu:/docker/abc\n2:memory:/docker/abc\n", mountsDocker, map[string]string{
			"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n", "memory/memory.limit_in_bytes": "123456789\n",
		}, 1.5, 123456789, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := fixtureOf(t, tt.cgroup, tt.mounts, tt.files)
			cpu, err := r.cgroups("cpu")
			if err != nil {
				t.Fatal(err)
			}
			memory, err := r.cgroups("memory")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := cpuQuota(cpu); got != tt.quota || err != nil {
				t.Errorf("quota %v, %v, want %v", got, err, tt.quota)
			}
			if got, err := memoryLimit(memory); got != tt.memory || err != nil {
				t.Errorf("memory limit %d, %v, want %d", got, err, tt.memory)
			}
			if got, err := throttled(cpu); got != tt.throttled || err != nil {
				t.Errorf("throttled %d, %v, want %d", got, err, tt.throttled)
			}
		})
	}
}

func TestCgroupMalformed(t *testing.T) {
	r := fixtureOf(t, "0::/\n", mountsV2, map[string]string{"cpu.max": "many 100000\n", "memory.max": "lots\n", "cpu.stat": "nr_throttled x\n"})
	dirs, err := r.cgroups("cpu")
	if err != nil || !slices.Equal(dirs, []string{r.path("sys/fs/cgroup")}) {
		t.Fatalf("cgroups = %v, %v", dirs, err)
	}
	if _, err := cpuQuota(dirs); err == nil {
		t.Error("quota: no error")
	}
	if _, err := memoryLimit(dirs); err == nil {
		t.Error("memory limit: no error")
	}
	if _, err := throttled(dirs); err == nil {
		t.Error("throttled: no error")
	}
}
