package scenarios

import (
	"fmt"
	"slices"
)

// comparisons are what a scenario may compare.
var comparisons = []string{CompareProxy, CompareServer, CompareInterface, CompareInstances, CompareFolklore, CompareClass}

// compare checks that there is something to set against something else.
func (c checker) compare() {
	what := c.s.Search.Compare
	if what == "" && !c.given("search.compare") {
		return
	}
	c.word("search.compare", what, comparisons)
	if lack, hint := c.lack(what); lack != "" {
		c.fault("search.compare", fmt.Sprintf("is %q, and %s", what, lack), hint)
	}
}

// lack says what is missing for a comparison, and the remedy; "" when nothing
// is, or when it has a fault of its own.
func (c checker) lack(what string) (message, hint string) {
	m := c.s.Matrix
	switch what {
	case CompareProxy:
		if len(m.Proxies) == 1 && !c.isWrong("matrix.proxies") {
			return "the matrix has one proxy", "add another, as proxies: [direct, nginx]"
		}
	case CompareServer:
		if len(m.Servers) == 1 && !c.isWrong("matrix.servers") {
			return "the matrix has one server", "add another to matrix.servers"
		}
	case CompareInterface:
		if c.s.App.ASGI == "" && !c.given("app.asgi") && !c.isWrong("app") {
			return "the application has one entry point", "write the second one, as app: with interface: wsgi and asgi: shop.asgi:application"
		}
	case CompareInstances:
		if some, err := m.Instances.Expand(1); err == nil && len(some) == 1 && !m.Instances.dependsOnCores() && !c.isWrong("matrix.instances") {
			return "the matrix has one count of them", "add another, as instances: [1, 4]"
		}
	case CompareClass:
		return c.lackOfClass()
	}
	return "", ""
}

// lackOfClass names a class that no request of the mix has.
func (c checker) lackOfClass() (message, hint string) {
	classes := c.classes()
	for _, class := range []string{Static, Dynamic} {
		if classes != nil && !slices.Contains(classes, class) {
			return "no request is " + class, "give a request class: " + class
		}
	}
	return "", ""
}
