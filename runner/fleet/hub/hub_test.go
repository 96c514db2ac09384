package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

// A hub without a port does all that a fleet needs, and leaves nothing.
func TestEmbedded(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	s, err := Start(Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	if s.URL() != "" {
		t.Errorf("URL %q, want none without a port", s.URL())
	}
	nc, js := admin(t, s)
	visit := wire.Work("r", "v")
	for _, want := range []error{nil, errAny} {
		_, err := js.Publish(t.Context(), visit, []byte("{}"))
		if (err == nil) != (want == nil) {
			t.Errorf("publish %s again: %v", visit, err)
		}
	}
	c, err := js.Consumer(t.Context(), wire.WorkStream, wire.SitesConsumer)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Next()
	if err != nil || m.Subject() != visit {
		t.Fatalf("next visit: %v, %v", m, err)
	}
	if err := m.DoubleAck(t.Context()); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left := goroutinesOf("nats-server"); left != "" {
		t.Errorf("left after Close:\n%s", left)
	}
	again := start(t, Options{Store: store}) // its lock is free
	if _, js := admin(t, again); js == nil {
		t.Error("no JetStream")
	}
}

var errAny = errors.New("any")

// goroutinesOf are the stacks of goroutines of a module, once they had time to end.
func goroutinesOf(module string) string {
	var stacks string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var b bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&b, 1) // a buffer takes all
		stacks = ""
		for stack := range strings.SplitSeq(b.String(), "\n\n") {
			if strings.Contains(stack, module) {
				stacks += stack + "\n\n"
			}
		}
		if stacks == "" {
			return ""
		}
	}
	return stacks
}

// A store of its own is temporary.
func TestTemporaryStore(t *testing.T) {
	s, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(s.nats.StoreDir())
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s after Close: %v, want it gone", dir, err)
	}
}

func TestStartErrors(t *testing.T) {
	dir := keys(t)
	other := filepath.Join(t.TempDir(), "other")
	if err := os.MkdirAll(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "thesis.tex"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	used := filepath.Join(t.TempDir(), "used")
	first := start(t, Options{Listen: "127.0.0.1:0", PKI: dir, Store: used})
	for _, tt := range []struct {
		name string
		o    Options
		want string
	}{
		{"a port without keys", Options{Listen: "127.0.0.1:0"}, "sweetspot hub init"},
		{"no keys", Options{Listen: "127.0.0.1:0", PKI: t.TempDir()}, "sweetspot hub init"},
		{"no port in the address", Options{Listen: "127.0.0.1", PKI: dir}, "want HOST:PORT"},
		{"a port that is none", Options{Listen: "127.0.0.1:http", PKI: dir}, `port "http"`},
		{"a port in use", Options{Listen: strings.TrimPrefix(first.URL(), "tls://"), PKI: dir}, "address already in use"},
		{"a folder of something else", Options{Store: other}, "holds something else (thesis.tex)"},
		{"a store in use", Options{Store: used}, "another hub uses it"},
		{"a cluster without an address", Options{Listen: "127.0.0.1:0", PKI: dir, Cluster: Cluster{Name: "c"}}, "cluster c: address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Start(tt.o)
			if err == nil {
				t.Fatal(errors.Join(errors.New("started"), s.Close()))
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q does not say %q", err, tt.want)
			}
		})
	}
}

// A store that cannot be read whole is reported, and stays what it is.
func TestDamagedStore(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(streams string) error
		want   string
	}{
		{"description of a stream", func(streams string) error {
			return os.WriteFile(filepath.Join(streams, wire.ResultStream, "meta.inf"), []byte("nonsense"), 0o600)
		}, "stream RESULTS: it cannot be read"},
		{"no description", func(streams string) error {
			return os.Remove(filepath.Join(streams, agents, "meta.inf"))
		}, "stream KV_agents: it cannot be read"},
		{"a message", func(streams string) error {
			return rewrite(streams, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}, "1.blk: at byte"},
		{"the length of a message", func(streams string) error {
			return rewrite(streams, func(b []byte) []byte { b[0] = 3; return b })
		}, "1.blk: at byte 0: a damaged message"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := filepath.Join(t.TempDir(), "store")
			resultsIn(t, store)
			if err := tt.damage(streamDirs(store)); err != nil {
				t.Fatal(err)
			}
			for range 2 { // also when it is tried again
				s, err := Start(Options{Store: store})
				if err == nil {
					t.Fatal(errors.Join(errors.New("started"), s.Close()))
				}
				if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "put a copy back") {
					t.Errorf("%q does not say %q and what to do", err, tt.want)
				}
			}
		})
	}
}

