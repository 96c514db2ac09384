package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sweetspot/analysis/foreign"
)

const h2loadLog = "h2load.log"

// h2loadCommand is h2load over HTTP/1.1 with one thread. It takes its rate by
// connection, and says of single requests only what its log has, which a
// closed loop would pay for.
func h2loadCommand(program string, l load, dir string) ([][]string, error) {
	argv := []string{program, "--h1", "-t", "1", "-c", strconv.Itoa(l.enough()), "-D", fmt.Sprintf("%.0f", l.Duration.Seconds())}
	if l.Rate > 0 {
		argv = append(argv, "--rps", strconv.FormatFloat(l.Rate/float64(l.enough()), 'f', -1, 64))
	}
	if l.Path == truthPath {
		argv = append(argv, "--log-file", filepath.Join(dir, h2loadLog))
	}
	return [][]string{append(argv, l.url())}, nil
}

// parseH2load reads its text, and the latencies from its log where it kept one.
func parseH2load(stdout []byte, _ load, dir string) (reading, error) {
	said, err := foreign.H2load(stdout)
	if err != nil {
		return reading{}, err
	}
	r := readingOf(said)
	log, err := os.Open(filepath.Join(dir, h2loadLog))
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("log of h2load: %w", err)
	}
	defer log.Close()
	var took []time.Duration
	for lines := bufio.NewScanner(log); lines.Scan(); {
		fields := strings.Fields(lines.Text()) // start, status, microseconds
		if len(fields) < 3 {
			continue
		}
		us, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return r, fmt.Errorf("log of h2load: %q: %w", lines.Text(), err)
		}
		took = append(took, time.Duration(us)*time.Microsecond)
	}
	slices.Sort(took)
	r.Quantiles = quantilesOf(took)
	return r, nil
}
