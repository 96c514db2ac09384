package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// left is what jobs will take.
func left(jobs []job) (d time.Duration) {
	for _, j := range jobs {
		d += j.takes
	}
	return d
}

// printPlan says what is to be done and how long it takes, and how much of all
// was done before.
func printPlan(w io.Writer, parts []string, todo []job, all int, before time.Time) {
	if there := all - len(todo); there > 0 {
		fmt.Fprintf(w, "plan: %d of %d attacks are there already, the last of %s: --fresh makes them again\n", there, all, before.Format(time.DateTime))
	}
	for _, part := range parts {
		of := slices.DeleteFunc(slices.Clone(todo), func(j job) bool { return j.wants[0].Part != part })
		fmt.Fprintf(w, "plan: %-10s %3d attacks, %v\n", part, len(of), left(of).Round(time.Second))
	}
	fmt.Fprintf(w, "plan: %v in all, until %s\n", left(todo).Round(time.Second), time.Now().Add(left(todo)).Format("15:04:05"))
}

// printDone says what came of a job, and how long the rest takes.
func printDone(w io.Writer, n, of int, rest, took time.Duration, done []measurement) {
	for _, m := range done {
		name := strings.Join(slices.DeleteFunc([]string{m.Part, m.Case, m.Tool}, func(s string) bool { return s == "" }), " · ")
		fmt.Fprintf(w, "[%d/%d, %v left] %s: %s (%v)\n", n, of, rest.Round(time.Second), name, outcome(m), took.Round(100*time.Millisecond))
	}
}

// outcome is a measurement in a few words.
func outcome(m measurement) string {
	if m.Error != "" {
		first, _, _ := strings.Cut(m.Error, "\n")
		return "not measured: " + first
	}
	text := fmt.Sprintf("%s/s", grouped(uint64(m.Rate)))
	switch m.Part {
	case cpu:
		text = fmt.Sprintf("%.2f s CPU per 100,000", m.cpuPer100k())
	case flood:
		text = fmt.Sprintf("sent %s of %s", grouped(m.Requests), grouped(m.Planned))
	case latency:
		text = fmt.Sprintf("p99 %v, in truth %v", m.Quantiles["p99"], m.Truth["p99"])
	case hogged:
		text = fmt.Sprintf("%s, p99 %v, in truth %v", m.Trial.Verdict, m.Trial.P99, m.Trial.Truth)
	case memory:
		text = fmt.Sprintf("%.1f MB", megabytes(m.Peak))
	case soak:
		text += fmt.Sprintf(", %s results kept, %s requests served", grouped(m.Soak.Kept), grouped(m.Served))
	}
	if m.miscounted() {
		text += fmt.Sprintf("; it says %s requests, the server %s", grouped(m.Requests), grouped(m.Served))
	}
	return text
}

func megabytes(n uint64) float64 { return float64(n) / 1e6 }
