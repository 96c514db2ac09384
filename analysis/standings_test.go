package analysis

import (
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Whenever one looks, every cell is there once; when the search is over, the
// standings are what it came to.
func TestStandingsFollowASearch(t *testing.T) {
	s := testScenario(20*time.Minute, "p99 < 500ms")
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{2, 2}, [2]int{4, 2})
	done, ended := newSimulated(2, 0, 20*time.Millisecond, 3).search(Grid(s, cells), 500)
	if !ended {
		t.Fatalf("the search did not end in %d trials", len(done))
	}
	standings := Standings(s, cells)
	for _, st := range standings(nil) {
		if st.State != Waiting || st.Sustained != 0 || st.Throughput != 0 || st.Starts != 0 {
			t.Errorf("before the first trial: %+v", st)
		}
	}
	for n := range done {
		seen := map[scenarios.Cell]bool{}
		for _, st := range standings(done[:n+1]) {
			seen[st.Cell] = true
		}
		if len(seen) != len(cells) {
			t.Fatalf("after %d trials %d cells, want %d", n+1, len(seen), len(cells))
		}
	}
	res := conclude(t, s, cells, done)
	best := standings(done)[0]
	if best.Cell != res.Winner.Cell || best.State != InFinals || best.Sustained != res.Winner.Final.Value {
		t.Errorf("the best is %+v, the result names %v with %v", best, res.Winner.Cell, *res.Winner.Final)
	}
}

// A cell that does not start, or meets the objectives at no rate, comes behind
// those that nobody has looked at yet.
func TestStandingsOfCellsThatFail(t *testing.T) {
	s := testScenario(20*time.Minute, "p99 < 500ms")
	cells := cellsOf([2]int{1, 1}, [2]int{2, 1}, [2]int{2, 2}, [2]int{4, 2})
	burst := func(cell int, goodput float64) rundir.Trial {
		t := rundir.Trial{Step: rundir.Step{Cell: cells[cell].Cell, Phase: rundir.Saturation, Connections: 2}}
		t.Load.Sent, t.Load.Goodput = 1000, goodput
		t.Load.Classes = map[string]rundir.Class{scenarios.All: {Sent: 1000, Good: 1000}}
		t.Effective.Workers = cells[cell].Cell.Workers
		return t
	}
	probe := burst(1, 10)
	probe.Step.Phase, probe.Step.Rate = rundir.Probe, 10
	probe.Load.Offered, probe.Load.Achieved = 10, 10
	probe.Load.Classes = map[string]rundir.Class{scenarios.All: {Sent: 1000, Good: 0}}
	trials := []rundir.Trial{
		{Step: rundir.Step{Cell: cells[0].Cell, Phase: rundir.Saturation}, Failure: "exit status 1"},
		burst(1, 100), probe, burst(2, 50),
	}
	var got []string
	for _, st := range Standings(s, cells)(trials) {
		got = append(got, st.State)
	}
	want := []string{Burst, Waiting, Infeasible, Crashed}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("states %q, want %q", got, want)
		}
	}
}
