package main

import (
	"fmt"
	"time"

	"sweetspot/analysis/foreign"
)

// load is what a tool is asked for.
type load struct {
	Address     string  `json:"-"` // host:port
	Path        string  `json:"-"`
	Rate        float64 // requests per second; 0 means a closed loop
	Connections int     // at most in flight; 0 means as many as it takes
	Duration    time.Duration
}

func (l load) url() string { return "http://" + l.Address + l.Path }

// seconds is the duration, as tools take it that know whole seconds only.
func (l load) seconds() string { return fmt.Sprintf("%.0fs", l.Duration.Seconds()) }

// enough is Connections, and for "as many as it takes" one for each request of
// a second, for tools that need to be told.
func (l load) enough() int {
	if l.Connections > 0 {
		return l.Connections
	}
	return max(1, int(l.Rate))
}

// reading is what a tool said of its attack.
type reading struct {
	Requests  uint64                   // answered, or given up
	Errors    uint64                   `json:",omitempty"` // of these
	Rate      float64                  // answers per second
	Quantiles map[string]time.Duration `json:",omitempty"` // by name, as "p99" or "max"; those that the tool gives
}

// readingOf keeps what is compared of what a tool said.
func readingOf(s foreign.Single) reading {
	r := reading{Requests: s.Requests, Errors: s.Errors, Rate: s.Rate, Quantiles: map[string]time.Duration{}}
	for _, q := range quantiles {
		if d, ok := s.Quantiles[q.name]; ok {
			r.Quantiles[q.name] = d
		}
	}
	return r
}

// said makes the parse of a tool from a reader of what it printed.
func said(read func([]byte) (foreign.Single, error)) func([]byte, load, string) (reading, error) {
	return func(stdout []byte, _ load, _ string) (reading, error) {
		s, err := read(stdout)
		return readingOf(s), err
	}
}

// quantiles are the latencies that are compared, by their share.
var quantiles = []struct {
	name  string
	share float64
}{{"p50", 0.50}, {"p90", 0.90}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}}

// measurement is one attack of one tool, as it happened.
type measurement struct {
	Part  string
	Case  string // within the part, as "2,000/s"
	Tool  string
	Round int
	Load  load
	Began time.Time
	Error string `json:",omitempty"` // why there is nothing below

	reading
	Planned       uint64        `json:",omitempty"` // requests that the schedule had
	Served        uint64        `json:",omitempty"` // requests that the server counted
	CPU           time.Duration `json:",omitempty"` // user and system time of all its processes
	StartCPU      time.Duration `json:",omitempty"` // the same of the short attack
	StartRequests uint64        `json:",omitempty"` // requests of the short attack
	Peak          uint64        `json:",omitempty"` // largest resident set, bytes, added up over its processes
	ServerCPU     float64       `json:",omitempty"` // of the server, in cores

	Truth map[string]time.Duration `json:",omitempty"` // what a perfect tool would have said
	Trial *hogTrial                `json:",omitempty"`
	Soak  *soakResult              `json:",omitempty"`
}

// key names a measurement: there is one of each.
func (m measurement) key() string {
	return fmt.Sprintf("%s/%s/%s/%d", m.Part, m.Case, m.Tool, m.Round)
}

// good tells whether there is something to go by.
func (m measurement) good() bool { return m.Error == "" && m.Requests > 0 }

// cpuPer100k is the CPU time of 100,000 requests, in seconds, without what
// starting the tool takes; 0 when it is not known.
func (m measurement) cpuPer100k() float64 {
	if !m.good() || m.Requests <= m.StartRequests || m.CPU <= m.StartCPU {
		return 0
	}
	return 1e5 * (m.CPU - m.StartCPU).Seconds() / float64(m.Requests-m.StartRequests)
}

// miscounted tells whether the server counted other than the tool: beyond half
// a percent and one request a connection, which the end of an attack may cut off.
func (m measurement) miscounted() bool {
	if m.Served == 0 {
		return false
	}
	off := max(m.Served, m.Requests) - min(m.Served, m.Requests)
	return float64(off) > 0.005*float64(m.Requests)+float64(m.Load.enough())
}
