package stack

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sweetspot/scenarios"
)

const clientPatience = 30 * time.Second // a silent client gives its slot back

// A slot works on one request at a time.
type slot struct {
	config embeddedConfig // Routes with the longest path first
	random *rand.Rand
	alarm  int      // descriptor of timer: asking an os.File for it would make it block
	timer  *os.File // wakes within tens of microseconds, where time.Sleep takes up to a millisecond more
	in     *bufio.Reader
	out    bytes.Buffer
}

func newSlot(c embeddedConfig, worker, number int) (*slot, error) {
	c.Routes = slices.Clone(c.Routes)
	slices.SortStableFunc(c.Routes, func(a, b scenarios.Route) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	seed := fnv.New64a()
	fmt.Fprintf(seed, "%s\n%s", c.Seed, c.Trial)
	return &slot{
		config: c,
		random: rand.New(rand.NewPCG(seed.Sum64(), uint64(worker)<<32|uint64(number))),
		alarm:  fd,
		timer:  os.NewFile(uintptr(fd), "timer"),
		in:     bufio.NewReader(nil),
	}, nil
}

// run serves one connection after the other until the listener is closed.
func (s *slot) run(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "embedded worker:", err)
			time.Sleep(10 * time.Millisecond) // out of descriptors: others will close theirs
			continue
		}
		s.serve(conn)
		conn.Close()
	}
}

// serve answers one request. A client that leaves or talks nonsense gets none.
func (s *slot) serve(conn net.Conn) {
	if conn.SetDeadline(time.Now().Add(clientPatience)) != nil {
		return
	}
	s.in.Reset(conn)
	req, err := http.ReadRequest(s.in)
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return
	}
	entered := monotonic()
	status, length := s.work(req.URL.Path)
	left := monotonic()

	s.out.Reset()
	fmt.Fprintf(&s.out, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%s: %d %d\r\n",
		status, http.StatusText(status), length, spanHeader, entered, left)
	if s.config.Trial != "" {
		fmt.Fprintf(&s.out, "%s: %s\r\n", trialHeader, s.config.Trial)
	}
	s.out.WriteString("\r\n")
	if req.Method != http.MethodHead {
		for range length {
			s.out.WriteByte('.')
		}
	}
	_, _ = conn.Write(s.out.Bytes()) // a client that has left misses it
}

// work spends what the route declares and returns the answer to give.
func (s *slot) work(path string) (status, length int) {
	i := slices.IndexFunc(s.config.Routes, func(r scenarios.Route) bool { return strings.HasPrefix(path, r.Path) })
	if i < 0 {
		if path == s.config.Ready {
			return http.StatusOK, 0
		}
		return http.StatusNotFound, 0
	}
	r := s.config.Routes[i]
	s.sleep(s.stalled(r.Stall))
	burn(s.draw(r.CPU.Std(), r.Dist))
	s.sleep(s.draw(r.Wait.Std(), r.Dist))
	s.sleep(s.stalled(r.Stall)) // nothing is answered in a stall, what began before it included
	return http.StatusOK, r.Bytes
}

// stalled returns how much of a stall is left now; 0 outside stalls.
func (s *slot) stalled(stall *scenarios.Stall) time.Duration {
	if stall == nil || stall.Every <= 0 {
		return 0
	}
	into := time.Duration(monotonic()-s.config.Epoch) % stall.Every.Std()
	return max(0, stall.For.Std()-into)
}

// exponential is the other distribution of a Route's times, besides constant.
const exponential = "exponential"

func (s *slot) draw(mean time.Duration, dist string) time.Duration {
	if dist == exponential {
		return time.Duration(s.random.ExpFloat64() * float64(mean))
	}
	return mean
}

// sleep waits without using a thread. A timer that cannot be set is a bug of
// ours: better no answer than one with a wrong time.
func (s *slot) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if err := unix.TimerfdSettime(s.alarm, 0, &spec, nil); err != nil {
		panic(err)
	}
	var expirations [8]byte
	if _, err := s.timer.Read(expirations[:]); err != nil {
		panic(err)
	}
}

// burn uses d of CPU time, however long that takes on a busy machine.
func burn(d time.Duration) {
	if d <= 0 {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var x uint64
	for end := threadCPU() + int64(d); threadCPU() < end; {
		x = spin(x)
	}
	runtime.KeepAlive(x)
}

// spin takes about a microsecond, so that a burn is mostly not system calls.
//
//go:noinline
func spin(x uint64) uint64 {
	for i := range uint64(1000) {
		x = x*6364136223846793005 + i
	}
	return x
}

// monotonic is CLOCK_MONOTONIC in nanoseconds, the same in all processes.
func monotonic() int64 { return clock(unix.CLOCK_MONOTONIC) }

// threadCPU is the CPU time of this thread in nanoseconds.
func threadCPU() int64 { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		panic(err) // every Linux has both clocks
	}
	return t.Nano()
}
