package scenarios

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Bounds of what a scenario may ask for. Beyond them a figure is a slip of
// the keyboard.
const (
	maxName     = 64
	maxRequests = 1000
	maxCells    = 4096
	maxValues   = 100_000
	maxStarts   = 100
	maxDeadline = Duration(10 * time.Minute)
	maxBudget   = Duration(7 * 24 * time.Hour)
	minMemory   = Bytes(1e6)
	minCores    = 0.1 // a period of 100 ms has 10 ms of them
	maxCores    = 4096
	minRegret   = Share(0.001)

	maxConnections = 1_000_000
)

// Validate returns everything wrong with a scenario whose defaults are filled
// in, as Faults, or nil. Relative paths start from dir.
func (s *Scenario) Validate(dir string, cat Catalogue) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("resolve the folder of scenario %s: %w", s.Name, err)
	}
	c := checker{document: &document{file: s.Name}, s: s, cat: cat, dir: dir}
	c.all()
	if len(c.faults) > 0 {
		return c.faults
	}
	return nil
}

// checker looks for faults in what a scenario says.
type checker struct {
	*document
	s   *Scenario
	cat Catalogue
	dir string // absolute; where relative paths start
}

func (c checker) all() {
	c.name()
	if c.hasTarget() {
		c.target()
	} else {
		c.app()
		c.services()
		c.proxy()
		c.matrix()
		c.compare()
	}
	c.traffic()
	c.objectives()
	c.limits()
	c.search()
	c.gate()
	c.cpus()
}

// fault adds a fault of a field's content, unless its form is wrong already.
func (c checker) fault(path, message, hint string) {
	if !c.isWrong(path) {
		c.at(c.find(path), path, message, hint)
	}
}

// misfit adds the fault that err tells of a field's content.
func (c checker) misfit(path string, err error) {
	message, hint := parts(err)
	c.fault(path, message, hint)
}

// missing reports a text that is absent or empty. It returns false when there
// is one to look at.
func (c checker) missing(path, text, hint string) bool {
	switch {
	case c.isWrong(path):
		return true
	case text != "":
		return false
	case c.given(path):
		c.fault(path, "is empty", hint)
	default:
		c.fault(path, "is missing", hint)
	}
	return true
}

// word reports a text that is none of the known words.
func (c checker) word(path, text string, known []string) {
	hint := ""
	if k := nearest(text, known); k != "" {
		hint = "did you mean " + k + "?"
	}
	c.faultIf(!slices.Contains(known, text), path, fmt.Sprintf("is %q, must be %s", text, oneOf(known)), hint)
}

// faultIf adds a fault if bad is true.
func (c checker) faultIf(bad bool, path, message, hint string) {
	if bad {
		c.fault(path, message, hint)
	}
}

// between reports a duration out of its bounds.
func (c checker) between(path string, d, least, most Duration) {
	switch {
	case d < least && least > 0:
		c.fault(path, fmt.Sprintf("is %s, must be at least %s", d, least), "")
	case d < 0:
		c.fault(path, fmt.Sprintf("is %s, must not be negative", d), "")
	case d > most:
		c.fault(path, fmt.Sprintf("is %s, must be at most %s", d, most), "")
	}
}

