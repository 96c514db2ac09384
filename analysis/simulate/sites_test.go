package simulate

import (
	"slices"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// bursts is a fleet of so many visits of two bursts each, of which any may be
// made at any time.
func bursts(n int) rundir.Fleet {
	made := func(done []rundir.Trial, start int) (k int) {
		for _, t := range done {
			if t.Step.Start == start {
				k++
			}
		}
		return k
	}
	step := func(done []rundir.Trial, v rundir.Visit) (rundir.Step, bool) {
		return rundir.Step{Cell: v.Cell, Start: v.Start, Connections: 2, Duration: 10 * time.Second}, made(done, v.Start) < 2
	}
	return rundir.Fleet{Step: step, Visits: func(done []rundir.Trial, busy []rundir.Visit, most int) (next []rundir.Visit, over bool) {
		for start := range n {
			v := rundir.Visit{Cell: cell(1, 1), Start: start}
			if made(done, start) < 2 && !slices.Contains(busy, v) && len(next) < most {
				next = append(next, v)
			}
		}
		return next, len(next)+len(busy) == 0
	}}
}

// Six visits of 26 s are made by three sites in 52 s. When one dies in its
// second visit, another makes the rest of that one.
func TestSites(t *testing.T) {
	w := &World{Cores: 1, CPU: Time{Mean: 10 * ms}}
	for _, tt := range []struct {
		name  string
		dies  time.Duration
		wall  time.Duration
		fresh int
	}{
		{"all live", 0, 52 * time.Second, 6},
		{"one dies in the first trial of a visit", 30 * time.Second, 78 * time.Second, 6},
		{"one dies in the second", 45 * time.Second, 68 * time.Second, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Sites{Dies: []time.Duration{0, tt.dies}}
			for range 3 {
				s.Machines = append(s.Machines, NewMachine(w, &scenarios.Scenario{}, Noise{}, 1))
			}
			done, ended := s.Search(bursts(6), 100)
			if !ended || len(done) != 12 || s.Wall != tt.wall {
				t.Errorf("%d trials in %v, ended %v; want 12 in %v", len(done), s.Wall, ended, tt.wall)
			}
			fresh := 0
			for i, tr := range done {
				if tr.ID != i+1 {
					t.Errorf("trial %d has the ID %d", i+1, tr.ID)
				}
				if tr.Fresh {
					fresh++
				}
			}
			if fresh != tt.fresh {
				t.Errorf("%d fresh starts, want %d", fresh, tt.fresh)
			}
		})
	}
}
