package stack

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// endpoint is where something listens.
type endpoint struct {
	network string // tcp or unix
	address string // IP:PORT, or a path
}

// maxSocketPath is what fits into the kernel's address with some room.
const maxSocketPath = 100 // bytes

// loopback is where all listens that nobody else is to reach.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// freePort returns an address of the machine that nobody listens on now.
func freePort(ip netip.Addr) (endpoint, error) {
	l, err := net.Listen("tcp4", netip.AddrPortFrom(ip, 0).String())
	if err != nil {
		return endpoint{}, fmt.Errorf("choose a port: %w", err)
	}
	return endpoint{"tcp", l.Addr().String()}, l.Close()
}

// errForeign says that a port was taken between its choice and its use.
var errForeign = errors.New("another program listens there")

// ownership tells whether somebody listens at an endpoint and whether all who
// do are among pids. Somebody else's listener is errForeign.
func ownership(at endpoint, pids []int) (ours bool, err error) {
	inodes, err := listeners(at)
	if err != nil || len(inodes) == 0 {
		return false, err
	}
	for _, pid := range pids {
		for _, inode := range sockets(pid) {
			inodes = slices.DeleteFunc(inodes, func(i string) bool { return i == inode })
		}
	}
	if len(inodes) > 0 {
		return false, fmt.Errorf("%s: %w", at.address, errForeign)
	}
	return true, nil
}

// sockets returns the inodes of a process's sockets; none when it has ended.
func sockets(pid int) (inodes []string) {
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		link, err := os.Readlink(dir + e.Name())
		if err != nil {
			continue // closed meanwhile
		}
		if inode, ok := strings.CutPrefix(link, "socket:["); ok {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	return inodes
}

// States of a socket, as the kernel prints them.
const (
	tcpListening    = "0A"
	tcpEstablished  = "01"
	unixListening   = "00010000 01" // flags and state
	unixEstablished = "00000000 03"
)

// listeners returns the inodes of the sockets that accept connections to an endpoint.
func listeners(at endpoint) ([]string, error) { return socketsIn(at, tcpListening, unixListening) }

// established returns the inodes of the connections to an endpoint, those of
// the side that listens.
func established(at endpoint) ([]string, error) {
	return socketsIn(at, tcpEstablished, unixEstablished)
}

// socketsIn returns the inodes of the sockets at an endpoint in a state.
func socketsIn(at endpoint, tcpState, unixState string) ([]string, error) {
	if at.network == "unix" {
		table, err := os.ReadFile("/proc/net/unix")
		if err != nil {
			return nil, err
		}
		return unixSockets(string(table), at.address, unixState), nil
	}
	addr, err := netip.ParseAddrPort(at.address)
	if err != nil {
		return nil, err
	}
	var inodes []string
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		table, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // a machine without IPv6
		}
		if err != nil {
			return nil, err
		}
		inodes = append(inodes, tcpSockets(string(table), addr, tcpState)...)
	}
	return inodes, nil
}

// unixSockets reads /proc/net/unix: Num RefCount Protocol Flags Type St Inode Path.
func unixSockets(table, path, state string) (inodes []string) {
	for line := range strings.Lines(table) {
		f := strings.SplitN(strings.Join(strings.Fields(line), " "), " ", 8)
		if len(f) == 8 && f[3]+" "+f[5] == state && f[7] == path {
			inodes = append(inodes, f[6])
		}
	}
	return inodes
}

// tcpSockets reads /proc/net/tcp or tcp6. A socket that listens on every
// address of the machine accepts connections to addr as well.
func tcpSockets(table string, addr netip.AddrPort, state string) (inodes []string) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != state {
			continue
		}
		local, ok := parseTCP(f[1])
		if !ok || local.Port() != addr.Port() {
			continue
		}
		if ip := local.Addr().Unmap(); ip == addr.Addr() || ip.IsUnspecified() {
			inodes = append(inodes, f[9])
		}
	}
	return inodes
}

// parseTCP reads an address as the kernel prints it: words of 32 bits in the
// machine's own byte order, as "0100007F:1F90".
func parseTCP(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	if !ok {
		return netip.AddrPort{}, false
	}
	b, err := hex.DecodeString(host)
	if err != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	ip, ok := netip.AddrFromSlice(b)
	p, err := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(ip, uint16(p)), ok && err == nil
}
