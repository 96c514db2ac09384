package sample

import (
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"sweetspot/runner/rundir"
)

// rounding is what the kernel's ticks of 10 ms can hide: two a process and
// reading, user and system time, and a little for start and stop.
const rounding = 0.06 // seconds

func mustSample(t *testing.T, r Roles) *Sampler {
	t.Helper()
	s, err := Start(r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.Stop() })
	return s
}

func TestCPUOfAGroupAgreesWithItsRusage(t *testing.T) {
	app, proxy := newHelper(t), newHelper(t)
	appBefore, proxyBefore := app.burn(0), proxy.burn(0)
	generatorBefore := ownTime()
	s := mustSample(t, Roles{App: []int{app.group()}, Proxy: proxy.group()})
	appAfter, proxyAfter := app.burn(400), proxy.burn(150)
	u, err := s.Stop()
	if err != nil {
		t.Fatal(err)
	}
	generator := ownTime() - generatorBefore

	if want := (appAfter - appBefore).Seconds(); math.Abs(u.App.CPUSeconds-want) > rounding {
		t.Errorf("application: %.3f CPU seconds, its rusage says %.3f", u.App.CPUSeconds, want)
	}
	if want := (proxyAfter - proxyBefore).Seconds(); math.Abs(u.Proxy.CPUSeconds-want) > rounding {
		t.Errorf("proxy: %.3f CPU seconds, its rusage says %.3f", u.Proxy.CPUSeconds, want)
	}
	if got := u.Generator.CPUSeconds; got <= 0 || got > generator.Seconds() {
		t.Errorf("generator: %.6f CPU seconds, want more than 0 and at most %.6f", got, generator.Seconds())
	}
	if u.App.Processes != 1 || u.App.Threads < 2 || u.Generator.Processes != 1 || u.Generator.Threads < 2 {
		t.Errorf("application %+v, generator %+v: want one process of several threads each", u.App, u.Generator)
	}
	if u.Wall <= 0 || u.Cores < 1 || u.AppCores != u.Cores {
		t.Errorf("wall %v, %d cores, application %d: want all above 0 and no CPU set", u.Wall, u.Cores, u.AppCores)
	}
	// The wait of a busy process is more than nothing, and no task can wait longer than the wall.
	if got, most := u.App.WaitTime, u.Wall*time.Duration(u.App.Threads); got <= 0 || got > most {
		t.Errorf("application waited %v, want more than 0 and at most %v", got, most)
	}
	if again, err := s.Stop(); err != nil || again.App != u.App {
		t.Errorf("second Stop = %+v, %v, want the same as the first", again.App, err)
	}
}

func TestReapedChildrenCountOnce(t *testing.T) {
	app := newHelper(t)
	app.order("child")
	started := time.Duration(app.order("tell burn 300")) // before the measurement
	before := app.burn(0)
	s := mustSample(t, Roles{App: []int{app.group()}})
	app.order("tell burn 200")
	old := time.Duration(app.order("reap")) - started
	app.order("child") // born and dead within one tick
	app.order("tell burn 150")
	young := time.Duration(app.order("reap"))
	own := app.burn(0) - before
	u, err := s.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if want := (old + young + own).Seconds(); math.Abs(u.App.CPUSeconds-want) > rounding {
		t.Errorf("%.3f CPU seconds, rusage says %.3f (old child %v, young child %v, parent %v)",
			u.App.CPUSeconds, want, old, young, own)
	}
	if u.App.Processes != 1 {
		t.Errorf("%d processes at the end, want 1", u.App.Processes)
	}
}

func TestForeignLoadShows(t *testing.T) {
	app, stranger := newHelper(t), newHelper(t)
	before := stranger.burn(0)
	s := mustSample(t, Roles{App: []int{app.group()}})
	used := (stranger.burn(700) - before).Seconds()
	u, err := s.Stop()
	if err != nil {
		t.Fatal(err)
	}
	// Other tests' load only adds. What the hypervisor stole is in the
	// stranger's time, but the machine was not busy with it.
	if u.ForeignSeconds < 0.8*used-u.StealSeconds-rounding {
		t.Errorf("foreign %.3f s with %.3f s stolen, but the stranger alone used %.3f s", u.ForeignSeconds, u.StealSeconds, used)
	}
	if u.BusySeconds < u.ForeignSeconds || u.BusySeconds > u.Wall.Seconds()*float64(u.Cores) {
		t.Errorf("busy %.3f s of %v on %d cores, foreign %.3f s", u.BusySeconds, u.Wall, u.Cores, u.ForeignSeconds)
	}
	if u.App.CPUSeconds > rounding {
		t.Errorf("idle application used %.3f s, the stranger's load is not its", u.App.CPUSeconds)
	}
	if len(u.Timeline) == 0 || u.Timeline[0].Second != 0 || u.Timeline[0].Foreign <= 0 {
		t.Errorf("timeline %+v, want a first second with foreign load", u.Timeline)
	}
}

