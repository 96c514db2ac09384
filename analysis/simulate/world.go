// Package simulate is a simulation, not a measurement: a machine whose stacks
// have a known truth, so that a search can be judged in milliseconds. It drives
// the strategies that the runner does.
package simulate

import (
	"math"
	"time"

	"sweetspot/scenarios"
)

// World is a machine with an application on it. A request passes the proxy, if
// there is one, waits for a slot, and then takes half of its CPU time, waits
// for others, uses a database connection, takes the other half of its CPU time
// and holds its slot while the answer leaves. A process keeps at most one core
// busy, as Python's lock has it; processes with work share the cores equally.
type World struct {
	Name  string
	Cores int

	CPU      Time // of the application, a request
	Wait     Time // for others, a request: neither CPU nor database
	Database Time // on a connection of the database, a request

	Connections int           // requests that the database works on at once; 0: any number
	Crowding    float64       // loss of speed for every process with work beyond the first, as caches and memory have it: a share
	Switching   float64       // loss of speed for every process with work beyond the cores, as a share of one core's
	Lock        time.Duration // CPU time lost whenever threads of a process take turns; less than a slice of 5 ms, or nothing would get done

	Proxies map[string]Proxy
}

// Proxy is what standing in front of the application costs and saves, a
// request.
type Proxy struct {
	CPU  time.Duration // of the proxy's own processes, one a core
	Hold time.Duration // that the application's slot is kept while the answer leaves
	Cost time.Duration // CPU time of the application for the connection
}

// Time is log-normal, or exponential.
type Time struct {
	Mean        time.Duration
	Sigma       float64 // standard deviation of the logarithm; 0: always the mean
	Exponential bool
}

// draw returns a time in seconds, z being a standard normal deviate.
func (t Time) draw(z float64) float64 {
	if t.Exponential {
		return -t.Mean.Seconds() * math.Log(math.Erfc(z/math.Sqrt2)/2)
	}
	return t.Mean.Seconds() * math.Exp(t.Sigma*z-t.Sigma*t.Sigma/2)
}

// Memory is what the processes of a cell take: bytes.
func (w *World) Memory(c scenarios.Cell) uint64 {
	proxy := 0
	if c.Proxy != scenarios.Direct {
		proxy = 8e6 * w.Cores
	}
	return uint64(20e6 + 25e6*c.Processes() + 1e6*c.Slots() + proxy)
}

// Demand is the CPU time of a request of the cell without contention, that of
// the application and that of the proxy.
func (w *World) Demand(c scenarios.Cell) (app, proxy time.Duration) {
	p := w.Proxies[c.Proxy]
	return w.CPU.Mean + p.Cost, p.CPU
}
