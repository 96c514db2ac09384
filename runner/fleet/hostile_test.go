package fleet

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// hand is a site that is made by hand.
type hand struct {
	*bed
	buckets
	name  string
	token uint64
	msg   jetstream.Msg
	visit wire.Visit
}

// byHand is a site that is there, and has a lease with that token.
func (b *bed) byHand(name string, token uint64, protocol int) *hand {
	b.Helper()
	k, err := openBuckets(b.Context(), b.nc, wire.Subject)
	if err != nil {
		b.Fatal(err)
	}
	h := &hand{bed: b, buckets: k, name: name, token: token}
	h.appear(token, protocol)
	return h
}

func (h *hand) appear(token uint64, protocol int) {
	h.Helper()
	a := wire.Agent{Name: h.name, Site: h.name, Role: wire.Both, Protocol: protocol, Version: "v0.1", Token: token}
	if _, err := put(h.Context(), h.agents, h.name, &a); err != nil {
		h.Fatal(err)
	}
}

// pull takes a visit out of the queue.
func (h *hand) pull() {
	h.Helper()
	c, err := h.js.Consumer(h.Context(), wire.WorkStream, wire.SitesConsumer)
	if err != nil {
		h.Fatal(err)
	}
	if h.msg, err = c.Next(jetstream.FetchMaxWait(10 * time.Second)); err != nil {
		h.Fatal(err)
	}
	if err := wire.Decode(h.msg.Data(), &h.visit); err != nil {
		h.Fatal(err)
	}
}

// ask asks for the next step.
func (h *hand) ask(change func(*wire.Ask)) (a wire.Answer) {
	h.Helper()
	meta, err := h.msg.Metadata()
	if err != nil {
		h.Fatal(err)
	}
	q := wire.Ask{Visit: h.visit.Name, Site: h.name, Agent: h.name, Token: h.token, Sequence: meta.Sequence.Stream, Delivery: int(meta.NumDelivered)}
	if change != nil {
		change(&q)
	}
	data, err := wire.Encode(&q)
	if err != nil {
		h.Fatal(err)
	}
	m, err := h.nc.Request(wire.Next(h.visit.Run, h.name), data, 10*time.Second)
	if err != nil {
		h.Fatal(err)
	}
	if err := wire.Decode(m.Data, &a); err != nil {
		h.Fatal(err)
	}
	return a
}

// done hands in a trial, and tells whether it was the first one of its number.
func (h *hand) done(step rundir.Step, k int, change func(*wire.Done)) bool {
	h.Helper()
	run, err := rundir.Create(h.TempDir(), rundir.Manifest{RunID: "x"})
	if err != nil {
		h.Fatal(err)
	}
	defer run.Close()
	p, err := run.Begin()
	if err != nil {
		h.Fatal(err)
	}
	if err := p.Commit(rundir.Trial{Step: step}, nil); err != nil {
		h.Fatal(err)
	}
	file := h.TempDir() + "/trial.tar.gz"
	d := wire.Done{Visit: h.visit.Name, Number: k, Site: h.name, Agent: h.name, Token: h.token, Delivery: 1, Object: h.visit.Run + "/" + attempt()}
	if d.Digest, err = packFile(file, run.TrialDir(1), everything); err != nil {
		h.Fatal(err)
	}
	if err := upload(h.Context(), h.raw, d.Object, file); err != nil {
		h.Fatal(err)
	}
	if change != nil {
		change(&d)
	}
	data, err := json.Marshal(d)
	if err != nil {
		h.Fatal(err)
	}
	_, refused, err := publishFirst(h.Context(), h.js, wire.Result(h.visit.Run, h.visit.Name, k), data)
	if err != nil {
		h.Fatal(err)
	}
	return !refused
}

// controlled runs the controller while do is done, and returns what it returned.
func (b *bed) controlled(s rundir.Fleet, do func()) error {
	b.Helper()
	ended := make(chan error, 1)
	go func() { ended <- b.control(s) }()
	do()
	return <-ended
}

