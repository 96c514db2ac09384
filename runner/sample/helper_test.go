package sample

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const helperEnv = "SWEETSPOT_SAMPLE_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		serve(os.Stdin, os.Stdout)
		return
	}
	os.Exit(m.Run())
}

// serve obeys orders, one a line, and answers each with one number, until its
// input ends:
//
//	burn 300    use 300 ms of CPU time; answers its CPU time so far, ns
//	touch 64    touch 64 MB and keep it; answers its CPU time so far, ns
//	child       start a child that obeys as well; answers its pid
//	tell ...    hand an order to the youngest child; answers what it does
//	reap        end the youngest child and wait for it; answers its CPU time by wait4, ns
func serve(in io.Reader, out io.Writer) {
	var children []*helper
	var kept [][]byte
	for lines := bufio.NewScanner(in); lines.Scan(); {
		order, arg, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.Atoi(arg)
		answer := int64(-1)
		switch order {
		case "burn":
			answer = int64(burn(time.Duration(n) * time.Millisecond))
		case "touch":
			kept = append(kept, touched(n<<20))
			answer = int64(burn(0))
		case "child":
			child := mustStart(&syscall.SysProcAttr{})
			children = append(children, child)
			answer = int64(child.cmd.Process.Pid)
		case "tell":
			answer = children[len(children)-1].order(arg)
		case "reap":
			answer = int64(children[len(children)-1].end())
			children = children[:len(children)-1]
		}
		fmt.Fprintln(out, answer)
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(children) // closing their input would end them
}

// burn uses d of this process's CPU time, however long that takes, and returns
// its CPU time so far.
func burn(d time.Duration) time.Duration {
	start := ownTime()
	for ownTime() < start+d {
	}
	return ownTime()
}

func ownTime() time.Duration {
	own, err := OwnCPU()
	if err != nil {
		panic(err)
	}
	return own
}

func touched(bytes int) []byte {
	b := make([]byte, bytes)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return b
}

// helper is a process that obeys orders.
type helper struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Scanner
}

func mustStart(attr *syscall.SysProcAttr) *helper {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"=1")
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		panic(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	h := &helper{cmd, in, bufio.NewScanner(out)}
	h.order("burn 0") // it obeys: it has changed its group and started up
	return h
}

func (h *helper) order(text string) int64 {
	if _, err := fmt.Fprintln(h.in, text); err != nil {
		panic(err)
	}
	if !h.answers.Scan() {
		panic("helper ended")
	}
	n, err := strconv.ParseInt(h.answers.Text(), 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// end returns the CPU time of the helper and of its reaped children, by wait4.
func (h *helper) end() time.Duration {
	h.in.Close()
	_ = h.cmd.Wait() // its state says the same
	u := h.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// newHelper starts a helper in a process group of its own, and ends it and its
// children with the test.
func newHelper(t testing.TB) *helper {
	t.Helper()
	h := mustStart(&syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL})
	t.Cleanup(func() {
		_ = unix.Kill(-h.group(), unix.SIGKILL) // none is left of most
		h.end()
	})
	return h
}

func (h *helper) group() int { return h.cmd.Process.Pid }

func (h *helper) burn(ms int) time.Duration { return time.Duration(h.order(fmt.Sprint("burn ", ms))) }
