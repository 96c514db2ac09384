package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// vegetaCommand is vegeta's attack with its report behind it, as people use
// it. A closed loop is a rate of 0 with a bound on the workers.
func vegetaCommand(program string, l load, dir string) ([][]string, error) {
	targets := filepath.Join(dir, "targets")
	if err := os.WriteFile(targets, []byte("GET "+l.url()+"\n"), 0o644); err != nil {
		return nil, fmt.Errorf("prepare vegeta: %w", err)
	}
	attack := []string{program, "attack", "-targets", targets, "-rate", fmt.Sprintf("%.0f/1s", l.Rate), "-duration", l.Duration.String()}
	if l.Connections > 0 {
		n := strconv.Itoa(l.Connections)
		attack = append(attack, "-workers", n, "-max-workers", n)
	}
	return [][]string{attack, {program, "report", "-type", "json"}}, nil
}

func parseVegeta(stdout []byte, _ load, _ string) (reading, error) {
	var m vegeta.Metrics
	if err := json.Unmarshal(stdout, &m); err != nil {
		return reading{}, fmt.Errorf("report of vegeta: %w", err)
	}
	return vegetaReading(m), nil
}

// vegetaReading is what a report of vegeta tells; it has no p99.9.
func vegetaReading(m vegeta.Metrics) reading {
	return reading{
		Requests: m.Requests,
		Errors:   m.Requests - uint64(float64(m.Requests)*m.Success+0.5),
		Rate:     m.Throughput,
		Quantiles: map[string]time.Duration{
			"p50": m.Latencies.P50, "p90": m.Latencies.P90, "p99": m.Latencies.P99, "max": m.Latencies.Max,
		},
	}
}
