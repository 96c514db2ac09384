package reports

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"sweetspot/analysis/gate"
	"sweetspot/runner/rundir"
)

// GateMeta is what a gate's report tells beside its result.
type GateMeta struct {
	Scenario     string // its name
	Tool         string // version of sweetspot
	Host         rundir.Host
	CommandLine  []string
	Dir          string    // the run's folder, as the reader may type it; empty: there is none
	Time         time.Time // at which the gate began
	Inconclusive string    // what --inconclusive says an inconclusive gate is: pass, fail or 3; empty means 3
}

// GateFormat is one way to write a gate's result down.
type GateFormat struct {
	Name   string // as --format takes it
	File   string // that WriteGate gives it; empty: it is only printed
	Render func(*gate.Result, GateMeta) ([]byte, error)
}

// GateFormats are all formats, in the order in which WriteGate writes them.
var GateFormats = []GateFormat{
	{"text", "gate.txt", renderGateText},
	{"markdown", "gate.md", renderGateMarkdown},
	{"comment", "gate-comment.md", renderGateComment},
	{"junit", "gate.xml", renderGateJUnit},
	{"json", "gate.json", renderGateJSON},
	{"bench", "gate.bench", renderGateBench},
	{"github", "", renderGateGitHub},
}

// GateFormatNames are the names that RenderGate knows.
func GateFormatNames() (names []string) {
	for _, f := range GateFormats {
		names = append(names, f.Name)
	}
	return names
}

// WriteGate writes every format that has a file into dir, which it makes if
// need be. Each file appears whole or not at all.
func WriteGate(dir string, r *gate.Result, meta GateMeta) error {
	for _, f := range GateFormats {
		if f.File == "" {
			continue
		}
		b, err := f.Render(r, meta)
		if err != nil {
			return fmt.Errorf("render %s: %w", f.File, err)
		}
		if _, err := put(nil, filepath.Join(dir, f.File), b); err != nil {
			return err
		}
	}
	return nil
}

// RenderGate writes one format to w.
func RenderGate(w io.Writer, format string, r *gate.Result, meta GateMeta) error {
	for _, f := range GateFormats {
		if f.Name != format {
			continue
		}
		b, err := f.Render(r, meta)
		if err != nil {
			return fmt.Errorf("render %s: %w", format, err)
		}
		_, err = w.Write(b)
		return err
	}
	return fmt.Errorf("render %q: no such format of a gate; choose one of %s", format, strings.Join(GateFormatNames(), ", "))
}
