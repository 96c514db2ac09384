package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// abCommand is ab with persistent connections. It takes no rate, and stops by
// itself after the number of requests that it has memory for.
func abCommand(program string, l load, _ string) ([][]string, error) {
	most := max(1_000_000, int(200_000*l.Duration.Seconds()))
	return [][]string{{
		program, "-k", "-q", "-c", strconv.Itoa(l.enough()),
		"-t", fmt.Sprintf("%.0f", l.Duration.Seconds()), "-n", strconv.Itoa(most), l.url(),
	}}, nil
}

var (
	abRequests = regexp.MustCompile(`Complete requests: +(\d+)`)
	abFailed   = regexp.MustCompile(`Failed requests: +(\d+)`)
	abRate     = regexp.MustCompile(`Requests per second: +([\d.]+)`)
	abLatency  = regexp.MustCompile(`(?m)^ +(50|90|99|100)% +(\d+)`)
)

// parseAb reads its text, whose latencies are whole milliseconds.
func parseAb(stdout []byte, _ load, _ string) (reading, error) {
	text := string(stdout)
	r := reading{Quantiles: map[string]time.Duration{}}
	if !scan(text, abRequests, &r.Requests) || !scan(text, abRate, &r.Rate) {
		return r, fmt.Errorf("ab printed no total: %s", tail(text))
	}
	scan(text, abFailed, &r.Errors)
	for _, m := range abLatency.FindAllStringSubmatch(text, -1) {
		ms, err := strconv.Atoi(m[2])
		if err != nil {
			return r, fmt.Errorf("latency of ab: %w", err)
		}
		name := "p" + m[1]
		if m[1] == "100" {
			name = "max"
		}
		r.Quantiles[name] = time.Duration(ms) * time.Millisecond
	}
	return r, nil
}
