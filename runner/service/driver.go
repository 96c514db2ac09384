package service

import (
	"slices"
	"syscall"
)

// drivers are all that a scenario may name, sorted. A new one is one file with
// a driver and one line here.
var drivers = []driver{
	mariadb,
	postgresql,
	redis,
}

// database is the one that an application finds.
const database = "shop"

// A driver describes how a service is started. It starts nothing and looks at
// nothing but the place: rendering is pure.
type driver struct {
	name     string
	packages string   // of Debian
	user     string   // account, and group, that it runs as when we are root
	programs []string // that it needs, the server first
	socket   string   // file name
	lock     string   // file in the data while the service runs, also after a crash; "" for none
	shutdown syscall.Signal

	initialise func(place) []string          // fills an empty data folder; nil when there is nothing to fill
	serve      func(place) []string          // runs in the foreground, logs to its output
	probe      func(place) probe             // asks whether it answers
	env        func(place) map[string]string // for the application
}

// A place is where a driver renders.
type place struct {
	dir    string            // of this start
	data   string            // as the server sees it
	run    string            // holds the socket, and temporary files of the server
	socket string            // path
	bin    map[string]string // programs by name
	root   bool              // we are root, and the server must not be
}

// A probe is a client that sees to it that the database exists and prints the
// server's own limit of connections as its last line.
type probe struct {
	argv  []string
	files map[string]string // name in the folder of the start → content
}

// Names returns what a scenario may name, sorted.
func Names() []string {
	var names []string
	for _, d := range drivers {
		names = append(names, d.name)
	}
	return names
}

func find(name string) (driver, bool) {
	i := slices.IndexFunc(drivers, func(d driver) bool { return d.name == name })
	if i < 0 {
		return driver{}, false
	}
	return drivers[i], true
}

// asUser returns the command line that runs argv as the service's own account,
// in the same process.
func (d driver) asUser(p place, argv []string) []string {
	if !p.root {
		return argv
	}
	return append([]string{p.bin["setpriv"], "--reuid", d.user, "--regid", d.user, "--clear-groups"}, argv...)
}
