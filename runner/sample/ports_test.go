package sample

import (
	"net"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// closed makes a connection to a listener of its own, closes one end and then
// the other, and returns both addresses. The end that closes first is left in
// TIME_WAIT.
func closed(t *testing.T, clientFirst bool) (client, server *net.TCPAddr) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	client, server = a.LocalAddr().(*net.TCPAddr), a.RemoteAddr().(*net.TCPAddr)
	if !clientFirst {
		a, b = b, a
	}
	a.Close()
	if _, err := b.Read(make([]byte, 1)); err == nil {
		t.Fatal("read something from a closed connection")
	}
	b.Close()
	return client, server
}

// waits says whether a socket of these ports gets to TIME_WAIT.
func waits(t *testing.T, proc procfs.FS, local, remote *net.TCPAddr) bool {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		all, err := proc.NetTCP()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			if s.St == tcpTimeWait && s.LocalPort == uint64(local.Port) && s.RemPort == uint64(remote.Port) {
				return true
			}
		}
	}
	return false
}

func TestPortsWaiting(t *testing.T) {
	proc, err := procfs.NewFS("/proc")
	if err != nil {
		t.Fatal(err)
	}
	ours, server := closed(t, true)
	if !waits(t, proc, ours, server) {
		t.Fatal("the client closed first and is not in TIME_WAIT")
	}
	client, theirs := closed(t, false)
	if !waits(t, proc, theirs, client) {
		t.Fatal("the server closed first and is not in TIME_WAIT")
	}
	for _, tt := range []struct {
		name           string
		server         string
		sockets, ports int
		want           int
	}{
		{"few sockets are not counted by server", theirs.String(), 499, 1000, 499},
		{"the client closed", server.String(), 500, 1000, 1},
		{"the server closed", theirs.String(), 500, 1000, 0},
		{"a Unix socket", "/run/app.sock", 500, 1000, 0},
		{"no server", "", 500, 1000, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := portsWaiting(proc, tt.server, tt.sockets, tt.ports); err != nil || got != tt.want {
				t.Errorf("got %d, %v, want %d", got, err, tt.want)
			}
		})
	}
	if _, err := portsWaiting(proc, "127.0.0.1:http", 500, 1000); err == nil {
		t.Error("a port that is no number passes")
	}
}
