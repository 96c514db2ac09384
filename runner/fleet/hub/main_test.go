package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/process"
)

// childName holds the Options, in JSON, of a hub that this binary is.
const childName = "TEST_HUB"

func TestMain(m *testing.M) {
	process.Main()
	if text := os.Getenv(childName); text != "" {
		if err := child(text); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is a hub until SIGTERM.
func child(text string) error {
	var o Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	o.Log = os.Stdout
	s, err := Start(o)
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	return s.Close()
}

// keys makes the keys of a fleet on this machine: of the hub, the controller,
// and of agents of two sites.
func keys(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pki")
	if err := Init(dir, []string{"127.0.0.1", "localhost"}); err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct{ name, role, site string }{
		{"a1", "subject", "a"}, {"a2", "generator", "a"}, {"a3", "generator", "a"}, {"b1", "both", "b"}, {"b2", "generator", "b"},
	} {
		if _, err := Issue(dir, k.name, k.role, k.site); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func keyFile(dir, name string) string { return filepath.Join(dir, name+".pem") }

// start starts a hub that ends with the test.
func start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// admin is a connection in this process to a hub that it prepares.
func admin(t testing.TB, s *Server) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := Prepare(t.Context(), js, 1); err != nil {
		t.Fatal(err)
	}
	return nc, js
}

// listening is a prepared hub with a port on this machine.
func listening(t testing.TB) (*Server, string, jetstream.JetStream) {
	t.Helper()
	dir := keys(t)
	s := start(t, Options{Listen: "127.0.0.1:0", PKI: dir, Store: filepath.Join(t.TempDir(), "store")})
	_, js := admin(t, s)
	return s, dir, js
}

func join(t testing.TB, s *Server, dir, name string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := Dial(t.Context(), s.URL(), keyFile(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

// freePorts are ports of this machine that nobody listened at just now.
func freePorts(t testing.TB, n int) []string {
	t.Helper()
	var all []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}()
		all = append(all, l.Addr().String())
	}
	return all
}

// refusedBy says what the server refused of what was sent on nc so far; nil: nothing.
func refusedBy(t testing.TB, nc *nats.Conn) error {
	t.Helper()
	if err := nc.FlushTimeout(5 * time.Second); err != nil && !errors.Is(err, nats.ErrPermissionViolation) {
		t.Fatal(err)
	}
	if err := nc.LastError(); err != nil && violation.MatchString(err.Error()) {
		return err
	}
	return nil
}
