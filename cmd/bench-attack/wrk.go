package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// wrkCommand is wrk with one thread. It takes no rate.
func wrkCommand(program string, l load, _ string) ([][]string, error) {
	return [][]string{{program, "-t1", "-c", strconv.Itoa(l.enough()), "-d", l.seconds(), "--latency", l.url()}}, nil
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in `)
	wrkRate     = regexp.MustCompile(`Requests/sec: +([\d.]+)`)
	wrkLatency  = regexp.MustCompile(`(?m)^ +(50|90|99)% +([\d.]+)(us|ms|s|m)$`)
	wrkMax      = regexp.MustCompile(`Latency +\S+ +\S+ +([\d.]+)(us|ms|s|m) `)
	wrkErrors   = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
)

func parseWrk(stdout []byte, _ load, _ string) (reading, error) {
	text := string(stdout)
	r := reading{Quantiles: map[string]time.Duration{}}
	if !scan(text, wrkRequests, &r.Requests) || !scan(text, wrkRate, &r.Rate) {
		return r, fmt.Errorf("wrk printed no total: %s", tail(text))
	}
	scan(text, wrkErrors, &r.Errors)
	for _, m := range wrkLatency.FindAllStringSubmatch(text, -1) {
		d, err := time.ParseDuration(m[2] + m[3])
		if err != nil {
			return r, fmt.Errorf("latency of wrk: %w", err)
		}
		r.Quantiles["p"+m[1]] = d
	}
	if m := wrkMax.FindStringSubmatch(text); m != nil {
		d, err := time.ParseDuration(m[1] + m[2])
		if err != nil {
			return r, fmt.Errorf("latency of wrk: %w", err)
		}
		r.Quantiles["max"] = d
	}
	return r, nil
}

// scan reads the number that a pattern's first group matches; false when the
// text holds none.
func scan[T uint64 | float64](text string, pattern *regexp.Regexp, into *T) bool {
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	_, err := fmt.Sscan(m[1], into)
	return err == nil
}
