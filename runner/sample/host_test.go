package sample

import (
	"os"
	"runtime"
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
