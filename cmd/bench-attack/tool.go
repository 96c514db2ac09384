package main

import (
	"time"

	"sweetspot/analysis/foreign"
	"sweetspot/scenarios"
)

// tool is one way of using a load generator.
type tool struct {
	name     string
	peer     string   // what it is a use of, in peers; empty for our own engines
	schedule string   // how it spreads requests when it is given a rate; empty when it takes none
	parts    []string // that it is in; it has no place where it takes no rate, or where another use of it stands for it

	// command returns the pipeline of programs that attack with a load. dir is
	// an empty folder for its files.
	command func(program string, l load, dir string) ([][]string, error)

	// parse reads what the last of them printed, and what is in dir.
	parse func(stdout []byte, l load, dir string) (reading, error)
}

// ours is the engine that all else is compared with. Like the others it keeps
// no raw results.
const ours = "sweetspot"

// Other uses of our engine. A trial keeps raw results.
const (
	oursConstant = "sweetspot, constant"
	oursRaw      = "sweetspot, raw results kept"
)

// Tools that the project's promises name.
const (
	vegetaLib     = "vegeta lib"
	vegetaCLI     = "vegeta CLI + report"
	wrk           = "wrk"
	fortioUniform = "fortio -uniform"
)

// tools are all of them, in the order of the tables.
func tools(self string, seed uint64) []tool {
	engine := func(name, schedule string, s engineSpec, parts ...string) tool {
		s.Seed = seed
		return tool{name: name, schedule: schedule, parts: parts, command: engineCommandOf(self, s), parse: parseEngine}
	}
	return []tool{
		engine(ours, "Poisson", engineSpec{Engine: sweetspotEngine, Arrivals: scenarios.Poisson}, throughput, cpu, flood),
		engine(oursRaw, "Poisson", engineSpec{Engine: sweetspotEngine, Arrivals: scenarios.Poisson, KeepRaw: true}, throughput, cpu, memory),
		engine(oursConstant, "constant", engineSpec{Engine: sweetspotEngine, Arrivals: scenarios.Constant}, cpu, latency),
		engine(vegetaLib, "constant", engineSpec{Engine: vegetaEngine}, throughput, cpu, latency, memory),
		{name: vegetaCLI, peer: "vegeta", schedule: "constant", command: vegetaCommand, parse: said(foreign.VegetaReport), parts: []string{throughput, cpu, flood, latency, memory}},
		{name: wrk, peer: "wrk", command: wrkCommand, parse: said(foreign.Wrk), parts: []string{throughput}},
		{name: "h2load", peer: "h2load", schedule: "lockstep", command: h2loadCommand, parse: parseH2load, parts: []string{throughput, cpu, latency, memory}},
		{name: "bombardier", peer: "bombardier", schedule: "token bucket", command: bombardierCommand, parse: said(foreign.Bombardier), parts: []string{throughput, cpu, latency, memory}},
		{name: "fortio", peer: "fortio", schedule: "lockstep", command: fortioCommand(), parse: said(foreign.Fortio), parts: []string{throughput, cpu, latency}},
		{name: fortioUniform, peer: "fortio", schedule: "spread", command: fortioCommand("-uniform"), parse: said(foreign.Fortio), parts: []string{cpu, latency, memory}},
		{name: "hey", peer: "hey", schedule: "lockstep", command: heyCommand, parse: said(foreign.Hey), parts: []string{throughput, cpu, latency, memory}},
		{name: "ab", peer: "ab", command: abCommand, parse: said(foreign.Ab), parts: []string{throughput}},
		{name: "k6", peer: "k6", schedule: "constant", command: k6Command, parse: said(foreign.K6), parts: []string{throughput, cpu, latency, memory}},
	}
}

// seconds is a duration in seconds.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
