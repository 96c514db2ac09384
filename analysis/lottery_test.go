package analysis

import (
	"slices"
	"testing"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestLottery(t *testing.T) {
	cell := scenarios.Cell{Server: "a", Proxy: scenarios.Direct, Workers: 2, Threads: 4}
	other := scenarios.Cell{Server: "b", Proxy: scenarios.Direct, Workers: 2, Threads: 4}
	trial := func(c scenarios.Cell, connections ...int) Judged {
		return Judged{Trial: rundir.Trial{Step: rundir.Step{Cell: c}, Effective: rundir.Effective{Connections: connections}}}
	}
	for _, tt := range []struct {
		name    string
		trials  []Judged
		want    Lottery
		nothing bool
	}{
		{"nothing counted", []Judged{trial(cell)}, Lottery{}, true},
		{"one worker", []Judged{trial(cell, 32)}, Lottery{}, true},
		{"too few connections", []Judged{trial(cell, 0, 3)}, Lottery{}, true},
		{"no connections", []Judged{trial(cell, 0, 0)}, Lottery{}, true},
		{"of another cell", []Judged{trial(other, 32, 0)}, Lottery{}, true},
		{"even", []Judged{trial(cell, 16, 16)}, Lottery{Trials: 1, Typical: 1, Worst: 1, WorstOf: []int{16, 16}}, false},
		{"as lots fall", []Judged{trial(cell, 4, 28), trial(cell, 0, 32), trial(cell, 20, 12)}, Lottery{Trials: 3, Typical: 1.75, Worst: 2, WorstOf: []int{32, 0}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := lottery(cell, tt.trials)
			if tt.nothing {
				if got != nil {
					t.Errorf("got %+v, want none", got)
				}
				return
			}
			if got == nil || got.Trials != tt.want.Trials || got.Typical != tt.want.Typical || got.Worst != tt.want.Worst || !slices.Equal(got.WorstOf, tt.want.WorstOf) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
