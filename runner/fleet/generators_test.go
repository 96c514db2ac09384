package fleet

import (
	"net/netip"
	"slices"
	"testing"

	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// of makes an agent one of a site, of a role, at an address of this machine.
func of(site, role, ip string) func(*Agent) {
	return func(a *Agent) { a.Site, a.Role, a.IPs = site, role, []netip.Addr{netip.MustParseAddr(ip)} }
}

// apartRun has the run of a bed made by generators on hosts of their own.
func (b *bed) apartRun() {
	b.run.Manifest.CPUs = rundir.CPUs{Proxy: allowed(b.T), App: allowed(b.T)}
}

// The subject starts the stack at its own address, and its generators attack it
// together.
func TestGeneratorsOfASite(t *testing.T) {
	b := newBed(t)
	b.apartRun()
	b.serve("subject", of("a", wire.Subject, "127.0.0.2"))
	b.serve("g1", of("a", wire.Generator, "127.0.0.3"))
	b.serve("g2", of("a", wire.Generator, "127.0.0.4"))
	b.serve("stranger", of("b", wire.Generator, "127.0.0.5"))
	if err := b.control(grid(2, 2)); err != nil {
		t.Fatal(err)
	}
	b.whole(2, 2)
	for _, trial := range b.run.Trials() {
		if trial.Broken != "" {
			t.Logf("trial %d is void: %s", trial.ID, trial.Broken)
			continue
		}
		var who []string
		sent := uint64(0)
		for _, g := range trial.Placed.Generators {
			who = append(who, g.Agent)
			sent += g.Sent
		}
		if !slices.Equal(who, []string{"g1", "g2"}) || !trial.Placed.Apart() {
			t.Errorf("trial %d: generators %v, apart %t", trial.ID, who, trial.Placed.Apart())
		}
		if all := trial.Load.Classes[scenarios.All]; sent != trial.Load.Sent || uint64(all.Response.Count) != sent || sent == 0 {
			t.Errorf("trial %d: %d sent by the generators, %d in all, %d in the histogram", trial.ID, sent, trial.Load.Sent, all.Response.Count)
		}
		if u := trial.Usage; u.Wall < trial.Step.Duration/2 || u.Wall > 2*trial.Step.Duration || u.OwnCores != 0 {
			t.Errorf("trial %d: sampled for %v of %v, %d own cores", trial.ID, u.Wall, trial.Step.Duration, u.OwnCores)
		}
	}
	var names []string
	for _, h := range b.run.Hosts() {
		names = append(names, h.Agent)
	}
	if want := []string{"g1", "g2", "subject"}; !slices.Equal(names, want) {
		t.Errorf("hosts %v, want %v", names, want)
	}
}

// A site of another make-up than the run's is refused.
func TestSiteWithoutGenerators(t *testing.T) {
	b := newBed(t)
	b.apartRun()
	b.serve("a", nil)
	err := b.control(grid(1, 1))
	if err == nil {
		t.Fatal("no error")
	}
	if want := "no site can make this run: a: generators on hosts of their own: no there, yes in the run"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestDivide(t *testing.T) {
	for _, tt := range []struct {
		name  string
		sets  scenarios.CPUSets
		apart bool
		want  rundir.CPUs
	}{
		{"alone", scenarios.CPUSets{}, false, rundir.CPUs{Generator: []int{3}, Proxy: []int{0, 1, 2}, App: []int{0, 1, 2}}},
		{"with generators elsewhere", scenarios.CPUSets{}, true, rundir.CPUs{Proxy: []int{0, 1, 2, 3}, App: []int{0, 1, 2, 3}}},
		{"and sets of the scenario", scenarios.CPUSets{Generator: "0", App: "1-2"}, true, rundir.CPUs{Proxy: []int{0, 1, 2, 3}, App: []int{1, 2}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := divide(tt.sets, []int{0, 1, 2, 3}, tt.apart)
			if err != nil || got.String() != tt.want.String() || got.Shared {
				t.Errorf("%v, %v, want %v", got, err, tt.want)
			}
		})
	}
}
