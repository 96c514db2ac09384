package reports

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sweetspot/analysis/compare"
)

// SeveralInput is all that a report over several runs is made from.
type SeveralInput struct {
	Several   *compare.Several
	Generated time.Time
	Tool      string // version of sweetspot that writes it
}

// SeveralFormat is one way to write down a report over several runs.
type SeveralFormat struct {
	Name   string // as --format takes it; empty for what is only written to files
	File   string // that WriteSeveral gives it
	Render func(SeveralInput) ([]byte, error)
}

// SeveralFormats are all formats, in the order in which WriteSeveral writes
// them.
var SeveralFormats = []SeveralFormat{
	{"text", "runs.txt", func(in SeveralInput) ([]byte, error) { return SeveralText(in, false, 120), nil }},
	{"html", "runs.html", renderSeveralHTML},
	{"markdown", "runs.md", func(in SeveralInput) ([]byte, error) { return severalMarkdown(in, true), nil }},
	{"json", "runs.json", renderSeveralJSON},
	{"csv", "runs.csv", renderSeveralCSV},
	{"", "cells.csv", renderSeveralCells},
	{"", "facts.csv", renderSeveralFacts},
}

// SeveralText tells a report over several runs for a terminal that is width
// columns wide. Without color no control code is written.
func SeveralText(in SeveralInput, color bool, width int) []byte {
	return newSeveralModel(in).comparing.text(color, width)
}

// SeveralMarkdown tells it in Markdown, without the plots: those are linked only
// where WriteSeveral writes them beside it.
func SeveralMarkdown(in SeveralInput) []byte { return severalMarkdown(in, false) }

func severalMarkdown(in SeveralInput, plots bool) []byte {
	m := newSeveralModel(in)
	if !plots {
		for i := range m.Parts {
			m.Parts[i].Figures = nil
		}
	}
	return m.markdown()
}

// WriteSeveral writes every format and the plots as SVG, and as PNG if asked
// to, into dir, which it makes if need be, and returns the paths written. Each
// file appears whole or not at all.
func WriteSeveral(in SeveralInput, dir string, png bool) (files []string, err error) {
	for _, f := range SeveralFormats {
		b, err := f.Render(in)
		if err != nil {
			return files, fmt.Errorf("render %s: %w", f.File, err)
		}
		if files, err = put(files, filepath.Join(dir, f.File), b); err != nil {
			return files, err
		}
	}
	render := map[string]func(figure) ([]byte, error){"svg": figure.svg}
	if png {
		render["png"] = figure.png
	}
	var plots []string
	for _, f := range newSeveralModel(in).figures() {
		for _, ext := range sortedKeys(render) {
			if f.missing != "" {
				continue
			}
			b, err := render[ext](f)
			if err != nil {
				return files, fmt.Errorf("plot %s: %w", f.name, err)
			}
			if plots, err = put(plots, filepath.Join(dir, "plots", f.name+"."+ext), b); err != nil {
				return files, err
			}
		}
	}
	return append(files, plots...), dropPlots(dir, plots)
}

// dropPlots removes the plots that an earlier report had and this one has not,
// so that a folder never mixes two reports.
func dropPlots(dir string, kept []string) error {
	for _, name := range severalPlotNames {
		found, err := filepath.Glob(filepath.Join(dir, "plots", name+"*"))
		if err != nil {
			return err
		}
		for _, path := range found {
			if slices.Contains(kept, path) {
				continue
			}
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}