// rewrite changes the file of the results.
func rewrite(streams string, change func([]byte) []byte) error {
	file := filepath.Join(streams, wire.ResultStream, "msgs", "1.blk")
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, change(b), 0o600)
}

// A hub that was killed was writing one message more, which nobody was told is
// there. All others are.
func TestTornMessage(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"whole":               func(b []byte) []byte { return b },
		"cut off":             func(b []byte) []byte { return b[:len(b)-10] },
		"begun":               func(b []byte) []byte { return append(b, 70, 0, 0) },
		"not written":         func(b []byte) []byte { return append(b, make([]byte, 4096)...) },
		"its end not written": func(b []byte) []byte { clear(b[len(b)-20:]); return b },
	} {
		t.Run(name, func(t *testing.T) {
			store := filepath.Join(t.TempDir(), "store")
			resultsIn(t, store)
			if err := rewrite(streamDirs(store), change); err != nil {
				t.Fatal(err)
			}
			_, js := admin(t, start(t, Options{Store: store}))
			results, err := js.Stream(t.Context(), wire.ResultStream)
			if err != nil {
				t.Fatal(err)
			}
			if got := results.CachedInfo().State.Msgs; got < 9 {
				t.Errorf("%d of 10 messages", got)
			}
		})
	}
}

// resultsIn makes a store with ten results, with and without headers, and one
// more that was deleted.
func resultsIn(t *testing.T, store string) {
	t.Helper()
	s, err := Start(Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	nc, js := admin(t, s)
	results, err := js.Stream(t.Context(), wire.ResultStream)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 11 {
		m := &nats.Msg{Subject: wire.Result("r", "v", k), Data: []byte("a result of some length")}
		if k%2 == 0 {
			m.Header = nats.Header{"X": {"y"}}
		}
		ack, err := js.PublishMsg(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if k == 5 {
			if err := results.SecureDeleteMsg(t.Context(), ack.Sequence); err != nil {
				t.Fatal(err)
			}
		}
	}
	nc.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// What is there already is kept; what is of another form is named.
func TestPrepare(t *testing.T) {
	s := start(t, Options{})
	_, js := admin(t, s)
	if _, err := js.Publish(t.Context(), wire.Result("r", "v", 0), nil); err != nil {
		t.Fatal(err)
	}
	if err := Prepare(t.Context(), js, 1); err != nil {
		t.Errorf("again: %v", err)
	}
	results, err := js.Stream(t.Context(), wire.ResultStream)
	if err != nil {
		t.Fatal(err)
	}
	if got := results.CachedInfo().State.Msgs; got != 1 {
		t.Errorf("%d results after Prepare, want 1", got)
	}
	for _, tt := range []struct {
		name   string
		stream string
		change func(*jetstream.StreamConfig)
		want   string
	}{
		{"age", leases, func(c *jetstream.StreamConfig) { c.MaxAge = time.Minute }, "max age is 1m0s, want 10s"},
		{"rollups", announced, func(c *jetstream.StreamConfig) { c.AllowRollup = true; c.DenyPurge = false }, "rollups is true, want false"},
		{"direct reads", runs, func(c *jetstream.StreamConfig) { c.AllowDirect = true }, "direct reads is true"},
		{"protocol", wire.WorkStream, func(c *jetstream.StreamConfig) { c.Metadata[protocolKey] = "0" }, "protocol is 0, want 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := slices.IndexFunc(streams(1), func(c jetstream.StreamConfig) bool { return c.Name == tt.stream })
			good, other := streams(1)[i], streams(1)[i]
			tt.change(&other)
			if _, err := js.UpdateStream(t.Context(), other); err != nil {
				t.Fatal(err)
			}
			err := Prepare(t.Context(), js, 1)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "stream "+tt.stream) {
				t.Errorf("%v, want that %s of stream %s", err, tt.want, tt.stream)
			}
			if _, err := js.UpdateStream(t.Context(), good); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := Prepare(t.Context(), js, 3); err == nil || !strings.Contains(err.Error(), "replicas is 1, want 3") {
		t.Errorf("three replicas: %v", err)
	}
}

// A store that is too small says so before anything is in it.
func TestNoRoom(t *testing.T) {
	nc, err := start(t, Options{MaxStore: 10 << 20}).Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := Prepare(t.Context(), js, 1); err == nil || !strings.Contains(err.Error(), "raise --max-store") {
		t.Errorf("%v, want what to do", err)
	}
}

// The buckets are what the client's key-value and object stores take for theirs.
func TestBuckets(t *testing.T) {
	s, dir, admin := listening(t)
	_, js := join(t, s, dir, "a1")
	kv, err := js.KeyValue(t.Context(), wire.LeasesBucket)
	if err != nil {
		t.Fatal(err)
	}
	token, err := kv.Create(t.Context(), "a", []byte("a1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(t.Context(), "a", []byte("a1")); !errors.Is(err, jetstream.ErrKeyExists) {
		t.Errorf("second lease: %v, want that it exists", err)
	}
	next, err := kv.Update(t.Context(), "a", []byte("a1"), token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Update(t.Context(), "a", []byte("a1"), token); err == nil {
		t.Error("a renewal by an old revision was taken")
	}
	e, err := kv.Get(t.Context(), "a")
	if err != nil || e.Revision() != next || string(e.Value()) != "a1" {
		t.Errorf("lease: %v, %v", e, err)
	}
	if err := kv.Delete(t.Context(), "a", jetstream.LastRevision(next)); err != nil {
		t.Error(err)
	}
	if _, err := kv.Create(t.Context(), "a", []byte("a1")); err != nil {
		t.Errorf("a lease that was given back: %v", err)
	}

	objects, err := js.ObjectStore(t.Context(), wire.RawBucket)
	if err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	if _, err := objects.PutBytes(t.Context(), "r/v/0", big); err != nil {
		t.Fatal(err)
	}
	for who, js := range map[string]jetstream.JetStream{"subject": js, "controller": admin} {
		objects, err := js.ObjectStore(t.Context(), wire.RawBucket)
		if err != nil {
			t.Fatal(err)
		}
		got, err := objects.GetBytes(t.Context(), "r/v/0")
		if err != nil || !bytes.Equal(got, big) {
			t.Errorf("%s: object of %d bytes, %v; want %d", who, len(got), err, len(big))
		}
	}
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // what is refused is not answered
	defer cancel()
	if err := objects.Delete(soon, "r/v/0"); err == nil {
		t.Error("a subject deleted an object")
	}
}

// Entries needs no consumer.
func TestEntries(t *testing.T) {
	s, dir, _ := listening(t)
	for _, name := range []string{"a2", "b2"} {
		_, js := join(t, s, dir, name)
		kv, err := js.KeyValue(t.Context(), wire.AgentsBucket)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kv.PutString(t.Context(), name, "I am "+name); err != nil {
			t.Fatal(err)
		}
	}
	_, js := join(t, s, dir, "a1")
	got, err := Entries(t.Context(), js, wire.AgentsBucket, ">")
	if err != nil || len(got) != 2 || string(got["b2"].Value()) != "I am b2" {
		t.Errorf("%v, %v; want those of a2 and b2", got, err)
	}
	got, err = Entries(t.Context(), js, wire.AgentsBucket, "a2")
	if err != nil || len(got) != 1 {
		t.Errorf("%v, %v; want that of a2", got, err)
	}
}

// No message is larger than the bound, and who sends one is told.
func TestOversized(t *testing.T) {
	s, dir, js := listening(t)
	nc, _ := join(t, s, dir, "a1")
	if got := nc.MaxPayload(); got != maxPayload {
		t.Errorf("payload of %d bytes is taken, want %d", got, maxPayload)
	}
	if err := nc.Publish(wire.Live("r", "a"), make([]byte, maxPayload+1)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("%v, want %v", err, nats.ErrMaxPayload)
	}
	if _, err := js.Publish(t.Context(), wire.Result("r", "v", 0), make([]byte, wire.MaxMessage)); err != nil {
		t.Errorf("as large as may be: %v", err)
	}
}

// Who reads too slowly is cut off, and holds nobody up.
func TestSlowReader(t *testing.T) {
	s, dir, _ := listening(t)
	slow := stuck(t, s, dir, "controller")
	nc, _ := join(t, s, dir, "a1")
	for range 3 * maxPending / wire.MaxMessage {
		if err := nc.Publish(wire.Live("r", "a"), make([]byte, wire.MaxMessage)); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.FlushTimeout(10 * time.Second); err != nil {
		t.Errorf("who sends: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	for s.nats.NumSlowConsumers() == 0 && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if s.nats.NumSlowConsumers() == 0 {
		t.Error("nobody was cut off")
	}
	_ = slow.Close() // the hub closed it
}

func ExampleKey() {
	k := Key{Identity: Identity{Name: "bench-1", Role: wire.Subject, Site: "a"}}
	fmt.Println(k.Identity)
	// Output: subject bench-1 of site a
}
