package foreign

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"sweetspot/runner/rundir"
)

// heyColumns is the head of hey's CSV.
const heyColumns = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset"

func isHeyCSV(in *input) bool { return bytes.HasPrefix(in.head, []byte(heyColumns)) }

// readHeyCSV reads hey's CSV, a line a request, in seconds.
func readHeyCSV(in *input) (Single, error) {
	s := Single{
		Tool: "hey", Loop: Closed, Clock: FromSending,
		ErrorsAre: "answers other than 2xx and 3xx",
		Cannot:    []string{heyWaits, "requests without an answer: hey leaves them out of its CSV", "times shorter than 0.1 ms: it prints no more digits"},
	}
	lines := csv.NewReader(in.rest)
	lines.ReuseRecord = true
	h := rundir.NewHistogram()
	first, last := math.Inf(1), 0.0
	for n := 1; ; n++ {
		in.rest.allow()
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s, whereCut(err) // it names the line
		}
		if n == 1 {
			continue
		}
		took, err := parseNumber(record[0])
		if err == nil {
			var at float64
			if at, err = parseNumber(record[7]); err == nil {
				first, last = min(first, at), max(last, at+took)
			}
		}
		status, statusErr := strconv.Atoi(record[6])
		if err = errors.Join(err, statusErr); err != nil {
			return s, fmt.Errorf("line %d: %w", n, err)
		}
		d, err := seconds(took)
		if err != nil {
			return s, fmt.Errorf("line %d: %w", n, err)
		}
		record1(h, d)
		s.Requests++
		if status < 200 || status >= 400 {
			s.Errors++
		}
	}
	if in.rest.last != '\n' {
		return s, fmt.Errorf("after %d requests: %w", s.Requests, errCut)
	}
	if s.Requests == 0 {
		return s, nil
	}
	if s.Requests >= heyKeeps {
		s.Cannot = append(s.Cannot, fmt.Sprintf("requests beyond the first %d: hey keeps no more", heyKeeps))
	}
	var err error
	if s.Duration, err = seconds(last - first); err != nil {
		return s, err
	}
	if s.Duration > 0 {
		s.Rate = float64(s.Requests) / s.Duration.Seconds()
	}
	s.fill(h, time.Microsecond)
	return s.check()
}