// A result that comes after its lease, or after its visit was given to another
// site, is refused. A second one never gets into the stream.
func TestLateResults(t *testing.T) {
	b := newBed(t)
	err := b.controlled(grid(1, 2), func() {
		a := b.byHand("a", 5, wire.Protocol)
		a.pull()
		first := a.ask(nil)
		if first.Step == nil || first.Number != 0 {
			t.Fatalf("first answer %+v", first)
		}
		if !a.done(*first.Step, 0, nil) || a.done(*first.Step, 0, nil) {
			t.Error("the second result of a trial was taken")
		}
		second := a.ask(nil)
		if second.Number != 1 {
			t.Fatalf("second answer %+v", second)
		}
		// Cut off: the visit is given to b, and a hands in what it has made.
		other := b.byHand("b", 9, wire.Protocol)
		if err := a.msg.Nak(); err != nil {
			t.Fatal(err)
		}
		other.pull()
		if got := other.ask(nil); got.Number != 1 {
			t.Fatalf("answer to the other site %+v", got)
		}
		if got := a.ask(nil); !strings.Contains(got.Refuse, "handed out anew") {
			t.Errorf("the site before is told %+v", got)
		}
		if !a.done(*second.Step, 1, nil) {
			t.Error("the late result was refused by the stream: there is no other")
		}
		if got := other.ask(nil); got.Number != 1 { // and takes the late one away
			t.Errorf("answer after the late result %+v", got)
		}
		b.noted("it is late: the visit was given from site a to site b")
		// A lease that is lost has had another one since.
		other.appear(12, wire.Protocol)
		other.done(*second.Step, 1, nil)
		other.token = 12
		if got := other.ask(nil); got.Number != 1 {
			t.Errorf("answer after the lost lease %+v", got)
		}
		b.noted("the lease of site b that it was made under is lost")
		if !other.done(*second.Step, 1, nil) {
			t.Error("the right result was refused")
		}
		if got := other.ask(nil); !got.Over {
			t.Errorf("last answer %+v", got)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b.whole(1, 2)
	if got := b.run.Trials()[1].Placed; got.Site != "b" || got.Token != 12 {
		t.Errorf("the trial is placed at %+v", got)
	}
}

// Results that are not what they say make the visit void in the end, and nothing
// worse.
func TestSpoiltResults(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		change     func(*wire.Done)
	}{
		{"malformed", "incomplete", func(d *wire.Done) { d.Digest = "x" }},
		{"of another trial", "says that it is trial 7", func(d *wire.Done) { d.Number = 7 }},
		{"another digest", "its digest is", func(d *wire.Done) { d.Digest = strings.Repeat("0", 64) }},
		{"no object", "not found", func(d *wire.Done) { d.Object = "nowhere" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t)
			err := b.controlled(grid(1, 1), func() {
				h := b.byHand("a", 1, wire.Protocol)
				h.pull()
				for {
					a := h.ask(nil)
					if a.Over {
						break
					}
					h.done(*a.Step, 0, tt.change)
				}
				b.noted(tt.want)
				h.pull() // it is handed out once more
				a := h.ask(nil)
				h.done(*a.Step, a.Number, nil)
				h.ask(nil)
			})
			if err != nil {
				t.Fatal(err)
			}
			b.whole(1, 1)
			if got := b.run.Trials()[0]; !strings.Contains(got.Broken, "results were refused") {
				t.Errorf("the first trial is %+v, want a void one", got)
			}
		})
	}
}

// What is malformed is dropped and counted, wherever it comes.
func TestMalformedMessages(t *testing.T) {
	b := newBed(t)
	id := b.run.Manifest.RunID
	err := b.controlled(grid(1, 1), func() {
		h := b.byHand("a", 1, wire.Protocol)
		h.pull()
		for subject, data := range map[string]string{
			wire.Next(id, "a"): `{"visit`, wire.Next(id, "b"): `{"Visit":"x","Site":"a","Agent":"a"}`, wire.Live(id, "a"): `{}`,
		} {
			if err := b.nc.Publish(subject, []byte(data)); err != nil {
				t.Fatal(err)
			}
		}
		b.noted("site b asks as site a")
		b.noted("interval without a histogram")
		b.noted("unexpected EOF")
		if _, err := h.js.Publish(t.Context(), wire.Work("other", "x"), []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
		_, leave := b.serve("c", faking)
		defer leave()
		b.noted("c: dropped a message on work.other.x")
		a := h.ask(nil)
		h.done(*a.Step, 0, nil)
		h.ask(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	b.whole(1, 1)
}

// A site that speaks another protocol, or lacks something, is refused with the
// reason, and another one makes the visit.
func TestSitesThatAreRefused(t *testing.T) {
	b := newBed(t)
	err := b.controlled(grid(1, 1), func() {
		old := b.byHand("old", 1, 0)
		old.pull()
		facts := func(f wire.Facts) func(*wire.Ask) {
			f.CPUs.Generator, f.CPUs.App = []int{0}, allowed(t)
			return func(a *wire.Ask) { a.Facts = &f }
		}
		good := b.byHand("good", 3, wire.Protocol)
		poor := b.byHand("poor", 4, wire.Protocol)
		if got := old.ask(facts(wire.Facts{})); !strings.Contains(got.Refuse, "it is version v0.1 and speaks protocol 0, this is protocol 1; install the same version everywhere") {
			t.Errorf("the old one is told %+v", got)
		}
		poor.pull()
		if got := poor.ask(facts(wire.Facts{Missing: map[string]string{"nginx": "nginx is not installed: install it"}})); !strings.Contains(got.Refuse, "nginx is not installed") {
			t.Errorf("the poor one is told %+v", got)
		}
		good.pull()
		a := good.ask(facts(wire.Facts{Versions: map[string]string{"embedded": "go"}}))
		if a.Step == nil {
			t.Fatalf("the good one is told %+v", a)
		}
		good.done(*a.Step, 0, nil)
		good.ask(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	b.whole(1, 1)
	if hosts := b.run.Hosts(); len(hosts) != 1 || hosts[0].Site != "good" {
		t.Errorf("hosts %+v, want the good one only", hosts)
	}
}

// A run that no site can make ends with the reasons.
func TestNoSiteCanMakeIt(t *testing.T) {
	b := newBed(t)
	err := b.controlled(grid(2, 1), func() {
		h := b.byHand("a", 1, wire.Protocol)
		h.pull()
		if got := h.ask(func(a *wire.Ask) { a.Refuse = "gunicorn is not installed" }); got.Refuse == "" {
			t.Errorf("answer %+v", got)
		}
	})
	if err == nil || !strings.Contains(err.Error(), "no site can make this run: a: gunicorn is not installed") {
		t.Errorf("error %v", err)
	}
}
