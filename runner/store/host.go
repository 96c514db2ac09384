package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"regexp"
	"slices"

	"sweetspot/runner/rundir"
)

// thirdNumber is what comes after the second number of a version.
var thirdNumber = regexp.MustCompile(`(\d+\.\d+)\.\S*`)

// Essential returns those facts of a host that must match before figures of
// different days compare: the processor, how many of its cores may be used and
// for how much of the time, memory, virtualisation, and of system and kernel
// the first two numbers, for security updates change the third one every other
// week. What is not among them is a host's name, which CPUs it gave, and limits
// that end a trial rather than slow it down: open files and ports.
func Essential(h rundir.Host) rundir.Host {
	kernel := h.Kernel
	if m := majorMinor.FindString(kernel); m != "" {
		kernel = m
	}
	return rundir.Host{
		OS: thirdNumber.ReplaceAllString(h.OS, "$1"), Kernel: kernel, Arch: h.Arch,
		CPUModel: h.CPUModel, Cores: h.Cores, MachineCPUs: h.MachineCPUs, CPUQuota: h.CPUQuota,
		MemoryBytes: h.MemoryBytes, MemoryLimit: h.MemoryLimit,
		Somaxconn: h.Somaxconn, AutoGroup: h.AutoGroup, Virtualised: h.Virtualised,
	}
}

var majorMinor = regexp.MustCompile(`^\d+\.\d+`)

// Fingerprint returns a short name of the kind of machine: hosts with the same
// one compare. Memory counts in whole GiB.
func Fingerprint(h rundir.Host) string {
	h = Essential(h)
	h.MemoryBytes, h.MemoryLimit = gibibytes(h.MemoryBytes), gibibytes(h.MemoryLimit)
	b, err := json.Marshal(h)
	if err != nil {
		panic(err) // a Host is of numbers and texts
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// gibibytes rounds to GiB; a little is still more than nothing, which stands
// for no limit.
func gibibytes(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	return max(1, uint64(math.Round(float64(n)/(1<<30))))
}

// HostMismatch says, a sentence each, where the hosts of a baseline differ from
// this one so that figures do not compare; none when they do.
func HostMismatch(baseline []Summary, here rundir.Host) []string {
	var out []string
	for _, s := range baseline {
		for _, d := range rundir.Sentences(rundir.DifferingHosts(Essential(s.Host), Essential(here))) {
			if !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	return out
}
