package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

func bombardierCommand(program string, l load, _ string) ([][]string, error) {
	argv := []string{program, "-c", strconv.Itoa(l.enough()), "-d", l.Duration.String(), "-l", "-p", "r", "-o", "json"}
	if l.Rate > 0 {
		argv = append(argv, "-r", strconv.Itoa(int(l.Rate)))
	}
	return [][]string{append(argv, l.url())}, nil
}

// parseBombardier reads its JSON, whose latencies are in microseconds. It
// gives no p99.9.
func parseBombardier(stdout []byte, _ load, _ string) (reading, error) {
	var said struct {
		Result struct {
			TimeTakenSeconds                               float64
			Req1xx, Req2xx, Req3xx, Req4xx, Req5xx, Others uint64
			Latency                                        struct {
				Max         float64
				Percentiles map[string]float64
			}
		}
	}
	if err := json.Unmarshal(stdout, &said); err != nil {
		return reading{}, fmt.Errorf("result of bombardier: %w", err)
	}
	s := said.Result
	errors := s.Req1xx + s.Req3xx + s.Req4xx + s.Req5xx + s.Others
	r := reading{
		Requests: s.Req2xx + errors, Errors: errors,
		Quantiles: map[string]time.Duration{"max": microseconds(s.Latency.Max)},
	}
	if s.TimeTakenSeconds > 0 {
		r.Rate = float64(s.Req2xx) / s.TimeTakenSeconds
	}
	for _, p := range []string{"50", "90", "99"} {
		if us, ok := s.Latency.Percentiles[p]; ok {
			r.Quantiles["p"+p] = microseconds(us)
		}
	}
	return r, nil
}

func microseconds(us float64) time.Duration { return time.Duration(us * float64(time.Microsecond)) }
