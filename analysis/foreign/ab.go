package foreign

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	abHost        = regexp.MustCompile(`(?m)^Server Hostname: +(\S+)$`)
	abPort        = regexp.MustCompile(`(?m)^Server Port: +(\d+)$`)
	abPath        = regexp.MustCompile(`(?m)^Document Path: +(\S+)$`)
	abConcurrency = regexp.MustCompile(`(?m)^Concurrency Level: +(\d+)$`)
	abTook        = regexp.MustCompile(`Time taken for tests: +([\d.]+) seconds\n`)
	abRequests    = regexp.MustCompile(`Complete requests: +(\d+)\n`)
	abFailed      = regexp.MustCompile(`Failed requests: +(\d+)\n`)
	abStatuses    = regexp.MustCompile(`Non-2xx responses: +(\d+)\n`)
	abRate        = regexp.MustCompile(`Requests per second: +([\d.]+) `)
	abLatency     = regexp.MustCompile(`(?m)^ +(\d+)% +(\d+)(?: \(longest request\))?$`)
)

// Ab reads the text of ab, whose latencies are whole milliseconds.
func Ab(b []byte) (Single, error) {
	t := newText("ab", b)
	s := Single{
		Tool: "ab", Loop: Closed, Clock: FromSending,
		ErrorsAre: "requests that ab takes for failed, an answer of another length than the first among them, or answers other than 2xx where those are more",
		Cannot: []string{
			"how long requests would have waited during a stall: each connection waits for its answer and then goes on",
			"times shorter than 1 ms: it prints whole milliseconds",
		},
	}
	var err error
	if _, err = t.number(abRequests, "Complete requests:"); err != nil {
		return s, err
	}
	if s.Requests, err = t.count(abRequests, "Complete requests"); err != nil {
		return s, err
	}
	if s.Rate, err = t.number(abRate, "Requests per second:"); err != nil {
		return s, err
	}
	failed, err := t.count(abFailed, "Failed requests")
	if err != nil {
		return s, err
	}
	other, err := t.count(abStatuses, "Non-2xx responses")
	if err != nil {
		return s, err
	}
	s.Errors = min(max(failed, other), s.Requests) // one request may fail in several ways
	took, err := t.optional(abTook, "Time taken for tests")
	if err != nil {
		return s, err
	}
	if s.Duration, err = seconds(took); err != nil {
		return s, err
	}
	connections, err := t.count(abConcurrency, "Concurrency Level")
	if err != nil {
		return s, err
	}
	s.Connections = int(min(connections, 1<<20))
	s.Target = abTarget(t.s)
	if s.Quantiles, err = t.latencies(t.s, abLatency, "ms"); err != nil {
		return s, err
	}
	if _, ends := s.Quantiles[most]; strings.Contains(t.s, "This is ApacheBench") && s.Requests > 1 && !ends {
		return s, fmt.Errorf("ab printed no line %q: %w, and without -d", "100%", errCut)
	}
	s.Samples = s.Requests
	return s.check()
}

func abTarget(s string) string {
	host, port, path := abHost.FindStringSubmatch(s), abPort.FindStringSubmatch(s), abPath.FindStringSubmatch(s)
	if host == nil || port == nil || path == nil {
		return ""
	}
	return host[1] + ":" + port[1] + path[1]
}
