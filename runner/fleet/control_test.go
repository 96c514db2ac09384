package fleet

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sweetspot/runner"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
)

func allowed(t *testing.T) []int {
	t.Helper()
	cpus, err := sample.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	return cpus
}

// Two sites share a grid, and all of it is made once, for real.
func TestTwoSitesShareAGrid(t *testing.T) {
	b := newBed(t)
	_, leaveA := b.serve("a", nil)
	_, leaveB := b.serve("b", nil)
	if err := b.control(grid(6, 2)); err != nil {
		t.Fatal(err)
	}
	b.whole(6, 2)
	b.nothingAtHub()
	sites := map[string]int{}
	for _, trial := range b.run.Trials() {
		sites[trial.Placed.Site]++
		if trial.Load.Sent == 0 || trial.Failure != "" || trial.Broken != "" {
			t.Errorf("trial %d: %d sent, failure %q, broken %q", trial.ID, trial.Load.Sent, trial.Failure, trial.Broken)
		}
		if h, err := b.run.Histograms(trial.ID); err != nil || len(h) == 0 {
			t.Errorf("trial %d: histograms %v, %v", trial.ID, h, err)
		}
		if _, _, err := runner.Recount(b.run, trial); err != nil {
			t.Errorf("trial %d: %v", trial.ID, err)
		}
	}
	if sites["a"] == 0 || sites["b"] == 0 {
		t.Errorf("trials by site: %v, want some of both", sites)
	}
	if hosts := b.run.Hosts(); len(hosts) != 2 || hosts[0].Site != "a" || hosts[1].Versions == nil {
		t.Errorf("hosts %+v", hosts)
	}
	leaveA()
	leaveB()
	if left, err := process.Marked(b.run.Manifest.RunID); err != nil || len(left) > 0 {
		t.Errorf("processes left: %v, %v", left, err)
	}
}

// The trials of a visit are made on one stack, and who watches is told of them.
func TestVisitKeepsItsStack(t *testing.T) {
	b := newBed(t)
	b.serve("a", nil)
	told := map[int]uint64{}
	watch := func(i rundir.Interval) { told[i.Trial] += i.Done() }
	if err := Control(t.Context(), Config{Conn: b.nc, Run: b.run, Strategy: grid(2, 3), Watch: watch, Note: b.note}); err != nil {
		t.Fatal(err)
	}
	b.whole(2, 3)
	if len(told) == 0 {
		t.Error("nobody was told what came back")
	}
	for i, trial := range b.run.Trials() {
		if trial.Fresh != (i%3 == 0) {
			t.Errorf("trial %d: fresh %t", trial.ID, trial.Fresh)
		}
	}
}

// Wherever a controller is killed, its successor loses nothing and counts
// nothing twice.
func TestControllerIsKilledAndResumed(t *testing.T) {
	const visits, trials = 8, 3
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		b := newBed(t)
		b.serve("a", faking)
		b.serve("b", faking)
		kills := 0
		for {
			nc := b.connect()
			events := rng.IntN(15)
			killAt := func(runner.Event) {
				if events--; events < 0 {
					nc.Close()
				}
			}
			err := Control(t.Context(), Config{Conn: nc, Run: b.run, Strategy: grid(visits, trials), Note: b.note, Observe: killAt})
			if err != nil && events >= 0 {
				t.Fatal(err)
			}
			b.reopen()
			if err == nil {
				break
			}
			kills++
		}
		t.Logf("killed %d times", kills)
		b.whole(visits, trials)
		b.nothingAtHub()
	}
}

// A cancelled run stops everywhere, and can be resumed.
func TestCancel(t *testing.T) {
	b := newBed(t)
	b.serve("a", nil)
	slow := grid(2, 1)
	step := slow.Step
	slow.Step = func(done []rundir.Trial, v rundir.Visit) (rundir.Step, bool) {
		s, ok := step(done, v)
		s.Duration = time.Minute
		return s, ok
	}
	begun := make(chan struct{}, 10)
	go func() {
		<-begun
		if err := Cancel(context.Background(), b.connect(), b.run.Manifest.RunID); err != nil {
			t.Error(err)
		}
	}()
	err := Control(t.Context(), Config{Conn: b.nc, Run: b.run, Strategy: slow, Note: b.note, Observe: func(runner.Event) { begun <- struct{}{} }})
	if !errors.Is(err, ErrCancelled) || !errors.Is(err, runner.ErrInterrupted) {
		t.Fatalf("error %v, want ErrCancelled", err)
	}
	b.noted("visit ended: the run is over")
	s, err := StatusOf(t.Context(), b.nc, b.run.Manifest.RunID)
	if err != nil || len(s.Runs) != 1 || s.Runs[0].State != wire.Cancelled || len(s.Agents) != 1 {
		t.Errorf("status %+v, %v", s, err)
	}
	if err := b.control(grid(2, 1)); err != nil {
		t.Fatal(err)
	}
	b.whole(2, 1)
	b.nothingAtHub()
}

func TestUnknownRun(t *testing.T) {
	b := newBed(t)
	if err := Cancel(t.Context(), b.nc, "nosuch"); !errors.Is(err, ErrUnknown) {
		t.Errorf("cancel: %v", err)
	}
	if _, err := StatusOf(t.Context(), b.nc, "nosuch"); !errors.Is(err, ErrUnknown) {
		t.Errorf("status: %v", err)
	}
}

// A site that leaves gives its visit back at once, and another one makes it.
func TestSiteLeaves(t *testing.T) {
	b := newBed(t)
	_, leave := b.serve("a", nil)
	begun := make(chan string, 100)
	go func() {
		<-begun
		b.serve("b", faking)
		leave()
	}()
	err := Control(t.Context(), Config{Conn: b.nc, Run: b.run, Strategy: grid(3, 4), Note: b.note, Observe: func(e runner.Event) { begun <- e.Site }})
	if err != nil {
		t.Fatal(err)
	}
	b.whole(3, 4)
	if !slices.ContainsFunc(b.run.Trials(), func(t rundir.Trial) bool { return t.Placed.Site == "b" && t.Placed.Delivery > 1 }) {
		t.Errorf("no trial of a visit that was given back")
	}
}

// A site whose connection is cut in the middle of a visit says no goodbye: the
// queue gives the visit to another one.
func TestSiteDies(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	nc, _ := b.serve("a", nil)
	first := true
	err := Control(t.Context(), Config{Conn: b.nc, Run: b.run, Strategy: grid(2, 2), Note: b.note, Observe: func(e runner.Event) {
		if e.Trial != nil && first {
			first = false
			nc.Close()
			b.serve("b", faking)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.whole(2, 2)
	b.nothingAtHub()
}

// An interrupt leaves what was handed in for who goes on.
func TestInterrupt(t *testing.T) {
	b := newBed(t)
	b.serve("a", faking)
	ctx, cancel := context.WithCancel(t.Context())
	err := Control(ctx, Config{Conn: b.nc, Run: b.run, Strategy: grid(4, 3), Note: b.note, Observe: func(e runner.Event) {
		if e.Trial != nil && e.Trial.ID == 5 {
			cancel()
		}
	}})
	if !errors.Is(err, runner.ErrInterrupted) {
		t.Fatalf("error %v, want ErrInterrupted", err)
	}
	if n := len(b.run.Trials()); n < 5 || n == 12 {
		t.Errorf("%d trials", n)
	}
	b.reopen()
	if err := b.control(grid(4, 3)); err != nil {
		t.Fatal(err)
	}
	b.whole(4, 3)
	b.nothingAtHub()
}
