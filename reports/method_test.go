package reports

import (
	"slices"
	"testing"

	"sweetspot/runner/rundir"
)

// The control groups in force are told, and that they have no quota only where
// they were looked at.
func TestControlGroupsAreTold(t *testing.T) {
	for _, tt := range []struct {
		name string
		host rundir.Host
		want []fact // of those about control groups
	}{
		{"not recorded", rundir.Host{}, nil},
		{"a quota of an older run", rundir.Host{CPUQuota: 1.5}, []fact{{"CPU quota (cgroup)", "1.50 CPUs"}}},
		{"no quota", rundir.Host{ControlGroups: "version 1 (cpu)", CPUSet: "0-1"},
			[]fact{{"Control groups", "version 1 (cpu)"}, {"CPU quota (cgroup)", "none"}, {"CPU set (cgroup)", "0-1"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.DeleteFunc(machine(rundir.Manifest{Host: tt.host}), func(f fact) bool {
				return !slices.Contains([]string{"Control groups", "CPU quota (cgroup)", "CPU set (cgroup)"}, f.Name)
			})
			if !slices.Equal(got, tt.want) {
				t.Errorf("facts %v, want %v", got, tt.want)
			}
		})
	}
}
