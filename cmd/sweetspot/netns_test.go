package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/analysis"
	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// fleetScenario is of configurations that wait, so that sites which share the
// machine's cores do not keep each other from measuring.
const fleetScenario = `
name: waits
app:
  interface: embedded
  routes: [{path: /, wait: 100ms}]
matrix: {servers: [embedded], proxies: [direct], workers: [1, 2], threads: [1]}
traffic:
  requests: [{name: io, path: /}]
objectives: [p99 < 3s]
search: {strategy: grid, budget: 3s, trial: 300ms, burst: 300ms, warmup: 50ms, finals: 1}
`

// testFleet is a hub on a host of its own, and what joins it.
type testFleet struct {
	*testing.T
	lan        *lan
	dir        string // of keys, scenario and runs
	hub        *program
	url        string
	controller *host
}

func newFleet(t *testing.T) *testFleet {
	t.Helper()
	f := &testFleet{T: t, lan: newLAN(t), dir: t.TempDir()}
	scenarioFile(t, f.dir, fleetScenario)
	at := f.lan.host("hub")
	f.ok(at.run(f.dir, nil, "hub", "init", "--host", at.address.String()))
	f.hub = at.run(f.dir, nil, "hub", "--listen", at.address.String()+":4222")
	eventually(t, "the hub is ready", func() bool { return strings.Contains(f.hub.out.String(), "ready: ") })
	f.url = fmt.Sprintf("tls://%v:4222", at.address)
	f.controller = f.lan.host("controller")
	return f
}

// ok waits for a program, which must succeed.
func (f *testFleet) ok(p *program) {
	f.Helper()
	if code := p.end(); code != exitGood {
		f.Fatalf("%s: exit code %d\n%s", strings.Join(p.argv, " "), code, p.errors.String())
	}
}

// agent starts one on a host of its own, with its name.
func (f *testFleet) agent(name, site, role string, env ...string) *program {
	f.Helper()
	at := f.lan.host(name)
	f.ok(f.hub.host.run(f.dir, nil, "hub", "issue", name, "--role", role, "--site", site))
	return f.again(at, env...)
}

// again starts the agent of a host.
func (f *testFleet) again(at *host, env ...string) *program {
	f.Helper()
	scratch := filepath.Join(f.dir, "scratch-"+at.name)
	return at.run(f.dir, env, "agent", "--hub", f.url, "--key", filepath.Join(defaultPKI, at.name+".pem"), "--scratch", scratch)
}

// present waits until agents are at the hub.
func (f *testFleet) present(agents ...*program) {
	f.Helper()
	for _, a := range agents {
		eventually(f.T, "agent "+a.host.name+" is at the hub", func() bool { return strings.Contains(a.errors.String(), " is at the hub") })
	}
}

// control runs the controller's command.
func (f *testFleet) control(args ...string) *program {
	f.Helper()
	return f.controller.run(f.dir, nil, append(args, "--hub", f.url, "--key", filepath.Join(defaultPKI, "controller.pem"))...)
}

// measured is what is committed of the run so far.
func (f *testFleet) measured() (trials []rundir.Trial) {
	f.Helper()
	if run, err := rundir.Read(filepath.Join(f.dir, "out")); err == nil { // else it has not begun
		trials = run.Trials()
	}
	return trials
}

// until waits for a trial of which something holds.
func (f *testFleet) until(what string, holds func(rundir.Trial) bool) {
	f.Helper()
	eventually(f.T, what, func() bool { return slices.ContainsFunc(f.measured(), holds) })
}

