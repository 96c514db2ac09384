package stack

import (
	"fmt"
	"strings"

	"sweetspot/scenarios"
)

// entryParts splits an entry point into its module and what in it is the
// application: a name, a name of names, or a call without arguments. A module
// alone means its application.
func entryParts(entry string) (module, object string) {
	module, object, ok := strings.Cut(entry, ":")
	if !ok {
		return module, "application"
	}
	return module, object
}

// plainEntry refuses an application that is no name of its module, as in
// shop.wsgi:site.app, for a server that does not look deeper.
func plainEntry(server string) func(*scenarios.Scenario, scenarios.Cell) string {
	return func(s *scenarios.Scenario, _ scenarios.Cell) string {
		if _, object := entryParts(s.App.Module); strings.Contains(object, ".") {
			return fmt.Sprintf("%s finds applications by a name in their module only, not as %s", server, object)
		}
		return ""
	}
}

// entryScript returns Python that makes an application known as "application".
func entryScript(entry string) string {
	module, object := entryParts(entry)
	name := object
	if end := strings.IndexAny(object, ".("); end >= 0 {
		name = object[:end]
	}
	script := fmt.Sprintf("from %s import %s\n", module, name)
	if object != "application" {
		script += fmt.Sprintf("\napplication = %s\n", object)
	}
	return script
}
