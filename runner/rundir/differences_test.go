package rundir

import (
	"slices"
	"testing"
)

func TestDifferingHosts(t *testing.T) {
	base := Host{
		Hostname: "a", OS: "Debian 12", Kernel: "6.1", Arch: "amd64", CPUModel: "EPYC", Cores: 4, MachineCPUs: 4,
		MemoryBytes: 8e9, FileLimit: 65536, PortLow: 32768, PortHigh: 60999, Somaxconn: 4096, TwReuse: 2,
	}
	for _, tt := range []struct {
		name   string
		change func(h *Host)
		want   []string
	}{
		{"nothing", func(*Host) {}, nil},
		{"host name", func(h *Host) { h.Hostname = "b" }, nil},
		{"memory within 1 %", func(h *Host) { h.MemoryBytes = 7.95e9 }, nil},
		{"memory", func(h *Host) { h.MemoryBytes = 4e9 }, []string{"memory: 8000 MB there, 4000 MB here"}},
		{"a memory limit", func(h *Host) { h.MemoryLimit = 1e9 }, []string{"memory limit: none there, 1000 MB here"}},
		{"a quota", func(h *Host) { h.CPUQuota = 1.5 }, []string{"CPU quota: none there, 1.5 here"}},
		{"cores and kernel", func(h *Host) { h.Cores, h.Kernel = 2, "6.5" },
			[]string{"kernel: 6.1 there, 6.5 here", "cores: 4 there, 2 here"}},
		{"system", func(h *Host) { h.OS, h.Arch, h.CPUModel = "Ubuntu", "arm64", "" },
			[]string{"operating system: Debian 12 there, Ubuntu here", "architecture: amd64 there, arm64 here", "CPU model: EPYC there, none here"}},
		{"network", func(h *Host) { h.PortLow, h.Somaxconn, h.TwReuse = 1024, 128, 0 },
			[]string{"ephemeral ports: 32768-60999 there, 1024-60999 here", "net.core.somaxconn: 4096 there, 128 here", "net.ipv4.tcp_tw_reuse: 2 there, 0 here"}},
		{"the rest", func(h *Host) {
			h.MachineCPUs, h.FileLimit, h.AutoGroup, h.Virtualised = 8, 1024, true, "virtual machine"
		}, []string{"CPUs of the machine: 4 there, 8 here", "open files: 65536 there, 1024 here", "sched_autogroup: false there, true here", "virtualisation: none there, virtual machine here"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here := base
			tt.change(&here)
			if got := Sentences(DifferingHosts(base, here)); !slices.Equal(got, tt.want) {
				t.Errorf("differences\n%q, want\n%q", got, tt.want)
			}
		})
	}
}