// conclude waits for the end of a run. Each trial of each visit is there once,
// and the search has no visit left: nothing was lost, and nothing was given up
// but for what the search itself gives up, as on a machine too busy to measure
// on.
func (f *testFleet) conclude(p *program) []rundir.Trial {
	f.Helper()
	if code := p.end(); code != exitGood && code != exitInconclusive {
		f.Fatalf("exit code %d\n%s", code, p.errors.String())
	}
	run, err := rundir.Read(filepath.Join(f.dir, "out"))
	if err != nil {
		f.Fatal(err)
	}
	trials := run.Trials()
	made := map[string][]int{}
	for _, t := range trials {
		if t.Placed == nil {
			f.Fatalf("trial %d does not say where it was made", t.ID)
		}
		made[t.Placed.Visit] = append(made[t.Placed.Visit], t.Placed.Number)
		f.sentIsCounted(t)
	}
	for visit, numbers := range made {
		for i, n := range numbers {
			if n != i {
				f.Errorf("visit %s has the trials %v", visit, numbers)
				break
			}
		}
	}
	m := run.Manifest
	left, over := analysis.Fleets[m.Scenario.Search.Strategy](searched(m), cellsOf(m)).Visits(trials, nil, 1)
	if !over || len(left) > 0 {
		f.Errorf("the run has ended, and the search still wants %v", left)
	}
	f.Logf("%d visits, %d trials", len(made), len(trials))
	return trials
}

// sentIsCounted checks that as many requests were sent as the histograms hold,
// and as the generators say.
func (f *testFleet) sentIsCounted(t rundir.Trial) {
	f.Helper()
	all := t.Load.Classes[scenarios.All]
	if t.Broken != "" {
		return
	}
	if n := uint64(all.Response.Count); n != t.Load.Sent || all.Sent != t.Load.Sent {
		f.Errorf("trial %d: %d requests sent, %d by class, %d in the histogram", t.ID, t.Load.Sent, all.Sent, n)
	}
	if len(t.Placed.Generators) == 0 {
		return
	}
	sent := uint64(0)
	for _, g := range t.Placed.Generators {
		sent += g.Sent
	}
	if sent != t.Load.Sent {
		f.Errorf("trial %d: %d requests sent, %d by the generators", t.ID, t.Load.Sent, sent)
	}
}

// A host is off the net for longer than its lease: its visit is made elsewhere,
// what it did late is refused, and each cell counts once.
func TestFleetHostIsCutOff(t *testing.T) {
	if !inWorld(t) {
		return
	}
	f := newFleet(t)
	var agents []*program
	for _, site := range []string{"a", "b", "c"} {
		agents = append(agents, f.agent(site+"1", site, "both"))
	}
	run := f.control("run", "wait.yaml", "--out", "out")
	lost := f.busy(run, agents)
	lost.host.cut()
	time.Sleep(12 * time.Second)
	lost.host.join()
	trials := f.conclude(run)
	if !slices.ContainsFunc(trials, func(t rundir.Trial) bool { return t.Placed.Delivery > 1 }) {
		t.Error("no visit was delivered again")
	}
	if !strings.Contains(run.errors.String(), "it is late: the lease of site "+lost.host.site()+" that it was made under is lost") {
		t.Error("no late result of the site was refused")
	}
	f.leave(agents...)
}

// busy waits until one of the agents, each at a site of its own, is told to make a
// second trial.
func (f *testFleet) busy(run *program, agents []*program) (found *program) {
	f.Helper()
	eventually(f.T, "a site makes its second trial", func() bool {
		i := slices.IndexFunc(agents, func(a *program) bool { return strings.Count(run.errors.String(), "  site "+a.host.site()+": ") > 1 })
		if i >= 0 {
			found = agents[i]
		}
		return i >= 0
	})
	return found
}

// site is that of a host whose agent is alone at it: its name without the number.
func (h *host) site() string { return strings.TrimRight(h.name, "0123456789") }

// leave ends agents in good order: nothing is left on their hosts.
func (f *testFleet) leave(agents ...*program) {
	f.Helper()
	for _, a := range agents {
		a.stop()
		a.host.deserted()
	}
}

