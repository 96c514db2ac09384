package stack

import (
	"encoding/json"
	"path/filepath"

	"sweetspot/scenarios"
)

// The embedded stack is this program itself, started again: an application
// whose capacity is arithmetic, and a proxy for it. It serves machines without
// Python, and tests that need a known truth.
var (
	embeddedServer = server{
		name: "embedded", interfaces: []string{scenarios.Embedded}, threads: true, bounded: true,
		plan: func(s site) plan {
			return embeddedPlan("embedded-app", s, embeddedConfig{
				Workers: s.cell.Workers, Slots: s.cell.Threads, Routes: s.app.Routes, Ready: s.app.Ready,
				Trial: s.trialID, Seed: s.app.Env[seedName], Epoch: s.epoch,
			})
		},
	}
	embeddedProxy = proxy{
		name: "embedded", interfaces: []string{scenarios.Embedded},
		applies: func(_ *scenarios.Scenario, cell scenarios.Cell) string {
			if cell.Servers() > 1 {
				return "the embedded proxy balances over nothing"
			}
			return ""
		},
		plan: func(s site) plan {
			return embeddedPlan("embedded-proxy", s, embeddedConfig{Upstream: s.upstreams[0].address, Mounts: s.app.Static})
		},
	}
)

const (
	embeddedName = "SWEETSPOT_EMBEDDED" // path of the configuration; makes this program a part of the embedded stack
	seedName     = "SWEETSPOT_SEED"     // in the application's environment: seeds exponential times
)

// embeddedConfig is what a part of the embedded stack reads at its start. The
// proxy is the one with an Upstream.
type embeddedConfig struct {
	Network, Address string // where to listen

	Workers int               `json:",omitempty"` // processes
	Slots   int               `json:",omitempty"` // requests at once, per worker
	Routes  []scenarios.Route `json:",omitempty"`
	Ready   string            `json:",omitempty"` // answers 200 also without a route
	Trial   string            `json:",omitempty"`
	Seed    string            `json:",omitempty"` // any text; with Trial it seeds exponential times
	Epoch   int64             `json:",omitempty"` // CLOCK_MONOTONIC from which stalls are counted, ns

	Upstream string            `json:",omitempty"` // Unix socket of the application
	Mounts   []scenarios.Mount `json:",omitempty"` // that the proxy serves itself
}

func embeddedPlan(name string, s site, c embeddedConfig) plan {
	c.Network, c.Address = s.listen.network, s.listen.address
	config, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		panic(err) // plain data
	}
	file := name + ".json"
	return plan{
		argv:  []string{"/proc/self/exe", name}, // the file that runs, also after it was replaced
		dir:   s.dir,
		env:   []string{embeddedName + "=" + filepath.Join(s.dir, file)},
		files: map[string]string{file: string(config) + "\n"},
	}
}
