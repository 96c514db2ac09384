package hub

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

func TestPermissions(t *testing.T) {
	s, dir, _ := listening(t)
	tryPermissions(t, s, dir)
}

const (
	may    = true
	mayNot = false
)

// tryPermissions asks a hub whether it lets everybody do what they may, and
// nothing else. Agents a1 (subject), a2 and a3 (generators) are of site a, b1
// (both) and b2 (generator) of site b.
func tryPermissions(t *testing.T, s *Server, dir string) {
	for _, tt := range []struct {
		who, do, subject string
		want             bool
	}{
		{"a2", "send", "$KV.agents.a2", may},
		{"a2", "send", "$KV.agents.a3", mayNot},
		{"a2", "send", "$KV.agents.b2", mayNot},
		{"a2", "send", "$KV.leases.a", mayNot},
		{"a2", "send", "$KV.announced.a.a2", mayNot},
		{"a2", "send", "$KV.announced.a.a1", mayNot},
		{"a2", "send", "$KV.runs.r", mayNot},
		{"a2", "send", wire.Live("r", "a"), may},
		{"a2", "send", wire.Live("r", "b"), mayNot},
		{"a2", "send", wire.Result("r", "v", 0), mayNot},
		{"a2", "send", wire.Work("r", "v"), mayNot},
		{"a2", "send", wire.Next("r", "a"), mayNot},
		{"a2", "send", wire.Stop("r"), mayNot},
		{"a2", "send", wire.ToGenerator("a", "a3", "arm"), mayNot},
		{"a2", "send", wire.ToGenerator("a", "a2", "arm"), mayNot},
		{"a2", "send", pull, mayNot},
		{"a2", "send", "$JS.ACK.WORK.sites.1.1.1.1.0", mayNot},
		{"a2", "send", "$JS.API.STREAM.DELETE.WORK", mayNot},
		{"a2", "send", "$JS.API.STREAM.PURGE.KV_agents", mayNot},
		{"a2", "send", "$JS.API.CONSUMER.CREATE.KV_agents.x.$KV.agents.a3", mayNot},
		{"a2", "send", "$JS.API.DIRECT.GET.KV_agents.$KV.agents.a2", mayNot},
		{"a2", "send", "$JS.API.STREAM.MSG.GET.KV_announced", may},
		{"a2", "send", "$JS.API.STREAM.MSG.GET.RESULTS", mayNot},
		{"a2", "send", "$JS.API.STREAM.MSG.DELETE.KV_agents", mayNot},
		{"a2", "send", "_INBOX.a.a1.x", may},
		{"a2", "send", "_INBOX.b.b1.x", mayNot},
		{"a2", "send", "$SYS.REQ.SERVER.PING", mayNot},
		{"a2", "hear", wire.ToGenerator("a", "a2", "*"), may},
		{"a2", "hear", wire.ToGenerator("a", "a3", "*"), mayNot},
		{"a2", "hear", wire.ToGenerator("a", "*", "*"), mayNot},
		{"a2", "hear", "_INBOX.a.a2.>", may},
		{"a2", "hear", "_INBOX.a.a1.>", mayNot},
		{"a2", "hear", "_INBOX.>", mayNot},
		{"a2", "hear", wire.Stop("r"), may},
		{"a2", "hear", wire.Next("r", "a"), mayNot},
		{"a2", "hear", "work.>", mayNot},
		{"a2", "hear", "$KV.announced.>", mayNot},
		{"a2", "hear", ">", mayNot},

		{"a1", "send", pull, may},
		{"a1", "send", "$JS.ACK.WORK.sites.1.1.1.1.0", may},
		{"a1", "send", wire.Result("r", "v", 0), may},
		{"a1", "send", wire.Next("r", "a"), may},
		{"a1", "send", wire.Next("r", "b"), mayNot},
		{"a1", "send", wire.ToGenerator("a", "a2", "arm"), may},
		{"a1", "send", wire.ToGenerator("b", "b2", "arm"), mayNot},
		{"a1", "send", "$KV.leases.a", may},
		{"a1", "send", "$KV.leases.b", mayNot},
		{"a1", "send", "$KV.announced.a.a1", may},
		{"a1", "send", "$KV.announced.a.a2", mayNot},
		{"a1", "send", "$KV.announced.b.b1", mayNot},
		{"a1", "send", "$KV.agents.a1", may},
		{"a1", "send", "$KV.agents.a2", mayNot},
		{"a1", "send", "$KV.runs.r", mayNot},
		{"a1", "send", wire.Work("r", "v"), mayNot},
		{"a1", "send", wire.Stop("r"), mayNot},
		{"a1", "send", "$O.RUNS.C.chunk", may},
		{"a1", "send", "$JS.API.STREAM.PURGE.RESULTS", mayNot},
		{"a1", "send", "$JS.API.STREAM.PURGE.OBJ_RUNS", mayNot},
		{"a1", "send", "$JS.API.STREAM.UPDATE.WORK", mayNot},
		{"a1", "send", "$JS.API.CONSUMER.CREATE.RESULTS.x.result.>", mayNot},
		{"a1", "send", "$JS.API.CONSUMER.DELETE.WORK.sites", mayNot},
		{"a1", "hear", wire.ToGenerator("a", "a1", "*"), mayNot},
		{"a1", "hear", wire.Live("*", "a"), may},
		{"a1", "hear", "result.>", mayNot},

		{"b1", "send", wire.Result("r", "w", 0), may},
		{"b1", "send", wire.ToGenerator("b", "b2", "fire"), may},
		{"b1", "send", wire.ToGenerator("a", "a2", "fire"), mayNot},
		{"b1", "send", "$KV.announced.b.b1", may},
		{"b1", "hear", wire.ToGenerator("b", "b1", "*"), may},
		{"b1", "hear", wire.ToGenerator("b", "b2", "*"), mayNot},

		{Controller, "send", wire.Work("r", "u"), may},
		{Controller, "send", wire.Stop("r"), may},
		{Controller, "send", wire.ToGenerator("a", "a2", "drop"), may},
		{Controller, "send", "$KV.runs.r", may},
		{Controller, "send", "$KV.leases.a", may},
		{Controller, "send", "_INBOX.a.a1.x", may},
		{Controller, "send", "$JS.API.STREAM.INFO.RESULTS", may},
		{Controller, "send", "$JS.API.CONSUMER.CREATE.RESULTS.x.result.r.>", may},
		{Controller, "send", "$JS.API.STREAM.CREATE.OTHER", mayNot},
		{Controller, "send", "$SYS.REQ.SERVER.PING", mayNot},
		{Controller, "hear", wire.Next("*", "*"), may},
		{Controller, "hear", wire.Live("*", "*"), may},
		{Controller, "hear", spent, may},
		{Controller, "hear", "_INBOX.a.a1.>", mayNot},
		{Controller, "hear", ">", mayNot},
	} {
		t.Run(tt.who+" "+tt.do+" "+tt.subject, func(t *testing.T) {
			nc, _ := join(t, s, dir, tt.who)
			if tt.do == "send" {
				if err := nc.Publish(tt.subject, nil); err != nil {
					t.Fatal(err)
				}
			} else if _, err := nc.SubscribeSync(tt.subject); err != nil {
				t.Fatal(err)
			}
			refused := refusedBy(t, nc)
			if (refused == nil) != tt.want {
				t.Errorf("refused: %v; may: %v", refused, tt.want)
			}
		})
	}
}

