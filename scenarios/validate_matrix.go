package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// mostCores is the largest machine that the counts of a matrix are tried on.
const mostCores = 256

func (c checker) matrix() {
	m := c.s.Matrix
	if !c.given("matrix") && m.Servers == nil && m.Workers == nil {
		c.fault("matrix", "is missing", "say what to try: matrix: with servers, workers and threads")
		return
	}
	good := c.names("matrix.servers", "server", m.Servers, c.cat.Servers)
	good = c.names("matrix.proxies", "proxy", m.Proxies, c.cat.Proxies) && good
	good = c.counts("matrix.workers", m.Workers) && good
	good = c.counts("matrix.threads", m.Threads) && good
	good = c.counts("matrix.instances", m.Instances) && good
	c.word("matrix.missing", m.Missing, []string{FailMissing, SkipMissing})
	good = c.exclusions(m) && good
	if good {
		c.cells(m)
	}
}

// names checks a list of servers, proxies or services.
func (c checker) names(path, kind string, names, known []string) bool {
	if c.isWrong(path) {
		return false
	}
	if len(names) == 0 {
		c.fault(path, emptyOrMissing(c.given(path)), "known: "+oneOf(known))
		return false
	}
	good := true
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case c.isWrong(at):
		case !slices.Contains(known, name):
			c.fault(at, fmt.Sprintf("names the unknown %s %q", kind, name), suggest(name, known))
		case slices.Index(names, name) < i:
			c.fault(at, fmt.Sprintf("names %s a second time", name), "delete it")
		default:
			continue
		}
		good = false
	}
	return good
}

// counts checks a list of workers, threads or instances for machines of every size.
func (c checker) counts(path string, counts Counts) bool {
	if c.isWrong(path) {
		return false
	}
	if len(counts) == 0 {
		c.fault(path, emptyOrMissing(c.given(path)), countHint)
		return false
	}
	if len(counts) > MaxCount {
		c.fault(path, fmt.Sprintf("has %d elements, must be at most %d", len(counts), MaxCount), "write a range such as 1..8")
		return false
	}
	good := true
	for i, text := range counts {
		if err := expandsAnywhere(text); err != nil {
			c.misfit(c.element(path, i), err)
			good = false
		}
		good = good && !c.isWrong(c.element(path, i))
	}
	return good
}

// expandsAnywhere returns what is wrong with an element of Counts on the
// smallest machine where something is.
func expandsAnywhere(text string) error {
	most := mostCores
	if !strings.Contains(text, "cores") {
		most = 1
	}
	for cores := 1; cores <= most; cores++ {
		if _, err := expand(text, cores); err != nil {
			return err
		}
	}
	return nil
}

// exclusions checks that each names cells, servers and proxies that exist.
func (c checker) exclusions(m Matrix) bool {
	good := true
	for i, text := range m.Exclude {
		path := fmt.Sprintf("matrix.exclude[%d]", i)
		if c.isWrong(path) {
			good = false
			continue
		}
		e, err := parseExclusion(text)
		if err != nil {
			c.misfit(path, err)
			good = false
			continue
		}
		for _, part := range []struct {
			key   string
			names []string
		}{
			{"server", c.cat.Servers}, {"proxy", c.cat.Proxies},
		} {
			// One that exists but is not in the matrix excludes nothing: it is
			// there for when --set brings it back.
			if name, ok := e[part.key]; ok && !slices.Contains(part.names, name) {
				c.fault(path, fmt.Sprintf("names the unknown %s %q", part.key, name), suggest(name, part.names))
				good = false
			}
		}
	}
	return good
}

// cells checks that the matrix spans some cells, not too many, and that one
// of them can be started.
func (c checker) cells(m Matrix) {
	n, onCores := len(m.Servers)*len(m.Proxies), false
	for _, counts := range []Counts{m.Workers, m.Threads, m.Instances} {
		some, _ := counts.Expand(1)
		n *= len(some)
		onCores = onCores || counts.dependsOnCores()
	}
	if n > maxCells {
		c.fault("matrix", fmt.Sprintf("spans %d cells, must be at most %d", n, maxCells), "use a step, as in 1..64/8")
		return
	}
	grid := m.grid(1)
	if len(grid) == 0 {
		c.faultIf(!onCores, "matrix.exclude", "leaves no cell of the matrix", "exclude less")
		return
	}
	why := ""
	for _, p := range grid {
		if why = c.cat.applies(c.s, p.Cell); why == "" {
			return
		}
	}
	known := []string{WSGI, ASGI, Embedded}
	switch {
	case !slices.Contains(known, c.s.App.Interface):
	case c.runsOne(m):
		c.fault("matrix", "has no cell that can be started: "+why, "try other proxies, workers, threads or instances")
	default:
		c.fault("matrix.servers", "has no server that can run the application: "+why, "use servers for interface "+c.s.App.Interface)
	}
}

// runsOne tells whether a server of the matrix can run the application with
// one worker of one thread.
func (c checker) runsOne(m Matrix) bool {
	return slices.ContainsFunc(m.Servers, func(server string) bool {
		return slices.ContainsFunc(m.Proxies, func(proxy string) bool {
			return c.cat.applies(c.s, Cell{Server: server, Proxy: proxy, Workers: 1, Threads: 1}) == ""
		})
	})
}
