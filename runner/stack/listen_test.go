package stack

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTCPListeners(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0
   2: 0200007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 13 1 0 100 0 0 10 0
   3: 0100007F:1F90 0100007F:D2AA 01 00000000:00000000 00:00000000 00000000     0        0 14 1 0 100 0 0 10 0
   4: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15 1 0 100 0 0 10 0
`
	const table6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 16 1 0 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17 1 0 100 0 0 10 0
   2: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 18 1 0 100 0 0 10 0
`
	at := netip.MustParseAddrPort("127.0.0.1:8080")
	if got, want := tcpSockets(table, at, tcpListening), []string{"11", "12"}; !slices.Equal(got, want) {
		t.Errorf("IPv4 listeners = %v, want %v", got, want)
	}
	if got, want := tcpSockets(table6, at, tcpListening), []string{"16", "17"}; !slices.Equal(got, want) {
		t.Errorf("IPv6 listeners = %v, want %v", got, want)
	}
	if got, want := tcpSockets(table, at, tcpEstablished), []string{"14"}; !slices.Equal(got, want) {
		t.Errorf("connections = %v, want %v", got, want)
	}
}

func TestUnixListeners(t *testing.T) {
	const table = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 21 /run 1/app.sock
0000000000000000: 00000003 00000000 00000000 0001 03 22 /run 1/app.sock
0000000000000000: 00000002 00000000 00010000 0001 01 23 /run 1/app.sock2
0000000000000000: 00000002 00000000 00010000 0001 01 24
`
	if got, want := unixSockets(table, "/run 1/app.sock", unixListening), []string{"21"}; !slices.Equal(got, want) {
		t.Errorf("listeners = %v, want %v", got, want)
	}
	if got, want := unixSockets(table, "/run 1/app.sock", unixEstablished), []string{"22"}; !slices.Equal(got, want) {
		t.Errorf("connections = %v, want %v", got, want)
	}
}

func TestOwnership(t *testing.T) {
	for _, at := range []endpoint{{"tcp", "127.0.0.1:0"}, {"unix", filepath.Join(t.TempDir(), "s")}} {
		t.Run(at.network, func(t *testing.T) {
			l, err := net.Listen(at.network, at.address)
			if err != nil {
				t.Fatal(err)
			}
			at.address = l.Addr().String()
			if ours, err := ownership(at, []int{1, os.Getpid()}); !ours || err != nil {
				t.Errorf("ours: %v, %v, want true", ours, err)
			}
			if ours, err := ownership(at, nil); ours || !errors.Is(err, errForeign) {
				t.Errorf("foreign: %v, %v, want errForeign", ours, err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if ours, err := ownership(at, nil); ours || err != nil {
				t.Errorf("nobody's: %v, %v, want false", ours, err)
			}
		})
	}
}
