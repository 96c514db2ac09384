package sample

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Host returns what a run depends on in this machine. What the machine does
// not tell is zero.
func Host() (rundir.Host, error) {
	cpus, err := Allowed()
	if err != nil {
		return rundir.Host{}, err
	}
	h, err := root("/").host()
	if err != nil {
		return rundir.Host{}, fmt.Errorf("read host facts: %w", err)
	}
	h.Cores = len(cpus)
	h.Arch = runtime.GOARCH
	if h.Hostname, err = os.Hostname(); err != nil {
		return rundir.Host{}, fmt.Errorf("read host facts: %w", err)
	}
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return rundir.Host{}, fmt.Errorf("read host facts: limit of open files: %w", err)
	}
	h.FileLimit = files.Cur
	return h, nil
}

// host reads what is in files.
func (r root) host() (h rundir.Host, err error) {
	var text fields
	cpuModel, hypervisor := text.cpuinfo(r.path("proc/cpuinfo"))
	portLow, portHigh := text.pair(r.path("proc/sys/net/ipv4/ip_local_port_range"))
	h = rundir.Host{
		OS:          text.assigned(r.path("etc/os-release"), "PRETTY_NAME"),
		Kernel:      text.line(r.path("proc/sys/kernel/osrelease")),
		CPUModel:    cpuModel,
		MachineCPUs: text.cpus(r.path("sys/devices/system/cpu/online")),
		MemoryBytes: 1024 * text.uint(strings.TrimSuffix(text.keyed(r.path("proc/meminfo"), "MemTotal"), " kB")),
		PortLow:     portLow,
		PortHigh:    portHigh,
		Somaxconn:   int(text.uint(text.line(r.path("proc/sys/net/core/somaxconn")))),
		AutoGroup:   text.line(r.path("proc/sys/kernel/sched_autogroup_enabled")) == "1",
		TwReuse:     int(text.uint(text.line(r.path("proc/sys/net/ipv4/tcp_tw_reuse")))),
		Virtualised: text.virtualised(r, hypervisor),
	}
	cpu, err := r.cgroups("cpu")
	text.failed(err)
	memory, err := r.cgroups("memory")
	text.failed(err)
	h.CPUSet, h.ControlGroups = r.cpuset(), r.controllers()
	h.CPUQuota, err = cpuQuota(cpu)
	text.failed(err)
	h.MemoryLimit, err = memoryLimit(memory)
	text.failed(err)
	return h, text.err
}

// fields reads small text files. A missing file is empty; the first other
// error is kept.
type fields struct{ err error }

func (f *fields) failed(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *fields) file(path string) []byte {
	b, err := os.ReadFile(path)
	if err != nil && !missing(err) && !errors.Is(err, unix.EACCES) {
		f.failed(err)
	}
	return b
}

// line returns the first line without blanks around it.
func (f *fields) line(path string) string {
	line, _, _ := bytes.Cut(f.file(path), []byte{'\n'})
	return string(bytes.TrimSpace(line))
}

// keyed returns the value of the first line "key: value".
func (f *fields) keyed(path, key string) string { return lookUp(f.file(path), key, ":") }

// assigned returns the value of the line key="value".
func (f *fields) assigned(path, key string) string {
	return strings.Trim(lookUp(f.file(path), key, "="), `"'`)
}

func lookUp(text []byte, key, separator string) string {
	for line := range strings.Lines(string(text)) {
		k, v, _ := strings.Cut(line, separator)
		if strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// uint parses a decimal; an empty text is 0.
func (f *fields) uint(text string) uint64 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	f.failed(err)
	return n
}

// pair returns the two numbers of a line.
func (f *fields) pair(path string) (a, b int) {
	if numbers := strings.Fields(f.line(path)); len(numbers) == 2 {
		a, b = int(f.uint(numbers[0])), int(f.uint(numbers[1]))
	}
	return a, b
}

// cpus counts the CPUs in a list such as "0-3".
func (f *fields) cpus(path string) int {
	line := f.line(path)
	if line == "" {
		return 0
	}
	list, err := scenarios.ParseCPUs(line)
	f.failed(err)
	return len(list)
}

// cpuinfo returns the model of the first CPU, empty where the architecture
// names none, and whether it says that it is a hypervisor's.
func (f *fields) cpuinfo(path string) (model string, hypervisor bool) {
	text := f.file(path)
	flags := strings.Fields(lookUp(text, "flags", ":"))
	for _, flag := range flags {
		hypervisor = hypervisor || flag == "hypervisor"
	}
	return lookUp(text, "model name", ":"), hypervisor
}

// hypervisors are makers and products that firmware names on virtual machines.
var hypervisors = []string{"QEMU", "KVM", "VMware", "VirtualBox", "Xen", "Virtual Machine", "Amazon EC2", "Google Compute Engine", "Bochs", "Parallels"}

// virtualised names the virtual machine that this is, empty on bare metal as
// far as the machine tells. Bare metal in a cloud is told by the CPU flag,
// where the architecture has it: its firmware bears the cloud's name, too.
func (f *fields) virtualised(r root, hypervisor bool) string {
	maker := f.line(r.path("sys/class/dmi/id/sys_vendor"))
	product := f.line(r.path("sys/class/dmi/id/product_name"))
	name := strings.TrimSpace(maker + " " + product)
	if hypervisor {
		return strings.TrimSpace("virtual machine " + name)
	}
	if runtime.GOARCH == "amd64" {
		return ""
	}
	for _, h := range hypervisors {
		if strings.Contains(name, h) {
			return "virtual machine " + name
		}
	}
	return ""
}
