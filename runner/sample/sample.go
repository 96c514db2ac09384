// Package sample reads what the machine and the processes of a trial spend:
// CPU, memory, waits, dropped connections, and what strangers take meanwhile.
package sample

import (
	"errors"
	"fmt"
	"math"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"sweetspot/runner/rundir"
)

// Roles are the process groups of a trial, by their leaders. The generator
// needs no group: it is this process, without its children. A service's
// children count as its own also where they made groups for themselves, as
// those of PostgreSQL do.
type Roles struct {
	App      []int // one an instance
	Proxy    int   // 0 means that there is none
	Services []int
}

// lists returns the groups by role, in the order of accounts.
func (r Roles) lists() [roleCount][]int {
	lists := [roleCount][]int{r.App, nil, r.Services}
	if r.Proxy != 0 {
		lists[proxy] = []int{r.Proxy}
	}
	return lists
}

// Roles by number; the generator has none.
const (
	application = iota
	proxy
	services
	roleCount
)

var roleNames = [roleCount]string{"application", "proxy", "services"}

// Options says how to sample. The zero value is fine.
type Options struct {
	AppCPUs []int    // CPUs that the application may use; empty means all of the machine
	Control []string // folders of the application's control group; empty means that it has none of its own
	Quota   float64  // cores that the group has; 0 means no quota
	OwnCPUs []int    // CPUs that only the generator may use; empty means none
	PaceOf  []int    // CPUs whose pace is measured; empty means that it is not
	Server  string   // address that the generator connects to, host:port; empty or a path takes no ports

	root root // where proc, sys and boot are; empty means "/"
}

const interval = time.Second // of the timeline

// Sampler samples from Start to Stop. It costs one wake-up a second, and what
// the pace does.
type Sampler struct {
	roles   Roles
	options Options
	reader  *reader
	proc    procfs.FS
	self    procfs.Proc
	cgroups []string
	apart   bool // interrupt time is in no process's CPU time

	accounts    [roleCount]account
	generator   account
	before      outer
	began, last counters
	timeline    []rundir.Moment
	failed      error // first error of a tick

	pacemaker  *pacemaker
	quit, done chan struct{}
	stop       func() (rundir.Usage, error)
}

// counters are the rising figures at one moment, seconds of CPU.
type counters struct {
	at        time.Time
	host      hostTimes
	own       hostTimes // of the generator's own CPUs
	used      [roleCount]float64
	generator float64
	members   [][]process // by role
}

// outer are the figures that are read only before and after.
type outer struct {
	pss              [roleCount]uint64
	pssGenerator     uint64
	throttled, drops uint64
	app              throttling // of its control group
	timeWait         int
	pauses           *metrics.Float64Histogram
}

// Start reads the figures before and begins to sample once a second. Every
// Sampler that it returns must be stopped.
func Start(r Roles, o Options) (*Sampler, error) {
	if o.root == "" {
		o.root = "/"
	}
	s := &Sampler{
		roles: r, options: o, reader: newReader(o.root), apart: o.root.interruptsApart(),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("start sampling: %w", err)
	}
	if err := s.first(); err != nil {
		return nil, fmt.Errorf("start sampling: %w", err)
	}
	s.stop = sync.OnceValues(s.finish)
	s.pacemaker = startPace(o.PaceOf)
	go s.run()
	return s, nil
}

func (s *Sampler) open() (err error) {
	if s.proc, err = procfs.NewFS(s.options.root.path("proc")); err != nil {
		return fmt.Errorf("%w; mount /proc", err)
	}
	if s.self, err = s.proc.Self(); err != nil {
		return fmt.Errorf("%w; mount /proc", err)
	}
	if s.cgroups, err = s.options.root.cgroups("cpu"); err != nil {
		return err
	}
	own, err := s.reader.group(s.self.PID)
	if err != nil {
		return err
	}
	seen := map[int]string{}
	for i, groups := range s.roles.lists() {
		for _, group := range groups {
			if group == own {
				return fmt.Errorf("the %s is in the generator's process group %d; start it in one of its own", roleNames[i], group)
			}
			if other := seen[group]; other != "" {
				return fmt.Errorf("%s and %s share process group %d; start each in one of its own", other, roleNames[i], group)
			}
			seen[group] = roleNames[i]
		}
	}
	return nil
}

