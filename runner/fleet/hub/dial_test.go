package hub

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

func TestDial(t *testing.T) {
	s, dir, _ := listening(t)
	for _, name := range []string{Controller, "a1", "a2", "b1"} {
		nc, _ := join(t, s, dir, name)
		if !nc.IsConnected() {
			t.Errorf("%s is not connected", name)
		}
		state, err := nc.TLSConnectionState()
		if err != nil || state.Version != tls.VersionTLS13 {
			t.Errorf("%s: TLS version %x, %v", name, state.Version, err)
		}
	}
}

// Every error says what to do.
func TestDialErrors(t *testing.T) {
	s, dir, _ := listening(t)
	foreign := keys(t)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := Init(elsewhere, []string{"hub.example.org"}); err != nil {
		t.Fatal(err)
	}
	other := start(t, Options{Listen: "127.0.0.1:0", PKI: elsewhere})
	admin(t, other)
	empty := start(t, Options{Listen: "127.0.0.1:0", PKI: dir})
	for _, tt := range []struct {
		name string
		url  string
		key  string
		want []string
	}{
		{"no key", s.URL(), filepath.Join(dir, "nobody.pem"), []string{"no such file", "sweetspot hub issue"}},
		{"no PEM", s.URL(), written(t, 0o600, "nonsense"), []string{"sweetspot hub issue"}},
		{"a key that everybody may read", s.URL(), written(t, 0o644, "nonsense"), []string{"everybody may read it", "chmod 600"}},
		{"expired", s.URL(), expired(t, dir), []string{"expired on", "sweetspot hub issue late --role subject --site a"}},
		{"the hub's own", s.URL(), hubFile(dir), []string{"the hub's own", "sweetspot hub issue"}},
		{"of another fleet", s.URL(), keyFile(foreign, "a1"), []string{"another authority", "--pki folder of this hub"}},
		{"signed by another authority", s.URL(), mixed(t, foreign, dir), []string{"does not know the authority", "--pki folder of this hub"}},
		{"for another host", other.URL(), keyFile(elsewhere, Controller), []string{"is for hub.example.org", "sweetspot hub init"}},
		{"not prepared", empty.URL(), keyFile(dir, "a1"), []string{"without the streams", "sweetspot hub prepare"}},
		{"no hub", saying(t, "SSH-2.0-OpenSSH_9.9\r\n"), keyFile(dir, "a1"), []string{"it is no hub", "that sweetspot hub printed"}},
		{"a NATS server without TLS", plain(t), keyFile(dir, "a1"), []string{"NATS server without TLS"}},
		{"nobody", "tls://" + freePorts(t, 1)[0], keyFile(dir, "a1"), []string{"refused", "is sweetspot hub running there"}},
		{"no address", "https://example.org", keyFile(dir, "a1"), []string{"want tls://HOST:PORT"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			nc, err := Dial(ctx, tt.url, tt.key)
			if err == nil {
				nc.Close()
				t.Fatal("joined")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func written(t *testing.T, mode os.FileMode, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func expired(t *testing.T, dir string) string {
	t.Helper()
	a, err := readAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	file, err := a.sign(Identity{Name: "late", Role: wire.Subject, Site: "a"}, nil, now.Add(-2*time.Hour), now.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// mixed is a key that trusts one authority and was signed by another.
func mixed(t *testing.T, signedBy, trusts string) string {
	t.Helper()
	key, err := os.ReadFile(keyFile(signedBy, "a1"))
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(authorityFile(trusts))
	if err != nil {
		t.Fatal(err)
	}
	const begin = "-----BEGIN"
	own := string(key[:strings.LastIndex(string(key), begin)])
	return written(t, 0o600, own+string(authority))
}

// saying is a server that greets, and is no hub.
func saying(t *testing.T, greeting string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(greeting)) // who hangs up does not care
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "tls://" + l.Addr().String()
}

func plain(t *testing.T) string {
	t.Helper()
	n, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	t.Cleanup(func() { n.Shutdown(); n.WaitForShutdown() })
	if !n.ReadyForConnections(readyWithin) {
		t.Fatal("not ready")
	}
	return "tls://" + n.Addr().String()
}

// A key that the hub's clock takes for expired.
func TestExpiredByTheHubsClock(t *testing.T) {
	s, dir, _ := listening(t)
	text, err := os.ReadFile(expired(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	k := Key{File: "late.pem"}
	if err := k.parse(text); err != nil {
		t.Fatal(err)
	}
	nc, err := k.connect(t.Context(), s.URL(), nil)
	if err == nil {
		nc.Close()
		t.Fatal("joined")
	}
	if !strings.Contains(err.Error(), "takes key late.pem for expired; compare the clocks") {
		t.Error(err)
	}
}

// Who is joined when its key expires is cut off.
func TestExpiresWhileJoined(t *testing.T) {
	s, dir, _ := listening(t)
	a, err := readAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	file, err := a.sign(Identity{Name: "soon", Role: wire.Generator, Site: "a"}, nil, now.Add(-time.Hour), now.Add(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	off := make(chan error, 1)
	nc, err := Dial(t.Context(), s.URL(), file, nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
		select {
		case off <- err:
		default: // once is enough
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	select {
	case <-off:
	case <-time.After(15 * time.Second):
		t.Error("it is still joined")
	}
}

// A hub takes so many connections and no more.
func TestMaxConns(t *testing.T) {
	dir := keys(t)
	s := start(t, Options{Listen: "127.0.0.1:0", PKI: dir, MaxConns: 2})
	admin(t, s)
	join(t, s, dir, "a1")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	nc, err := Dial(ctx, s.URL(), keyFile(dir, "a2"))
	if err == nil {
		nc.Close()
		t.Fatal("a third one joined")
	}
	if !strings.Contains(err.Error(), "all the connections it takes") {
		t.Error(err)
	}
}

// An agent of another protocol is told which sweetspot to install.
func TestProtocol(t *testing.T) {
	s, dir, js := listening(t)
	work := streams(1)[0]
	work.Metadata = map[string]string{protocolKey: "2", versionKey: "v2.0.0"}
	if _, err := js.UpdateStream(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	for who, name := range map[string]string{"agent": "a2", "controller": Controller} {
		_, err := Dial(t.Context(), s.URL(), keyFile(dir, name))
		want := fmt.Sprintf("this %s speaks protocol 1, the hub 2: install the same sweetspot on both; the hub's is v2.0.0", who)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A hub that comes later is waited for, and one that comes back is found again,
// with all that it had.
func TestDialWaits(t *testing.T) {
	dir := keys(t)
	o := Options{Listen: freePorts(t, 1)[0], PKI: dir, Store: filepath.Join(t.TempDir(), "store")}
	type result struct {
		nc  *nats.Conn
		err error
	}
	joined := make(chan result)
	go func() {
		nc, err := Dial(t.Context(), o.Listen, keyFile(dir, "a1"))
		joined <- result{nc, err}
	}()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	own, _ := admin(t, s)
	r := <-joined
	if r.err != nil {
		t.Fatal(errors.Join(r.err, s.Close()))
	}
	defer r.nc.Close()
	js, err := jetstream.New(r.nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := once(t.Context(), js, 0); err != nil {
		t.Error(err)
	}
	own.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.nc.Publish(wire.Live("r", "a"), nil); err == nil && r.nc.Flush() == nil {
		t.Error("a message to a hub that is gone was taken")
	}
	start(t, o)
	for err = once(t.Context(), js, 0); err != nil && !isDuplicate(err); err = once(t.Context(), js, 0) {
		time.Sleep(10 * time.Millisecond)
	}
	if err == nil {
		t.Error("the result that was there was taken again")
	}
}

// Nobody comes in with less than TLS 1.3 and a key.
func TestNoOtherWay(t *testing.T) {
	s, dir, _ := listening(t)
	k, err := ReadKey(keyFile(dir, "a1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*tls.Config)
	}{
		{"TLS 1.2", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }},
		{"no key", func(c *tls.Config) { c.Certificates = nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := k.client()
			config.ServerName = "127.0.0.1"
			tt.change(config)
			c, err := greeted(t, s, config)
			if err == nil {
				_, err = c.Read(make([]byte, 1)) // with TLS 1.3 the hub's answer comes after the handshake
			}
			var remote *net.OpError
			if !errors.As(err, &remote) || remote.Op != "remote error" {
				t.Errorf("%v, want the hub's refusal", err)
			}
		})
	}
	t.Run("no TLS", func(t *testing.T) {
		tcp, r := tcpTo(t, s)
		if _, err := tcp.Write([]byte("CONNECT {\"verbose\":true}\r\nPING\r\n")); err != nil {
			t.Fatal(err)
		}
		line, err := r.ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "-ERR") {
			t.Errorf("the hub says %q", line)
		}
	})
}

// tcpTo dials a hub and reads its greeting.
func tcpTo(t *testing.T, s *Server) (net.Conn, *bufio.Reader) {
	t.Helper()
	tcp, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "tls://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tcp.Close() })
	if err := tcp.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(tcp)
	if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "INFO ") {
		t.Fatalf("%q, %v", line, err)
	}
	return tcp, r
}

// greeted speaks TLS to a hub, after its greeting.
func greeted(t *testing.T, s *Server, config *tls.Config) (*tls.Conn, error) {
	t.Helper()
	tcp, _ := tcpTo(t, s) // the hub says nothing more before the handshake
	c := tls.Client(tcp, config)
	return c, c.Handshake()
}

// stuck joins, listens to all attacks, and never reads.
func stuck(t *testing.T, s *Server, dir, name string) net.Conn {
	t.Helper()
	k, err := ReadKey(keyFile(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	config := k.client()
	config.ServerName = "127.0.0.1"
	c, err := greeted(t, s, config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("CONNECT {\"verbose\":false}\r\nSUB live.*.* 1\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4096)
	var said []byte
	for !strings.Contains(string(said), "PONG") { // the subscription is known
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, b[:n]...)
	}
	return c
}

// A cluster that is not sweetspot's own: the printed configuration is what
// NATS takes, and its permissions are the same.
func TestOtherCluster(t *testing.T) {
	dir := keys(t)
	text, err := Config(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Issue(dir, "a9", wire.Generator, "a"); err != nil { // after it was printed
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:-1\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !opts.SyncAlways {
		t.Error("it does not always sync")
	}
	for _, u := range opts.Users {
		i := slices.IndexFunc([]string{Controller, "a1", "a2", "a3", "b1", "b2"}, func(name string) bool { return strings.HasPrefix(u.Username, "CN="+name+",") })
		if i < 0 {
			t.Errorf("user %s", u.Username)
		}
	}
	opts.StoreDir, opts.NoSigs, opts.NoLog = t.TempDir(), true, true
	n, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	t.Cleanup(func() { n.Shutdown(); n.WaitForShutdown() })
	if !n.ReadyForConnections(readyWithin) {
		t.Fatal("not ready")
	}
	s := &Server{nats: n, url: "tls://" + n.Addr().String()}
	if err := Adopt(t.Context(), s.URL(), keyFile(dir, "a1"), 1); err == nil || !strings.Contains(err.Error(), "want a controller's") {
		t.Errorf("a subject prepares: %v", err)
	}
	if err := Adopt(t.Context(), s.URL(), keyFile(dir, Controller), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), s.URL(), keyFile(dir, "a9")); err == nil || !strings.Contains(err.Error(), "sweetspot hub permissions") {
		t.Errorf("a key that came later: %v", err)
	}
	tryPermissions(t, s, dir)
	_, js := join(t, s, dir, "a1")
	if _, err := js.Consumer(t.Context(), wire.WorkStream, wire.SitesConsumer); err != nil {
		t.Error(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // what is refused is not answered
	defer cancel()
	if _, err := js.CreateStream(soon, jetstream.StreamConfig{Name: "X"}); err == nil {
		t.Error("a subject made a stream")
	}
}
