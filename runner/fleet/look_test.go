package fleet

import (
	"strings"
	"testing"

	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// handedOut is a controller that has handed out one visit.
func (b *bed) handedOut(s rundir.Fleet) (*controller, *visit) {
	b.Helper()
	c, err := newController(b.Context(), Config{Conn: b.nc, Run: b.run, Strategy: s, Note: b.note})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.unsubscribe)
	if over, err := c.handOut(b.Context()); over || err != nil || len(c.out) != 1 {
		b.Fatalf("handed out %v, over %t, %v", c.out, over, err)
	}
	return c, c.out[0]
}

// looks has the controller see so often who is there.
func (b *bed) looks(c *controller, n int, there ...wire.Agent) {
	b.Helper()
	for range n {
		agents := map[string]wire.Agent{}
		for _, a := range there {
			agents[a.Name] = a
		}
		if err := c.look(b.Context(), agents); err != nil {
			b.Fatal(err)
		}
	}
}

const (
	aWhile  = int(hub.AckWait / wire.Beat)
	forGone = int((hub.AckWait+wire.Expiry)/wire.Beat) + 1
)

// A visit that was given to a site as often as it can be, and of which nothing
// is heard any more, is a void trial, and goes on if the strategy wants it to.
func TestVisitThatKillsItsSites(t *testing.T) {
	b := newBed(t)
	c, v := b.handedOut(grid(1, 1))
	at := wire.Agent{Name: "a", Site: "a", Protocol: wire.Protocol, Token: 3, Run: c.record.ID, Visit: v.name, Delivery: hub.Deliveries}
	b.looks(c, 5*forGone, at)
	if n := len(b.run.Trials()); n != 0 || len(c.out) != 1 {
		t.Fatalf("%d trials while a site makes the visit", n)
	}
	b.looks(c, forGone+1)
	if len(c.out) != 0 || len(b.run.Trials()) != 1 {
		t.Fatalf("%d visits are out, %d trials, want the visit given up", len(c.out), len(b.run.Trials()))
	}
	if got := b.run.Trials()[0]; !strings.Contains(got.Broken, "was given to a site 3 times, and none came to its end") || got.Placed.Delivery != 3 {
		t.Errorf("trial %+v", got)
	}
	if over, err := c.handOut(t.Context()); over || err != nil || len(c.out) != 1 || c.out[0].sequence <= v.sequence {
		t.Errorf("not handed out anew: over %t, %v, %+v", over, err, c.out)
	}
}

// A visit that the hub has forgotten, for a site is idle and does not get it, is
// handed out anew.
func TestVisitThatIsForgotten(t *testing.T) {
	b := newBed(t)
	c, v := b.handedOut(grid(1, 1))
	before := v.sequence
	busy := wire.Agent{Name: "a", Site: "a", Protocol: wire.Protocol, Token: 3, Run: "other", Visit: "x"}
	b.looks(c, 5*aWhile, busy)
	if v.sequence != before {
		t.Error("handed out anew while no site is idle")
	}
	busy.Visit = ""
	b.looks(c, 1, busy)
	if v.sequence <= before || len(c.out) != 1 {
		t.Errorf("sequence %d after %d: not handed out anew", v.sequence, before)
	}
}
