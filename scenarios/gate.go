package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Gate says when a build is too slow to go in, and how the two builds are
// measured against each other.
type Gate struct {
	Fail       []Criterion `yaml:"fail,omitempty" json:"fail,omitempty"`               // what decides; default throughput drops > 5%, cpu grows > 5% and errors grows > 0.1%
	Warn       []Criterion `yaml:"warn,omitempty" json:"warn,omitempty"`               // what is judged the same and never fails; default p50 grows > 10% and p95 grows > 10%
	Load       Share       `yaml:"load,omitempty" json:"load,omitempty"`               // of the base's saturation: the fixed rate at which latencies are compared; default 70%
	Rounds     int         `yaml:"rounds,omitempty" json:"rounds,omitempty"`           // in which both builds are started afresh, at most; default 20
	Bursts     int         `yaml:"bursts,omitempty" json:"bursts,omitempty"`           // closed loops on each build in a round; default 6
	Burst      Duration    `yaml:"burst,omitempty" json:"burst,omitempty"`             // measured length of one; default 1s
	OpenBursts int         `yaml:"open_bursts,omitempty" json:"open_bursts,omitempty"` // bursts at the fixed rate on each build in a round; default 2
	OpenBurst  Duration    `yaml:"open_burst,omitempty" json:"open_burst,omitempty"`   // measured length of one; default 2500ms
	Settle     Duration    `yaml:"settle,omitempty" json:"settle,omitempty"`           // load before every burst, eight times as long at a fresh start; default 250ms
	Budget     Duration    `yaml:"budget,omitempty" json:"budget,omitempty"`           // wall time of the gate; default 10m
	Cell       string      `yaml:"cell,omitempty" json:"cell,omitempty"`               // the configuration that both builds run with, as server=…/proxy=…/workers=…/threads=…; default the only one of the matrix, else the first server and proxy with workers nearest to 2 × cores and the fewest threads
}

// Metrics of a gate, in the order of reports. p50, p95, p99 and errors are
// those of an objective.
const (
	Throughput = "throughput" // verified answers per second of a closed loop
	CPU        = "cpu"        // CPU time of application and proxy per verified answer
	Response   = "response"   // median response time in the closed loops: as many wait there whatever a build does, so it tells one request's own work
	Memory     = "memory"     // PSS of application and proxy
	Startup    = "startup"    // time from spawning to ready
)

// GateMetrics are the metrics that a gate compares.
var GateMetrics = []string{Throughput, CPU, Response, "p50", "p95", "p99", Errors, Memory, Startup}

// ScopedMetrics are those that are known of a class or a request alone.
var ScopedMetrics = []string{Response, "p50", "p95", "p99", Errors}

// Criterion bounds how much worse a metric may be in the candidate than in the
// base. In YAML it is a text such as "p95 grows > 10%", "checkout p95 grows >
// 10%" or "errors grows > 0.1%".
type Criterion struct {
	Scope  string  // a class or the name of a request; empty: all traffic
	Metric string  // one of GateMetrics
	By     float64 // relative change that is still accepted, 0.05 is 5 %; of Errors the difference of the two rates
}

// Drops tells whether less of the metric is worse.
func (c Criterion) Drops() bool { return c.Metric == Throughput }

// Key names the metric, as p95 or p95/checkout.
func (c Criterion) Key() string {
	if c.Scope == "" {
		return c.Metric
	}
	return c.Metric + "/" + c.Scope
}

// String prints the criterion as it is written in YAML.
func (c Criterion) String() string {
	text := c.Metric + " " + c.direction() + " > " + strconv.FormatFloat(c.By*100, 'g', 12, 64) + "%"
	if c.Scope != "" {
		return c.Scope + " " + text
	}
	return text
}

func (c Criterion) direction() string {
	if c.Drops() {
		return "drops"
	}
	return "grows"
}

// MarshalText implements encoding.TextMarshaler.
func (c Criterion) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Criterion) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCriterion(string(text))
	return err
}

// The scope may hold blanks: the metric is the last word before drops or grows.
var criterionForm = regexp.MustCompile(`^(?:(.*\S) +)?(\S+) +([a-z]+) *(>=|<=|>|<|==|=) *(\S+(?: %)?)$`)

const criterionHint = `write "throughput drops > 5%", "p95 grows > 10%" or "checkout p95 grows > 10%"`

// ParseCriterion reads a criterion, as in "checkout p95 grows > 10%".
func ParseCriterion(text string) (Criterion, error) {
	m := criterionForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil || m[3] != "drops" && m[3] != "grows" {
		return Criterion{}, misfit{text, "is not a criterion", criterionHint}
	}
	c := Criterion{Scope: m[1], Metric: m[2]}
	if c.Scope == All {
		c.Scope = ""
	}
	switch {
	case !slices.Contains(GateMetrics, c.Metric):
		return Criterion{}, misfit{text, "names an unknown metric " + c.Metric, "known: " + strings.Join(GateMetrics, ", ")}
	case m[3] != c.direction():
		return Criterion{}, misfit{text, fmt.Sprintf("bounds what is better: %s that %s is no regression", c.Metric, m[3]), "write " + c.direction()}
	case m[4] != ">":
		return Criterion{}, misfit{text, "compares by " + m[4], "a criterion says what is too much: write >"}
	}
	digits, isPercent := strings.CutSuffix(m[5], "%")
	by, err := hundredth(strings.TrimSpace(digits))
	most := 10.
	if c.Drops() || c.Metric == Errors {
		most = 1
	}
	switch {
	case err != nil || !isPercent:
		return Criterion{}, misfit{text, "has no percentage behind >", criterionHint}
	case !(by > 0) || math.IsInf(by, 0):
		return Criterion{}, misfit{text, "accepts no change at all, which no measurement can show", "write a percentage above 0%"}
	case by >= most:
		return Criterion{}, misfit{text, "can never fail", fmt.Sprintf("write less than %g%%", 100*most)}
	}
	c.By = by
	return c, nil
}

