package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// fortioCommand has a histogram of 0.1 ms in the place of the 1 ms that fortio
// has by itself, which would hide what is to be seen.
func fortioCommand(more ...string) func(string, load, string) ([][]string, error) {
	return func(program string, l load, _ string) ([][]string, error) {
		rate := "0" // as fast as it goes
		if l.Rate > 0 {
			rate = strconv.FormatFloat(l.Rate, 'f', -1, 64)
		}
		argv := []string{
			program, "load", "-quiet", "-json", "-", "-p", "50,90,99,99.9", "-r", "0.0001",
			"-qps", rate, "-c", strconv.Itoa(l.enough()), "-t", l.Duration.String(),
		}
		return [][]string{append(append(argv, more...), l.url())}, nil
	}
}

func parseFortio(stdout []byte, _ load, _ string) (reading, error) {
	var said struct {
		ActualQPS         float64
		RetCodes          map[string]uint64
		DurationHistogram struct {
			Count       uint64
			Max         float64
			Percentiles []struct{ Percentile, Value float64 }
		}
	}
	if err := json.Unmarshal(stdout, &said); err != nil {
		return reading{}, fmt.Errorf("result of fortio: %w", err)
	}
	h := said.DurationHistogram
	r := reading{
		Requests: h.Count, Errors: h.Count - said.RetCodes["200"], Rate: said.ActualQPS,
		Quantiles: map[string]time.Duration{"max": seconds(h.Max)},
	}
	for _, p := range h.Percentiles {
		r.Quantiles["p"+strconv.FormatFloat(p.Percentile, 'f', -1, 64)] = seconds(p.Value)
	}
	return r, nil
}
