package stack

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// workerName tells a worker of the embedded server its number.
const workerName = "SWEETSPOT_EMBEDDED_WORKER"

// File descriptors that a worker inherits.
const (
	workerListener = 3 // one socket for all workers: the kernel's queue is the only one
	workerMaster   = 4 // a pipe that ends when the master does
)

// mainCalled guards against a program that starts itself again and again
// because it does not know that it is the embedded stack.
var mainCalled bool

// Main is called at the start of every main function and TestMain: in a
// process that was started as a part of the embedded stack it does that job
// and exits; otherwise it returns at once.
func Main() {
	mainCalled = true
	path := os.Getenv(embeddedName)
	if path == "" {
		return
	}
	if err := embeddedMain(path); err != nil {
		fmt.Fprintln(os.Stderr, "embedded:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func embeddedMain(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var c embeddedConfig
	if err := json.Unmarshal(content, &c); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	number := os.Getenv(workerName)
	switch {
	case c.Upstream != "":
		return runProxy(c)
	case number == "":
		return runMaster(c)
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return fmt.Errorf("%s: %w", workerName, err)
	}
	return runWorker(c, n)
}

// runMaster forks the workers onto one listening socket and waits. All end
// together: on SIGTERM, or when one of them does. It handles descriptors, not
// os.File and net.Listener, which would wake the master for every connection.
func runMaster(c embeddedConfig) error {
	socket, err := listenSocket(c.Network, c.Address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Address, err)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	for n := range c.Workers {
		_, err := syscall.ForkExec("/proc/self/exe", []string{"/proc/self/exe", "embedded-worker", strconv.Itoa(n)}, &syscall.ProcAttr{
			Env:   append(os.Environ(), fmt.Sprintf("%s=%d", workerName, n)),
			Files: []uintptr{0, 1, 2, uintptr(socket), uintptr(pipe[0])},
		})
		if err != nil {
			return fmt.Errorf("start worker %d: %w", n, err) // the others see the pipe end
		}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	ended := make(chan string, 1)
	go func() {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		ended <- fmt.Sprintf("pid %d, status %#x, %v", pid, int(status), err)
	}()
	select {
	case <-stop:
		return nil
	case how := <-ended:
		return fmt.Errorf("a worker ended: %s", how)
	}
}

func listenSocket(network, address string) (fd int, err error) {
	family, addr := unix.AF_UNIX, unix.Sockaddr(&unix.SockaddrUnix{Name: address})
	if network == "tcp" {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return 0, err
		}
		family, addr = unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	const backlog = 4096 // the kernel caps it at somaxconn
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, addr); err != nil {
		return 0, err
	}
	return fd, unix.Listen(fd, backlog)
}

// runWorker serves until the master is gone. A slot accepts a connection only
// when it is free, serves one request, and closes; so a free slot anywhere
// takes the oldest connection of the one queue, and the capacity of the whole
// is workers × slots / service time.
func runWorker(c embeddedConfig, number int) error {
	runtime.GOMAXPROCS(1) // at most one core a process, as under Python's lock
	file := os.NewFile(workerListener, "listener")
	listener, err := net.FileListener(file)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil { // FileListener has a copy
		return err
	}
	for i := range c.Slots {
		s, err := newSlot(c, number, i)
		if err != nil {
			return err
		}
		go s.run(listener)
	}
	_, err = io.Copy(io.Discard, os.NewFile(workerMaster, "master"))
	return err
}