func TestMemoryOfAGroup(t *testing.T) {
	app, proxy := newHelper(t), newHelper(t)
	app.order("touch 64")
	app.order("child")
	s := mustSample(t, Roles{App: []int{app.group()}, Proxy: proxy.group()})
	u, err := s.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if u.App.PSSBytes < 64<<20 {
		t.Errorf("PSS %d bytes, want at least the 64 MB touched", u.App.PSSBytes)
	}
	if u.Proxy.PSSBytes == 0 || u.Proxy.PSSBytes >= 64<<20 || u.Generator.PSSBytes == 0 {
		t.Errorf("PSS of proxy %d, generator %d: want some, and not the application's", u.Proxy.PSSBytes, u.Generator.PSSBytes)
	}
	if u.App.Processes != 2 {
		t.Errorf("%d processes, want parent and child", u.App.Processes)
	}
}

func TestListenQueueOverflowShows(t *testing.T) {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(listener) })
	if err := unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte(net.IPv4(127, 0, 0, 1).To4())}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(listener, 1); err != nil {
		t.Fatal(err)
	}
	address, err := unix.Getsockname(listener)
	if err != nil {
		t.Fatal(err)
	}
	s := mustSample(t, Roles{})
	for range 16 {
		client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(client) })
		if err := unix.Connect(client, address); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
	}
	self, err := procfs.Self()
	if err != nil {
		t.Fatal(err)
	}
	// The kernel may handle the connections a little later, on a busy machine.
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if n, err := drops(self); err != nil || n > s.before.drops {
			break
		}
	}
	u, err := s.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if u.ListenOverflows == 0 {
		t.Error("no overflow reported of a queue of 1 with 16 connections")
	}
}

func TestTimelineHasAMomentASecond(t *testing.T) {
	app := newHelper(t)
	s := mustSample(t, Roles{App: []int{app.group()}})
	for deadline := time.Now().Add(2300 * time.Millisecond); time.Now().Before(deadline); {
		app.burn(50)
	}
	u, err := s.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(u.Timeline); n < 1 || n > int(u.Wall.Seconds())+1 {
		t.Fatalf("%d moments in %v, want one a second", n, u.Wall)
	}
	var sum float64
	for i, m := range u.Timeline {
		if i > 0 && m.Second <= u.Timeline[i-1].Second {
			t.Errorf("seconds %d and %d do not rise", u.Timeline[i-1].Second, m.Second)
		}
		sum += m.App
	}
	if sum <= 0 || sum > u.App.CPUSeconds*2 {
		t.Errorf("timeline holds %.2f CPU seconds of the application, the total is %.2f", sum, u.App.CPUSeconds)
	}
}

func TestMoment(t *testing.T) {
	began := time.Now()
	s := &Sampler{began: counters{at: began}}
	from := counters{at: began.Add(3020 * time.Millisecond), host: hostTimes{cpus: 4, idle: 1000}, used: [roleCount]float64{5, 2, 1}, generator: 1}
	to := counters{at: from.at.Add(2 * time.Second), host: hostTimes{cpus: 4, idle: 1300}, used: [roleCount]float64{6, 2.5, 1.5}, generator: 2}
	// 8 CPU seconds less 3 idle ones are 5 busy ones, of which 3 are ours.
	want := rundir.Moment{Second: 3, App: 0.5, Proxy: 0.25, Services: 0.25, Generator: 0.5, Foreign: 1}
	if got := s.moment(from, to); got != want {
		t.Errorf("moment = %+v, want %+v", got, want)
	}
}

