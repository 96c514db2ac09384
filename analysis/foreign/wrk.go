package foreign

import (
	"regexp"
	"strings"
)

var (
	wrkTarget      = regexp.MustCompile(`(?m)^Running \S+ test @ (\S+)$`)
	wrkConnections = regexp.MustCompile(`(?m)^ +\d+ threads and (\d+) connections$`)
	wrkRequests    = regexp.MustCompile(`(?m)^ +(\d+) requests in `)
	wrkDuration    = regexp.MustCompile(`(?m)^ +\d+ requests in ([\d.]+)(us|ms|s|m|h),? ?.*$`)
	wrkRate        = regexp.MustCompile(`Requests/sec: +([\d.]+)\n`)
	wrkLatency     = regexp.MustCompile(`(?m)^ +([\d.]+)% +([\d.]+)(us|ms|s|m|h)$`)
	wrkMax         = regexp.MustCompile(`(?m)^ +Latency +\S+ +\S+ +([\d.]+)(us|ms|s|m|h) `)
	wrkErrors      = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)\n`)
	wrkCounted     = regexp.MustCompile(`(?m)^#\[Max += +[\d.]+, Total count += +(\d+)\]$`)
	wrkSockets     = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)\n`)
)

// Wrk reads the text of wrk, with --latency or without, and of wrk2, which has
// a schedule.
func Wrk(b []byte) (Single, error) {
	t := newText("wrk", b)
	s := Single{
		Tool: "wrk", Loop: Closed, Clock: FromSending,
		ErrorsAre: "answers other than 2xx and 3xx, and socket errors",
		Cannot:    []string{"how long requests would have waited during a stall: each connection waits for its answer and then goes on"},
	}
	var err error
	if s.Requests, err = t.count(wrkRequests, "requests in"); err != nil {
		return s, err
	}
	if s.Rate, err = t.number(wrkRate, "Requests/sec:"); err != nil {
		return s, err
	}
	s.Samples = s.Requests
	if s.Errors, err = t.count(wrkErrors, "Non-2xx or 3xx responses"); err != nil {
		return s, err
	}
	if err := s.wrkSocketErrors(t); err != nil {
		return s, err
	}
	if m := wrkTarget.FindStringSubmatch(t.s); m != nil {
		s.Target = m[1]
	}
	connections, err := t.count(wrkConnections, "connections")
	if err != nil {
		return s, err
	}
	s.Connections = int(min(connections, 1<<20))
	if m := wrkDuration.FindStringSubmatch(t.s); m != nil {
		if s.Duration, err = timeOf(m[1], m[2]); err != nil {
			return s, err
		}
	}
	part := t.s
	if i := strings.Index(part, "Uncorrected Latency"); i >= 0 { // of wrk2, after the other
		part = part[:i]
	}
	if s.Quantiles, err = t.latencies(part, wrkLatency, ""); err != nil {
		return s, err
	}
	if len(s.Quantiles) == 0 {
		s.Cannot = append(s.Cannot, "percentiles: wrk prints them with --latency only")
	}
	if m := wrkMax.FindStringSubmatch(t.s); m != nil {
		if s.Quantiles[most], err = timeOf(m[1], m[2]); err != nil {
			return s, err
		}
	}
	if strings.Contains(t.s, "Thread calibration:") || strings.Contains(t.s, "Recorded Latency") {
		s.Tool, s.Loop, s.Clock, s.Cannot = "wrk2", Open, FromSchedule, nil
		counted, err := t.count(wrkCounted, "Total count") // without those of the calibration
		if err != nil {
			return s, err
		}
		if counted > 0 {
			s.Samples = counted
		}
	}
	return s.check()
}

// wrkSocketErrors adds what wrk does not count as requests.
func (s *Single) wrkSocketErrors(t text) error {
	m := wrkSockets.FindStringSubmatch(t.s)
	if m == nil {
		return nil
	}
	for _, number := range m[1:] {
		x, err := parseNumber(number)
		if err != nil {
			return err
		}
		n, err := whole64(x, "socket errors")
		if err != nil {
			return err
		}
		s.Requests, s.Errors = s.Requests+n, s.Errors+n
	}
	return nil
}
