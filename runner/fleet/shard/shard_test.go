package shard

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/runner/attack"
	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// silent is how long tests wait for who says nothing.
const silent = time.Second

// ahead is a clock that is ahead of the process's.
func ahead(by time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(by) }
}

// Two generators whose clocks are 4 s apart begin together.
func TestClocksThatAreApart(t *testing.T) {
	offsets := []time.Duration{-2 * time.Second, 2 * time.Second}
	f := newFleet(t, 2, func(i int, o *Options) { o.Clock = ahead(offsets[i]) })
	_, shooters := f.mustAttack(t, nil)
	for i, s := range shooters {
		if err := (s.Offset - offsets[i]).Abs(); err > s.Bound {
			t.Errorf("offset of %s %v ± %v, want %v", s.Agent, s.Offset, s.Bound, offsets[i])
		}
		t.Logf("%s: clock %v ± %v, %d sent, lag p99 %v, %.3f s of CPU time", s.Agent, s.Offset, s.Bound, s.Sent, s.Lag.P99, s.CPUSeconds)
	}
}

// How far apart generators begin, for who wants to look: by the first hit of
// each, against its time in the schedule.
func TestBeginnings(t *testing.T) {
	const rate = 400
	f := newFleet(t, 2, func(i int, o *Options) { o.Clock = ahead(time.Duration(i) * 4 * time.Second) })
	var raw bytes.Buffer
	s, job := f.load(t, func(s *attack.Spec) { s.Arrivals, s.Rate, s.Raw = scenarios.Constant, rate, &raw })
	r, err := f.prepare(t.Context(), s, job)
	must(t, err)
	f.permit(t)
	must(t, r.attack(t.Context()))
	_, err = r.merge(t.Context())
	must(t, err)
	decode := vegeta.NewDecoder(&raw)
	for _, g := range r.all {
		var first vegeta.Result
		must(t, decode(&first))
		due := r.began.Add(time.Duration(float64(first.Seq) / rate * float64(time.Second)))
		t.Logf("%s: hit %d left %v after it was due; clock %v ± %v", g.Name, first.Seq, first.Timestamp.Sub(due), g.before.Offset, g.before.Bound)
	}
}

// All kinds of load, and clocks that are far apart.
func TestEveryKindOfLoad(t *testing.T) {
	f := newFleet(t, 3, func(i int, o *Options) { o.Clock = ahead(time.Duration(i) * 4 * time.Second) })
	for _, tt := range []struct {
		name   string
		change func(*attack.Spec)
		want   int // shooters
	}{
		{"poisson", nil, 3},
		{"constant", func(s *attack.Spec) { s.Arrivals = scenarios.Constant }, 3},
		{"ramp", func(s *attack.Spec) { s.Arrivals, s.Shape = scenarios.Ramp, &scenarios.Shape{To: 2} }, 3},
		{"replay", func(s *attack.Spec) {
			s.Arrivals, s.Recording = scenarios.Replay, scenarios.Recording{0, 1, 3, 40, 900, 901, 1700}
		}, 3},
		{"the same replay again", func(s *attack.Spec) {
			s.Arrivals, s.Recording = scenarios.Replay, scenarios.Recording{0, 1, 3, 40, 900, 901, 1700}
		}, 3},
		{"as many in flight as there are two of", func(s *attack.Spec) { s.MaxInFlight = 2 }, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, shooters := f.mustAttack(t, tt.change)
			if len(shooters) != tt.want || res.Load.Unsent != 0 || res.Load.Aborted != "" {
				t.Errorf("%d generators, unsent %d, aborted %q, want %d, none, not", len(shooters), res.Load.Unsent, res.Load.Aborted, tt.want)
			}
		})
	}
	t.Run("closed loop", func(t *testing.T) {
		res, shooters := f.mustAttack(t, func(s *attack.Spec) { s.Rate, s.Connections, s.Duration, s.MaxHits = 0, 5, time.Minute, 3000 })
		if res.Load.Workers != 5 || len(shooters) != 3 || !strings.Contains(res.Load.Aborted, "hits sent, the bound of a closed loop") {
			t.Errorf("%d connections, %d generators, aborted %q", res.Load.Workers, len(shooters), res.Load.Aborted)
		}
	})
}

