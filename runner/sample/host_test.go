package sample

import (
	"os"
	"runtime"
	"slices"
	"testing"

	"sweetspot/runner/rundir"
)

func TestHostOfAFixture(t *testing.T) {
	for _, tt := range []struct {
		archive string
		want    rundir.Host
	}{
		{"testdata/vm.txtar", rundir.Host{
			OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0-18-amd64", CPUModel: "AMD EPYC", MachineCPUs: 4,
			MemoryBytes: 8000000 * 1024, CPUQuota: 1.5, MemoryLimit: 2000000000,
			PortLow: 32768, PortHigh: 60999, Somaxconn: 4096, AutoGroup: true, TwReuse: 2,
			Virtualised: "virtual machine QEMU Standard PC", ControlGroups: "version 2 (no controllers)",
		}},
		{"testdata/bare.txtar", rundir.Host{
			CPUModel: "Intel(R) Core(TM) i7", MachineCPUs: 5, MemoryBytes: 16000000 * 1024,
		}},
	} {
		t.Run(tt.archive, func(t *testing.T) {
			got, err := unpack(t, tt.archive).host()
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("host\n%+v, want\n%+v", got, tt.want)
			}
		})
	}
}

func TestHostMalformed(t *testing.T) {
	r := fixtureOf(t, "", "", nil)
	r.write(t, map[string]string{"proc/sys/net/core/somaxconn": "many\n"})
	if _, err := r.host(); err == nil {
		t.Error("somaxconn of many: no error")
	}
}

func TestHostOfThisMachine(t *testing.T) {
	h, err := Host()
	if err != nil {
		t.Fatal(err)
	}
	if h.Cores < 1 || h.MachineCPUs < h.Cores || h.MemoryBytes < 1<<20 || h.FileLimit == 0 || h.Kernel == "" || h.Arch != runtime.GOARCH {
		t.Errorf("host %+v: cores, memory, file limit, kernel and architecture must be there", h)
	}
	if name, _ := os.Hostname(); h.Hostname != name {
		t.Errorf("host name %q, want %q", h.Hostname, name)
	}
	if again, err := Host(); err != nil || again != h {
		t.Errorf("second reading %+v, %v, differs from\n%+v", again, err, h)
	}
}

func TestDifferences(t *testing.T) {
	base := rundir.Host{
		Hostname: "a", OS: "Debian 12", Kernel: "6.1", Arch: "amd64", CPUModel: "EPYC", Cores: 4, MachineCPUs: 4,
		MemoryBytes: 8e9, FileLimit: 65536, PortLow: 32768, PortHigh: 60999, Somaxconn: 4096, TwReuse: 2,
	}
	for _, tt := range []struct {
		name   string
		change func(h *rundir.Host)
		want   []string
	}{
		{"nothing", func(*rundir.Host) {}, nil},
		{"host name", func(h *rundir.Host) { h.Hostname = "b" }, nil},
		{"memory within 1 %", func(h *rundir.Host) { h.MemoryBytes = 7.95e9 }, nil},
		{"memory", func(h *rundir.Host) { h.MemoryBytes = 4e9 }, []string{"memory: 8000 MB there, 4000 MB here"}},
		{"a memory limit", func(h *rundir.Host) { h.MemoryLimit = 1e9 }, []string{"memory limit: none there, 1000 MB here"}},
		{"a quota", func(h *rundir.Host) { h.CPUQuota = 1.5 }, []string{"CPU quota: none there, 1.5 here"}},
		{"cores and kernel", func(h *rundir.Host) { h.Cores, h.Kernel = 2, "6.5" },
			[]string{"kernel: 6.1 there, 6.5 here", "cores: 4 there, 2 here"}},
		{"system", func(h *rundir.Host) { h.OS, h.Arch, h.CPUModel = "Ubuntu", "arm64", "" },
			[]string{"operating system: Debian 12 there, Ubuntu here", "architecture: amd64 there, arm64 here", "CPU model: EPYC there, none here"}},
		{"network", func(h *rundir.Host) { h.PortLow, h.Somaxconn, h.TwReuse = 1024, 128, 0 },
			[]string{"ephemeral ports: 32768-60999 there, 1024-60999 here", "net.core.somaxconn: 4096 there, 128 here", "net.ipv4.tcp_tw_reuse: 2 there, 0 here"}},
		{"the rest", func(h *rundir.Host) {
			h.MachineCPUs, h.FileLimit, h.AutoGroup, h.Virtualised = 8, 1024, true, "virtual machine"
		}, []string{"CPUs of the machine: 4 there, 8 here", "open files: 65536 there, 1024 here", "sched_autogroup: false there, true here", "virtualisation: none there, virtual machine here"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here := base
			tt.change(&here)
			if got := Differences(base, here); !slices.Equal(got, tt.want) {
				t.Errorf("differences\n%q, want\n%q", got, tt.want)
			}
		})
	}
}
