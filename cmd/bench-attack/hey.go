package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// heyCommand shares the rate out over the workers, which is how hey takes it.
func heyCommand(program string, l load, _ string) ([][]string, error) {
	argv := []string{program, "-c", strconv.Itoa(l.enough()), "-z", l.Duration.String()}
	if l.Rate > 0 {
		argv = append(argv, "-q", strconv.FormatFloat(l.Rate/float64(l.enough()), 'f', -1, 64))
	}
	return [][]string{append(argv, l.url())}, nil
}

var (
	heyTotal    = regexp.MustCompile(`Total:\s+([\d.]+) secs`)
	heyRate     = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	heySlowest  = regexp.MustCompile(`Slowest:\s+([\d.]+) secs`)
	heyLatency  = regexp.MustCompile(`(?m)^\s+(50|90|99)% in ([\d.]+) secs`)
	heyStatuses = regexp.MustCompile(`(?m)^\s+\[(\d+)\]\s+(\d+) responses`)
)

// heyKeeps is how many results hey keeps: it counts more requests, but not by
// their status.
const heyKeeps = 1_000_000

func parseHey(stdout []byte, _ load, _ string) (reading, error) {
	text := string(stdout)
	r := reading{Quantiles: map[string]time.Duration{}}
	var total, slowest float64
	if !scan(text, heyTotal, &total) || !scan(text, heyRate, &r.Rate) {
		return r, fmt.Errorf("hey printed no total: %s", tail(text))
	}
	for _, m := range heyStatuses.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseUint(m[2], 10, 64)
		if err != nil {
			return r, fmt.Errorf("statuses of hey: %w", err)
		}
		r.Requests += n
		if m[1] != "200" {
			r.Errors += n
		}
	}
	if r.Requests >= heyKeeps {
		r.Requests = uint64(r.Rate*total + 0.5)
	}
	if scan(text, heySlowest, &slowest) {
		r.Quantiles["max"] = seconds(slowest)
	}
	for _, m := range heyLatency.FindAllStringSubmatch(text, -1) {
		s, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return r, fmt.Errorf("latency of hey: %w", err)
		}
		r.Quantiles["p"+m[1]] = seconds(s)
	}
	return r, nil
}
