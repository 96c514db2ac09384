package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// writeReport prints the tables and writes them to results.md.
func writeReport(dir string, h held, stdout io.Writer) error {
	text := render(h)
	if _, err := io.WriteString(stdout, text); err != nil {
		return fmt.Errorf("print the tables: %w", err)
	}
	path := filepath.Join(dir, "results.md")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the tables: %w", err)
	}
	return nil
}

// section is a part of the report: nothing, when nothing was measured.
type section struct {
	title string
	body  func(selection) string
}

var sections = []section{
	{"Throughput on one core", throughputTable},
	{"CPU time", cpuTable},
	{"20,000 requests/s without a bound on connections", floodTable},
	{"Latency against the truth", latencyTables},
	{"Beside a CPU hog", hogTable},
	{"Memory", memoryTable},
	{"Soak", soakTable},
	{"What must hold", promisesTable},
}

// render is the report as Markdown.
func render(h held) string {
	if len(h.Measurements) == 0 {
		return "Nothing is measured yet: run make bench-attack.\n"
	}
	var b strings.Builder
	b.WriteString(heading(h))
	for _, s := range sections {
		if body := s.body(h.Measurements); body != "" {
			fmt.Fprintf(&b, "\n### %s\n\n%s", s.title, body)
		}
	}
	return b.String()
}

// heading says where, when and with what.
func heading(h held) string {
	var with []string
	for _, name := range slices.Sorted(maps.Keys(h.Versions)) {
		with = append(with, name+" "+h.Versions[name])
	}
	text := fmt.Sprintf("%s, %d CPUs, %s, kernel %s; %s; %s. The server has one CPU, the generator another.\n",
		h.Host.CPUModel, h.Host.MachineCPUs, h.Host.OS, h.Host.Kernel, strings.Join(with, ", "), h.Date.Format("2 January 2006"))
	for _, p := range peers {
		if why := h.Missing[p.name]; why != "" {
			first, _, _ := strings.Cut(why, "\n")
			text += fmt.Sprintf("\nWithout %s: %s\n", p.name, first)
		}
	}
	return text
}
