package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"sweetspot/runner/rundir"
)

const engineCommand = "engine"

// Engines that run in a process of their own, which is this program.
const (
	sweetspotEngine = "sweetspot"
	vegetaEngine    = "vegeta"
)

// engineSpec is what such a process does.
type engineSpec struct {
	Engine        string
	Address, Path string
	Rate          float64 // requests per second; 0 means a closed loop
	Connections   int     // at most in flight; 0 means as many as it takes
	Duration      time.Duration
	MaxHits       uint64 // of a closed loop; 0 means any number
	Arrivals      string // scenarios.Poisson or scenarios.Constant
	Seed          uint64
	KeepRaw       bool          // keep results as a trial does
	Raw           string        // file that they go to
	Every         time.Duration // of looking at goroutines, descriptors and memory; 0 means never
	Judge         *judgeSpec    // judge the attack as a trial
}

// engineReport is what it prints.
type engineReport struct {
	Reading reading
	Planned uint64        `json:",omitempty"`
	Points  []soakPoint   `json:",omitempty"`
	Trial   *rundir.Trial `json:",omitempty"`
	Verdict string        `json:",omitempty"`
	Reasons []string      `json:",omitempty"`
}

func runEngine(ctx context.Context, argument string, stdout io.Writer) error {
	var spec engineSpec
	if err := json.Unmarshal([]byte(argument), &spec); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	run := map[string]func(context.Context, engineSpec) (engineReport, error){
		sweetspotEngine: attackWithSweetspot,
		vegetaEngine:    attackWithVegeta,
	}[spec.Engine]
	if run == nil {
		return fmt.Errorf("engine %q: want %s or %s", spec.Engine, sweetspotEngine, vegetaEngine)
	}
	report, err := run(ctx, spec)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(report)
}

// rawName is the file of an engine's raw results, in the folder that it gets.
const rawName = rundir.RawFile

// engineCommandOf returns the command of an engine that attacks as s says.
func engineCommandOf(self string, s engineSpec) func(string, load, string) ([][]string, error) {
	return func(_ string, l load, dir string) ([][]string, error) {
		s.Address, s.Path, s.Rate, s.Connections, s.Duration = l.Address, l.Path, l.Rate, l.Connections, l.Duration
		if s.KeepRaw {
			s.Raw = filepath.Join(dir, rawName)
		}
		argument, err := json.Marshal(s)
		if err != nil {
			return nil, fmt.Errorf("prepare engine: %w", err)
		}
		return [][]string{{self, engineCommand, string(argument)}}, nil
	}
}

func parseEngine(stdout []byte, _ load, _ string) (reading, error) {
	r, err := parseReport(stdout)
	return r.Reading, err
}

func parseReport(stdout []byte) (r engineReport, err error) {
	if err := json.Unmarshal(stdout, &r); err != nil {
		return r, fmt.Errorf("report of an engine: %w", err)
	}
	return r, nil
}

// selfPath is this program, to be started again.
func selfPath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return self, nil
}
