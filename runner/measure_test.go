package runner

import (
	"testing"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestApart(t *testing.T) {
	ours, target := scenarios.Cell{Server: "gunicorn-sync"}, scenarios.Cell{Server: scenarios.TargetServer}
	for _, tt := range []struct {
		name string
		cpus rundir.CPUs
		cell scenarios.Cell
		want bool
	}{
		{"CPUs of its own", rundir.CPUs{Generator: []int{0}, App: []int{1, 2, 3}}, ours, true},
		{"shared CPUs", rundir.CPUs{Generator: []int{0, 1}, App: []int{0, 1}, Shared: true}, ours, false},
		{"no set", rundir.CPUs{}, ours, false},
		{"a target may be anywhere", rundir.CPUs{Generator: []int{0}, App: []int{1, 2, 3}}, target, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := apart(tt.cpus, tt.cell); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