// A site whose generators have a host of their own may have just one.
func TestOneGenerator(t *testing.T) {
	f := newFleet(t, 1, nil)
	before := f.agents["g0"].conn.Stats()
	res, _ := f.mustAttack(t, func(s *attack.Spec) { s.Duration = 2 * time.Second })
	after := f.agents["g0"].conn.Stats()
	t.Logf("an attack of 2 s and %d hits took the generator %d messages in and %d out, %d and %d bytes", res.Load.Sent,
		after.InMsgs-before.InMsgs, after.OutMsgs-before.OutMsgs, after.InBytes-before.InBytes, after.OutBytes-before.OutBytes)
}

func TestWithKeys(t *testing.T) {
	dir := keys(t)
	f := startFleet(t, hub.Options{NoSync: true, Listen: "127.0.0.1:0", PKI: dir}, 2, nil)
	for range 2 { // the second leader finds what the first one has handed in
		f.Leader = &Leader{Conn: f.Conn, Agent: f.Agent, Generators: f.Generators, Bound: f.Bound}
		f.mustAttack(t, func(s *attack.Spec) { s.Arrivals, s.Recording = scenarios.Replay, scenarios.Recording{0, 1, 3, 40} })
	}
}

func TestASubjectWithTLS(t *testing.T) {
	f := newFleet(t, 2, nil)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		f.served.Add(1)
		_, _ = w.Write([]byte("yes"))
	}))
	defer server.Close()
	f.mustAttack(t, func(s *attack.Spec) {
		s.Address = server.Listener.Addr().String()
		s.TLS = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "example.com"}
		s.TLS.RootCAs.AddCert(server.Certificate())
	})
}

// voided attacks, and fails unless the attack is void because of a generator.
func (f *fleet) voided(t *testing.T, agent, reason string, change func(*attack.Spec)) {
	t.Helper()
	s, job := f.load(t, change)
	_, _, err := f.Attack(t.Context(), s, job)
	var void *Void
	if !errors.As(err, &void) || !strings.HasPrefix(void.Agent, agent) || !strings.Contains(void.Reason, reason) {
		t.Errorf("error %v, want void because of %s: …%s…", err, agent, reason)
	}
}

// after has something happen once, when the subject has answered n requests.
func (f *fleet) after(n uint64, do func()) {
	var once sync.Once
	f.served.Store(0)
	f.handler.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if f.served.Load() >= n {
			once.Do(do)
		}
		_, _ = w.Write([]byte("yes"))
	}))
}

// A generator that dies in mid-attack voids it, the others stop, and the attack
// that is made again counts once.
func TestAGeneratorDies(t *testing.T) {
	f := newFleet(t, 2, nil)
	f.Silence = silent
	f.after(50, func() { go f.agents["g1"].kill() })
	f.voided(t, "g1", "", func(s *attack.Spec) { s.Duration = 5 * time.Second })
	f.agents["g1"].kill()
	ended := f.served.Load()
	f.start(t, "g1", Options{Scratch: t.TempDir()})
	if now := f.served.Load(); now != ended {
		t.Errorf("%d requests came after the attack had ended", now-ended)
	}
	f.mustAttack(t, nil)
}

// A generator that is started anew in mid-attack is not taken for the one that
// began it.
func TestAGeneratorIsStartedAnew(t *testing.T) {
	f := newFleet(t, 2, nil)
	var again sync.WaitGroup
	f.after(50, func() {
		again.Go(func() {
			f.agents["g0"].kill()
			f.start(t, "g0", Options{Scratch: t.TempDir()})
		})
	})
	f.voided(t, "g0", "", func(s *attack.Spec) { s.Duration = 5 * time.Second })
	again.Wait()
}