func TestStartRefuses(t *testing.T) {
	own := unix.Getpgrp()
	app := newHelper(t)
	for _, tt := range []struct {
		name  string
		roles Roles
		want  string
	}{
		{"our own group", Roles{App: []int{own}}, "start it in one of its own"},
		{"one group for both", Roles{App: []int{app.group()}, Proxy: app.group()}, "start each in one of its own"},
		{"no such group", Roles{App: []int{1 << 30}}, "has no process"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Start(tt.roles, Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestApplicationThatDiesIsNoError(t *testing.T) {
	app := newHelper(t)
	s := mustSample(t, Roles{App: []int{app.group()}})
	app.burn(100)
	members, err := newReader("/").members([]int{app.group()})
	if err != nil {
		t.Fatal(err)
	}
	app.end()
	u, err := s.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if len(members[0]) != 1 || u.App.Processes != 0 || u.App.Threads != 0 {
		t.Errorf("%d members alive, %d processes and %d threads at the end, want 1, 0, 0", len(members[0]), u.App.Processes, u.App.Threads)
	}
}

func TestUsageOfAFixture(t *testing.T) {
	r := unpack(t, "testdata/trial.txtar")
	s, err := Start(Roles{App: []int{100}, Proxy: 200}, Options{
		AppCPUs: []int{0, 1}, Control: []string{r.path("sys/fs/cgroup/job/sweetspot-1"), r.path("no/cpu/controller")}, Quota: 1.5,
		Server: "127.0.0.1:8000", root: r,
	})
	if err != nil {
		t.Fatal(err)
	}
	unpackInto(t, r, "testdata/trial-after.txtar")
	if err := os.RemoveAll(r.path("proc/102")); err != nil {
		t.Fatal(err)
	}
	u, err := s.Stop()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what      string
		got, want any
	}{
		{"application CPU", u.App.CPUSeconds, 4.0}, // 100: 1.5 own + 2.1 of the reaped 102, less its 0.6 of before; 101: 0.5; 103: 0.5
		{"application processes", u.App.Processes, 3},
		{"application threads", u.App.Threads, 4},
		{"application PSS", u.App.PSSBytes, uint64((30000 + 20000 + 10000) * 1024)}, // after is larger
		{"application PSS after", u.App.PSSAfter, u.App.PSSBytes},
		{"application PSS before", u.App.PSSBefore < u.App.PSSAfter && u.App.PSSBefore > 0, true},
		{"application wait", u.App.WaitTime, 23 * time.Millisecond},
		{"proxy CPU", u.Proxy.CPUSeconds, 0.25},
		{"proxy processes", u.Proxy.Processes, 1}, // a zombie is none
		{"proxy PSS", u.Proxy.PSSBytes, uint64(5000 * 1024)},
		{"generator threads", u.Generator.Threads, 2},
		{"cores", u.Cores, 4},
		{"application's cores", u.AppCores, 2},
		{"stolen", u.StealSeconds, 0.5},
		{"throttled", u.Throttled, uint64(7)},
		{"application's capacity", u.AppCapacity(), 1.5},
		{"application's periods", u.AppPeriods, uint64(50)},
		{"application throttled", u.AppThrottled, uint64(24)},
		{"overflows", u.ListenOverflows, uint64(25)},
		{"TIME_WAIT before", u.TimeWaitBefore, 7},
		{"TIME_WAIT", u.TimeWait, 1234},
		{"ephemeral ports", u.Ports, 28232},
		{"ports in TIME_WAIT", u.PortsWaiting, 1234},
		{"generator wait", u.Generator.WaitTime, 2 * time.Millisecond},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.what, tt.got, tt.want)
		}
	}
}

func TestForeignLeavesInterruptsOut(t *testing.T) {
	use := hostUse{busy: 5, interrupt: 2}
	for _, tt := range []struct {
		name       string
		apart      bool
		ours, want float64
	}{
		{"interrupts in processes' time", false, 3.5, 1.5},
		{"interrupts apart", true, 3.5, 0},
		{"interrupts apart and foreign load", true, 2, 1},
		{"never negative", false, 6, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Sampler{apart: tt.apart}
			if got := s.foreign(use, tt.ours); got != tt.want {
				t.Errorf("foreign = %v, want %v", got, tt.want)
			}
		})
	}
}

// BenchmarkTick is what the sampler costs a second, with an application of ten
// processes.
func BenchmarkTick(b *testing.B) {
	app := newHelper(b)
	for range 9 {
		app.order("child")
	}
	s, err := Start(Roles{App: []int{app.group()}}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Stop(); err != nil {
		b.Fatal(err)
	}
	before := ownTime()
	for b.Loop() {
		if _, err := s.read(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((ownTime()-before).Microseconds())/float64(b.N), "µs-CPU/op")
	all, err := numbered("/proc")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(all)), "processes-on-host")
	b.ReportMetric(float64(threadsOf(s)), "threads-in-group")
}

func threadsOf(s *Sampler) int {
	members, _ := s.reader.members(s.roles.App)
	_, threads := count(slices.Concat(members...))
	return threads
}