// accepted is how many connections from other hosts the kernel of a host has
// counted. Those from the host to itself are in what was opened there, too, and
// those that failed.
func (h *host) accepted() (n int) {
	h.lan.t.Helper()
	pids := h.processes()
	if len(pids) == 0 {
		h.lan.t.Fatalf("nothing runs on %s", h.name)
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/snmp", pids[0]))
	if err != nil {
		h.lan.t.Fatal(err)
	}
	sign := map[string]int{"PassiveOpens": 1, "ActiveOpens": -1, "AttemptFails": 1}
	var names []string
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		switch {
		case fields[0] != "Tcp:":
		case names == nil:
			names = fields
		default:
			for i, name := range names {
				value, _ := strconv.Atoi(fields[i]) // the first is no number, and has no sign
				n += sign[name] * value
			}
		}
	}
	return n
}

// hits is how many requests the generators of a trial have sent, warm-up
// included, by its raw results: each numbers its own.
func (f *testFleet) hits(t rundir.Trial) (n int) {
	f.Helper()
	raw := unzip(f.T, filepath.Join(f.dir, "out", "trials", fmt.Sprintf("%04d", t.ID), rundir.RawFile))
	shards := max(len(t.Placed.Generators), 1)
	last := make([]int, shards)
	decode := vegeta.NewDecoder(bytes.NewReader(raw))
	for {
		var r vegeta.Result
		if err := decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			f.Fatal(err)
		}
		shard := int(r.Seq) % shards
		last[shard] = max(last[shard], int(r.Seq)/shards+1)
	}
	for _, own := range last {
		n += own
	}
	return n
}

// Two generators whose clocks are seconds off attack a subject. What they sent is
// what the histograms hold and what the subject's kernel has counted, and every
// figure comes out of the raw results again.
func TestFleetCounts(t *testing.T) {
	if !inWorld(t) {
		return
	}
	f := newFleet(t)
	subject := f.agent("s", "a", "subject")
	skews := map[string]time.Duration{"g1": 4 * time.Second, "g2": -3 * time.Second}
	g1, g2 := f.agent("g1", "a", "generator", skewVariable+"=4s"), f.agent("g2", "a", "generator", skewVariable+"=-3s")
	f.present(subject, g1, g2)
	before := subject.host.accepted()
	trials := f.conclude(f.control("run", "wait.yaml", "--out", "out"))
	sent, broken := 0, 0
	for _, trial := range trials {
		if trial.Broken != "" {
			broken++
			continue
		}
		f.skewIsKnown(trial, skews)
		sent += f.hits(trial)
	}
	if got := subject.host.accepted() - before; got != sent && broken == 0 || got < sent {
		t.Errorf("the subject's kernel counted %d connections, the generators sent %d requests (%d trials are broken)", got, sent, broken)
	}
	f.ok(f.controller.run(f.dir, nil, "publish", "out", "--out", "site", "--draft"))
	f.ok(f.controller.run(f.dir, nil, "verify", "site"))
	f.leave(g1, g2, subject)
}

// A generator dies in an attack: the trial is void and made again.
func TestFleetGeneratorIsKilled(t *testing.T) {
	if !inWorld(t) {
		return
	}
	f := newFleet(t)
	subject := f.agent("s", "a", "subject")
	g1, g2 := f.agent("g1", "a", "generator"), f.agent("g2", "a", "generator")
	f.present(subject, g1, g2)
	run := f.control("run", "wait.yaml", "--out", "out")
	f.until("a trial of two generators", func(t rundir.Trial) bool { return t.Placed != nil && len(t.Placed.Generators) == 2 })
	g2.kill()
	f.until("a void trial", func(t rundir.Trial) bool { return t.Broken != "" })
	g2 = f.again(g2.host)
	f.conclude(run)
	f.leave(g1, g2, subject)
}

