package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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
