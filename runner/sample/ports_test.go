package sample

import (
	"net"
	"testing"
	"time"
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
func waits(t *testing.T, local, remote *net.TCPAddr) bool {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		found := false
		err := timeWaits("/proc/net/tcp", func(l, r uint64) {
			found = found || l == uint64(local.Port) && r == uint64(remote.Port)
		})
		if err != nil {
			t.Fatal(err)
		}
		if found {
			return true
		}
	}
	return false
}

func TestPortsWaiting(t *testing.T) {
	ours, server := closed(t, true)
	if !waits(t, ours, server) {
		t.Fatal("the client closed first and is not in TIME_WAIT")
	}
	client, theirs := closed(t, false)
	if !waits(t, theirs, client) {
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
			if got, err := root("/").portsWaiting(tt.server, tt.sockets, tt.ports); err != nil || got != tt.want {
				t.Errorf("got %d, %v, want %d", got, err, tt.want)
			}
		})
	}
	if _, err := root("/").portsWaiting("127.0.0.1:http", 500, 1000); err == nil {
		t.Error("a port that is no number passes")
	}
}

func TestPortsWaitingOfATable(t *testing.T) {
	head := "  sl  local_address rem_address   st tx_queue rx_queue\n"
	for _, tt := range []struct {
		name      string
		tcp, tcp6 string
		want      int
		wrong     bool
	}{
		{"both families, one state, one port", head +
			"   0: 0100007F:1F40 00000000:0000 0A 0:0\n" +
			"   1: 0100007F:C350 0100007F:1F40 06 0:0\n" +
			"   2: 0100007F:C351 0100007F:1F40 01 0:0\n" +
			"   3: 0100007F:C352 0100007F:1F41 06 0:0\n",
			head + "   0: 00000000000000000000000001000000:C353 00000000000000000000000001000000:1F40 06 0:0\n", 2, false},
		{"no IPv6", head + "   1: 0100007F:C350 0100007F:1F40 06 0:0\n", "", 1, false},
		{"no port", head + "   1: 0100007F:C350 0100007F 06 0:0\n", "", 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := root(t.TempDir())
			files := map[string]string{"proc/net/tcp": tt.tcp}
			if tt.tcp6 != "" {
				files["proc/net/tcp6"] = tt.tcp6
			}
			r.write(t, files)
			got, err := r.portsWaiting("127.0.0.1:8000", 500, 1000)
			if got != tt.want || (err != nil) != tt.wrong {
				t.Errorf("got %d, %v, want %d, an error: %v", got, err, tt.want, tt.wrong)
			}
		})
	}
}
