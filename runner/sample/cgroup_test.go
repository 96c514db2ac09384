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
	mountsCPUSet  = "36 31 0:33 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
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
		throttling     throttling
		cpuset         string
		controllers    string
	}{
		{"none at all", "", "", nil, 0, 0, throttling{}, "", ""},
		{"v1 without limits", "3:cpu,cpuacct:/\n2:memory:/\n", mountsV1, map[string]string{
			"cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
			"cpu,cpuacct/cpu.stat":         "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
			"memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0, 0, throttling{}, "", "version 1 (cpu, cpuacct, memory)"},
		{"v1 limits, the tightest above us", "3:cpu,cpuacct:/a/b\n2:memory:/a/b\n", mountsV1, map[string]string{
			"cpu,cpuacct/a/b/cpu.cfs_quota_us": "200000\n", "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n",
			"cpu,cpuacct/a/b/cpu.stat":       "nr_periods 9\nnr_throttled 4\nthrottled_time 0\n",
			"cpu,cpuacct/a/cpu.cfs_quota_us": "5000\n", "cpu,cpuacct/a/cpu.cfs_period_us": "10000\n",
			"cpu,cpuacct/a/cpu.stat":           "nr_periods 9\nnr_throttled 3\nthrottled_time 0\n",
			"memory/memory.limit_in_bytes":     "9223372036854771712\n",
			"memory/a/memory.limit_in_bytes":   "2000000000\n",
			"memory/a/b/memory.limit_in_bytes": "3000000000\n",
		}, 0.5, 2000000000, throttling{18, 7}, "", "version 1 (cpu, cpuacct, memory)"},
		{"v2", "0::/user.slice/job\n", mountsV2, map[string]string{
			"user.slice/job/cpu.max": "max 100000\n", "user.slice/job/memory.max": "1073741824\n",
			"user.slice/job/cpu.stat": "usage_usec 1\nnr_periods 5\nnr_throttled 2\n",
			"user.slice/cpu.max":      "150000 100000\n", "user.slice/memory.max": "max\n",
			"cpu.stat": "usage_usec 1\n", "user.slice/job/cgroup.controllers": "cpu memory\n", "user.slice/cpuset.cpus.effective": "0-2\n",
		}, 1.5, 1073741824, throttling{5, 2}, "0-2", "version 2 (cpu, memory)"},
		{"v2 in a namespace of its own", "0::/\n", mountsV2, map[string]string{
			"cpu.max": "50000 100000\n", "memory.max": "500000000\n", "cpu.stat": "nr_throttled 1\n",
		}, 0.5, 500000000, throttling{0, 1}, "", "version 2 (no controllers)"},
		{"v2 outside of its namespace's root", "0::/../other\n", mountsV2, map[string]string{
			"cpu.max": "50000 100000\n",
		}, 0.5, 0, throttling{}, "", "version 2 (no controllers)"},
		{"v1 with an empty v2 beside it", "4:cpuset:/a\n3:cpu,cpuacct:/a\n2:memory:/a\n1:name=systemd:/x\n0::/\n", mountsV1 + mountsCPUSet + mountsUnified, map[string]string{
			"cpu,cpuacct/a/cpu.cfs_quota_us": "300000\n", "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
			"unified/cgroup.procs": "", "cpuset/a/cpuset.cpus": "0,2\n", "cpuset/cpuset.cpus": "0-3\n",
		}, 3, 0, throttling{}, "0,2", "version 1 (cpu, cpuacct, cpuset, memory), version 2 (no controllers)"},
		{"docker on v1", "3:cpu:/docker/abc\n2:memory:/docker/abc\n", mountsDocker, map[string]string{
			"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n", "memory/memory.limit_in_bytes": "123456789\n",
		}, 1.5, 123456789, throttling{}, "", "version 1 (cpu, memory)"},
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
			if got, err := readThrottling(cpu); got != tt.throttling || err != nil {
				t.Errorf("throttling %v, %v, want %v", got, err, tt.throttling)
			}
			if got := r.cpuset(); got != tt.cpuset {
				t.Errorf("CPU set %q, want %q", got, tt.cpuset)
			}
			if got := r.controllers(); got != tt.controllers {
				t.Errorf("control groups %q, want %q", got, tt.controllers)
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
	if _, err := readThrottling(dirs); err == nil {
		t.Error("throttling: no error")
	}
}
