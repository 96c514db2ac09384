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

func (r *reader) hostTimes() (hostTimes, error) {
	b, err := r.read(r.root.path("proc", "stat"))
	if err != nil {
		return hostTimes{}, err
	}
	return parseHostTimes(b)
}

func parseHostTimes(b []byte) (hostTimes, error) {
	line, rest, _ := bytes.Cut(b, []byte{'\n'})
	f := bytes.Fields(line)
	if len(f) < 9 || string(f[0]) != "cpu" {
		return hostTimes{}, fmt.Errorf("/proc/stat: first line is %q, want cpu and at least 8 numbers", line)
	}
	var n [8]int64 // user nice system idle iowait irq softirq steal
	for i := range n {
		var ok bool
		if n[i], ok = number(f[i+1]); !ok {
			return hostTimes{}, fmt.Errorf("/proc/stat: %q is no number", f[i+1])
		}
	}
	h := hostTimes{
		counted:   n[0] + n[1] + n[2] + n[5] + n[6],
		interrupt: n[5] + n[6],
		idle:      n[3] + n[4],
		steal:     n[7],
	}
	for bytes.HasPrefix(rest, []byte("cpu")) {
		h.cpus++
		_, rest, _ = bytes.Cut(rest, []byte{'\n'})
	}
	return h, nil
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