// What JetStream is talked into sending elsewhere is no order: a value comes
// wrapped, and a file keeps the subject that it was stored at.
func TestForgedOrder(t *testing.T) {
	s, dir, _ := listening(t)
	forger, js := join(t, s, dir, "a2")
	order, err := json.Marshal(&wire.Fire{Trial: "t"})
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), wire.AgentsBucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "a2", order); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "$O.RUNS.C.forged", order); err != nil {
		t.Fatal(err)
	}
	at := wire.ToGenerator("b", "b2", "fire")
	for _, tt := range []struct{ name, ask, body string }{
		{"a value", valueOf + agents, `{"last_by_subj":"$KV.agents.a2"}`},
		{"a file", api + "CONSUMER.CREATE.OBJ_RUNS.forger.$O.RUNS.C.forged",
			`{"stream_name":"OBJ_RUNS","config":{"name":"forger","deliver_subject":"` + at + `","filter_subject":"$O.RUNS.C.forged","ack_policy":"none","deliver_policy":"all"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			victim, _ := join(t, s, dir, "b2")
			sub, err := victim.SubscribeSync(at)
			if err != nil || victim.Flush() != nil {
				t.Fatal(err)
			}
			reply := at
			if strings.Contains(tt.ask, "CONSUMER") {
				reply = forger.NewRespInbox()
			}
			if err := forger.PublishRequest(tt.ask, reply, []byte(tt.body)); err != nil {
				t.Fatal(err)
			}
			m, err := sub.NextMsg(5 * time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if err := wire.Decode(m.Data, &wire.Fire{}); err == nil && m.Subject == sub.Subject {
				t.Errorf("%s at %s was taken for an order", m.Data, m.Subject)
			}
		})
	}
}

// A refusal names who may.
func TestExplain(t *testing.T) {
	s, dir, _ := listening(t)
	for _, tt := range []struct{ who, subject, want string }{
		{"a2", wire.Result("r", "v", 0), "the hub refuses that generator a2 of site a may send result.r.v.0: it needs a key of the role subject or both"},
		{"a2", wire.Next("r", "a"), "it needs a key of the role subject or both (sweetspot hub issue)"},
		{"a1", wire.Work("r", "v"), "it needs a key of the role controller"},
		{"a1", wire.Next("r", "b"), "no role of that name and site may"},
	} {
		t.Run(tt.who+" "+tt.subject, func(t *testing.T) {
			k, err := ReadKey(keyFile(dir, tt.who))
			if err != nil {
				t.Fatal(err)
			}
			said := make(chan error, 1)
			nc, err := Dial(t.Context(), s.URL(), k.File, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { said <- err }))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			if err := nc.Publish(tt.subject, nil); err != nil {
				t.Fatal(err)
			}
			if err := Explain(k, <-said); !strings.Contains(err.Error(), tt.want) || !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("%q does not say %q", err, tt.want)
			}
		})
	}
	if err := Explain(Key{}, nats.ErrTimeout); !errors.Is(err, nats.ErrTimeout) || err.Error() != nats.ErrTimeout.Error() {
		t.Errorf("another error became %v", err)
	}
}

// A generator takes no visit.
func TestPullRefused(t *testing.T) {
	s, dir, js := listening(t)
	if _, err := js.Publish(t.Context(), wire.Work("r", "v"), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	nc, own := join(t, s, dir, "a2")
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // what is refused is not answered
	defer cancel()
	if c, err := own.Consumer(soon, wire.WorkStream, wire.SitesConsumer); err == nil {
		if m, err := c.Fetch(1, jetstream.FetchMaxWait(1)); err == nil && len(m.Messages()) > 0 {
			t.Error("a generator was given a visit")
		}
	}
	if refusedBy(t, nc) == nil {
		t.Error("nothing was refused")
	}
}

// Keys are secret, of the right form, and never overwritten.
func TestKeys(t *testing.T) {
	dir := keys(t)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 9 {
		t.Fatalf("%v, %v; want 9 files", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", file, info.Mode(), err)
		}
	}
	before := contents(t, files)
	if err := Init(dir, []string{"localhost"}); err == nil || !strings.Contains(err.Error(), "will not be overwritten") {
		t.Errorf("a second init: %v", err)
	}
	if _, err := Issue(dir, "a1", wire.Subject, "b"); err == nil || !strings.Contains(err.Error(), "will not be overwritten") {
		t.Errorf("a1 again: %v", err)
	}
	if contents(t, files) != before {
		t.Error("a file was changed")
	}
	k, err := ReadKey(keyFile(dir, "b1"))
	if err != nil || k.Name != "b1" || k.Role != wire.Both || k.Site != "b" {
		t.Errorf("%v, %v", k.Identity, err)
	}
	for _, tt := range []struct{ name, role, site, want string }{
		{"A", wire.Subject, "a", `name "A": want`},
		{"x", "boss", "a", `role "boss": want`},
		{"x", wire.Subject, "", `site "": want`},
		{"x", Controller, "a", "it is of no site"},
		{"hub", wire.Subject, "a", "the hub's or the authority's own"},
		{"x", hubRole, "", "the hub's or the authority's own"},
		{"ca-key", wire.Subject, "a", "the hub's or the authority's own"},
	} {
		if _, err := Issue(dir, tt.name, tt.role, tt.site); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("issue %s %s %s: %v, want %q", tt.name, tt.role, tt.site, err, tt.want)
		}
	}
	if _, err := Issue(t.TempDir(), "x", wire.Subject, "a"); err == nil || !strings.Contains(err.Error(), "sweetspot hub init --pki") {
		t.Errorf("without an authority: %v", err)
	}
}

// The hub's key can be made anew for other hosts, by the same authority.
func TestOtherHosts(t *testing.T) {
	dir := keys(t)
	if err := os.Remove(hubFile(dir)); err != nil {
		t.Fatal(err)
	}
	if err := Init(dir, []string{"hub.example.org", "10.0.0.5"}); err != nil {
		t.Fatal(err)
	}
	k, err := readHubKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(hostsOf(k.cert.Leaf), " "); got != "hub.example.org 10.0.0.5" {
		t.Errorf("hosts %s", got)
	}
	a1, err := ReadKey(keyFile(dir, "a1"))
	if err != nil || !a1.roots.Equal(k.roots) {
		t.Errorf("another authority, or %v", err)
	}
}

func contents(t *testing.T, files []string) string {
	t.Helper()
	var all strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
