package scenarios

import (
	"fmt"
	"slices"
	"time"
)

// setDefaults fills the fields that the text does not give. What a target
// replaces stays empty.
func (s *Scenario) setDefaults(given func(path string) bool) {
	if s.Target != "" {
		s.Matrix.setTarget(given)
	} else {
		s.App.setDefaults(given)
		s.Proxy.setDefaults(given)
	}
	s.Matrix.setDefaults(given)
	s.Traffic.setDefaults(given)
	setDefault(given("search.strategy"), &s.Search.Strategy, s.Search.defaultStrategy())
	setDefault(given("search.budget"), &s.Search.Budget, Duration(5*time.Minute))
	setDefault(given("search.replicates"), &s.Search.Replicates, 1)
	setDefault(given("search.finals"), &s.Search.Finals, 3)
	setDefault(given("search.regret"), &s.Search.Regret, 0.02)
	setDefault(given("search.seed"), &s.Search.Seed, 1)
	s.Gate.setDefaults(given)
	setDefault(given("limits.reserve"), &s.Limits.Reserve, 3)
	setDefault(given("limits.headroom"), &s.Limits.Headroom, 0.3)
	s.Objectives = defaultObjectives(s.Objectives, given("objectives"))
}

func (a *App) setDefaults(given func(path string) bool) {
	setDefault(given("app.ready"), &a.Ready, "/")
	setDefault(given("app.dir"), &a.Dir, ".")
	setDefault(given("app.deadline"), &a.Deadline, Duration(30*time.Second))
	for i := range a.Routes {
		setDefault(given(fmt.Sprintf("app.routes[%d].dist", i)), &a.Routes[i].Dist, DistConstant)
	}
}

func (p *Proxy) setDefaults(given func(path string) bool) {
	setDefault(given("proxy.upstream"), &p.Upstream, AutoUpstream)
	setDefault(given("proxy.keepalive"), &p.KeepAlive, 32)
	setDefault(given("proxy.buffering"), &p.Buffering, true)
}

func (m *Matrix) setDefaults(given func(path string) bool) {
	if !given("matrix.proxies") {
		m.Proxies = []string{Direct}
	}
	if !given("matrix.threads") {
		m.Threads = Counts{"1"}
	}
	if !given("matrix.instances") {
		m.Instances = Counts{"1"}
	}
	setDefault(given("matrix.missing"), &m.Missing, FailMissing)
}

// setTarget fills what the cell of a target has beside a matrix's defaults.
func (m *Matrix) setTarget(given func(path string) bool) {
	if !given("matrix.servers") {
		m.Servers = []string{TargetServer}
	}
	if !given("matrix.workers") {
		m.Workers = Counts{"1"}
	}
}

func (t *Traffic) setDefaults(given func(path string) bool) {
	setDefault(given("traffic.arrivals"), &t.Arrivals, Poisson)
	t.setShape(given)
	setDefault(given("traffic.timeout"), &t.Timeout, Duration(10*time.Second))
	setDefault(given("traffic.page_cache"), &t.PageCache, WarmCache)
	setDefault(given("traffic.transport"), &t.Transport, LeanTransport)
	if t.Slow != nil {
		setDefault(given("traffic.slow.path"), &t.Slow.Path, "/")
		setDefault(given("traffic.slow.every"), &t.Slow.Every, Duration(time.Second))
	}
	if t.WebSockets != nil {
		setDefault(given("traffic.websockets.every"), &t.WebSockets.Every, Duration(5*time.Second))
	}
	for i := range t.Requests {
		path := fmt.Sprintf("traffic.requests[%d].", i)
		r := &t.Requests[i]
		setDefault(given(path+"class"), &r.Class, Dynamic)
		setDefault(given(path+"weight"), &r.Weight, 1)
		setDefault(given(path+"method"), &r.Method, "GET")
		setDefault(given(path+"expect.status"), &r.Expect.Status, 200)
	}
}

// setShape gives arrivals that have a shape what the text leaves out of it.
func (t *Traffic) setShape(given func(path string) bool) {
	if t.Shape == nil && moves(t.Arrivals) {
		t.Shape = new(Shape)
	}
	switch t.Arrivals {
	case Ramp:
		setDefault(given("traffic.shape.to"), &t.Shape.To, 2)
	case Sine:
		setDefault(given("traffic.shape.amplitude"), &t.Shape.Amplitude, 0.5)
	}
}

func setDefault[T any](given bool, field *T, value T) {
	if !given {
		*field = value
	}
}

// defaultObjectives are "p99 < 500ms" and "errors < 0.1%"; the latter is added
// to a list that bounds no errors.
func defaultObjectives(o Objectives, given bool) Objectives {
	if !given {
		o = Objectives{{Class: All, Metric: "p99", Limit: 500 * time.Millisecond}}
	}
	if len(o) == 0 || slices.ContainsFunc(o, func(o Objective) bool { return o.Metric == Errors }) {
		return o
	}
	return append(o, Objective{Class: All, Metric: Errors, Ratio: 0.001})
}

// defaultStrategy is adaptive, but for a comparison: that is published, and
// treats all that it compares alike.
func (s Search) defaultStrategy() string {
	if s.Compare != "" {
		return Grid
	}
	return Adaptive
}
