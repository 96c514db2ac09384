package foreign

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ohaDeadline is what oha calls the requests that the end of the attack cut off.
const ohaDeadline = "aborted due to deadline"

func newOha() Single {
	return Single{
		Tool:      "oha",
		ErrorsAre: "answers other than 2xx and 3xx, and requests without an answer, but for those that the end cut off",
		Cannot: []string{
			"whether it had a rate (-q)",
			"whether latency counts from the schedule: it does with --latency-correction and a rate only",
		},
	}
}

// Oha reads the JSON of oha, whose times are in seconds.
func Oha(b []byte) (Single, error) {
	s := newOha()
	var said struct {
		Summary *struct {
			Total          float64
			Slowest        *float64
			RequestsPerSec float64
		}
		LatencyPercentiles                        map[string]*float64
		StatusCodeDistribution, ErrorDistribution map[string]uint64
	}
	if err := decode(b, &said); err != nil {
		return s, fmt.Errorf("result of oha: %w", err)
	}
	if said.Summary == nil {
		return s, errors.New("result of oha: it has no summary")
	}
	for code, n := range said.StatusCodeDistribution {
		if n > mostCount {
			return s, fmt.Errorf("result of oha: status %q: %d is no number of requests", code, n)
		}
		s.Requests += n
		if code < "200" || code >= "400" {
			s.Errors += n
		}
	}
	s.Samples = s.Requests
	for what, n := range said.ErrorDistribution {
		if n > mostCount {
			return s, fmt.Errorf("result of oha: %d is no number of errors", n)
		}
		if what != ohaDeadline {
			s.Requests, s.Errors = s.Requests+n, s.Errors+n
		}
	}
	var err error
	if s.Duration, err = seconds(said.Summary.Total); err != nil {
		return s, fmt.Errorf("result of oha: %w", err)
	}
	s.Rate, s.Quantiles = said.Summary.RequestsPerSec, map[string]time.Duration{}
	times := map[string]*float64{most: said.Summary.Slowest}
	for name, t := range said.LatencyPercentiles {
		if p, err := strconv.ParseFloat(strings.TrimPrefix(name, "p"), 64); err == nil && p > 0 && p < 100 {
			times[percentile(p)] = t
		}
	}
	for name, t := range times {
		if t == nil || s.Samples == 0 { // null: it has seen no answer
			continue
		}
		if s.Quantiles[name], err = seconds(*t); err != nil {
			return s, fmt.Errorf("result of oha, %s: %w", name, err)
		}
	}
	return s.check()
}

var (
	ohaTotal   = regexp.MustCompile(`Total:\s+([\d.]+) ?([µμa-z]+)\n`)
	ohaSlowest = regexp.MustCompile(`Slowest:\s+([\d.]+) ?([µμa-z]+)\n`)
	ohaLatency = regexp.MustCompile(`(?m)^\s+([\d.]+)% in ([\d.]+) ?([µμa-z]+)$`)
	ohaCut     = regexp.MustCompile(`(?m)^\s+\[(\d+)\] ` + ohaDeadline + `$`)
)

// OhaText reads the text of oha, with colours or without.
func OhaText(b []byte) (Single, error) {
	s, t := newOha(), newText("oha", b)
	m := ohaTotal.FindStringSubmatch(t.s)
	if m == nil {
		return s, fmt.Errorf("oha printed no line %q: %w", "Total:", errCut)
	}
	var err error
	if s.Duration, err = timeOf(m[1], m[2]); err != nil {
		return s, fmt.Errorf("oha, Total: %w", err)
	}
	if s.Rate, err = t.number(heyRate, "Requests/sec:"); err != nil {
		return s, err
	}
	if err := s.statuses(t); err != nil {
		return s, err
	}
	cut, err := t.count(ohaCut, ohaDeadline)
	if err != nil {
		return s, err
	}
	if cut = min(cut, s.Errors, s.Requests); cut > 0 {
		s.Requests, s.Errors = s.Requests-cut, s.Errors-cut
	}
	if s.Requests == 0 {
		return s, fmt.Errorf("oha printed no status: %w", errCut)
	}
	if s.Quantiles, err = t.latencies(t.after("Response time distribution:"), ohaLatency, ""); err != nil {
		return s, err
	}
	if m := ohaSlowest.FindStringSubmatch(t.s); m != nil && s.Samples > 0 {
		if s.Quantiles[most], err = timeOf(m[1], m[2]); err != nil {
			return s, fmt.Errorf("oha, Slowest: %w", err)
		}
	}
	return s.check()
}