// first reads the outer figures before the counters, so that the reading
// itself is in nobody's CPU time.
func (s *Sampler) first() error {
	lists := s.roles.lists()
	members, err := s.reader.members(lists[:]...)
	if err != nil {
		return err
	}
	for i, groups := range lists {
		if len(groups) > 0 && len(members[i]) == 0 {
			return fmt.Errorf("process group %d has no process; the program ended before the measurement, see its log", groups[0])
		}
	}
	if s.before, err = s.outer(members); err != nil {
		return err
	}
	if s.began, err = s.read(); err != nil {
		return err
	}
	s.last = s.began
	return nil
}

func (s *Sampler) run() {
	defer close(s.done)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-ticker.C:
			if _, err := s.tick(); err != nil && s.failed == nil {
				s.failed = err
			}
		}
	}
}

// tick reads the counters and adds the moment since the last reading.
func (s *Sampler) tick() (counters, error) {
	now, err := s.read()
	if err != nil {
		return counters{}, err
	}
	// A short rest at the end would be all rounding: times come in ticks of 10 ms.
	if now.at.Sub(s.last.at) >= interval/2 {
		s.timeline = append(s.timeline, s.moment(s.last, now))
		s.last = now
	}
	return now, nil
}

// read takes one snapshot of everything that rises.
func (s *Sampler) read() (counters, error) {
	var c counters
	var err error
	c.at = time.Now()
	if c.host, c.own, err = s.reader.hostTimes(s.options.OwnCPUs); err != nil {
		return c, err
	}
	lists := s.roles.lists()
	if c.members, err = s.reader.members(lists[:]...); err != nil {
		return c, err
	}
	for i := range s.accounts {
		a := &s.accounts[i]
		a.update(c.members[i])
		if err := a.wait(s.reader, c.members[i]); err != nil {
			return c, err
		}
		c.used[i] = a.seconds()
	}
	self, err := s.reader.process(s.self.PID)
	if err != nil {
		return c, err
	}
	if err := s.generator.wait(s.reader, []process{self}); err != nil {
		return c, err
	}
	own, err := OwnCPU()
	c.generator = own.Seconds()
	return c, err
}

