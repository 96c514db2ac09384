package sample

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"

	"github.com/prometheus/procfs"
)

// ports returns how many ephemeral ports our network namespace has, 0 when it
// does not tell.
func (r root) ports() (int, error) {
	var text fields
	low, high := text.pair(r.path("proc/sys/net/ipv4/ip_local_port_range"))
	if text.err != nil {
		return 0, fmt.Errorf("read ephemeral ports: %w", text.err)
	}
	if high == 0 {
		return 0, nil
	}
	return high - low + 1, nil
}

// tcpTimeWait is the state TIME_WAIT in /proc/net/tcp.
const tcpTimeWait = 6

// portsWaiting returns how many local ports are in TIME_WAIT towards the port of
// the server, given all sockets in that state and all ephemeral ports. A port
// is free for every other destination, so the others do not matter, nor do
// sockets that wait on the server's side: those of a server that closes first.
//
// The kernel writes a line a socket, 0.1 s of CPU time for the tens of thousands
// that a server without keep-alive leaves. So with fewer sockets than half of
// the ports it is not asked, and the answer is their number, which is at most
// too large.
func portsWaiting(proc procfs.FS, server string, sockets, ports int) (n int, err error) {
	_, text, err := net.SplitHostPort(server)
	if err != nil {
		return 0, nil // a Unix socket, or none
	}
	if sockets < ports/2 {
		return sockets, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("count ports in TIME_WAIT: port of %s: %w", server, err)
	}
	for _, table := range []func() (procfs.NetTCP, error){proc.NetTCP, proc.NetTCP6} {
		all, err := table()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("count ports in TIME_WAIT: %w", err)
		}
		for _, s := range all {
			if s.St == tcpTimeWait && s.RemPort == port {
				n++
			}
		}
	}
	return n, nil
}
