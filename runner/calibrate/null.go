package calibrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"sweetspot/runner/process"
)

const (
	nullName   = "SWEETSPOT_NULL" // file that takes the address; makes this program the null server
	nullAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull"
	nullStart  = 10 * time.Second
)

// mainCalled guards against a program that starts itself again and again
// because it does not know that it is the null server.
var mainCalled bool

// Main is called at the start of every main function and TestMain: in a
// process that was started as the null server it serves until it is ended;
// otherwise it returns at once.
func Main() {
	mainCalled = true
	path := os.Getenv(nullName)
	if path == "" {
		return
	}
	fmt.Fprintln(os.Stderr, "null server:", serveNull(path))
	os.Exit(1)
}

// serveNull answers every request on a port of loopback with the same four
// bytes, and writes the port's address to a file. It returns when it cannot.
func serveNull(path string) error {
	runtime.GOMAXPROCS(1) // the generator is to be the limit, not to share its CPUs with more than it must
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".part", []byte(l.Addr().String()), 0o644); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go answer(c)
	}
}

// answer answers the requests of one connection, which have no bodies.
func answer(c net.Conn) {
	defer c.Close()
	in := make([]byte, 4096)
	kept := 0
	for {
		n, err := c.Read(in[kept:])
		if err != nil {
			return
		}
		have := in[:kept+n]
		for {
			end := bytes.Index(have, []byte("\r\n\r\n"))
			if end < 0 {
				break
			}
			have = have[end+4:]
			if _, err := io.WriteString(c, nullAnswer); err != nil {
				return
			}
		}
		if kept = copy(in, have); kept == len(in) {
			return // no request of ours is that long
		}
	}
}

// startNull starts the null server and returns its address.
func startNull(ctx context.Context, c Config) (*process.Process, string, error) {
	if !mainCalled {
		return nil, "", errors.New("start the null server: this program does not call calibrate.Main")
	}
	path := filepath.Join(c.Dir, "null.address")
	p, err := process.Start(ctx, process.Spec{
		Role: "null server", Argv: []string{"/proc/self/exe", "null-server"}, Dir: c.Dir,
		Env: []string{nullName + "=" + path, process.Mark(c.RunID)}, CPUs: c.CPUs,
		Log: filepath.Join(c.Dir, "null.log"),
	})
	if err != nil {
		return nil, "", err
	}
	for deadline := time.Now().Add(nullStart); ; time.Sleep(time.Millisecond) {
		if address, err := os.ReadFile(path); err == nil {
			return p, string(address), nil
		}
		select {
		case <-p.Done():
			return nil, "", fmt.Errorf("start the null server: %w\n%s", p.Err(), p.LogTail(10))
		default:
		}
		if time.Now().After(deadline) {
			return nil, "", errors.Join(fmt.Errorf("start the null server: no address within %v", nullStart), p.Stop())
		}
	}
}