func (g *Gate) setDefaults(given func(path string) bool) {
	if !given("gate.fail") {
		g.Fail = []Criterion{{Metric: Throughput, By: 0.05}, {Metric: CPU, By: 0.05}, {Metric: Errors, By: 0.001}}
		if !given("gate.warn") {
			g.Warn = []Criterion{{Metric: "p50", By: 0.1}, {Metric: "p95", By: 0.1}}
		}
	}
	setDefault(given("gate.load"), &g.Load, 0.7)
	setDefault(given("gate.rounds"), &g.Rounds, 20)
	setDefault(given("gate.bursts"), &g.Bursts, 6)
	setDefault(given("gate.burst"), &g.Burst, Duration(1e9))
	setDefault(given("gate.open_bursts"), &g.OpenBursts, 2)
	setDefault(given("gate.open_burst"), &g.OpenBurst, Duration(2500e6))
	setDefault(given("gate.settle"), &g.Settle, Duration(250e6))
	setDefault(given("gate.budget"), &g.Budget, Duration(600e9))
}

// Bounds of a gate.
const (
	mostRounds = 1000
	mostBursts = 100
	leastBurst = Duration(50e6)
)

// gate checks what the gate is asked for.
func (c checker) gate() {
	g := c.s.Gate
	if len(g.Fail) == 0 {
		c.fault("gate.fail", "is empty, and so nothing decides", "delete it for the default, or write criteria such as throughput drops > 5%")
	}
	first := make(map[string]string)
	c.criteria("gate.fail", g.Fail, first)
	c.criteria("gate.warn", g.Warn, first)
	c.faultIf(!(g.Load > 0 && g.Load < 1), "gate.load", fmt.Sprintf("is %s, must be above 0%% and below 100%%: at saturation latency is noise", g.Load), "")
	c.count("gate.rounds", g.Rounds, 3, mostRounds)
	c.count("gate.bursts", g.Bursts, 1, mostBursts)
	c.between("gate.burst", g.Burst, leastBurst, g.Budget)
	c.count("gate.open_bursts", g.OpenBursts, 1, mostBursts)
	c.between("gate.open_burst", g.OpenBurst, leastBurst, g.Budget)
	c.between("gate.settle", g.Settle, 0, g.Budget)
	c.between("gate.budget", g.Budget, Duration(1e9), maxBudget)
	c.gateCell()
}

func (c checker) criteria(path string, list []Criterion, first map[string]string) {
	for i, k := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if c.isWrong(at) {
			continue
		}
		if other, ok := first[k.Key()]; ok {
			c.fault(at, fmt.Sprintf("bounds the same as %s", other), "keep one of them")
			continue
		}
		first[k.Key()] = at
		if k.Scope == "" {
			continue
		}
		switch names, ok := c.scopes(); {
		case !slices.Contains(ScopedMetrics, k.Metric):
			c.fault(at, fmt.Sprintf("%q can not be judged: %s is known of all traffic only", k, k.Metric), "delete "+strconv.Quote(k.Scope)+", or bound one of "+strings.Join(ScopedMetrics, ", "))
		case ok && !slices.Contains(names, k.Scope):
			c.fault(at, fmt.Sprintf("%q can never be judged: %q is neither a class nor a request of the traffic", k, k.Scope), suggest(k.Scope, names))
		}
	}
}

// scopes are the classes and requests that are sent; ok is false where the
// traffic is not to be read.
func (c checker) scopes() (names []string, ok bool) {
	classes := c.classes()
	if classes == nil {
		return nil, false
	}
	names = slices.Clone(classes)
	for _, r := range c.s.Traffic.Requests {
		if r.Weight > 0 {
			names = append(names, r.Name)
		}
	}
	return names, true
}

func (c checker) gateCell() {
	text := c.s.Gate.Cell
	if text == "" {
		c.faultIf(c.given("gate.cell"), "gate.cell", "is empty", "delete it for the default")
		return
	}
	cell, err := ParseCell(text)
	if err != nil {
		c.fault("gate.cell", err.Error(), "")
		return
	}
	if why := c.cat.applies(c.s, cell); why != "" {
		c.fault("gate.cell", fmt.Sprintf("is %q, which can not be started: %s", text, why), "")
	}
}

// GateCell returns the cell that a gate measures on a machine with that many
// cores: the one that it names, else the only one of the matrix, else of the
// first server and proxy the one with workers nearest to 2 × cores and the
// fewest threads. ok is false when none applies.
func (s *Scenario) GateCell(cores int, cat Catalogue) (cell Cell, ok bool) {
	if s.Gate.Cell != "" {
		cell, err := ParseCell(s.Gate.Cell)
		return cell, err == nil
	}
	var cells []Cell
	for _, p := range s.Matrix.grid(cores) {
		if cat.applies(s, p.Cell) == "" {
			cells = append(cells, p.Cell)
		}
	}
	if len(cells) == 0 {
		return Cell{}, false
	}
	cells = slices.DeleteFunc(cells, func(c Cell) bool { return c.Server != cells[0].Server || c.Proxy != cells[0].Proxy })
	off := func(c Cell) int { return max(c.Workers-2*cores, 2*cores-c.Workers) }
	return slices.MinFunc(cells, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(off(a), off(b)), cmp.Compare(a.Workers, b.Workers), cmp.Compare(a.Threads, b.Threads), cmp.Compare(a.Instances, b.Instances))
	}), true
}
