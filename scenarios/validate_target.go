package scenarios

import (
	"reflect"
	"slices"
	"strings"
)

// hasTarget tells whether the scenario is of a target, be it a faulty one.
func (c checker) hasTarget() bool { return c.s.Target != "" || c.given("target") }

// target checks the address of the server, that nothing is said of it that
// only a stack of the run's own has, and that it is one cell.
func (c checker) target() {
	if c.missing("target", c.s.Target, "write an address, as http://127.0.0.1:8000, or delete it and say what to start in app") {
		return
	}
	if _, err := parseTarget(c.s.Target); err != nil {
		c.misfit("target", err)
	}
	c.startsNothing()
	c.oneCount("matrix.workers", c.s.Matrix.Workers)
	c.oneCount("matrix.threads", c.s.Matrix.Threads)
}

// startsNothing reports what is said of processes that the run does not start.
func (c checker) startsNothing() {
	s, m := c.s, c.s.Matrix
	for _, part := range []struct {
		path  string
		isSet bool
	}{
		{"app", !reflect.ValueOf(s.App).IsZero() || c.given("app")},
		{"services", len(s.Services) > 0 || c.given("services")},
		{"proxy", s.Proxy != Proxy{} || c.given("proxy")},
		{"matrix.servers", !slices.Equal(m.Servers, []string{TargetServer})},
		{"matrix.proxies", !slices.Equal(m.Proxies, []string{Direct})},
		{"matrix.instances", !slices.Equal(m.Instances, Counts{"1"})},
		{"matrix.missing", m.Missing != FailMissing},
		{"matrix.exclude", len(m.Exclude) > 0},
		{"traffic.page_cache", s.Traffic.PageCache == ColdCache},
		{"limits.cpu", s.Limits.CPU != 0},
		{"limits.memory", s.Limits.Memory != 0},
		{"search.compare", s.Search.Compare != ""},
		{"search.hot", s.Search.Hot},
		{"search.cores", len(s.Search.Cores) > 0},
		{"cpus.proxy", s.CPUs.Proxy != ""},
		{"cpus.app", s.CPUs.App != ""},
	} {
		c.faultIf(part.isSet, part.path, "is of stacks that the run starts, and target is a server that already runs", "delete it, or delete target")
	}
}

// oneCount reports counts that are more than one, or may be on some machine.
func (c checker) oneCount(path string, counts Counts) {
	if c.counts(path, counts) {
		c.faultIf(len(counts) > 1 || strings.Contains(counts[0], ".."), path, "is more than one count, and a target runs with one already", "write the one that it runs with")
	}
}
