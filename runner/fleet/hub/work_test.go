package hub

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

// One visit, with the keys of those who take part: each does its part, and
// needs no more permissions than its own.
func TestVisit(t *testing.T) {
	s, dir, _ := listening(t)
	owner, run := join(t, s, dir, Controller)
	_, site := join(t, s, dir, "a1")
	const at = "v1"
	step, err := owner.Subscribe(wire.Next("r", "*"), func(m *nats.Msg) { _ = m.Respond([]byte("step 0")) }) // without an answer the site fails
	if err != nil || owner.Flush() != nil {
		t.Fatal(step, err)
	}
	runs, err := run.KeyValue(t.Context(), wire.RunsBucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runs.PutString(t.Context(), "r", "running"); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Publish(t.Context(), wire.Work("r", at), []byte("a visit")); err != nil {
		t.Fatal(err)
	}

	visit(t, dir, s, site, at)

	results, err := run.OrderedConsumer(t.Context(), wire.ResultStream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"result.r.>"}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := results.Next()
	if err != nil || m.Subject() != wire.Result("r", at, 0) {
		t.Fatalf("%v, %v", m, err)
	}
	forget(t, run)
}

// visit is what the subject does.
func visit(t *testing.T, dir string, s *Server, site jetstream.JetStream, at string) {
	t.Helper()
	c, err := site.Consumer(t.Context(), wire.WorkStream, wire.SitesConsumer)
	if err != nil {
		t.Fatal(err)
	}
	work, err := c.Next()
	if err != nil || work.Subject() != wire.Work("r", at) {
		t.Fatalf("%v, %v", work, err)
	}
	if err := work.InProgress(); err != nil {
		t.Fatal(err)
	}
	if answer, err := site.Conn().Request(wire.Next("r", "a"), []byte("next"), 5*time.Second); err != nil || string(answer.Data) != "step 0" {
		t.Fatalf("%v, %v", answer, err)
	}
	generator, _ := join(t, s, dir, "a2")
	_, err = generator.Subscribe(wire.ToGenerator("a", "a2", "*"), func(m *nats.Msg) { _ = m.Respond(m.Data) }) // without an answer the subject fails
	if err != nil || generator.Flush() != nil {
		t.Fatal(err)
	}
	if answer, err := site.Conn().Request(wire.ToGenerator("a", "a2", "ping"), []byte("1"), 5*time.Second); err != nil || string(answer.Data) != "1" {
		t.Fatalf("%v, %v", answer, err)
	}
	for _, want := range []bool{true, false} {
		_, err := site.Publish(t.Context(), wire.Result("r", at, 0), []byte("a result"), jetstream.WithExpectLastSequencePerSubject(0))
		if want && err != nil || !want && !isDuplicate(err) {
			t.Errorf("result, the first one: %v: %v", want, err)
		}
	}
	if _, err := site.Publish(t.Context(), wire.Result("r", at, 0), []byte("another")); err == nil {
		t.Error("a second result was taken that expected nothing")
	}
	if err := work.DoubleAck(t.Context()); err != nil {
		t.Error(err)
	}
	if refused := refusedBy(t, site.Conn()); refused != nil {
		t.Error(refused)
	}
}

// forget is what the controller does when its run ends, and what shows that
// nothing is left of it.
func forget(t *testing.T, run jetstream.JetStream) {
	t.Helper()
	objects, err := run.ObjectStore(t.Context(), wire.RawBucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := objects.PutString(t.Context(), "r/x", "raw"); err != nil {
		t.Fatal(err)
	}
	if err := objects.Delete(t.Context(), "r/x"); err != nil {
		t.Error(err)
	}
	for stream, subject := range map[string]string{wire.ResultStream: "result.r.>", wire.WorkStream: "work.r.>", runs: key(runs, "r")} {
		kept, err := run.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if err := kept.Purge(t.Context(), jetstream.WithPurgeSubject(subject)); err != nil {
			t.Error(err)
		}
		state, err := kept.Info(t.Context())
		if err != nil || state.State.Msgs != 0 {
			t.Errorf("%s: %d messages, %v", stream, state.State.Msgs, err)
		}
	}
	kv, err := run.KeyValue(t.Context(), wire.RunsBucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Get(t.Context(), "r"); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("the run is still there: %v", err)
	}
	if refused := refusedBy(t, run.Conn()); refused != nil {
		t.Error(refused)
	}
}

// A controller may watch a bucket, and list it.
func TestWatch(t *testing.T) {
	s, dir, admin := listening(t)
	nc, js := join(t, s, dir, Controller)
	kv, err := js.KeyValue(t.Context(), wire.AgentsBucket)
	if err != nil {
		t.Fatal(err)
	}
	w, err := kv.WatchAll(t.Context(), jetstream.UpdatesOnly())
	if err != nil {
		t.Fatal(err)
	}
	beats, err := admin.KeyValue(t.Context(), wire.AgentsBucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := beats.PutString(t.Context(), "a1", "I am"); err != nil {
		t.Fatal(err)
	}
	if e := <-w.Updates(); e.Key() != "a1" {
		t.Errorf("%v", e)
	}
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil || !slices.Equal(keys, []string{"a1"}) {
		t.Errorf("%v, %v", keys, err)
	}
	if refused := refusedBy(t, nc); refused != nil {
		t.Error(refused)
	}
}

// A visit that nobody ends is delivered three times, and the controller hears
// of it.
func TestSpent(t *testing.T) {
	s, dir, admin := listening(t)
	owner, _ := join(t, s, dir, Controller)
	told, err := owner.SubscribeSync(spent)
	if err != nil || owner.Flush() != nil {
		t.Fatal(err)
	}
	if _, err := admin.Publish(t.Context(), wire.Work("r", "v"), nil); err != nil {
		t.Fatal(err)
	}
	_, site := join(t, s, dir, "a1")
	c, err := site.Consumer(t.Context(), wire.WorkStream, wire.SitesConsumer)
	if err != nil {
		t.Fatal(err)
	}
	for delivery := range Deliveries {
		m, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if meta, err := m.Metadata(); err != nil || int(meta.NumDelivered) != delivery+1 {
			t.Errorf("delivery %d: %v, %v", delivery+1, meta, err)
		}
		if err := m.Nak(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Next(jetstream.FetchMaxWait(time.Second)); err == nil {
		t.Error("it was delivered once more")
	}
	if _, err := told.NextMsg(5 * time.Second); err != nil {
		t.Errorf("the controller: %v", err)
	}
}
