package scenarios

import (
	"fmt"
	"slices"
	"time"
)

// setDefaults fills the fields that the text does not give.
func (s *Scenario) setDefaults(given func(path string) bool) {
	setDefault(given("app.ready"), &s.App.Ready, "/")
	setDefault(given("app.dir"), &s.App.Dir, ".")
	setDefault(given("app.deadline"), &s.App.Deadline, Duration(30*time.Second))
	for i := range s.App.Routes {
		setDefault(given(fmt.Sprintf("app.routes[%d].dist", i)), &s.App.Routes[i].Dist, DistConstant)
	}
	if !given("matrix.proxies") {
		s.Matrix.Proxies = []string{Direct}
	}
	if !given("matrix.threads") {
		s.Matrix.Threads = Counts{"1"}
	}
	setDefault(given("traffic.arrivals"), &s.Traffic.Arrivals, Poisson)
	setDefault(given("traffic.timeout"), &s.Traffic.Timeout, Duration(10*time.Second))
	for i := range s.Traffic.Requests {
		path := fmt.Sprintf("traffic.requests[%d].", i)
		r := &s.Traffic.Requests[i]
		setDefault(given(path+"class"), &r.Class, Dynamic)
		setDefault(given(path+"weight"), &r.Weight, 1)
		setDefault(given(path+"method"), &r.Method, "GET")
		setDefault(given(path+"expect.status"), &r.Expect.Status, 200)
	}
	setDefault(given("search.strategy"), &s.Search.Strategy, Grid)
	setDefault(given("search.budget"), &s.Search.Budget, Duration(5*time.Minute))
	setDefault(given("search.replicates"), &s.Search.Replicates, 1)
	setDefault(given("search.finals"), &s.Search.Finals, 3)
	setDefault(given("search.seed"), &s.Search.Seed, 1)
	s.Objectives = defaultObjectives(s.Objectives, given("objectives"))
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
