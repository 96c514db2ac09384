package sample

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
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

// portsWaiting returns how many local ports are in TIME_WAIT towards the port of
// the server, given all sockets in that state and all ephemeral ports. A port
// is free for every other destination, so the others do not matter, nor do
// sockets that wait on the server's side: those of a server that closes first.
//
// The kernel writes a line a socket, 0.1 s of CPU time for the tens of thousands
// that a server without keep-alive leaves. So with fewer sockets than half of
// the ports it is not asked, and the answer is their number, which is at most
// too large.
func (r root) portsWaiting(server string, sockets, ports int) (n int, err error) {
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
	for _, table := range []string{"tcp", "tcp6"} {
		err := timeWaits(r.path("proc/net", table), func(_, remote uint64) {
			if remote == port {
				n++
			}
		})
		if err != nil {
			return 0, fmt.Errorf("count ports in TIME_WAIT: %w", err)
		}
	}
	return n, nil
}

// timeWaits calls each with the ports of every socket in TIME_WAIT in a table of
// the kernel, of which a line is "0: 0100007F:1F90 0100007F:C350 06 …": number,
// local and remote address, state. A table that is missing is empty.
func timeWaits(table string, each func(local, remote uint64)) error {
	f, err := os.Open(table)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		field := strings.Fields(lines.Text())
		if len(field) < 4 || field[3] != "06" {
			continue
		}
		local, err1 := hexPort(field[1])
		remote, err2 := hexPort(field[2])
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("%s: %q: %w", table, lines.Text(), err)
		}
		each(local, remote)
	}
	return lines.Err()
}

func hexPort(address string) (uint64, error) {
	_, port, _ := strings.Cut(address, ":")
	return strconv.ParseUint(port, 16, 16)
}
