package runner

import (
	"slices"
	"testing"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestOwnCPUs(t *testing.T) {
	ours, target := scenarios.Cell{Server: "gunicorn-sync"}, scenarios.Cell{Server: scenarios.TargetServer}
	for _, tt := range []struct {
		name string
		cpus rundir.CPUs
		cell scenarios.Cell
		want []int
	}{
		{"CPUs of its own", rundir.CPUs{Generator: []int{0}, App: []int{1, 2, 3}}, ours, []int{0}},
		{"shared CPUs", rundir.CPUs{Generator: []int{0, 1}, App: []int{0, 1}, Shared: true}, ours, nil},
		{"a target may be anywhere", rundir.CPUs{Generator: []int{0}, App: []int{1, 2, 3}}, target, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ownCPUs(tt.cpus, tt.cell); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