// A generator that is cut off ends by itself.
func TestAGeneratorIsCutOff(t *testing.T) {
	f := newFleet(t, 2, func(_ int, o *Options) { o.Silence = silent })
	f.Silence = silent
	f.after(50, func() { go f.agents["g1"].conn.Close() })
	f.voided(t, "g1", "it has not been heard of for ", func(s *attack.Spec) { s.Duration = 10 * time.Second })
	f.note(t, "g1: attack try_1 of run run-1 dropped: its subject is silent")
}

// So do all of them when their subject is gone, and are free for the next one.
func TestTheSubjectIsGone(t *testing.T) {
	f := newFleet(t, 2, func(_ int, o *Options) { o.Silence = silent })
	gone := f.Leader
	gone.Silence = silent
	f.Leader = &Leader{Conn: f.connect(t, subject, wire.Subject), Agent: gone.Agent, Generators: gone.Generators, Bound: gone.Bound, Silence: gone.Silence}
	f.after(50, func() { go gone.Conn.Close() })
	s, job := f.load(t, func(s *attack.Spec) { s.Duration = time.Minute })
	if _, _, err := gone.Attack(t.Context(), s, job); err == nil {
		t.Error("an attack without a connection has a result")
	}
	f.note(t, "dropped: its subject is silent")
	f.note(t, "dropped: its subject is silent")
	f.mustAttack(t, nil)
}

func TestClocksThatCannotBeTrusted(t *testing.T) {
	var jump atomic.Int64
	f := newFleet(t, 2, func(i int, o *Options) {
		if i == 1 {
			o.Clock = func() time.Time { return time.Now().Add(time.Duration(jump.Load())) }
		}
	})
	f.after(50, func() { jump.Store(int64(3 * time.Second)) })
	f.voided(t, "g1", "its clock has moved by ", nil)
	f.Bound = 1
	f.voided(t, "g", "at most ± 1ns will do", nil)
}

// What a generator refuses, it refuses with a reason, and sends nothing.
func TestForgedAnnouncements(t *testing.T) {
	f := newFleet(t, 1, nil)
	address := netip.MustParseAddrPort(f.address)
	elsewhere := netip.MustParseAddrPort("192.0.2.7:80")
	good := wire.Announcement{Run: "run-1", Site: site, Agent: subject, Address: address}
	for _, tt := range []struct {
		name  string
		key   string // of the announcement; empty: there is none
		said  func(*wire.Announcement)
		who   func(*wire.Agent) // changes the subject
		asked func(*wire.Arm)
		want  string
	}{
		{"none", "", nil, nil, nil, "agent app of site lab has announced nothing"},
		{"of another run", site + "." + subject, func(a *wire.Announcement) { a.Run = "run-2" }, nil, nil, "for run run-2, not"},
		{"another address is asked for", site + "." + subject, nil, nil, func(a *wire.Arm) { a.Address = elsewhere }, "not 192.0.2.7:80 for run run-1"},
		{"no address of the subject's host", site + "." + subject, func(a *wire.Announcement) { a.Address = elsewhere }, nil, func(a *wire.Arm) { a.Address = elsewhere }, "which is no address of its host"},
		{"by a generator", site + "." + subject, nil, func(a *wire.Agent) { a.Role = wire.Generator }, nil, "agent app is a generator of site lab"},
		{"by an agent of another site", site + "." + subject, nil, func(a *wire.Agent) { a.Site = "other" }, nil, "agent app is a subject of site other"},
		{"by an agent that is not there", site + ".ghost", func(a *wire.Announcement) { a.Agent = "ghost" }, nil, func(a *wire.Arm) { a.Subject = "ghost" }, "there is no agent ghost"},
		{"in the name of another agent", site + ".ghost", nil, nil, func(a *wire.Arm) { a.Subject = "ghost" }, "agent app of site lab has announced"},
		{"of another site", "other." + subject, nil, nil, func(a *wire.Arm) { a.Site = "other" }, "it is of site lab, not of other"},
		{"another protocol", site + "." + subject, nil, nil, func(a *wire.Arm) { a.Protocol++ }, "install the same sweetspot on both"},
		{"another plan", site + "." + subject, nil, nil, func(a *wire.Arm) { a.Seed++ }, "it would send other hits"},
		{"no certificate to know it by", site + "." + subject, nil, nil, func(a *wire.Arm) { a.TLS = true }, "it got no certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			said, who := good, f.Agent
			if tt.said != nil {
				tt.said(&said)
			}
			if tt.who != nil {
				tt.who(&who)
			}
			kv, err := f.js.KeyValue(t.Context(), wire.AnnouncedBucket)
			must(t, err)
			for _, key := range []string{site + "." + subject, site + ".ghost", "other." + subject} {
				must(t, kv.Delete(t.Context(), key))
			}
			if tt.key != "" {
				f.put(t, wire.AnnouncedBucket, tt.key, &said)
			}
			f.put(t, wire.AgentsBucket, subject, &who)
			armed := f.ask(t, tt.asked)
			if !strings.Contains(armed.Err, tt.want) || armed.Busy {
				t.Errorf("%q (busy: %v), want …%s…", armed.Err, armed.Busy, tt.want)
			}
		})
	}
	if n := f.served.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// ask asks the first generator for an attack, as its subject would.
