package stack

import "sweetspot/scenarios"

// direct is no proxy: clients talk to the application server.
var direct = proxy{
	name:    scenarios.Direct,
	applies: func(scenarios.Cell, string) string { return "" },
}