// OwnCPU returns the CPU time of all threads of this process, exact to the
// microsecond; its children are not in it, whether reaped or not.
func OwnCPU() (time.Duration, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("read own CPU time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

func (s *Sampler) moment(from, to counters) rundir.Moment {
	wall := to.at.Sub(from.at)
	use := to.host.since(from.host, wall)
	var used [roleCount]float64
	ours := to.generator - from.generator
	for i := range used {
		used[i] = to.used[i] - from.used[i]
		ours += used[i]
	}
	return rundir.Moment{
		Second:    int(math.Round(from.at.Sub(s.began.at).Seconds())),
		App:       used[application] / wall.Seconds(),
		Proxy:     used[proxy] / wall.Seconds(),
		Services:  used[services] / wall.Seconds(),
		Generator: (to.generator - from.generator) / wall.Seconds(),
		Foreign:   s.foreign(use, ours) / wall.Seconds(),
	}
}

// foreign returns the CPU seconds that are neither ours nor an interrupt's.
func (s *Sampler) foreign(use hostUse, ours float64) float64 {
	theirs := use.busy - ours
	if s.apart {
		theirs -= use.interrupt
	}
	return max(0, theirs)
}

func (s *Sampler) outer(members [][]process) (o outer, err error) {
	for i, processes := range members {
		if o.pss[i], err = pss(s.proc, processes); err != nil {
			return o, err
		}
	}
	if o.pssGenerator, err = pss(s.proc, []process{{pid: s.self.PID}}); err != nil {
		return o, err
	}
	own, err := readThrottling(s.cgroups)
	if err != nil {
		return o, err
	}
	o.throttled = own.throttled
	if o.app, err = readThrottling(s.options.Control); err != nil {
		return o, err
	}
	if o.drops, err = drops(s.self); err != nil {
		return o, err
	}
	o.pauses = gcPauses()
	o.timeWait, err = timeWait(s.proc)
	return o, err
}

// Stop reads the figures after and returns what was spent since Start. Further
// calls return the same.
func (s *Sampler) Stop() (rundir.Usage, error) { return s.stop() }

func (s *Sampler) finish() (rundir.Usage, error) {
	close(s.quit)
	<-s.done
	pace, paceErr := s.pacemaker.stop()
	end, err := s.tick()
	if err = errors.Join(s.failed, paceErr, err); err != nil {
		return rundir.Usage{}, fmt.Errorf("sample: %w", err)
	}
	after, err := s.outer(end.members)
	if err != nil {
		return rundir.Usage{}, fmt.Errorf("stop sampling: %w", err)
	}
	u, err := s.usage(end, after)
	if err != nil {
		return rundir.Usage{}, fmt.Errorf("stop sampling: %w", err)
	}
	u.Pace = pace
	return u, nil
}

func (s *Sampler) usage(end counters, after outer) (rundir.Usage, error) {
	wall := end.at.Sub(s.began.at)
	use := end.host.since(s.began.host, wall)
	self, err := s.reader.process(s.self.PID)
	if err != nil {
		return rundir.Usage{}, err
	}
	u := rundir.Usage{
		Wall:            wall,
		App:             s.group(application, end, after),
		Proxy:           s.group(proxy, end, after),
		Services:        s.group(services, end, after),
		Generator:       group(&s.generator, []process{self}, s.before.pssGenerator, after.pssGenerator),
		Cores:           end.host.cpus,
		AppCores:        len(s.options.AppCPUs),
		Quota:           s.options.Quota,
		AppPeriods:      after.app.periods - min(s.before.app.periods, after.app.periods),
		AppThrottled:    after.app.throttled - min(s.before.app.throttled, after.app.throttled),
		OwnCores:        len(s.options.OwnCPUs),
		BusySeconds:     use.busy,
		StealSeconds:    use.steal,
		Throttled:       after.throttled - min(s.before.throttled, after.throttled),
		ListenOverflows: after.drops - min(s.before.drops, after.drops),
		TimeWaitBefore:  s.before.timeWait,
		TimeWait:        after.timeWait,
		GC:              pausesSince(s.before.pauses, after.pauses),
		Timeline:        s.timeline,
	}
	if u.AppCores == 0 {
		u.AppCores = u.Cores
	}
	u.Generator.CPUSeconds = end.generator - s.began.generator
	u.IntruderSeconds = s.foreign(end.own.since(s.began.own, wall), u.Generator.CPUSeconds)
	u.ForeignSeconds = s.foreign(use, u.App.CPUSeconds+u.Proxy.CPUSeconds+u.Services.CPUSeconds+u.Generator.CPUSeconds)
	if u.Ports, err = s.options.root.ports(); err != nil {
		return u, err
	}
	u.PortsWaiting, err = s.options.root.portsWaiting(s.options.Server, u.TimeWait, u.Ports)
	return u, err
}

// group sums up the role with that number.
func (s *Sampler) group(role int, end counters, after outer) rundir.Group {
	return group(&s.accounts[role], end.members[role], s.before.pss[role], after.pss[role])
}

func group(a *account, processes []process, pssBefore, pssAfter uint64) rundir.Group {
	live, threads := count(processes)
	return rundir.Group{
		CPUSeconds: a.seconds(), PSSBytes: max(pssBefore, pssAfter), PSSBefore: pssBefore, PSSAfter: pssAfter,
		Processes: live, Threads: threads, WaitTime: a.waited,
	}
}