func (f *fleet) ask(t *testing.T, change func(*wire.Arm)) wire.Armed {
	t.Helper()
	s, job := f.load(t, nil)
	r, err := f.prepare(t.Context(), s, job)
	must(t, err)
	if change != nil {
		change(&r.order)
	}
	var armed wire.Armed
	must(t, r.all[0].ask(t.Context(), wire.AskArm, &r.order, &armed, 20*time.Second))
	return armed
}

// permit has the subject announced.
func (f *fleet) permit(t *testing.T) {
	f.put(t, wire.AnnouncedBucket, site+"."+subject, &wire.Announcement{Run: "run-1", Site: site, Agent: subject, Address: netip.MustParseAddrPort(f.address)})
}

func TestOneAttackAtATime(t *testing.T) {
	f := newFleet(t, 1, func(_ int, o *Options) { o.Unfired = 500 * time.Millisecond })
	f.permit(t)
	if armed := f.ask(t, nil); armed.Err != "" {
		t.Fatal(armed.Err)
	}
	if armed := f.ask(t, nil); !armed.Busy || !strings.Contains(armed.Err, "it is busy with another attack") {
		t.Errorf("the second one gets %+v, want that it is busy", armed)
	}
	f.voided(t, "g0", "it is busy with another attack: attack try_1 of run run-1", nil)
	// The first one is never fired.
	f.note(t, "attack try_1 of run run-1 dropped: its subject is silent")
	f.mustAttack(t, nil)
}

func TestMalformedMessages(t *testing.T) {
	f := newFleet(t, 1, nil)
	n := uint64(0)
	for _, verb := range []string{wire.AskPing, wire.AskArm, wire.AskFire, wire.AskPoll, wire.AskEnd, wire.AskPart, wire.AskDrop} {
		for _, data := range []string{"", "{", `{"Unheard":1}`, `{"Trial":"a.b"}`, "null null", strings.Repeat("9", wire.MaxMessage+1)} {
			must(t, f.Conn.Publish(wire.ToGenerator(site, "g0", verb), []byte(data)))
			n++
		}
	}
	for f.malformed.Load() < n && t.Context().Err() == nil {
		f.await(t, "g0")
	}
	f.mustAttack(t, nil)
}

// What somebody has put into the object store, and JetStream sends to where
// orders come, is no order.
func TestAForgedOrder(t *testing.T) {
	f := newFleet(t, 1, nil)
	f.permit(t)
	s, job := f.load(t, nil)
	r, err := f.prepare(t.Context(), s, job)
	must(t, err)
	order, err := wire.Encode(&r.order)
	must(t, err)
	_, err = f.js.Publish(t.Context(), "$O."+wire.RawBucket+".C.forged", order)
	must(t, err)
	// As an agent may, by the API: the client has no function for it.
	create := fmt.Sprintf(`{"stream_name":"OBJ_%s","config":{"name":"forger","deliver_subject":%q,"ack_policy":"none","deliver_policy":"all","filter_subject":"$O.%[1]s.C.forged"}}`,
		wire.RawBucket, wire.ToGenerator(site, "g0", wire.AskArm))
	answer, err := f.Conn.Request("$JS.API.CONSUMER.CREATE.OBJ_"+wire.RawBucket+".forger.$O."+wire.RawBucket+".C.forged", []byte(create), 5*time.Second)
	must(t, err)
	if strings.Contains(string(answer.Data), `"error"`) {
		t.Fatalf("no consumer: %s", answer.Data)
	}
	for f.malformed.Load() == 0 && t.Context().Err() == nil {
		f.await(t, "g0")
	}
	var status wire.Status
	must(t, r.all[0].ask(t.Context(), wire.AskPoll, &wire.About{Trial: job.Trial}, &status, ask))
	if status.Err == "" {
		t.Error("the forged order was taken")
	}
}

