package main

import (
	"errors"
	"strings"
	"testing"

	"sweetspot/runner/cgroup"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestConfinable(t *testing.T) {
	refuse := func(cgroup.Limits) error { return cgroup.ErrRefused }
	permit := func(cgroup.Limits) error { return nil }
	asked := func(l cgroup.Limits) error {
		t.Errorf("asked for a group with %+v, though none is needed", l)
		return nil
	}
	for _, tt := range []struct {
		name      string
		limits    scenarios.Limits
		cores     []float64
		permitted func(cgroup.Limits) error
		note      string
		errs      []string // parts, in order; none: no error
	}{
		{"nothing asked for", scenarios.Limits{}, nil, asked, "", nil},
		{"whole cores", scenarios.Limits{}, []float64{1, 2}, asked, "", nil},
		{"limits and fractions, permitted", scenarios.Limits{CPU: 1.5, Memory: 1 << 28}, []float64{0.5, 2}, permit, "", nil},
		{"limits, refused", scenarios.Limits{CPU: 1.5}, []float64{1, 2}, refuse, "the limits will not be enforced: no control group can be made here", nil},
		{"memory, refused", scenarios.Limits{Memory: 1 << 28}, nil, refuse, "the limits will not be enforced: ", nil},
		{"fractions, refused", scenarios.Limits{}, []float64{1, 0.5, 1.5}, refuse, "", []string{"search.cores[1]: 0.5 cores take a CPU quota: no control group can be made here; or measure on whole cores only"}},
		{"more than there are", scenarios.Limits{CPU: 4}, []float64{1, 2.5, 3}, permit, "",
			[]string{"limits.cpu: the application cannot use 4 cores on its CPUs [4 6]", "search.cores[1]: 2.5 cores are more than the application's CPUs [4 6]; leave them out", "search.cores[2]: 3 cores"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &scenarios.Scenario{Limits: tt.limits}
			s.Search.Cores = tt.cores
			note, err := confinable(s, rundir.CPUs{App: []int{4, 6}}, tt.permitted)
			if (note == "") != (tt.note == "") || !strings.HasPrefix(note, tt.note) {
				t.Errorf("note %q, want %q", note, tt.note)
			}
			text := errors.Join(err, errors.New("")).Error()
			for _, part := range tt.errs {
				_, after, found := strings.Cut(text, part)
				if !found {
					t.Errorf("error %v, want %q in it", err, part)
				}
				text = after
			}
			if (err == nil) != (len(tt.errs) == 0) {
				t.Errorf("error %v, want %q", err, tt.errs)
			}
		})
	}
}
