// Package reports renders what a run found: one model, many formats, and the
// plots. Rendering is pure; time and folder are inputs.
package reports

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sweetspot/analysis"
	"sweetspot/analysis/lint"
	"sweetspot/runner/rundir"
)

// Input is all that a report is made from.
type Input struct {
	Manifest      rundir.Manifest
	Result        *analysis.Result
	Generated     time.Time
	Dir           string             // the run's folder, as the reader may type it
	WinnerConfigs map[string]string  // ready-to-use configuration of the winner: content by file name
	Hosts         []rundir.FleetHost // of the fleet that made the run; none: one machine did
	Lint          *lint.Report       // the run against the rules of measurement; nil: it was not held against them
}

// Format is one way to write a report down.
type Format struct {
	Name   string // as --format takes it
	File   string // that Write gives it
	Render func(Input) ([]byte, error)
}

// Formats are all formats, in the order in which Write writes them.
var Formats = []Format{
	{"text", "report.txt", renderText},
	{"html", "report.html", renderHTML},
	{"markdown", "report.md", renderMarkdown},
	{"json", "report.json", renderJSON},
	{"csv", "report.csv", renderCSV},
	{"bench", "report.bench", renderBench},
	{"junit", "report.xml", renderJUnit},
}

// Write writes every format, the schema of the JSON report, the tables as CSV,
// the winner's configuration and the plots as SVG into dir, which it makes if
// need be, and returns the paths written. Each file appears whole or not at all.
func Write(in Input, dir string) (files []string, err error) {
	for _, f := range Formats {
		b, err := f.Render(in)
		if err != nil {
			return files, fmt.Errorf("render %s: %w", f.File, err)
		}
		if files, err = put(files, filepath.Join(dir, f.File), b); err != nil {
			return files, err
		}
	}
	if files, err = put(files, filepath.Join(dir, schemaFile), Schema); err != nil {
		return files, err
	}
	if files, err = writeTables(files, newModel(in), dir); err != nil {
		return files, err
	}
	for _, name := range sortedKeys(in.WinnerConfigs) {
		if filepath.Base(name) != name || !filepath.IsLocal(name) || strings.HasPrefix(name, "report.") {
			return files, fmt.Errorf("winner's configuration %q: want a plain file name other than report.*", name)
		}
		if files, err = put(files, filepath.Join(dir, name), []byte(in.WinnerConfigs[name])); err != nil {
			return files, err
		}
	}
	plots, err := writePlots(in, dir, "svg", figure.svg)
	return append(files, plots...), err
}

// WritePNG writes the plots as PNG into the folder plots of dir and returns
// the paths written.
func WritePNG(in Input, dir string) ([]string, error) {
	return writePlots(in, dir, "png", figure.png)
}

// writePlots also removes a plot that an earlier report had and this one has
// no data for, so that a folder never mixes two reports.
func writePlots(in Input, dir, ext string, render func(figure) ([]byte, error)) (files []string, err error) {
	for _, f := range figures(newModel(in)) {
		path := filepath.Join(dir, "plots", f.name+"."+ext)
		if f.missing != "" {
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return files, err
			}
			continue
		}
		b, err := render(f)
		if err != nil {
			return files, fmt.Errorf("plot %s: %w", f.name, err)
		}
		if files, err = put(files, path, b); err != nil {
			return files, err
		}
	}
	return files, nil
}

// put writes one file whole and appends its path to files.
func put(files []string, path string, content []byte) (_ []string, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return files, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return files, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return files, fmt.Errorf("write %s: %w", path, err)
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return files, err
	}
	return append(files, path), nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