// skewIsKnown checks the offsets of clocks that were found.
func (f *testFleet) skewIsKnown(t rundir.Trial, want map[string]time.Duration) {
	f.Helper()
	for _, g := range t.Placed.Generators {
		if off := (g.Offset - want[g.Agent]).Abs(); off > g.Bound {
			f.Errorf("trial %d: the clock of %s is ahead by %v ± %v, not %v", t.ID, g.Agent, g.Offset, g.Bound, want[g.Agent])
		}
	}
}

// A subject dies: its stack dies with it, and its visit is made by another site.
func TestFleetSubjectIsKilled(t *testing.T) {
	if !inWorld(t) {
		return
	}
	f := newFleet(t)
	a, b := f.agent("a1", "a", "both"), f.agent("b1", "b", "both")
	run := f.control("run", "wait.yaml", "--out", "out")
	dead := f.busy(run, []*program{a, b})
	dead.kill()
	dead.host.deserted()
	trials := f.conclude(run)
	if !slices.ContainsFunc(trials, func(t rundir.Trial) bool { return t.Placed.Site != dead.host.site() && t.Placed.Delivery > 1 }) {
		t.Error("no visit of the dead site was delivered to the other")
	}
	if dead == a {
		a = b
	}
	f.leave(a)
}

// The controller dies, and is resumed: what was committed stays as it was.
func TestFleetControllerIsKilled(t *testing.T) {
	if !inWorld(t) {
		return
	}
	f := newFleet(t)
	a, b := f.agent("a1", "a", "both"), f.agent("b1", "b", "both")
	run := f.control("run", "wait.yaml", "--out", "out")
	f.until("three trials", func(t rundir.Trial) bool { return t.ID == 3 })
	run.kill()
	before := trialFiles(t, filepath.Join(f.dir, "out"))
	trials := f.conclude(f.control("run", "--resume", "out"))
	after := trialFiles(t, filepath.Join(f.dir, "out"))
	for name, content := range before {
		if after[name] != content {
			t.Errorf("trial %s changed or was lost", name)
		}
	}
	if len(trials) <= len(before) {
		t.Errorf("%d trials, %d of them before the controller was killed", len(trials), len(before))
	}
	f.leave(a, b)
}

// jumping is a clock that jumps by a second every second, from some time on.
func jumping(from, to int) string {
	text := "0s"
	for second := from; second < to; second++ {
		text += fmt.Sprintf("@%ds:%ds", second, second)
	}
	return text
}

// The clock of a generator jumps in an attack: the trial is void and says so.
func TestFleetClockJumps(t *testing.T) {
	if !inWorld(t) {
		return
	}
	f := newFleet(t)
	subject := f.agent("s", "a", "subject")
	g := f.agent("g", "a", "generator", skewVariable+"="+jumping(1, 120))
	trials := f.conclude(f.control("run", "wait.yaml", "--out", "out"))
	if !slices.ContainsFunc(trials, func(t rundir.Trial) bool {
		return strings.Contains(t.Broken, "generator g: its clock has moved by ") && strings.Contains(t.Broken, "one of them was set")
	}) {
		t.Error("no trial is void for the clock of g")
	}
	f.leave(g, subject)
}

