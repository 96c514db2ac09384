package hub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/process"
)

// Three hubs, each a process of its own; the one that leads the results is
// killed amid 20,000 of them. What was acknowledged is stored, and no result is
// taken twice, before and after.
func TestThreeHubs(t *testing.T) {
	const results = 20_000
	c := startCluster(t)
	nc, js := c.join(t, Controller)
	if err := Prepare(t.Context(), js, 3); err != nil {
		t.Fatal(err)
	}
	_, site := c.join(t, "a1")

	half := make(chan struct{})
	sent := make(chan error, 1)
	go func() { sent <- c.send(t.Context(), results, half) }()
	select {
	case <-half:
	case err := <-sent:
		t.Fatalf("all sent before the kill: %v", err)
	}
	leader := c.kill(t, js)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}

	stream, err := js.Stream(t.Context(), wire.ResultStream)
	if err != nil {
		t.Fatal(err)
	}
	state := stream.CachedInfo().State
	if state.Msgs != results || state.NumSubjects != results {
		t.Errorf("%d results at %d subjects are stored, want %d acknowledged ones", state.Msgs, state.NumSubjects, results)
	}
	if now := stream.CachedInfo().Cluster.Leader; now == leader || now == "" {
		t.Errorf("leader %q after %s was killed", now, leader)
	}
	for _, v := range []int{0, 1, results / 2, results - 1} {
		if err := once(t.Context(), site, v); !isDuplicate(err) {
			t.Errorf("result %d again: %v, want that it is refused", v, err)
		}
	}
	if nc.IsClosed() {
		t.Error("the controller was not connected again")
	}
}

// cluster is three hubs.
type cluster struct {
	dir  string
	urls string
	hubs map[string]*process.Process
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	release, err := process.Watch(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	c := &cluster{dir: keys(t), hubs: map[string]*process.Process{}}
	ports, routes := freePorts(t, 3), freePorts(t, 3)
	for i := range 3 {
		o := Options{
			Listen: ports[i], PKI: c.dir, Store: filepath.Join(t.TempDir(), "store"), Name: fmt.Sprintf("h%d", i),
			Cluster: Cluster{Name: "test", Listen: routes[i], Routes: routes},
		}
		c.hubs[o.Name] = c.start(t, o)
	}
	c.urls = strings.Join(ports, ",")
	return c
}

func (c *cluster) start(t *testing.T, o Options) *process.Process {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(context.WithoutCancel(t.Context()), process.Spec{
		Role: o.Name, Argv: []string{self}, Dir: t.TempDir(), Log: filepath.Join(t.TempDir(), "log"),
		Env: []string{process.Mark(t.Name()), childName + "=" + string(text)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s:\n%s", o.Name, p.LogTail(30))
		}
	})
	return p
}

// join connects without looking for the streams, which may not be there yet.
func (c *cluster) join(t *testing.T, name string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	_, nc, err := dial(t.Context(), c.urls, keyFile(c.dir, name), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

// kill ends the hub that leads the results, as a power cut would, and returns
// its name.
func (c *cluster) kill(t *testing.T, js jetstream.JetStream) string {
	t.Helper()
	s, err := js.Stream(t.Context(), wire.ResultStream)
	if err != nil {
		t.Fatal(err)
	}
	name := s.CachedInfo().Cluster.Leader
	p := c.hubs[name]
	if p == nil {
		t.Fatalf("leader %q is none of ours", name)
	}
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	return name
}

// send hands in so many results from many senders at once, each again until it
// is acknowledged, or refused because it is there; half is closed when half of
// them are.
func (c *cluster) send(ctx context.Context, results int, half chan<- struct{}) error {
	const senders = 200
	_, nc, err := dial(ctx, c.urls, keyFile(c.dir, "a1"), nil)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(time.Second))
	if err != nil {
		return err
	}
	var next, done atomic.Int64
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for v := next.Add(1) - 1; v < int64(results) && ctx.Err() == nil; v = next.Add(1) - 1 {
				for err := once(ctx, js, int(v)); err != nil && !isDuplicate(err) && ctx.Err() == nil; err = once(ctx, js, int(v)) {
					time.Sleep(10 * time.Millisecond)
				}
				if done.Add(1) == int64(results)/2 {
					close(half)
				}
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// once hands in result v as a site does.
func once(ctx context.Context, js jetstream.JetStream, v int) error {
	body := fmt.Appendf(nil, `{"Visit":"v%d","Number":0,"Site":"a","Agent":"a1","Token":1,"Object":"o","Digest":%q}`, v, strings.Repeat("0", 64))
	_, err := js.Publish(ctx, wire.Result("r", fmt.Sprintf("v%d", v), 0), body, jetstream.WithExpectLastSequencePerSubject(0))
	return err
}

// isDuplicate tells whether a result was refused because there is one.
func isDuplicate(err error) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// A generator is no hub: its key opens no route.
func TestRouteRefused(t *testing.T) {
	dir := keys(t)
	for name, want := range map[string]string{"hub": "", "a2": "generator a2 of site a is no hub", Controller: "is no hub"} {
		k, err := ReadKey(keyFile(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		err = k.route().VerifyConnection(stateOf(k))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func stateOf(k Key) tls.ConnectionState {
	return tls.ConnectionState{PeerCertificates: []*x509.Certificate{k.cert.Leaf}}
}
