package sample

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// hostTimes are the CPU times of the whole machine since boot, ticks summed
// over its CPUs, from the first line of /proc/stat.
type hostTimes struct {
	cpus      int
	counted   int64 // what the kernel saw running when its clock ticked: user, nice, system, irq, softirq
	interrupt int64 // irq and softirq of those
	idle      int64 // idle and iowait
	steal     int64
}

// hostTimes returns the times of the whole machine, and of the given CPUs.
func (r *reader) hostTimes(own []int) (host, those hostTimes, err error) {
	b, err := r.read(r.root.path("proc", "stat"))
	if err != nil {
		return host, those, err
	}
	if host, err = parseHostTimes(b); err != nil || len(own) == 0 {
		return host, those, err
	}
	those, err = parseTimesOf(b, own)
	return host, those, err
}

func parseHostTimes(b []byte) (hostTimes, error) {
	line, rest, _ := bytes.Cut(b, []byte{'\n'})
	h, err := parseTimes(line, "cpu")
	if err != nil {
		return h, fmt.Errorf("/proc/stat: first line: %w", err)
	}
	for bytes.HasPrefix(rest, []byte("cpu")) {
		h.cpus++
		_, rest, _ = bytes.Cut(rest, []byte{'\n'})
	}
	return h, nil
}

// parseTimesOf sums up the lines of the given CPUs. One that has gone off line
// has none, and adds nothing.
func parseTimesOf(b []byte, cpus []int) (sum hostTimes, err error) {
	_, rest, _ := bytes.Cut(b, []byte{'\n'})
	for bytes.HasPrefix(rest, []byte("cpu")) {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		name, _, _ := bytes.Cut(line, []byte{' '})
		n, ok := number(name[len("cpu"):])
		if !ok || !slices.Contains(cpus, int(n)) {
			continue
		}
		t, err := parseTimes(line, string(name))
		if err != nil {
			return sum, fmt.Errorf("/proc/stat: %w", err)
		}
		sum.cpus++
		sum.counted += t.counted
		sum.interrupt += t.interrupt
		sum.idle += t.idle
		sum.steal += t.steal
	}
	return sum, nil
}

// parseTimes reads a line of that name.
func parseTimes(line []byte, name string) (hostTimes, error) {
	f := bytes.Fields(line)
	if len(f) < 9 || string(f[0]) != name {
		return hostTimes{}, fmt.Errorf("%q, want %s and at least 8 numbers", line, name)
	}
	var n [8]int64 // user nice system idle iowait irq softirq steal
	for i := range n {
		var ok bool
		if n[i], ok = number(f[i+1]); !ok {
			return hostTimes{}, fmt.Errorf("%q is no number", f[i+1])
		}
	}
	return hostTimes{
		counted:   n[0] + n[1] + n[2] + n[5] + n[6],
		interrupt: n[5] + n[6],
		idle:      n[3] + n[4],
		steal:     n[7],
	}, nil
}

// hostUse is what the machine did between two readings, CPU seconds.
type hostUse struct {
	busy      float64 // steal not counted
	interrupt float64 // part of busy
	steal     float64
}

// since takes busy as what is left of the wall time of all CPUs after idle and
// stolen time. The counted times are samples at clock ticks: a program that
// wakes and sleeps in step with the clock, as a paced load generator does, is
// missed by them in part, whereas idle time is measured.
func (h hostTimes) since(before hostTimes, wall time.Duration) hostUse {
	seconds := func(ticks int64) float64 { return float64(max(0, ticks)) / ticksPerSecond }
	u := hostUse{
		interrupt: seconds(h.interrupt - before.interrupt),
		steal:     seconds(h.steal - before.steal),
	}
	idle := h.idle - before.idle
	if idle == 0 && h.counted == before.counted {
		return u // a sandbox's /proc/stat that stands still says nothing
	}
	u.busy = max(0, wall.Seconds()*float64(h.cpus)-seconds(idle)-u.steal)
	return u
}

// interruptsApart tells whether the kernel keeps the time of interrupts out of
// the CPU time of processes (CONFIG_IRQ_TIME_ACCOUNTING; Ubuntu's and Fedora's
// kernels do, Debian's do not). On loopback most of the network's work is
// interrupt time that our own traffic causes: where no process has it, it must
// not pass for foreign load.
func (r root) interruptsApart() bool {
	f, err := os.Open(r.path("proc", "pressure", "irq"))
	if err == nil {
		defer f.Close()
		if _, err := f.Read(make([]byte, 1)); err == nil {
			return true // the file is there on such kernels only, since Linux 6.1
		}
	}
	release, err := os.ReadFile(r.path("proc", "sys", "kernel", "osrelease"))
	if err != nil {
		return false
	}
	config, err := os.ReadFile(r.path("boot", "config-"+strings.TrimSpace(string(release))))
	return err == nil && bytes.Contains(config, []byte("\nCONFIG_IRQ_TIME_ACCOUNTING=y\n"))
}

// drops returns how many connections were dropped since boot because a listen
// queue was full, in our network namespace. A full accept queue counts in
// ListenOverflows and in ListenDrops, a full queue of half-open connections in
// ListenDrops only. Unix sockets have no such counter.
func drops(self procfs.Proc) (uint64, error) {
	n, err := self.Netstat()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // a sandbox without it
	}
	if err != nil {
		return 0, fmt.Errorf("read listen-queue overflows: %w", err)
	}
	var most float64
	for _, v := range []*float64{n.ListenOverflows, n.ListenDrops} {
		if v != nil {
			most = max(most, *v)
		}
	}
	return uint64(most), nil
}

// timeWait returns how many TCP sockets, of IPv4 and IPv6, are in TIME_WAIT.
func timeWait(proc procfs.FS) (int, error) {
	s, err := proc.NetSockstat()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("count sockets in TIME_WAIT: %w", err)
	}
	for _, p := range s.Protocols {
		if p.Protocol == "TCP" && p.TW != nil {
			return *p.TW, nil
		}
	}
	return 0, nil
}

// pss returns the proportional set size of the live processes, bytes. It takes
// the kernel 1–2 ms a process.
func pss(proc procfs.FS, processes []process) (bytes uint64, err error) {
	for _, p := range processes {
		if !p.alive() {
			continue
		}
		one, err := proc.Proc(p.pid)
		if err != nil {
			continue // ended
		}
		rollup, err := one.ProcSMapsRollup()
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("read memory of process %d: %w; run sweetspot as root or as the process's user", p.pid, err)
		}
		bytes += rollup.Pss
	}
	return bytes, nil
}

// PSS returns the proportional set size of process groups, bytes. A group of 0
// is none.
func PSS(groups ...int) (uint64, error) {
	proc, err := procfs.NewFS(procfs.DefaultMountPoint)
	if err != nil {
		return 0, fmt.Errorf("%w; mount /proc", err)
	}
	groups = slices.DeleteFunc(slices.Clone(groups), func(group int) bool { return group == 0 })
	members, err := newReader("/").members(groups)
	if err != nil {
		return 0, err
	}
	return pss(proc, members[0])
}