// Who has a key of another hub is not let in, who says what its key does not
// permit is not heard, and who speaks another protocol is left out: each is told
// why, and what to do.
func TestFleetRefuses(t *testing.T) {
	if !inWorld(t) {
		return
	}
	f := newFleet(t)
	at := f.lan.host("stranger")
	f.ok(at.run(f.dir, nil, "hub", "init", "--pki", "other", "--host", f.hub.host.address.String()))
	f.ok(at.run(f.dir, nil, "hub", "issue", "stranger", "--role", "both", "--site", "a", "--pki", "other"))
	stranger := at.run(f.dir, nil, "agent", "--hub", f.url, "--key", "other/stranger.pem")
	if code := stranger.end(); code != exitBadInput || !strings.Contains(stranger.errors.String(), "take a key that was issued in the --pki folder of this hub") {
		t.Errorf("a key of another hub: exit code %d, %s", code, stranger.errors.String())
	}

	f.lan.ip("addr", "add", "10.99.0.254/24", "dev", bridge) // for this process, which has a key, too
	f.ok(f.hub.host.run(f.dir, nil, "hub", "issue", "forger", "--role", "subject", "--site", "a"))
	file := filepath.Join(f.dir, defaultPKI, "forger.pem")
	key, err := hub.ReadKey(file)
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 10)
	nc, err := hub.Dial(t.Context(), f.url, file, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- hub.Explain(key, err) }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, subject := range []string{wire.Next("run", "b"), wire.ToGenerator("b", "b2", wire.AskArm), "$KV." + wire.AnnouncedBucket + ".b.b1", wire.Work("run", "visit")} {
		if err := errors.Join(nc.Publish(subject, nil), nc.Flush()); err != nil {
			t.Fatal(err)
		}
		if err := <-refused; !strings.Contains(err.Error(), "the hub refuses that subject forger of site a may send "+subject) {
			t.Errorf("sent on %s: %v", subject, err)
		}
	}

	b := f.agent("b1", "b", "both")
	run := f.control("run", "wait.yaml", "--out", "out")
	old, err := wire.Encode(&wire.Agent{Name: "forger", Site: "a", Role: wire.Subject, Version: "v0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	want := "agent forger is left out: it is version v0.0.1 and speaks protocol 0, this is protocol 1; install the same version everywhere"
	eventually(t, "the controller says: "+want, func() bool {
		return nc.Publish("$KV."+wire.AgentsBucket+".forger", old) == nil && strings.Contains(run.errors.String(), want)
	})
	f.conclude(run)
	f.leave(b)
}

// fleetReport is what the report says of where it was measured.
type fleetReport struct {
	Winner string
	Hosts  []struct {
		Agent, Site string
		Host        struct{ Hostname string }
	}
}

func (f *testFleet) report() (r fleetReport) {
	f.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, "out", "report.json"))
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		f.Fatal(err)
	}
	return r
}

// Three sites take a third of the time of one, and recommend the same. The times
// are printed, not asserted: they are those of this machine.
func TestFleetTimes(t *testing.T) {
	if os.Getenv("SWEETSPOT_FLEET_TIMES") == "" {
		t.Skip("it takes minutes: set SWEETSPOT_FLEET_TIMES=1")
	}
	if !inWorld(t) {
		return
	}
	f := newFleet(t)
	scenarioFile(t, f.dir, strings.NewReplacer("workers: [1, 2]", "workers: [1, 2, 3, 4, 5, 6, 7, 8, 14]", "wait: 100ms", "wait: 50ms", "p99 < 3s", "p99 < 400ms",
		"budget: 3s, trial: 300ms, burst: 300ms, warmup: 50ms, finals: 1", "budget: 8m, trial: 2s, burst: 1s, warmup: 100ms, finals: 5").Replace(fleetScenario))
	var took []time.Duration
	var winners []string
	var agents []*program
	for _, sites := range []int{1, 3} {
		for len(agents) < sites {
			site := string(rune('a' + len(agents)))
			agents = append(agents, f.agent(site+"1", site, "both"))
		}
		began := time.Now()
		f.conclude(f.control("run", "wait.yaml", "--out", "out"))
		took = append(took, time.Since(began))
		winners = append(winners, f.report().Winner)
		if err := os.Rename(filepath.Join(f.dir, "out"), filepath.Join(f.dir, fmt.Sprintf("sites-%d", sites))); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("one site %v, three sites %v: %.2f of the time", took[0].Round(100*time.Millisecond), took[1].Round(100*time.Millisecond), float64(took[1])/float64(took[0]))
	if winners[0] != winners[1] || winners[0] == "" {
		t.Errorf("one site recommends %q, three %q", winners[0], winners[1])
	}
	f.leave(agents...)
}
