package analysis

import (
	"slices"
	"testing"

	"sweetspot/runner/rundir"
)

func TestSiteDoubts(t *testing.T) {
	subject := func(agent, site string) rundir.FleetHost {
		return rundir.FleetHost{
			Agent: agent, Site: site, Version: "v1", Versions: map[string]string{"nginx": "1.22"}, Sets: &rundir.CPUs{Generator: []int{0}, App: []int{1}},
			Host: rundir.Host{Hostname: agent, Kernel: "6.1", CPUModel: "EPYC"},
		}
	}
	for _, tt := range []struct {
		name   string
		change func(hosts []rundir.FleetHost) []rundir.FleetHost
		want   []string
	}{
		{"alike", func(h []rundir.FleetHost) []rundir.FleetHost { return h }, nil},
		{"a kernel of two sites", func(h []rundir.FleetHost) []rundir.FleetHost {
			h[1].Host.Kernel, h[2].Host.Kernel = "6.5", "6.18"
			return h
		}, []string{"The sites are not alike, so that their configurations may not compare; kernel: 6.1 at a (a1), 6.5 at b (b1), 6.18 at c (c1)."}},
		{"versions and CPU sets", func(h []rundir.FleetHost) []rundir.FleetHost {
			h[1].Version, h[1].Versions, h[1].Sets = "v2", map[string]string{"haproxy": "2.6"}, nil
			return h
		}, []string{
			"The sites are not alike, so that their configurations may not compare; version of sweetspot: v1 at a (a1), v2 at b (b1).",
			"The sites are not alike, so that their configurations may not compare; version of haproxy: none at a (a1), 2.6 at b (b1).",
			"The sites are not alike, so that their configurations may not compare; version of nginx: 1.22 at a (a1), none at b (b1).",
			"The sites are not alike, so that their configurations may not compare; CPU sets: generator 0, proxy any, application 1 at a (a1), none at b (b1).",
		}},
		{"a host that measured nothing", func(h []rundir.FleetHost) []rundir.FleetHost {
			return append(h, rundir.FleetHost{Agent: "g1", Site: "a", Host: rundir.Host{Kernel: "5"}})
		}, nil},
		{"a host that is not recorded", func(h []rundir.FleetHost) []rundir.FleetHost { return h[:2] },
			[]string{"Nothing is recorded of the host of agent c1, on which configurations were measured."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hosts := tt.change([]rundir.FleetHost{subject("a1", "a"), subject("b1", "b"), subject("c1", "c")})
			var trials []Judged
			for _, agent := range []string{"c1", "a1", "b1", "c1"} {
				trials = append(trials, Judged{Trial: rundir.Trial{Placed: &rundir.Placed{Agent: agent}}})
			}
			if got := SiteDoubts(hosts, trials); !slices.Equal(got, tt.want) {
				t.Errorf("doubts\n%q, want\n%q", got, tt.want)
			}
		})
	}
	if got := SiteDoubts(nil, []Judged{{}}); got != nil {
		t.Errorf("a run of one machine has the doubts %q", got)
	}
}