// Whoever asks about an attack that is not there is told so.
func TestWhatWasNeverArmed(t *testing.T) {
	f := newFleet(t, 1, nil)
	s, job := f.load(t, nil)
	r, err := f.prepare(t.Context(), s, job)
	must(t, err)
	g, about := r.all[0], &wire.About{Trial: job.Trial}
	var armed wire.Armed
	must(t, g.ask(t.Context(), wire.AskFire, &wire.Fire{Trial: job.Trial, At: time.Now()}, &armed, ask))
	if armed.Err == "" {
		t.Error("it was fired")
	}
	var status wire.Status
	must(t, g.ask(t.Context(), wire.AskPoll, about, &status, ask))
	if status.Err == "" || status.Done {
		t.Errorf("its status is %+v", status)
	}
	if err := g.ask(t.Context(), wire.AskPart, about, &attack.Part{}, ask); err == nil {
		t.Error("it has a part")
	}
	must(t, g.ask(t.Context(), wire.AskEnd, about, &armed, ask))
	must(t, g.ask(t.Context(), wire.AskDrop, about, &armed, ask))
}

func TestFireAtAWrongTime(t *testing.T) {
	f := newFleet(t, 1, nil)
	f.permit(t)
	s, job := f.load(t, nil)
	r, err := f.prepare(t.Context(), s, job)
	must(t, err)
	g := r.all[0]
	must(t, r.arm(t.Context(), g))
	for _, by := range []time.Duration{-time.Hour, time.Hour} {
		var armed wire.Armed
		must(t, g.ask(t.Context(), wire.AskFire, &wire.Fire{Trial: job.Trial, At: time.Now().Add(by)}, &armed, ask))
		if !strings.Contains(armed.Err, "by its own clock") {
			t.Errorf("fired %v from now: %q", by, armed.Err)
		}
	}
	must(t, g.ask(t.Context(), wire.AskDrop, &wire.About{Trial: job.Trial}, &wire.Armed{}, ask))
}

func TestWhatTheLeaderRefuses(t *testing.T) {
	f := newFleet(t, 1, nil)
	old, none := *f.Leader, *f.Leader
	old.Generators = []wire.Agent{f.Generators[0]}
	old.Generators[0].Version = "v0"
	none.Generators = nil
	for _, tt := range []struct {
		name   string
		leader *Leader
		change func(*attack.Spec)
		want   string
	}{
		{"an old generator", &old, nil, "generator g0 is of version v0 and speaks protocol 1, agent app is of v1 and speaks 1: install the same"},
		{"no generator", &none, nil, "site lab has no generator"},
		{"a Unix socket", f.Leader, func(s *attack.Spec) { s.Network, s.Address = "unix", "/tmp/s" }, "generators reach an IP address and a port only"},
		{"a faulty spec", f.Leader, func(s *attack.Spec) { s.Duration = 0 }, "duration 0s"},
		{"an attack of hours", f.Leader, func(s *attack.Spec) { s.Duration = 2 * time.Hour; s.Rate = 1 }, "want at most 20m0s together"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, job := f.load(t, tt.change)
			_, _, err := tt.leader.Attack(t.Context(), s, job)
			var void *Void
			if err == nil || errors.As(err, &void) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want …%s…, and not void", err, tt.want)
			}
		})
	}
}

