package foreign

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

var (
	heyTotal    = regexp.MustCompile(`Total:\s+([\d.]+) secs\n`)
	heyRate     = regexp.MustCompile(`Requests/sec:\s+([\d.]+)\n`)
	heySlowest  = regexp.MustCompile(`Slowest:\s+([\d.]+) secs\n`)
	heyLatency  = regexp.MustCompile(`(?m)^\s+([\d.]+)%+ in ([\d.]+) secs$`)
	heyStatuses = regexp.MustCompile(`(?m)^\s+\[(\d{3})\]\s+(\d+) responses$`)
	heyErrors   = regexp.MustCompile(`(?m)^\s+\[(\d+)\]\s+\S`)
)

// heyKeeps is how many results hey keeps: it counts more requests, but not by
// their status.
const heyKeeps = 1_000_000

// heyWaits is what a closed loop of workers cannot tell.
const heyWaits = "how long requests would have waited during a stall: each worker waits for its answer before it goes on, with a rate (-q), too"

// Hey reads the text of hey.
func Hey(b []byte) (Single, error) {
	t := newText("hey", b)
	s := Single{
		Tool: "hey", Loop: Closed, Clock: FromSending,
		ErrorsAre: "answers other than 2xx and 3xx, and requests without an answer",
		Cannot:    []string{heyWaits, "times shorter than 0.1 ms: it prints no more digits"},
	}
	total, err := t.number(heyTotal, "Total:")
	if err != nil {
		return s, err
	}
	if s.Duration, err = seconds(total); err != nil {
		return s, err
	}
	if s.Rate, err = t.number(heyRate, "Requests/sec:"); err != nil {
		return s, err
	}
	if err := s.statuses(t); err != nil {
		return s, err
	}
	if err := s.heyAll(total); err != nil {
		return s, err
	}
	if s.Quantiles, err = t.latencies(t.after("atency distribution:"), heyLatency, "s"); err != nil {
		return s, err
	}
	if len(s.Quantiles) == 0 { // an older hey, or a part of its output
		if s.Quantiles, err = t.latencies(t.s, heyLatency, "s"); err != nil {
			return s, err
		}
	}
	if heySlowest.MatchString(t.s) && s.Samples > 0 {
		slowest, err := t.number(heySlowest, "Slowest:")
		if err != nil {
			return s, err
		}
		if s.Quantiles[most], err = seconds(slowest); err != nil {
			return s, err
		}
	}
	return s.check()
}

// statuses counts answers by their status, and what got none.
func (s *Single) statuses(t text) error {
	for _, m := range heyStatuses.FindAllStringSubmatch(t.after("tatus code distribution:"), -1) {
		n, err := strconv.ParseUint(m[2], 10, 53)
		if err != nil {
			return fmt.Errorf("statuses of %s: %w", t.tool, err)
		}
		s.Requests += n
		if m[1] < "200" || m[1] >= "400" {
			s.Errors += n
		}
	}
	s.Samples = s.Requests
	for _, m := range heyErrors.FindAllStringSubmatch(t.after("rror distribution:"), -1) {
		n, err := strconv.ParseUint(m[1], 10, 53)
		if err != nil {
			return fmt.Errorf("errors of %s: %w", t.tool, err)
		}
		s.Requests, s.Errors = s.Requests+n, s.Errors+n
	}
	return nil
}

// heyAll sets the counts by status against the rate, which shows a text that is
// cut off; beyond what hey keeps it takes the rate's.
func (s *Single) heyAll(total float64) error {
	all, err := whole64(s.Rate*total, "requests")
	if err != nil {
		return err
	}
	if s.Requests >= heyKeeps {
		s.Cannot = append(s.Cannot, fmt.Sprintf("errors and percentiles beyond the first %d requests: hey keeps no more", heyKeeps))
		s.Requests = max(all, s.Requests)
		return nil
	}
	if s.Requests == 0 {
		return fmt.Errorf("hey printed no status: %w", errCut)
	}
	if total > 0.1 && math.Abs(float64(all)-float64(s.Requests)) > 2+0.01*float64(s.Requests) {
		return fmt.Errorf("%d requests by their status, but %d by their rate: %w", s.Requests, all, errCut)
	}
	return nil
}
