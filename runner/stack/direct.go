package stack

import "sweetspot/scenarios"

// direct is no proxy: clients talk to the application server.
var direct = proxy{
	name:       scenarios.Direct,
	interfaces: []string{scenarios.WSGI, scenarios.ASGI, scenarios.Embedded},
}