// An objective that one shard alone has lost ends all of them.
func TestALostObjective(t *testing.T) {
	f := newFleet(t, 2, nil)
	f.handler.Store(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(30 * time.Millisecond) }))
	s, job := f.load(t, func(s *attack.Spec) {
		s.Duration, s.Rate = time.Minute, 100
		s.Objectives = scenarios.Objectives{{Class: scenarios.All, Metric: scenarios.Max, Limit: time.Millisecond}}
	})
	res, shooters, err := f.Attack(t.Context(), s, job)
	must(t, err)
	if l := res.Load; !strings.HasPrefix(l.Aborted, "max < 1ms cannot be met any more") || l.Sent+l.Unsent != l.Planned || len(shooters) != 2 {
		t.Errorf("aborted %q, sent %d, unsent %d of %d", l.Aborted, l.Sent, l.Unsent, l.Planned)
	}
}

func TestInterrupted(t *testing.T) {
	f := newFleet(t, 2, nil)
	ctx, cancel := context.WithCancel(t.Context())
	f.after(50, cancel)
	s, job := f.load(t, func(s *attack.Spec) { s.Duration = time.Minute })
	var raw bytes.Buffer
	s.Raw = &raw
	res, shooters, err := f.Attack(ctx, s, job)
	must(t, err)
	if res.Load.Aborted != "interrupted" || res.Load.Unsent == 0 {
		t.Errorf("aborted %q, unsent %d", res.Load.Aborted, res.Load.Unsent)
	}
	if own := shooters[0].Sent + shooters[1].Sent; own != res.Load.Sent {
		t.Errorf("sent %d, by generator %d", res.Load.Sent, own)
	}
	if _, _, err := f.Attack(ctx, s, job); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted before it begins: %v", err)
	}
}

// Who watches sees one attack.
func TestLive(t *testing.T) {
	f := newFleet(t, 2, nil)
	var intervals []rundir.Interval
	res, _ := f.mustAttack(t, func(s *attack.Spec) {
		s.Duration = 2200 * time.Millisecond
		s.Tell = func(i rundir.Interval) { intervals = append(intervals, i) }
	})
	done, times := uint64(0), int64(0)
	for n, i := range intervals {
		done, times = done+i.Done(), times+i.Response.TotalCount()
		if n > 0 && !intervals[n-1].At.Add(i.Span).Equal(i.At) {
			t.Errorf("interval %d ends at %v after %v, the one before at %v", n, i.At, i.Span, intervals[n-1].At)
		}
	}
	if done != res.Load.Sent || times != int64(done) || len(intervals) < 2 {
		t.Errorf("%d intervals of %d hits and %d times, want %d hits", len(intervals), done, times, res.Load.Sent)
	}
}

// A disk that takes no raw results is an error with a result.
func TestRawThatCannotBeWritten(t *testing.T) {
	f := newFleet(t, 2, nil)
	s, job := f.load(t, func(s *attack.Spec) { s.Raw = full{} })
	res, shooters, err := f.Attack(t.Context(), s, job)
	var void *Void
	if !errors.Is(err, errFull) || errors.As(err, &void) {
		t.Errorf("error %v, want %v", err, errFull)
	}
	if res.Load.Sent == 0 || len(shooters) != 2 {
		t.Errorf("sent %d, %d generators", res.Load.Sent, len(shooters))
	}
}

type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

// Real connections and a real clock, for who wants to look: the subject serves
// two requests at a time.
func TestTwoAtHalfTheRateAreOne(t *testing.T) {
	f := newFleet(t, 2, nil)
	slots := make(chan struct{}, 2)
	f.handler.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		slots <- struct{}{}
		defer func() { <-slots }()
		time.Sleep(3 * time.Millisecond)
		_, _ = w.Write([]byte("yes"))
	}))
	both := f.Generators
	for _, n := range []int{2, 1, 2, 1} {
		f.Generators = both[:n]
		res, _ := f.mustAttack(t, func(s *attack.Spec) { s.Rate, s.Duration = 200, time.Second })
		t.Logf("%d generators, 200/s together: response %s", n, spread(res.Load.Classes[scenarios.All].Response))
	}
}