// count reports an integer out of its bounds.
func (c checker) count(path string, n, least, most int) {
	c.faultIf(n < least || n > most, path, fmt.Sprintf("is %d, must be from %d to %d", n, least, most), "")
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func (c checker) name() {
	name := c.s.Name
	if c.missing("name", name, "name the scenario, as in name: shop") {
		return
	}
	if !nameForm.MatchString(name) || len(name) > maxName {
		c.fault("name", fmt.Sprintf("is %q, must be up to %d letters, digits, dots, dashes and underscores", name, maxName), "the folders of its runs are named after it")
	}
}

func (c checker) limits() {
	m := c.s.Limits.Memory
	switch {
	case m < 0:
		c.fault("limits.memory", fmt.Sprintf("is %s, must not be negative", m), "")
	case m > 0 && m < minMemory:
		c.fault("limits.memory", fmt.Sprintf("is %s, and no application fits in less than %s", m, minMemory), "")
	}
	l := c.s.Limits
	c.cores("limits.cpu", l.CPU)
	c.count("limits.connections", l.Connections, 0, maxConnections)
	c.count("limits.reserve", l.Reserve, 0, maxConnections)
	c.faultIf(l.Connections > 0 && l.Reserve >= l.Connections, "limits.reserve",
		fmt.Sprintf("is %d of %d connections, which leaves the application none", l.Reserve, l.Connections), "lower it, or raise limits.connections")
	c.share("limits.headroom", l.Headroom, 0)
}

// cores reports a number of cores out of its bounds; 0 is none given.
func (c checker) cores(path string, n float64) {
	c.faultIf(n < 0 || n > 0 && n < minCores || n > maxCores, path, fmt.Sprintf("is %g, must be from %g to %d", n, minCores, maxCores), "")
}

// share reports a share below least, or of the whole or more.
func (c checker) share(path string, s, least Share) {
	c.faultIf(s < least || s >= 1, path, fmt.Sprintf("is %s, must be from %s to less than 100%%", s, least), "")
}

func (c checker) search() {
	s := c.s.Search
	c.word("search.strategy", s.Strategy, []string{Grid, Adaptive})
	c.between("search.budget", s.Budget, Duration(time.Second), maxBudget)
	c.count("search.replicates", s.Replicates, 1, maxStarts)
	c.count("search.finals", s.Finals, 1, maxStarts)
	c.share("search.regret", s.Regret, minRegret)
	for i, n := range s.Cores {
		path := fmt.Sprintf("search.cores[%d]", i)
		c.faultIf(n == 0, path, "is 0, must be more", "")
		c.cores(path, n)
		c.faultIf(slices.Contains(s.Cores[:i], n), path, fmt.Sprintf("is %g, which is there already", n), "keep one of them")
	}
	for _, part := range []struct {
		path   string
		length Duration
	}{
		{"search.trial", s.Trial}, {"search.burst", s.Burst}, {"search.warmup", s.Warmup},
	} {
		if part.length > s.Budget && part.length <= maxBudget && !c.isWrong("search.budget") {
			c.fault(part.path, fmt.Sprintf("is %s, longer than the whole budget of %s", part.length, s.Budget), "shorten it or raise search.budget")
			continue
		}
		c.between(part.path, part.length, 0, maxBudget)
	}
}

func (c checker) cpus() {
	for _, set := range []struct{ path, list string }{
		{"cpus.generator", c.s.CPUs.Generator}, {"cpus.proxy", c.s.CPUs.Proxy}, {"cpus.app", c.s.CPUs.App},
	} {
		if _, err := ParseCPUs(set.list); err != nil {
			c.misfit(set.path, err)
		}
	}
}

func (c checker) objectives() {
	if len(c.s.Objectives) == 0 {
		c.fault("objectives", "is empty", "delete it for the default, p99 < 500ms and errors < 0.1%")
	}
	classes := c.classes()
	first := make(map[string]int)
	for i, o := range c.s.Objectives {
		path := fmt.Sprintf("objectives[%d]", i)
		if c.isWrong(path) {
			continue
		}
		bounded := o.Class + " " + o.Metric
		if j, ok := first[bounded]; ok {
			c.fault(path, fmt.Sprintf("bounds the same as objectives[%d], %q", j, c.s.Objectives[j]), "keep one of them")
		} else {
			first[bounded] = i
		}
		if classes != nil && o.Class != All && !slices.Contains(classes, o.Class) {
			c.fault(path, strconv.Quote(o.String())+" can never be judged: no request is "+o.Class, "give a request class: "+o.Class+", or delete the objective")
		}
	}
}
