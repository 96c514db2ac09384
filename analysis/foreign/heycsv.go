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
		l, err := parseHeyLine(record)
		if err != nil {
			return s, fmt.Errorf("line %d: %w", n, err)
		}
		first, last = min(first, l.at), max(last, l.at+l.took.Seconds())
		recordIn(h, l.took)
		s.Requests++
		if l.status < 200 || l.status >= 400 {
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
	s.fill(h)
	return s.check()
}

// heyLine is one request.
type heyLine struct {
	took   time.Duration
	status int
	at     float64 // when it left, seconds from the start
}

func parseHeyLine(record []string) (l heyLine, err error) {
	if l.took, err = timeOf(record[0], "s"); err != nil {
		return l, err
	}
	if l.status, err = strconv.Atoi(record[6]); err != nil {
		return l, err
	}
	l.at, err = parseNumber(record[7])
	return l, err
}
