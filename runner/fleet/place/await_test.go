package place

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sweetspot/runner/fleet/wire"
)

// expected are two agents of a site.
var expected = []Agent{
	{"app1", "a", wire.Subject, "app1.example"},
	{"load1", "a", wire.Generator, "load1.example"},
}

func beating(a Agent) wire.Agent {
	return wire.Agent{Name: a.Name, Site: a.Site, Role: a.Role, Version: "v1", Protocol: wire.Protocol}
}

// TestAwait lets agents come one after the other. Time is the test's own.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		foreign := wire.Agent{Name: "other", Site: "a", Role: wire.Generator}
		elsewhere := wire.Agent{Name: "far", Site: "b", Role: wire.Both}
		var told []int
		others, err := Await(t.Context(), Wait{
			Expected: expected,
			Version:  "v1",
			Agents: func(context.Context) ([]wire.Agent, error) {
				there := []wire.Agent{foreign, elsewhere}
				for i, a := range expected {
					if time.Since(began) >= time.Duration(i+1)*10*time.Second {
						there = append(there, beating(a))
					}
				}
				return there, nil
			},
			Tell: func(m Missing) { told = append(told, len(m)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 20*time.Second || took > 21*time.Second {
			t.Errorf("waited %v, want 20s to 21s", took)
		}
		if !slices.Equal(told, []int{2, 1, 0}) {
			t.Errorf("told of %v missing, want 2, 1, 0", told)
		}
		if len(others) != 1 || others[0].Name != "other" {
			t.Errorf("others %v, want the one of site a that nobody expects", others)
		}
	})
}

// After the deadline the error says who is missing, why, and what to do.
func TestMissing(t *testing.T) {
	change := func(f func(*wire.Agent)) []wire.Agent {
		a := beating(expected[1])
		f(&a)
		return []wire.Agent{beating(expected[0]), a}
	}
	for _, tt := range []struct {
		name  string
		there []wire.Agent
		err   error
		why   map[string]string
		want  string
	}{
		{"nobody", nil, nil, nil, `after 1m0s 2 agents are missing:
  app1, subject of site a on app1.example: no beat; start it, and read its log where that was done
  load1, generator of site a on load1.example: no beat; start it, and read its log where that was done`},
		{"known why", []wire.Agent{beating(expected[0])}, nil, map[string]string{"load1": "Pod x is not scheduled: no node", "app1": "is not asked"}, `after 1m0s 1 agent is missing:
  load1, generator of site a on load1.example: no beat: Pod x is not scheduled: no node`},
		{"version", change(func(a *wire.Agent) { a.Version = "v0" }), nil, nil, `after 1m0s 1 agent is missing:
  load1, generator of site a on load1.example: runs sweetspot v0 (protocol 1), and this is v1 (protocol 1); install the same one there`},
		{"protocol", change(func(a *wire.Agent) { a.Protocol = 0 }), nil, nil, `after 1m0s 1 agent is missing:
  load1, generator of site a on load1.example: runs sweetspot v1 (protocol 0), and this is v1 (protocol 1); install the same one there`},
		{"role", change(func(a *wire.Agent) { a.Role = wire.Both }), nil, nil, `after 1m0s 1 agent is missing:
  load1, generator of site a on load1.example: beats as subject and generator of site a; start it with a key for this: sweetspot hub issue load1 --role generator --site a`},
		{"site", change(func(a *wire.Agent) { a.Site = "b" }), nil, nil, `after 1m0s 1 agent is missing:
  load1, generator of site a on load1.example: beats as generator of site b; start it with a key for this: sweetspot hub issue load1 --role generator --site a`},
		{"no hub", nil, errors.New("connection lost"), nil, `after 1m0s 2 agents are missing:
  app1, subject of site a on app1.example: the hub does not say: connection lost
  load1, generator of site a on load1.example: the hub does not say: connection lost`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := Await(t.Context(), Wait{
					Expected: expected, Version: "v1", Deadline: time.Minute,
					Agents: func(context.Context) ([]wire.Agent, error) { return tt.there, tt.err },
					Why:    func(context.Context) map[string]string { return tt.why },
				})
				var m Missing
				if !errors.As(err, &m) {
					t.Fatalf("error %v is no Missing", err)
				}
				if err.Error() != tt.want {
					t.Errorf("got:\n%s\nwant:\n%s", err, tt.want)
				}
			})
		})
	}
}

// Ctrl-C ends the wait at once, and is not taken for missing agents.
func TestAwaitInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Await(ctx, Wait{
		Expected: expected,
		Agents:   func(context.Context) ([]wire.Agent, error) { cancel(); return nil, nil },
	})
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "missing") {
		t.Errorf("error %v, want that of the context", err)
	}
}
